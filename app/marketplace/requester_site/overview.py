"""What stands on a Requester's first page."""

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import datetime, timedelta

from sqlalchemy import func, select
from sqlalchemy.orm import Session

from app.marketplace.store import HIT, Assignment, AssignmentStatus, HITStatus, HITType, constant

SOON = timedelta(days=3)
_LISTED = HIT.status != constant(HITStatus.DISPOSED)


@dataclass(frozen=True, slots=True)
class StatusCount:
    """HITs in one status, with their Assignments."""

    status: str
    hits: int
    pending: int
    submitted: int
    available: int


@dataclass(frozen=True, slots=True)
class Waiting:
    """Submitted work that will be approved by itself unless somebody looks at it before."""

    assignment_id: str
    hit_id: str
    worker_id: str
    title: str
    auto_approval_at: datetime | None


def status_counts(db: Session, requester_id: str) -> Sequence[StatusCount]:
    """The Requester's HITs by status: one walk over their own counters, no Assignment is counted."""
    taken = HIT.pending + HIT.submitted + HIT.approved + HIT.rejected
    statement = (
        select(
            HIT.status,
            func.count(),
            func.coalesce(func.sum(HIT.pending), 0),
            func.coalesce(func.sum(HIT.submitted), 0),
            func.coalesce(func.sum(HIT.max_assignments - taken), 0),
        )
        .where(HIT.requester_id == requester_id, _LISTED)
        .group_by(HIT.status)
    )
    found = {row[0]: StatusCount(row[0], *map(int, row[1:])) for row in db.execute(statement)}
    return [found.get(status, StatusCount(status, 0, 0, 0, 0)) for status in HITStatus if status != HITStatus.DISPOSED]


def soon_approved(db: Session, requester_id: str, now: datetime, limit: int = 10) -> Sequence[Waiting]:
    """Submitted work whose auto-approval is less than three days away, most urgent first."""
    statement = (
        select(Assignment.id, Assignment.hit_id, Assignment.worker_id, HITType.title, Assignment.auto_approval_at)
        .join(HIT, HIT.id == Assignment.hit_id)
        .join(HITType, HITType.id == HIT.hit_type_id)
        .where(Assignment.status == constant(AssignmentStatus.SUBMITTED), HIT.requester_id == requester_id)
        .where(Assignment.auto_approval_at <= now + SOON)
        .order_by(Assignment.auto_approval_at)
        .limit(limit)
    )
    return [Waiting(*row) for row in db.execute(statement)]
