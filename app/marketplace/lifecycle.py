"""The life of HITs and Assignments as rules. Pure: counts and times in, states out."""

from dataclasses import dataclass
from datetime import datetime, timedelta
from typing import Self

from app.marketplace.store import HIT, AssignmentStatus, HITStatus

OVERRIDE_WINDOW = timedelta(days=30)
TOKEN_LIFETIME = timedelta(hours=24)
# How long a HIT is kept after it has become Reviewable.
KEPT = timedelta(days=120)


@dataclass(frozen=True, slots=True)
class Counts:
    """A HIT's Assignments by status; the rest of `max_assignments` is available."""

    max_assignments: int
    pending: int
    submitted: int
    approved: int
    rejected: int

    @classmethod
    def of(cls, hit: HIT) -> Self:
        """The HIT's counters as a value."""
        return cls(hit.max_assignments, hit.pending, hit.submitted, hit.approved, hit.rejected)

    @property
    def available(self) -> int:
        """Assignments that nobody has taken."""
        return self.max_assignments - self.pending - self.submitted - self.approved - self.rejected


def hit_status(was: HITStatus, counts: Counts, *, expired: bool) -> HITStatus:
    """What a HIT is, given what it was and how its Assignments stand.

    Disposed stays. Once nothing is pending, and nothing is available or the lifetime is over, it is Reviewable
    (Reviewing, if it was already). Before that it is Assignable while a Worker could accept it, else Unassignable.
    """
    if was is HITStatus.DISPOSED:
        return was
    if counts.pending == 0 and (counts.available == 0 or expired):
        return HITStatus.REVIEWING if was is HITStatus.REVIEWING else HITStatus.REVIEWABLE
    if counts.available > 0 and not expired:
        return HITStatus.ASSIGNABLE
    return HITStatus.UNASSIGNABLE


def is_expired(expires_at: datetime, expired_at: datetime | None, now: datetime) -> bool:
    """Whether a lifetime is over. Once that has been noticed (`expired_at` is its end), it stays so until it is extended.

    Another process's clock may be a little behind, and a rehearsal's may be reset: a HIT that came to life again by that
    would reserve money that is spent, and the answer that was just being submitted would fail with it.
    """
    return expires_at <= now or expires_at == expired_at


def slots_to_reserve(status: HITStatus, counts: Counts, *, expired: bool) -> int:
    """For how many Assignments money must be on hold: those that may still be approved."""
    if status is HITStatus.DISPOSED:
        return 0
    undecided = counts.pending + counts.submitted
    return undecided if expired else undecided + counts.available


def may_approve(status: AssignmentStatus, *, override_rejection: bool) -> bool:
    """Submitted work may be approved; rejected work only when the rejection is overridden."""
    return status is AssignmentStatus.SUBMITTED or (status is AssignmentStatus.REJECTED and override_rejection)


def override_is_open(submitted_at: datetime, now: datetime) -> bool:
    """A rejection can be overturned until 30 days after the submission."""
    return now <= submitted_at + OVERRIDE_WINDOW


def is_purgeable(status: HITStatus, reviewable_at: datetime | None, now: datetime) -> bool:
    """A HIT that is done with, deleted or not, is forgotten 120 days after it has become Reviewable."""
    done = status in {HITStatus.REVIEWABLE, HITStatus.REVIEWING, HITStatus.DISPOSED}
    return done and reviewable_at is not None and reviewable_at <= now - KEPT


def may_change_reward(counts: Counts) -> bool:
    """A HIT's Reward stands once somebody works or has worked for it."""
    return counts.available == counts.max_assignments
