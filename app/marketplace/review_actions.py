"""What a review policy may do (approve, reject, extend), and the record of what it found and did.

An action that cannot be taken is recorded as Failed, with the code that the operation would have answered; nothing else
fails because of it.
"""

from collections.abc import Sequence
from dataclasses import dataclass, field, replace
from datetime import datetime, timedelta
from decimal import Decimal

from sqlalchemy import select
from sqlalchemy.orm import Session

from app.marketplace import decisions, fees, lifecycle
from app.marketplace.changes import Change
from app.marketplace.ids import new_id
from app.marketplace.lifecycle import Counts
from app.marketplace.store import (
    HIT,
    Assignment,
    AssignmentStatus,
    EventType,
    HITStatus,
    Requester,
    ReviewAction,
    ReviewActionStatus,
    ReviewLevel,
    ReviewResult,
)
from app.marketplace.wire_errors import TURK

_LONGEST_LIFE = timedelta(days=365)
_WRONG_STATE = "Assignment was in an invalid state for this operation."
_Row = ReviewResult | ReviewAction


@dataclass(slots=True)
class Review:
    """One run of a policy on a locked HIT: the rows of its record, and the changes for the caller to post."""

    hit: HIT
    level: ReviewLevel
    now: datetime
    action_id: str = field(default_factory=new_id)
    rows: list[_Row] = field(default_factory=list)
    changes: list[Change] = field(default_factory=list)

    def found(self, subject: HIT | Assignment, key: str, value: object, question_id: str | None = None) -> None:
        """Record a result. `subject` with a QuestionId: what was found about it in that question."""
        self.rows.append(
            ReviewResult(
                hit_id=self.hit.id,
                level=self.level,
                action_id=self.action_id,
                subject_id=subject.id,
                subject_type=_type_of(subject),
                question_id=question_id,
                key=key,
                value=str(value),
            )
        )

    def reviewed(self, target: HIT | Assignment, result: str) -> None:
        """Record the review itself, whose id the results carry."""
        self._did("review", target, result, action_id=self.action_id)

    def approve(self, assignment: Assignment, reason: str | None = None) -> None:
        """Approve it; what is approved already stays so."""
        if assignment.status == AssignmentStatus.SUBMITTED:
            self.changes += decisions.approve(self.hit, assignment, self.now)
            assignment.requester_feedback = reason
            self._did("approve", assignment, "Approved")
        elif assignment.status == AssignmentStatus.APPROVED:
            self._did("approve", assignment, "Already approved")
        else:
            self._did("approve", assignment, _WRONG_STATE, error="InvalidAssignmentState")

    def reject(self, assignment: Assignment, reason: str | None) -> None:
        """Reject it; what is rejected already stays so."""
        if assignment.status == AssignmentStatus.SUBMITTED:
            self.changes += decisions.reject(self.hit, assignment, reason, self.now)
            self._did("reject", assignment, "Rejected")
        elif assignment.status == AssignmentStatus.REJECTED:
            self._did("reject", assignment, "Already rejected")
        else:
            self._did("reject", assignment, _WRONG_STATE, error="InvalidAssignmentState")

    def extend(self, db: Session, *, maximum: int, minimum_time_s: int, freed_usd: Decimal) -> None:
        """Ask one more Worker, up to `maximum` Assignments, and give them `minimum_time_s` more time.

        freed_usd: what the caller will post to the available balance before this.
        """
        hit, total = self.hit, self.hit.max_assignments + 1
        if total > maximum:
            self._did("extend", hit, f"Already extended to {hit.max_assignments} assignments")
            return
        if hit.max_assignments < fees.MANY_ASSIGNMENTS <= total:
            self._did("extend", hit, f"Not extended to {total}", error="InvalidMaximumAssignmentsIncrease")
            return
        expires_at = _later(hit.expires_at, minimum_time_s, self.now)
        needed = _to_hold_usd(hit, total, expired=lifecycle.is_expired(expires_at, hit.expired_at, self.now))
        if needed > 0 and freed_usd + _locked_balance_usd(db, hit.requester_id) < needed:
            self._did("extend", hit, "Insufficient funds", error="InsufficientFunds")
            return
        hit.max_assignments, hit.expires_at = total, expires_at
        self.changes.append(decisions.happened(EventType.HIT_EXTENDED, hit, self.now))
        self._did("extend", hit, f"Extended to {total} assignments")

    def record(self, db: Session) -> Sequence[Change]:
        """Write the record; the changes."""
        db.add_all(self.rows)
        return self.changes

    def _did(
        self, name: str, target: HIT | Assignment, result: str, *, error: str = "", action_id: str | None = None
    ) -> None:
        self.rows.append(
            ReviewAction(
                hit_id=self.hit.id,
                level=self.level,
                action_id=action_id or new_id(),
                action_name=name,
                target_id=target.id,
                target_type=_type_of(target),
                status=ReviewActionStatus.FAILED if error else ReviewActionStatus.SUCCEEDED,
                complete_time=self.now,
                result=result,
                error_code=TURK + error if error else None,
            )
        )


def _type_of(subject: HIT | Assignment) -> str:
    return "HIT" if isinstance(subject, HIT) else "Assignment"


def _later(expires_at: datetime, by_s: int, now: datetime) -> datetime:
    """The end of the lifetime, moved: an expired HIT gets its time from now; no HIT is given more than a year."""
    latest = now + _LONGEST_LIFE
    if by_s == 0 or expires_at >= latest:
        return expires_at
    return min(max(expires_at, now) + timedelta(seconds=by_s), latest)


def _to_hold_usd(hit: HIT, total: int, *, expired: bool) -> Decimal:
    """What the HIT will need on hold with so many Assignments, beyond what it has."""
    counts = replace(Counts.of(hit), max_assignments=total)
    status = lifecycle.hit_status(HITStatus(hit.status), counts, expired=expired)
    slots = lifecycle.slots_to_reserve(status, counts, expired=expired)
    return (hit.reward_usd + hit.fee_usd) * (slots - hit.reserved_slots)


def _locked_balance_usd(db: Session, requester_id: str) -> Decimal:
    """What the Requester can spend, locked until the caller's transaction has taken its money from it.

    Like `accounting.post` it is for a transaction that locks no further HIT. NO KEY UPDATE, as the payment itself
    takes: HITs that others are creating refer to the row.
    """
    balance = select(Requester.available_usd).where(Requester.id == requester_id).with_for_update(key_share=True)
    return db.scalars(balance).one()
