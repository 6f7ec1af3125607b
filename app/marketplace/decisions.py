"""Approve and reject: what they change on a locked HIT and its Assignment, whoever decides."""

from datetime import datetime

from app.marketplace import accounting
from app.marketplace.changes import Change
from app.marketplace.events import Event
from app.marketplace.store import HIT, Assignment, AssignmentStatus, EventType


def happened(kind: EventType, hit: HIT, at: datetime, assignment: Assignment | None = None) -> Event:
    """An event on this HIT, or on one of its Assignments."""
    return Event(kind, hit.hit_type_id, hit.id, at, None if assignment is None else assignment.id)


def approve(hit: HIT, assignment: Assignment, now: datetime) -> list[Change]:
    """Approve a Submitted Assignment of a locked HIT; the payment."""
    assignment.status = AssignmentStatus.APPROVED
    assignment.approved_at = now
    hit.submitted -= 1
    hit.approved += 1
    hit.reserved_slots -= 1
    return [
        *accounting.pay(hit.id, assignment.id, reward_usd=hit.reward_usd, fee_usd=hit.fee_usd),
        happened(EventType.ASSIGNMENT_APPROVED, hit, now, assignment),
    ]


def reject(hit: HIT, assignment: Assignment, feedback: str | None, now: datetime) -> list[Change]:
    """Reject a Submitted Assignment of a locked HIT. What was on hold for it is released when the HIT is rebooked."""
    assignment.status = AssignmentStatus.REJECTED
    assignment.rejected_at = now
    assignment.requester_feedback = feedback
    hit.submitted -= 1
    hit.rejected += 1
    return [happened(EventType.ASSIGNMENT_REJECTED, hit, now, assignment)]


def overturn(hit: HIT, assignment: Assignment, now: datetime) -> list[Change]:
    """Approve a Rejected Assignment of a locked HIT after all; it is paid from the available balance."""
    assignment.status = AssignmentStatus.APPROVED
    assignment.approved_at = now
    hit.rejected -= 1
    hit.approved += 1
    return [
        *accounting.pay(hit.id, assignment.id, reward_usd=hit.reward_usd, fee_usd=hit.fee_usd, from_hold=False),
        happened(EventType.ASSIGNMENT_APPROVED, hit, now, assignment),
    ]
