"""Checks QualificationRequirements beyond what the service model says, and completes them as MTurk echoes them."""

import re
from collections.abc import Mapping, Sequence
from typing import Any

from app.marketplace.system_qualifications import LOCALE
from app.marketplace.wire_errors import ParameterValidationError, not_valid, out_of_range

MOST_REQUIREMENTS = 10
MOST_INTEGERS = 15
MOST_LOCALES = 30
_PARAMETER = "QualificationRequirements"
_WITHOUT_VALUE = {"Exists", "DoesNotExist"}
_WITH_SEVERAL = {"In", "NotIn"}
_FOR_LOCALES = {"EqualTo", "NotEqualTo", *_WITH_SEVERAL}


def complete(requirements: Sequence[Mapping[str, Any]]) -> list[dict[str, Any]]:
    """The requirements with both ActionsGuarded and RequiredToPreview. Raises ParameterValidationError."""
    if len(requirements) > MOST_REQUIREMENTS:
        raise out_of_range(_PARAMETER, len(requirements), 0, MOST_REQUIREMENTS)
    return [_complete(requirement) for requirement in requirements]


def _complete(requirement: Mapping[str, Any]) -> dict[str, Any]:
    if re.fullmatch("[A-Z0-9]{1,64}", requirement["QualificationTypeId"]) is None:
        raise not_valid("QualificationTypeId", requirement["QualificationTypeId"])
    _check_values(requirement)
    return {**requirement, **_guards(requirement)}


def _check_values(requirement: Mapping[str, Any]) -> None:
    comparator = requirement["Comparator"]
    integers, locales = requirement.get("IntegerValues", []), requirement.get("LocaleValues", [])
    if comparator in _WITHOUT_VALUE:
        if integers or locales:
            raise _fault(f"{comparator} takes no values")
        return
    if bool(integers) == bool(locales):
        raise _fault(f"{comparator} needs either IntegerValues or LocaleValues")
    most = (MOST_INTEGERS if integers else MOST_LOCALES) if comparator in _WITH_SEVERAL else 1
    if len(integers or locales) > most:
        raise _fault(f"{comparator} takes at most {most} value{'s' if most > 1 else ''}")
    if bool(locales) != (requirement["QualificationTypeId"] == LOCALE):
        raise _fault("LocaleValues are for Worker_Locale, and Worker_Locale has no others")
    if locales:
        _check_locales(comparator, locales)


def _check_locales(comparator: str, locales: Sequence[Mapping[str, Any]]) -> None:
    if comparator not in _FOR_LOCALES:
        raise _fault(f"{comparator} does not compare LocaleValues")
    for locale in locales:
        for part in ("Country", "Subdivision"):
            if part in locale and re.fullmatch("[A-Z]{2}", locale[part]) is None:
                raise not_valid(part, locale[part])
        if locale.get("Subdivision") and locale["Country"] != "US":
            raise _fault("Subdivision is only known for the Country US")


def _guards(requirement: Mapping[str, Any]) -> dict[str, Any]:
    before_preview = requirement.get("RequiredToPreview", False)
    guarded = requirement.get("ActionsGuarded", "PreviewAndAccept" if before_preview else "Accept")
    if before_preview and guarded == "Accept":
        raise _fault("RequiredToPreview contradicts ActionsGuarded Accept; give ActionsGuarded alone")
    return {"ActionsGuarded": guarded, "RequiredToPreview": guarded != "Accept"}


def _fault(what: str) -> ParameterValidationError:
    return ParameterValidationError(f"{_PARAMETER}: {what}.")
