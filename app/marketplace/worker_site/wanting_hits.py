"""The HITs for which a Worker would ask for a Qualification."""

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import datetime

from sqlalchemy.orm import Session

from app.marketplace import qualifying
from app.marketplace.qualifying import Action, Unmet
from app.marketplace.recruitment.visits import Scope
from app.marketplace.store import HITType, QualificationType
from app.marketplace.worker_site import browsing

MOST_SHOWN = 5


@dataclass(frozen=True, slots=True)
class Wanting:
    """A HIT Type that asks for the Qualification; `lacking` says what of it the Worker does not meet."""

    hit_type: HITType
    lacking: Unmet | None


def wanting(
    db: Session, worker_id: str, kind: QualificationType, now: datetime, *, within: Scope | None
) -> Sequence[Wanting]:
    """What the Worker could do now, or see, that asks for this type: of their visit, else of the type's Requester."""
    scope = within or Scope(kind.requester_id, None)
    found = [group.hit_type for group in browsing.groups(db, worker_id, now, within=scope)]
    asking = [one for one in found if _asks_for(one, kind.id)][:MOST_SHOWN]
    return [Wanting(one, _lacking(db, worker_id, one, kind.id)) for one in asking]


def _asks_for(hit_type: HITType, type_id: str) -> bool:
    wanted = [one for one in hit_type.qualification_requirements if one["QualificationTypeId"] == type_id]
    return any(one["Comparator"] != "DoesNotExist" for one in wanted)


def _lacking(db: Session, worker_id: str, hit_type: HITType, type_id: str) -> Unmet | None:
    unmet = qualifying.unmet(db, worker_id, hit_type, Action.ACCEPT)
    return next((one for one in unmet if one.qualification_type_id == type_id), None)
