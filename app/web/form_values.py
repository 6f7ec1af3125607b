"""What people type into a form → values, and every fault at once with the name of its field."""

from dataclasses import dataclass, field, replace
from decimal import Decimal, InvalidOperation

from app.domain.review_policy import APPROVE_ALL, ReviewRule
from app.errors import InvalidInput, Problem

_MOST_DIGITS = 12
_MOST_USD = 10**10
_LARGEST = 2**31 - 1


@dataclass(slots=True)
class FormReader:
    """Reads field after field; a faulty one counts as 0 until `check` raises."""

    problems: list[Problem] = field(default_factory=list)

    def money(self, name: str, typed: str) -> Decimal:
        """An amount in USD as people write it: `0.05`, `$1,234.50`."""
        text = typed.strip().removeprefix("$").replace(",", "").strip()
        amount = _decimal(text)
        if amount is not None and len(text) <= _MOST_DIGITS and abs(amount) < _MOST_USD:
            return amount
        return Decimal(self._fault(name, f"{typed!r} is no amount in USD; write it as 0.05"))

    def whole(self, name: str, typed: str) -> int:
        """A whole number that the database can hold."""
        text = typed.strip()
        if text.isascii() and text.isdigit() and len(text) <= _MOST_DIGITS and int(text) <= _LARGEST:
            return int(text)
        return self._fault(name, f"{typed!r} is no whole number")

    def optional_whole(self, name: str, typed: str) -> int | None:
        """A whole number, or nothing."""
        return self.whole(name, typed) if typed.strip() else None

    def numbers(self, name: str, typed: str) -> tuple[int, ...]:
        """Whole numbers with commas or blanks between them; none at all is fine."""
        return tuple(self.whole(name, part) for part in typed.replace(",", " ").split())

    def share(self, name: str, typed: str) -> float | None:
        """A share as people write it, `0.8` or `80 %`; or nothing."""
        text = typed.strip()
        if not text:
            return None
        number = _decimal(text.removesuffix("%").strip())
        if number is None or abs(number) > _MOST_USD:
            return float(self._fault(name, f"{typed!r} is no share; write it as 0.8 or 80 %"))
        return float(number / 100 if text.endswith("%") else number)

    def span_s(self, name: str, typed: str, *, unit_s: int) -> int:
        """A length of time in a unit, such as 1.5 days → seconds."""
        length = _decimal(typed.strip())
        if length is not None and 0 <= length <= _LARGEST // unit_s:
            return int(length * unit_s)
        return self._fault(name, f"{typed!r} is no length of time")

    def review(self, name: str, typed: str) -> ReviewRule:
        """A review policy as people write it: `gold:0.8`; nothing is the usual one."""
        try:
            return ReviewRule.parse(typed) if typed.strip() else APPROVE_ALL
        except InvalidInput as refused:
            self.problems += [replace(problem, field=name) for problem in refused.problems]
            return APPROVE_ALL

    def check(self) -> None:
        """Raise InvalidInput with every fault found so far."""
        if self.problems:
            raise InvalidInput(self.problems)

    def _fault(self, name: str, message: str) -> int:
        self.problems.append(Problem(message, field=name))
        return 0


def money(name: str, typed: str) -> Decimal:
    """One amount alone. Raises InvalidInput."""
    reader = FormReader()
    amount = reader.money(name, typed)
    reader.check()
    return amount


def _decimal(text: str) -> Decimal | None:
    try:
        number = Decimal(text)
    except InvalidOperation:
        return None
    return number if number.is_finite() else None
