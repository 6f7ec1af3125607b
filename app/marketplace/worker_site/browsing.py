"""What a Worker sees: HIT groups with work for them, their own Assignments, their history."""

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import datetime
from decimal import Decimal
from typing import Any

from sqlalchemy import ColumnElement, FromClause, Select, exists, func, or_, outerjoin, select, true
from sqlalchemy.orm import Session

from app.marketplace import qualifying
from app.marketplace.qualifying import Action
from app.marketplace.recruitment.visits import Scope
from app.marketplace.store import HIT, Assignment, AssignmentStatus, HITStatus, HITType, Requester, constant
from app.marketplace.worker_site import timing
from app.marketplace.worker_site.choosing import Choice, Order
from app.marketplace.worker_site.timing import Pace

GROUPS_A_PAGE = 30
HISTORY_A_PAGE = 50
# Counting further would cost more than the number is worth to a Worker.
MOST_COUNTED = 250
EVERYTHING = Choice()
# What a Worker has returned or abandoned they may do after all.
COUNTS_AS_DONE = Assignment.status.in_([constant(word) for word in ("Pending", "Submitted", "Approved", "Rejected")])
_ASSIGNABLE = HIT.status == constant(HITStatus.ASSIGNABLE)


@dataclass(frozen=True, slots=True)
class Group:
    """A HIT group as the list shows it; `available` stops at MOST_COUNTED, `pace` is None until enough was submitted."""

    hit_type: HITType
    requester_name: str
    available: int
    pace: Pace | None


@dataclass(frozen=True, slots=True)
class Attempt:
    """One of the Worker's Assignments, with what it is about."""

    assignment: Assignment
    hit_type: HITType
    reward_usd: Decimal


def groups(
    db: Session,
    worker_id: str | None,
    now: datetime,
    *,
    page: int = 1,
    choice: Choice = EVERYTHING,
    within: Scope | None = None,
) -> Sequence[Group]:
    """HIT groups with at least one HIT that this Worker could accept; one more than a page if there are.

    choice: what they want to see, and in which order. within: only the work of their visit.
    """
    counted, available = _counted(worker_id, now)
    orders: dict[Order, ColumnElement[Any]] = {
        Order.NEWEST: HITType.created_at.desc(),
        Order.REWARD: HITType.reward_usd.desc(),
        Order.AVAILABLE: available.desc(),
    }
    statement = (
        select(HITType, Requester.name, available)
        .select_from(counted)
        .join(Requester, Requester.id == HITType.requester_id)
        .where(available > 0, choice.condition())
        .order_by(orders[choice.order], HITType.created_at.desc(), HITType.id)
        .limit(GROUPS_A_PAGE + 1)
        .offset((page - 1) * GROUPS_A_PAGE)
    )
    if within is not None:
        statement = statement.where(HITType.requester_id == within.requester_id)
        if within.hit_type_id is not None:
            statement = statement.where(HITType.id == within.hit_type_id)
    barred = qualifying.barred(db, worker_id, Action.ACCEPT if choice.qualified else Action.DISCOVER)
    if barred:
        statement = statement.where(HITType.id.not_in(barred))
    found = db.execute(statement).all()
    pace = timing.paces(db, [row[0].id for row in found]) if found else {}
    return [Group(row[0], row[1], row[2], pace.get(row[0].id)) for row in found]


def _counted(worker_id: str | None, now: datetime) -> tuple[FromClause, ColumnElement[int]]:
    """HIT Types, and how many HITs of each the Worker could accept, up to MOST_COUNTED.

    What is on offer, less what the Worker has done of it: to ask each HIT whether they have done it took ten times as
    long with 20,000 on offer.
    """
    offered = _ASSIGNABLE & (HIT.expires_at > now)
    done = (
        select(HIT.hit_type_id, func.count().label("hits"))
        .join(Assignment, Assignment.hit_id == HIT.id)
        .where(offered, Assignment.worker_id == worker_id, COUNTS_AS_DONE)
        .group_by(HIT.hit_type_id)
        .subquery()
    )
    theirs = func.coalesce(done.c.hits, 0)
    some = select(HIT.id).where(HIT.hit_type_id == HITType.id, offered).limit(MOST_COUNTED + theirs)
    on_offer = select(func.count().label("hits")).select_from(some.correlate(HITType, done).lateral()).lateral()
    types = outerjoin(HITType, done, done.c.hit_type_id == HITType.id)
    return types.join(on_offer, true()), on_offer.c.hits - theirs


def group(db: Session, group_id: str) -> HITType | None:
    """The HIT Type with this HITTypeId or HITGroupId."""
    return db.scalars(select(HITType).where(or_(HITType.id == group_id, HITType.group_id == group_id))).one_or_none()


def next_hit_id(db: Session, hit_type_id: str, worker_id: str | None, now: datetime) -> str | None:
    """A HIT of the group that this Worker could accept: the oldest, but not one that somebody is accepting right now."""
    wanted = select(HIT.id).where(HIT.hit_type_id == hit_type_id, open_to(worker_id, now)).order_by(HIT.seq).limit(1)
    free = db.scalar(wanted.with_for_update(key_share=True, skip_locked=True))
    return free if free is not None else db.scalar(wanted)


def open_to(worker_id: str | None, now: datetime) -> ColumnElement[bool]:
    """The condition that a HIT is assignable and this Worker has not worked on it."""
    assignable = _ASSIGNABLE & (HIT.expires_at > now)
    if worker_id is None:
        return assignable
    done = exists().where(Assignment.hit_id == HIT.id, Assignment.worker_id == worker_id, COUNTS_AS_DONE)
    return assignable & ~done


def accepted(db: Session, worker_id: str, now: datetime) -> Sequence[Attempt]:
    """What the Worker has accepted and not yet handed in, most urgent first."""
    statement = (
        _attempts(worker_id)
        .where(Assignment.status == constant(AssignmentStatus.PENDING), Assignment.deadline >= now)
        .order_by(Assignment.deadline, Assignment.id)
        .limit(HISTORY_A_PAGE)
    )
    return [Attempt(row[0], row[1], row[2]) for row in db.execute(statement)]


def attempt(db: Session, worker_id: str, assignment_id: str) -> tuple[Assignment, HIT, HITType] | None:
    """The Worker's Assignment with its HIT; None when it is somebody else's."""
    statement = (
        select(Assignment, HIT, HITType)
        .join(HIT, HIT.id == Assignment.hit_id)
        .join(HITType, HITType.id == HIT.hit_type_id)
        .where(Assignment.id == assignment_id, Assignment.worker_id == worker_id)
    )
    row = db.execute(statement).one_or_none()
    return None if row is None else (row[0], row[1], row[2])


def _attempts(worker_id: str) -> Select[Assignment, HITType, Decimal]:
    return (
        select(Assignment, HITType, HIT.reward_usd)
        .join(HIT, HIT.id == Assignment.hit_id)
        .join(HITType, HITType.id == HIT.hit_type_id)
        .where(Assignment.worker_id == worker_id)
    )
