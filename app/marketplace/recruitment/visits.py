"""A visit: do up to so many HITs, then finish with the code."""

from dataclasses import dataclass
from datetime import datetime

from sqlalchemy import func, select
from sqlalchemy.orm import Session

from app.marketplace.recruitment import completion
from app.marketplace.recruitment.figures import SUBMITTED_WORDS
from app.marketplace.store import Assignment, AssignmentStatus, Channel, ChannelKind, Requester, Visit, constant

# What the column can hold; an id of an address may be anything.
_IDS = range(1, 2**63)


@dataclass(frozen=True, slots=True)
class Scope:
    """The work that a visit is for: all of a Requester's, or one HIT Type of theirs."""

    requester_id: str
    hit_type_id: str | None

    def holds(self, requester_id: str, hit_type_id: str) -> bool:
        """Whether HITs of this HIT Type are part of it."""
        return requester_id == self.requester_id and self.hit_type_id in {None, hit_type_id}


@dataclass(frozen=True, slots=True)
class Stay:
    """A visit as it stands: `done` were submitted in it, `held` are accepted and open."""

    visit: Visit
    channel: Channel
    requester_name: str
    done: int
    held: int

    @property
    def scope(self) -> Scope:
        """The work on offer in this visit."""
        return Scope(self.channel.requester_id, self.channel.hit_type_id)

    @property
    def goal(self) -> int | None:
        """After how many HITs it is done; None: when there is no more work."""
        return self.channel.assignments_a_visit

    @property
    def is_open(self) -> bool:
        """Whether it goes on."""
        return self.visit.finished_at is None

    @property
    def is_full(self) -> bool:
        """Whether nothing more may be accepted in it."""
        return self.goal is not None and self.done + self.held >= self.goal

    @property
    def is_done(self) -> bool:
        """Whether all that was asked for is submitted."""
        return self.goal is not None and self.done >= self.goal

    @property
    def number(self) -> int:
        """The number of the HIT that is being worked on, from 1."""
        return self.done + 1 if self.goal is None else min(self.done + 1, self.goal)

    @property
    def is_for_strangers(self) -> bool:
        """Whether the person came from another site, to which they must go back."""
        return self.channel.kind != ChannelKind.INVITE


def stay(db: Session, worker_id: str, visit_id: int) -> Stay | None:
    """The Worker's visit with its counts; None when it is somebody else's."""
    return _stay(db, visit_id, worker_id) if visit_id in _IDS else None


def locked(db: Session, worker_id: str, visit_id: int) -> Stay | None:
    """The same under the visit's lock, which is taken before any HIT's: two windows together do not exceed the goal."""
    if visit_id not in _IDS:
        return None
    statement = select(Visit.id).where(Visit.id == visit_id, Visit.worker_id == worker_id)
    found = db.scalar(statement.with_for_update(key_share=True))
    return None if found is None else _stay(db, visit_id, worker_id)


def held(db: Session, visit: Visit, now: datetime) -> list[str]:
    """Ids of the Assignments accepted in the visit that can still be submitted, oldest first."""
    pending = select(Assignment.id).where(
        Assignment.visit_id == visit.id,
        Assignment.status == constant(AssignmentStatus.PENDING),
        Assignment.deadline >= now,
    )
    return [*db.scalars(pending.order_by(Assignment.accepted_at, Assignment.id))]


def finish(at: Stay, now: datetime) -> bool:
    """End a locked visit; False, and nothing happens, when nothing was submitted in it."""
    if not at.done and at.is_for_strangers:
        return False
    at.visit.finished_at = at.visit.finished_at or now
    return True


def completion_link(at: Stay) -> str | None:
    """Where the person goes when done: the Requester's stored address, filled with what they came with."""
    target = at.channel.completion_url
    return None if target is None else completion.link(target, at.channel.completion_code, at.visit.parameters)


def _stay(db: Session, visit_id: int, worker_id: str) -> Stay | None:
    statement = (
        select(Visit, Channel, Requester.name)
        .join(Channel, Channel.id == Visit.channel_id)
        .join(Requester, Requester.id == Channel.requester_id)
        .where(Visit.id == visit_id, Visit.worker_id == worker_id)
        .execution_options(populate_existing=True)
    )
    row = db.execute(statement).one_or_none()
    if row is None:
        return None
    submitted = Assignment.status.in_([word.value for word in SUBMITTED_WORDS])
    counts = select(
        func.count().filter(submitted), func.count().filter(Assignment.status == AssignmentStatus.PENDING.value)
    ).where(Assignment.visit_id == visit_id)
    done, open_ones = db.execute(counts).one()
    return Stay(row[0], row[1], row[2], done, open_ones)
