"""Which Worker may discover, preview and accept the HITs of a HIT Type, by its QualificationRequirements."""

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from enum import StrEnum
from typing import Any

from sqlalchemy import select, text
from sqlalchemy.orm import Session

from app.marketplace import system_qualifications
from app.marketplace.store import (
    HIDEABLE,
    HIT,
    HITStatus,
    HITType,
    Qualification,
    QualificationStatus,
    QualificationType,
    QualificationTypeStatus,
    constant,
)
from app.marketplace.system_qualifications import SYSTEM, Locale, Value

Requirement = Mapping[str, Any]


class Action(StrEnum):
    """What a requirement may guard, in the words of ActionsGuarded: each includes the ones after it."""

    DISCOVER = "DiscoverPreviewAndAccept"
    PREVIEW = "PreviewAndAccept"
    ACCEPT = "Accept"


_GUARDS = {
    Action.DISCOVER: {Action.DISCOVER.value},
    Action.PREVIEW: {Action.DISCOVER.value, Action.PREVIEW.value},
    Action.ACCEPT: {action.value for action in Action},
}
_WORDS = {
    "LessThan": "Below {}",
    "LessThanOrEqualTo": "At most {}",
    "GreaterThan": "Above {}",
    "GreaterThanOrEqualTo": "At least {}",
    "EqualTo": "Exactly {}",
    "NotEqualTo": "Anything but {}",
    "In": "One of {}",
    "NotIn": "None of {}",
    "Exists": "You need to have it",
    "DoesNotExist": "Only for Workers who do not have it",
}


@dataclass(frozen=True, slots=True)
class Unmet:
    """A requirement that a Worker does not meet, as they read it. `requestable`: they may ask for the Qualification."""

    qualification_type_id: str
    name: str
    wanted: str
    has: str | None
    requestable: bool


def guarding(requirements: Iterable[Requirement], action: Action) -> list[Requirement]:
    """The requirements that a Worker must meet for this action."""
    return [one for one in requirements if one["ActionsGuarded"] in _GUARDS[action]]


def satisfied(requirement: Requirement, value: Value | None) -> bool:
    """Whether a Worker with this value, or without one, meets the requirement.

    It describes a Qualification that the Worker must have: without a value only DoesNotExist is met, NotEqualTo and
    NotIn are not. A locale matches its country, and its subdivision where one is asked for.
    """
    comparator = requirement["Comparator"]
    if comparator == "DoesNotExist" or value is None:
        return comparator == "DoesNotExist" and value is None
    if comparator == "Exists":
        return True
    if isinstance(value, Locale):
        listed = any(_covers(locale, value) for locale in requirement.get("LocaleValues", []))
        return listed is (comparator in {"EqualTo", "In"}) and comparator in {"EqualTo", "In", "NotEqualTo", "NotIn"}
    return _compare(comparator, value, requirement.get("IntegerValues", []))


def values_of(db: Session, worker_id: str | None, type_ids: Iterable[str]) -> dict[str, Value]:
    """The Worker's values in these Qualifications, system and own; those they do not have are left out.

    At most four queries, none without type_ids. Nobody (None) has no value.
    """
    wanted = set(type_ids)
    if worker_id is None or not wanted:
        return {}
    values = system_qualifications.values_of(db, worker_id, wanted & SYSTEM.keys())
    own = wanted - SYSTEM.keys()
    if own:
        granted = select(Qualification.qualification_type_id, Qualification.integer_value).where(
            Qualification.worker_id == worker_id,
            Qualification.qualification_type_id.in_(own),
            Qualification.status == QualificationStatus.GRANTED.value,
        )
        values |= {row.qualification_type_id: row.integer_value for row in db.execute(granted)}
    return values


def may(db: Session, worker_id: str | None, hit_type: HITType, action: Action) -> bool:
    """Whether the Worker (None: nobody signed in) may do this with HITs of the HIT Type."""
    return not _failed(db, worker_id, hit_type, action)


