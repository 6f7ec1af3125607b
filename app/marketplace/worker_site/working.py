"""A Worker's verbs: accept, return, submit. Each changes one HIT under its lock."""

from datetime import datetime, timedelta

from sqlalchemy import exists, func, select
from sqlalchemy.orm import Session

from app.marketplace import bookkeeping, qualifying, review_policies
from app.marketplace.changes import Change, post
from app.marketplace.decisions import happened
from app.marketplace.ids import new_id
from app.marketplace.qualifying import Action
from app.marketplace.recruitment import visits
from app.marketplace.recruitment.visits import Stay
from app.marketplace.sites.refusals import Refused, not_found
from app.marketplace.store import (
    HIT,
    Assignment,
    AssignmentStatus,
    EventType,
    HITStatus,
    HITType,
    WorkerBlock,
    constant,
)
from app.marketplace.worker_site import browsing
from app.marketplace.worker_site.refusals import NotQualified

_PREVIEW_ID = "ASSIGNMENT_ID_NOT_AVAILABLE"
# Each failed try means that another Worker took the HIT in between.
_TRIES = 20
# How many HITs a Worker may hold at once.
MOST_HELD = 25
_NOT_OF_THE_VISIT = "This HIT is not part of your visit. Finish the visit to work on other HITs."
_PENDING = Assignment.status == constant(AssignmentStatus.PENDING)
_OVER = {
    AssignmentStatus.SUBMITTED: "This assignment was already submitted. Your first answer counts.",
    AssignmentStatus.APPROVED: "This assignment was already submitted and approved.",
    AssignmentStatus.REJECTED: "This assignment was already submitted and reviewed.",
    AssignmentStatus.RETURNED: "You have returned this assignment, so its answer was not taken.",
    AssignmentStatus.ABANDONED: "The time for this assignment is over, so its answer was not taken.",
}


def accept(db: Session, worker_id: str, hit_id: str, now: datetime, *, visit_id: int | None = None) -> str:
    """Accept this HIT; the AssignmentId. Accepting twice gives the same one.

    visit_id: the Worker's open visit through a recruitment channel, of which the HIT is then part.
    Raises Refused when the Worker has done it or holds too many, or nothing of it is available.
    """
    held = select(Assignment.id).where(Assignment.hit_id == hit_id, Assignment.worker_id == worker_id, _PENDING)
    if (before := db.scalar(held.where(Assignment.deadline >= now))) is not None:
        return before
    return _accept(db, worker_id, hit_id, now, _room(db, worker_id, visit_id, now))


def accept_any(
    db: Session, worker_id: str, hit_type: HITType, now: datetime, *, visit_id: int | None = None
) -> str | None:
    """Go on with what the Worker holds of this group, else accept a HIT of it; None when there is none for them.

    Raises Refused when the Worker holds too many, or the group is not part of their visit.
    """
    held = (
        select(Assignment.id)
        .join(HIT, HIT.id == Assignment.hit_id)
        .where(HIT.hit_type_id == hit_type.id, Assignment.worker_id == worker_id)
        .where(_PENDING, Assignment.deadline >= now)
        .order_by(Assignment.accepted_at)
        .limit(1)
    )
    pending = db.scalar(held)
    if pending is not None:
        return pending
    stay = _room(db, worker_id, visit_id, now)
    if stay is not None and not stay.scope.holds(hit_type.requester_id, hit_type.id):
        raise Refused(409, _NOT_OF_THE_VISIT)
    for _ in range(_TRIES):
        try:
            # Undone when refused, so that the lock of that HIT is given up before the next one is taken.
            with db.begin_nested():
                hit_id = browsing.next_hit_id(db, hit_type.id, worker_id, now)
                return None if hit_id is None else _accept(db, worker_id, hit_id, now, stay)
        except NotQualified:
            # What this HIT asks of the Worker, all of the group ask.
            raise
        except Refused:
            continue
    return None


def _accept(db: Session, worker_id: str, hit_id: str, now: datetime, stay: Stay | None) -> str:
    hit = bookkeeping.lock(db, hit_id)
    if hit is None:
        raise not_found("HIT")
    if stay is not None and not stay.scope.holds(hit.requester_id, hit.hit_type_id):
        raise Refused(409, _NOT_OF_THE_VISIT)
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
        hit_type = _offered(db, hit, worker_id)
        taken = _take(db, hit, hit_type, worker_id, visit_id=None if stay is None else stay.visit.id, now=now)
        found_id = taken.id
        changes.append(happened(EventType.ASSIGNMENT_ACCEPTED, hit, now, taken))
        changes += bookkeeping.rebook(db, hit, now)
    else:
        found_id = found.id
    post(db, hit.requester_id, changes, now)
    return found_id


