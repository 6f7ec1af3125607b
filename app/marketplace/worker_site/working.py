"""A Worker's verbs: accept, return, submit. Each changes one HIT under its lock."""

from collections.abc import Mapping
from datetime import datetime, timedelta

from sqlalchemy import select
from sqlalchemy.orm import Session

from app.marketplace import bookkeeping, review_policies
from app.marketplace.answers import answer_xml
from app.marketplace.changes import Change, post
from app.marketplace.decisions import happened
from app.marketplace.ids import new_id
from app.marketplace.store import HIT, Assignment, AssignmentStatus, EventType, HITStatus, HITType
from app.marketplace.worker_site import browsing
from app.marketplace.worker_site.refusals import Refused, not_found

_PREVIEW_ID = "ASSIGNMENT_ID_NOT_AVAILABLE"
# Each failed try means that another Worker took the HIT in between.
_TRIES = 20
_OVER = {
    AssignmentStatus.SUBMITTED: "This assignment was already submitted. Your first answer counts.",
    AssignmentStatus.APPROVED: "This assignment was already submitted and approved.",
    AssignmentStatus.REJECTED: "This assignment was already submitted and reviewed.",
    AssignmentStatus.RETURNED: "You have returned this assignment, so its answer was not taken.",
    AssignmentStatus.ABANDONED: "The time for this assignment is over, so its answer was not taken.",
}


def accept(db: Session, worker_id: str, hit_id: str, now: datetime) -> str:
    """Accept this HIT; the AssignmentId. Accepting twice gives the same one.

    Raises Refused when the Worker has done it, or nothing of it is available.
    """
    hit = bookkeeping.lock(db, hit_id)
    if hit is None:
        raise not_found("HIT")
    changes = bookkeeping.settle_hit(db, hit, now)
    db.flush()
    before = select(Assignment.id, Assignment.status).where(
        Assignment.hit_id == hit.id, Assignment.worker_id == worker_id, browsing.COUNTS_AS_DONE
    )
    found = db.execute(before).one_or_none()
    if found is not None and found.status != AssignmentStatus.PENDING:
        raise Refused(409, "You have already worked on this HIT.")
    if found is None:
        if hit.status != HITStatus.ASSIGNABLE:
            raise Refused(409, "This HIT is no longer available.")
        taken = _take(db, hit, worker_id, now)
        found_id = taken.id
        changes.append(happened(EventType.ASSIGNMENT_ACCEPTED, hit, now, taken))
        changes += bookkeeping.rebook(db, hit, now)
    else:
        found_id = found.id
    post(db, hit.requester_id, changes, now)
    return found_id


def accept_any(db: Session, worker_id: str, hit_type: HITType, now: datetime) -> str | None:
    """Go on with what the Worker holds of this group, else accept a HIT of it; None when there is none for them."""
    held = (
        select(Assignment.id)
        .join(HIT, HIT.id == Assignment.hit_id)
        .where(HIT.hit_type_id == hit_type.id, Assignment.worker_id == worker_id)
        .where(Assignment.status == AssignmentStatus.PENDING.value, Assignment.deadline >= now)
        .order_by(Assignment.accepted_at)
        .limit(1)
    )
    pending = db.scalar(held)
    if pending is not None:
        return pending
    for _ in range(_TRIES):
        try:
            # Undone when refused, so that the lock of that HIT is given up before the next one is taken.
            with db.begin_nested():
                hit_id = browsing.next_hit_id(db, hit_type.id, worker_id, now)
                return None if hit_id is None else accept(db, worker_id, hit_id, now)
        except Refused:
            continue
    return None


def give_back(db: Session, worker_id: str, assignment_id: str, now: datetime) -> None:
    """Return an accepted Assignment: its slot is open again while the HIT is live. Raises Refused."""
    hit, assignment = _locked(db, assignment_id)
    if assignment.worker_id != worker_id:
        raise not_found("assignment")
    if assignment.status != AssignmentStatus.PENDING:
        raise Refused(409, _OVER[AssignmentStatus(assignment.status)])
    assignment.status = AssignmentStatus.RETURNED
    hit.pending -= 1
    db.flush()
    returned = happened(EventType.ASSIGNMENT_RETURNED, hit, now, assignment)
    post(db, hit.requester_id, [returned, *bookkeeping.settle_hit(db, hit, now)], now)


def submit(
    db: Session, assignment_id: str, answers: Mapping[str, str], now: datetime, *, signed_in_as: str | None
) -> None:
    """Take the answers of a pending Assignment, until its deadline, even when the HIT has expired meanwhile.

    The AssignmentId is the proof of being its Worker. Raises Refused, and then nothing is stored.
    """
    if assignment_id == _PREVIEW_ID:
        raise Refused(400, "This is a preview. Accept the HIT before you submit an answer.")
    hit, assignment = _locked(db, assignment_id)
    if signed_in_as is not None and assignment.worker_id != signed_in_as:
        raise not_found("assignment")
    if assignment.status != AssignmentStatus.PENDING:
        raise Refused(409, _OVER[AssignmentStatus(assignment.status)])
    if now > assignment.deadline:
        raise Refused(409, _OVER[AssignmentStatus.ABANDONED])
    if not answers:
        raise Refused(400, "There was a problem submitting your results for this HIT: the form held no answer.")
    delay_s = db.scalars(select(HITType.auto_approval_delay_s).where(HITType.id == hit.hit_type_id)).one()
    assignment.status = AssignmentStatus.SUBMITTED
    assignment.submitted_at = now
    assignment.auto_approval_at = now + timedelta(seconds=delay_s)
    assignment.answer = answer_xml(dict(answers))
    hit.pending -= 1
    hit.submitted += 1
    db.flush()
    changes: list[Change] = [happened(EventType.ASSIGNMENT_SUBMITTED, hit, now, assignment)]
    changes += review_policies.on_submit(db, hit, assignment, now)
    db.flush()
    changes += bookkeeping.settle_hit(db, hit, now)
    post(db, hit.requester_id, changes, now)


def _take(db: Session, hit: HIT, worker_id: str, now: datetime) -> Assignment:
    duration_s = db.scalars(select(HITType.assignment_duration_s).where(HITType.id == hit.hit_type_id)).one()
    assignment = Assignment(
        id=new_id(),
        hit_id=hit.id,
        worker_id=worker_id,
        status=AssignmentStatus.PENDING,
        accepted_at=now,
        deadline=now + timedelta(seconds=duration_s),
    )
    db.add(assignment)
    hit.pending += 1
    return assignment


def _locked(db: Session, assignment_id: str) -> tuple[HIT, Assignment]:
    found = bookkeeping.lock_of_assignment(db, assignment_id)
    if found is None:
        raise not_found("assignment")
    return found
