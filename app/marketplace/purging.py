"""A HIT is forgotten 120 days after it has become Reviewable: the Requester has copied the results out by then.

Its question and answers are erased, and to the Requester it does not exist any more. The Workers' history stays, and so
do the movements of money.
"""

from datetime import datetime

from sqlalchemy import ColumnElement, delete, update
from sqlalchemy.orm import Session

from app.marketplace import lifecycle
from app.marketplace.changes import Change
from app.marketplace.decisions import happened
from app.marketplace.store import HIT, Assignment, EventType, HITStatus, ReviewAction, ReviewResult


def due(done_until: ColumnElement[datetime]) -> ColumnElement[bool]:
    """Which HITs must be purged: done until lifecycle.KEPT ago. (`reviewable_at` is empty while a HIT is not done.)"""
    return HIT.reviewable_at.is_not(None) & HIT.purged_at.is_(None) & (HIT.reviewable_at <= done_until)


def purge_if_due(db: Session, hit: HIT, now: datetime) -> list[Change]:
    """Purge a locked HIT whose time has come; all its work is decided by then, since approval comes by itself."""
    if hit.purged_at is not None or not lifecycle.is_purgeable(HITStatus(hit.status), hit.reviewable_at, now):
        return []
    was_deleted = hit.status == HITStatus.DISPOSED
    hit.status = HITStatus.DISPOSED
    hit.purged_at = now
    hit.question = ""
    hit.requester_annotation = hit.assignment_review_policy = hit.hit_review_policy = None
    for table in (ReviewResult, ReviewAction):
        db.execute(delete(table).where(table.hit_id == hit.id))
    db.execute(
        update(Assignment)
        .where(Assignment.hit_id == hit.id, Assignment.answer.is_not(None))
        .values(answer=None)
        .execution_options(synchronize_session=False)
    )
    return [] if was_deleted else [happened(EventType.HIT_DISPOSED, hit, now)]