def unmet(db: Session, worker_id: str | None, hit_type: HITType, action: Action) -> list[Unmet]:
    """What the Worker lacks for this action, in words for them; nothing is asked of the database when nothing is asked
    of the Worker.
    """
    failed = _failed(db, worker_id, hit_type, action)
    own = [one["QualificationTypeId"] for one, _ in failed if one["QualificationTypeId"] not in SYSTEM]
    found = select(QualificationType).where(QualificationType.id.in_(own))
    types = {one.id: one for one in db.scalars(found)} if own else {}
    return [_in_words(requirement, value, types) for requirement, value in failed]


def barred(
    db: Session, worker_id: str | None, action: Action, among: Iterable[HITType] | None = None
) -> frozenset[str]:
    """Ids of the HIT Types with which the Worker may not do this: of `among`, or of all that have HITs on offer.

    One query for the HIT Types and those of `values_of`.
    """
    asking = _asking(db, action) if among is None else [(one.id, one.qualification_requirements) for one in among]
    guarded = [(id, guarding(requirements, action)) for id, requirements in asking]
    values = values_of(db, worker_id, (one["QualificationTypeId"] for _, needed in guarded for one in needed))
    return frozenset(
        id
        for id, needed in guarded
        if not all(satisfied(one, values.get(one["QualificationTypeId"])) for one in needed)
    )


def _asking(db: Session, action: Action) -> Sequence[tuple[str, list[dict[str, Any]]]]:
    """HIT Types with HITs on offer that ask something of Workers for this action."""
    offered = select(HIT.id).where(HIT.hit_type_id == HITType.id, HIT.status == constant(HITStatus.ASSIGNABLE))
    statement = select(HITType.id, HITType.qualification_requirements).where(offered.exists())
    if action is Action.DISCOVER:
        statement = statement.where(text(HIDEABLE))
    else:
        statement = statement.where(HITType.qualification_requirements != [])
    return [(id, requirements) for id, requirements in db.execute(statement)]


def _failed(
    db: Session, worker_id: str | None, hit_type: HITType, action: Action
) -> list[tuple[Requirement, Value | None]]:
    needed = guarding(hit_type.qualification_requirements, action)
    values = values_of(db, worker_id, (one["QualificationTypeId"] for one in needed))
    paired = [(one, values.get(one["QualificationTypeId"])) for one in needed]
    return [(one, value) for one, value in paired if not satisfied(one, value)]


def _compare(comparator: str, value: int, wanted: Sequence[int]) -> bool:
    if comparator in {"In", "NotIn"}:
        return (value in wanted) is (comparator == "In")
    if not wanted:
        return False
    return {
        "LessThan": value < wanted[0],
        "LessThanOrEqualTo": value <= wanted[0],
        "GreaterThan": value > wanted[0],
        "GreaterThanOrEqualTo": value >= wanted[0],
        "EqualTo": value == wanted[0],
        "NotEqualTo": value != wanted[0],
    }[comparator]


def _covers(locale: Mapping[str, str], place: Locale) -> bool:
    subdivision = locale.get("Subdivision")
    return locale["Country"] == place.country and subdivision in {None, "", place.subdivision}


def _in_words(requirement: Requirement, value: Value | None, types: Mapping[str, QualificationType]) -> Unmet:
    type_id = requirement["QualificationTypeId"]
    system, own = SYSTEM.get(type_id), types.get(type_id)
    name = system.to_workers if system else own.name if own else type_id
    wanted = [*map(str, requirement.get("IntegerValues", [])), *map(_place, requirement.get("LocaleValues", []))]
    # What is only for those without it cannot be mended by asking for it.
    requestable = (
        own is not None
        and own.status == QualificationTypeStatus.ACTIVE
        and own.deleted_at is None
        and requirement["Comparator"] != "DoesNotExist"
    )
    return Unmet(
        qualification_type_id=type_id,
        name=name,
        wanted=_WORDS[requirement["Comparator"]].format(", ".join(wanted)),
        has=None if value is None else shown(value),
        requestable=requestable,
    )


def shown(value: Value) -> str:
    """A Qualification's value as a Worker reads it."""
    if isinstance(value, Locale):
        return f"{value.country}-{value.subdivision}" if value.subdivision else value.country
    return str(value)


def _place(locale: Mapping[str, str]) -> str:
    return shown(Locale(locale["Country"], locale.get("Subdivision")))
