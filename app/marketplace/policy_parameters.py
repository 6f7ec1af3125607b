"""The parameters of a review policy, as CreateHIT brings them: names, forms and ranges checked."""

from collections.abc import Collection, Mapping
from typing import Any

from app.marketplace.answer_values import values
from app.marketplace.wire_errors import ParameterValidationError, not_valid, out_of_range

_LONGEST_INTEGER = 12
_TRUE, _FALSE = frozenset({"T", "true", "True"}), frozenset({"F", "false", "False"})
LONGEST_REASON = 1024


class Parameters:
    """A policy's parameters by name. `where` is the CreateHIT parameter that they stand in.

    Raises ParameterValidationError for an unknown or repeated name, and each reader for a value that does not fit.
    """

    def __init__(self, policy: Mapping[str, Any], where: str, known: Collection[str]) -> None:
        self._where = where
        self._found: dict[str, Mapping[str, Any]] = {}
        for parameter in policy.get("Parameters", []):
            name = parameter.get("Key", "")
            if name not in known:
                raise ParameterValidationError(f'{where} has no parameter "{name[:80]}".')
            if name in self._found:
                raise ParameterValidationError(f"{where} has the parameter {name} twice.")
            self._found[name] = parameter

    def __contains__(self, name: str) -> bool:
        return name in self._found

    def integer(self, name: str, lowest: int, highest: int) -> int | None:
        """A whole number within the range; None where it is not given."""
        text = self._one(name)
        if text is None:
            return None
        digits = text.strip()
        if not digits.isascii() or not digits.isdigit() or len(digits) > _LONGEST_INTEGER:
            raise not_valid(self._name(name), text)
        if not lowest <= int(digits) <= highest:
            raise out_of_range(self._name(name), text, lowest, highest)
        return int(digits)

    def required_integer(self, name: str, lowest: int, highest: int) -> int:
        """A whole number that must be given."""
        number = self.integer(name, lowest, highest)
        if number is None:
            raise self._missing(name)
        return number

    def boolean(self, name: str) -> bool:
        """T or F; F where it is not given."""
        text = self._one(name)
        if text is None or text in _FALSE:
            return False
        if text in _TRUE:
            return True
        raise not_valid(self._name(name), text)

    def reason(self, name: str) -> str | None:
        """A text for the Worker."""
        text = self._one(name)
        if text is not None and len(text) > LONGEST_REASON:
            raise out_of_range(f"the length of {self._name(name)}", len(text), 0, LONGEST_REASON)
        return text

    def listed(self, name: str) -> tuple[str, ...]:
        """Texts that must be given, as several values or as one with commas; none twice."""
        texts = self._values(name)
        if texts is None:
            raise self._missing(name)
        found = tuple(part.strip() for text in texts for part in text.split(",") if part.strip())
        if not found or len(set(found)) != len(found):
            raise not_valid(self._name(name), ",".join(texts))
        return found

    def mapped(self, name: str) -> Mapping[str, frozenset[str]]:
        """The MapEntries that must be given: at least one, none twice. An entry may have no values."""
        parameter = self._found.get(name)
        if parameter is None:
            raise self._missing(name)
        entries = parameter.get("MapEntries", [])
        keys = [entry.get("Key", "") for entry in entries]
        if parameter.get("Values") or not entries or not all(keys) or len(set(keys)) != len(keys):
            raise ParameterValidationError(f"{self._name(name)} needs MapEntries, each with a Key of its own.")
        return {entry["Key"]: values(entry.get("Values", [])) for entry in entries}

    def _one(self, name: str) -> str | None:
        texts = self._values(name)
        if texts is not None and len(texts) != 1:
            raise ParameterValidationError(f"{self._name(name)} needs exactly one value.")
        return None if texts is None else texts[0]

    def _values(self, name: str) -> list[str] | None:
        parameter = self._found.get(name)
        if parameter is None:
            return None
        if parameter.get("MapEntries"):
            raise ParameterValidationError(f"{self._name(name)} takes no MapEntries.")
        texts: list[str] = parameter.get("Values", [])
        return texts

    def _name(self, name: str) -> str:
        return f"{self._where}.{name}"

    def _missing(self, name: str) -> ParameterValidationError:
        return ParameterValidationError(f"{self._name(name)} is required.")