def _room(db: Session, worker_id: str, visit_id: int | None, now: datetime) -> Stay | None:
    """The Worker's visit, locked, when they may accept one more HIT. Raises Refused."""
    held = select(func.count()).where(Assignment.worker_id == worker_id, _PENDING, Assignment.deadline >= now)
    if (db.scalar(held) or 0) >= MOST_HELD:
        raise Refused(409, f"You hold {MOST_HELD} HITs already. Submit or return one before you accept another.")
    stay = None if visit_id is None else visits.locked(db, worker_id, visit_id)
    if stay is None or not stay.is_open:
        return None
    if stay.is_full:
        raise Refused(409, "You have accepted all HITs of this visit. Submit what is open, then finish.")
    return stay


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


def submit(db: Session, assignment_id: str, answer: str | None, now: datetime, *, signed_in_as: str | None) -> None:
    """Take the answer (Answer XML) of a pending Assignment, until its deadline, even when the HIT has expired meanwhile.

    The AssignmentId is the proof of being its Worker. Raises Refused, also for no answer; then nothing is stored.
    """
    hit, assignment = submittable(db, assignment_id, now, signed_in_as=signed_in_as)
    if answer is None:
        raise Refused(400, "There was a problem submitting your results for this HIT: the form held no answer.")
    delay_s = db.scalars(select(HITType.auto_approval_delay_s).where(HITType.id == hit.hit_type_id)).one()
    assignment.status = AssignmentStatus.SUBMITTED
    assignment.submitted_at = now
    assignment.auto_approval_at = now + timedelta(seconds=delay_s)
    assignment.answer = answer
    hit.pending -= 1
    hit.submitted += 1
    db.flush()
    changes: list[Change] = [happened(EventType.ASSIGNMENT_SUBMITTED, hit, now, assignment)]
    changes += review_policies.on_submit(db, hit, assignment, now)
    db.flush()
    changes += bookkeeping.settle_hit(db, hit, now)
    post(db, hit.requester_id, changes, now)


def submittable(db: Session, assignment_id: str, now: datetime, *, signed_in_as: str | None) -> tuple[HIT, Assignment]:
    """The Assignment and its HIT, locked, when it may be submitted now. Raises Refused."""
    if assignment_id == _PREVIEW_ID:
        raise Refused(400, "This is a preview. Accept the HIT before you submit an answer.")
    hit, assignment = _locked(db, assignment_id)
    if signed_in_as is not None and assignment.worker_id != signed_in_as:
        raise not_found("assignment")
    if assignment.status != AssignmentStatus.PENDING:
        raise Refused(409, _OVER[AssignmentStatus(assignment.status)])
    if now > assignment.deadline:
        raise Refused(409, _OVER[AssignmentStatus.ABANDONED])
    return hit, assignment


def _offered(db: Session, hit: HIT, worker_id: str) -> HITType:
    """The HIT's type, when the Worker has its Qualifications and no block of its Requester. Raises NotQualified."""
    block = exists().where(WorkerBlock.requester_id == hit.requester_id, WorkerBlock.worker_id == worker_id)
    hit_type, blocked = db.execute(select(HITType, block).where(HITType.id == hit.hit_type_id)).one()
    if blocked:
        raise NotQualified("This Requester does not offer you HITs any more.")
    if lacking := qualifying.unmet(db, worker_id, hit_type, Action.ACCEPT):
        raise NotQualified("You lack a Qualification that this HIT asks for.", lacking)
    return hit_type


def _take(
    db: Session, hit: HIT, hit_type: HITType, worker_id: str, *, visit_id: int | None, now: datetime
) -> Assignment:
    assignment = Assignment(
        id=new_id(),
        hit_id=hit.id,
        worker_id=worker_id,
        visit_id=visit_id,
        status=AssignmentStatus.PENDING,
        accepted_at=now,
        deadline=now + timedelta(seconds=hit_type.assignment_duration_s),
    )
    db.add(assignment)
    hit.pending += 1
    return assignment


def _locked(db: Session, assignment_id: str) -> tuple[HIT, Assignment]:
    found = bookkeeping.lock_of_assignment(db, assignment_id)
    if found is None:
        raise not_found("assignment")
    return found
