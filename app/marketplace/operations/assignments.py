"""Operations on submitted work: read it, approve it, reject it."""

from collections.abc import Mapping
from datetime import datetime
from typing import Any

from sqlalchemy import select, tuple_
from sqlalchemy.orm import Session

from app.marketplace import bookkeeping, decisions, lifecycle, paging
from app.marketplace.changes import Change, post
from app.marketplace.operations import hits, limits
from app.marketplace.operations.shapes import assignment_shape, hit_shape
from app.marketplace.store import HIT, Assignment, AssignmentStatus, HITStatus, HITType
from app.marketplace.wire_errors import RequestError, does_not_exist, not_valid, wrong_assignment_state, wrong_hit_state

_DECIDABLE = "Submitted"
_VISIBLE = (AssignmentStatus.SUBMITTED, AssignmentStatus.APPROVED, AssignmentStatus.REJECTED)
_CONTROL_CHARACTERS = frozenset(chr(code) for code in range(32)) - {"\t", "\n", "\r"}


def list_assignments_for_hit(
    db: Session, requester_id: str, params: Mapping[str, Any], now: datetime
) -> Mapping[str, Any]:
    """The HIT's submitted, approved and rejected work, oldest first; work in progress is not shown."""
    hit = hits.owned(db, requester_id, params["HITId"])
    page = paging.requested(params, datetime, str)
    statuses = params.get("AssignmentStatuses") or [status.value for status in _VISIBLE]
    statement = select(Assignment).where(
        Assignment.hit_id == hit.id, Assignment.submitted_at.is_not(None), Assignment.status.in_(statuses)
    )
    if page.after is not None:
        statement = statement.where(tuple_(Assignment.submitted_at, Assignment.id) > tuple_(*page.after))
    if page.seen_until is not None:
        statement = statement.where(Assignment.submitted_at <= page.seen_until)
    rows = db.scalars(statement.order_by(Assignment.submitted_at, Assignment.id).limit(page.size)).all()
    last_key = [rows[-1].submitted_at, rows[-1].id] if rows else []
    return paging.answer("Assignments", [assignment_shape(row) for row in rows], last_key)


def get_assignment(db: Session, requester_id: str, params: Mapping[str, Any], now: datetime) -> Mapping[str, Any]:
    """One Assignment with its HIT, once it is submitted."""
    found = db.get(Assignment, params["AssignmentId"])
    hit = None if found is None else db.get_one(HIT, found.hit_id)
    if found is None or hit is None or not hits.is_theirs(hit, requester_id):
        raise does_not_exist("Assignment", params["AssignmentId"])
    if found.status not in _VISIBLE:
        raise wrong_assignment_state("Reviewable,Approved,Rejected")
    return {
        "Assignment": assignment_shape(found),
        "HIT": hit_shape(hit, db.get_one(HITType, hit.hit_type_id)),
    }


def approve_assignment(db: Session, requester_id: str, params: Mapping[str, Any], now: datetime) -> Mapping[str, Any]:
    """Pay for submitted work, or, with OverrideRejection, for rejected work up to 30 days after its submission."""
    _check_feedback(params)
    hit, assignment, changes = _locked(db, requester_id, params["AssignmentId"], now)
    override = params.get("OverrideRejection", False)
    if not lifecycle.may_approve(AssignmentStatus(assignment.status), override_rejection=override):
        raise _wrong_state(assignment)
    if assignment.status == AssignmentStatus.REJECTED:
        changes += _overturned(hit, assignment, now)
    else:
        changes += decisions.approve(hit, assignment, now)
    if "RequesterFeedback" in params:
        assignment.requester_feedback = params["RequesterFeedback"]
    changes += bookkeeping.rebook(db, hit, now)
    post(db, requester_id, changes, now)
    return {}


def reject_assignment(db: Session, requester_id: str, params: Mapping[str, Any], now: datetime) -> Mapping[str, Any]:
    """Refuse submitted work: no pay, no fee, and what was on hold for it is released."""
    _check_feedback(params)
    hit, assignment, changes = _locked(db, requester_id, params["AssignmentId"], now)
    if assignment.status != AssignmentStatus.SUBMITTED:
        raise _wrong_state(assignment)
    changes += decisions.reject(hit, assignment, params["RequesterFeedback"], now)
    changes += bookkeeping.rebook(db, hit, now)
    post(db, requester_id, changes, now)
    return {}


def _locked(db: Session, requester_id: str, assignment_id: str, now: datetime) -> tuple[HIT, Assignment, list[Change]]:
    found = bookkeeping.lock_of_assignment(db, assignment_id)
    if found is None or not hits.is_theirs(found[0], requester_id):
        raise does_not_exist("Assignment", assignment_id)
    hit, assignment = found
    return hit, assignment, bookkeeping.settle_hit(db, hit, now)


def _overturned(hit: HIT, assignment: Assignment, now: datetime) -> list[Change]:
    if hit.status == HITStatus.DISPOSED:
        raise wrong_hit_state(hit.status, "Assignable, Unassignable, Reviewable, Reviewing")
    if assignment.submitted_at is None or not lifecycle.override_is_open(assignment.submitted_at, now):
        raise RequestError(
            "InvalidAssignmentState", "A rejection can be overridden for 30 days after the submission only."
        )
    return decisions.overturn(hit, assignment, now)


def _wrong_state(assignment: Assignment) -> RequestError:
    # "null" is what MTurk says of work that is not submitted yet.
    return wrong_assignment_state(_DECIDABLE if assignment.status in _VISIBLE else "null")


def _check_feedback(params: Mapping[str, Any]) -> None:
    limits.check(params)
    if _CONTROL_CHARACTERS.intersection(params.get("RequesterFeedback", "")):
        raise not_valid("RequesterFeedback", repr(params["RequesterFeedback"]))
