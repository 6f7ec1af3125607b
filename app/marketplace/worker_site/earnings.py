"""What a Worker has done and earned: attempts by state, sums, days, bonuses."""

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import date
from decimal import Decimal
from enum import StrEnum
from typing import Any

from sqlalchemy import Date, Select, cast, func, select, union_all
from sqlalchemy.orm import Session

from app.marketplace.store import HIT, Assignment, AssignmentStatus, BonusPayment, HITType, Requester, constant
from app.marketplace.worker_site.browsing import HISTORY_A_PAGE

DAYS_SHOWN = 14


class Shown(StrEnum):
    """Which attempts the history lists."""

    ALL = "all"
    SUBMITTED = "submitted"
    APPROVED = "approved"
    REJECTED = "rejected"
    RETURNED = "returned"
    ABANDONED = "abandoned"


@dataclass(frozen=True, slots=True)
class Past:
    """A finished attempt as the history shows it; `bonus_usd` is what came on top of the reward."""

    assignment: Assignment
    hit_type: HITType
    requester_name: str
    reward_usd: Decimal
    bonus_usd: Decimal


@dataclass(frozen=True, slots=True)
class Earnings:
    """A Worker's money and work so far. `bonus_usd` is not part of `approved_usd`."""

    approved_usd: Decimal
    waiting_usd: Decimal
    bonus_usd: Decimal
    approved: int
    waiting: int
    rejected: int

    @property
    def earned_usd(self) -> Decimal:
        """All that was paid."""
        return self.approved_usd + self.bonus_usd


@dataclass(frozen=True, slots=True)
class Day:
    """One day's work, by the day it was approved (UTC); bonuses by the day they were paid."""

    day: date
    approved: int
    earned_usd: Decimal


@dataclass(frozen=True, slots=True)
class Bonus:
    """A Bonus with the Requester's reason."""

    payment: BonusPayment
    requester_name: str
    title: str


def history(db: Session, worker_id: str, *, page: int = 1, shown: Shown = Shown.ALL) -> Sequence[Past]:
    """The Worker's finished attempts, newest first; one more than a page if there are."""
    bonus = select(func.coalesce(func.sum(BonusPayment.amount_usd), 0))
    bonus = bonus.where(BonusPayment.assignment_id == Assignment.id)
    statement = (
        select(Assignment, HITType, Requester.name, HIT.reward_usd, bonus.correlate(Assignment).scalar_subquery())
        .join(HIT, HIT.id == Assignment.hit_id)
        .join(HITType, HITType.id == HIT.hit_type_id)
        .join(Requester, Requester.id == HIT.requester_id)
        .where(Assignment.worker_id == worker_id, Assignment.status != AssignmentStatus.PENDING.value)
        .order_by(Assignment.accepted_at.desc(), Assignment.id)
        .limit(HISTORY_A_PAGE + 1)
        .offset((page - 1) * HISTORY_A_PAGE)
    )
    if shown is not Shown.ALL:
        statement = statement.where(Assignment.status == shown.value.title())
    return [Past(*row) for row in db.execute(statement)]


def earnings(db: Session, worker_id: str) -> Earnings:
    """Sums over the Worker's Assignments and Bonuses."""
    in_status = {status: Assignment.status == status.value for status in AssignmentStatus}
    approved, waiting = in_status[AssignmentStatus.APPROVED], in_status[AssignmentStatus.SUBMITTED]
    row = db.execute(
        select(
            func.coalesce(func.sum(HIT.reward_usd).filter(approved), 0),
            func.coalesce(func.sum(HIT.reward_usd).filter(waiting), 0),
            _bonuses(worker_id).scalar_subquery(),
            func.count().filter(approved),
            func.count().filter(waiting),
            func.count().filter(in_status[AssignmentStatus.REJECTED]),
        )
        .select_from(Assignment)
        .join(HIT, HIT.id == Assignment.hit_id)
        .where(Assignment.worker_id == worker_id)
    ).one()
    return Earnings(*row)


def days(db: Session, worker_id: str) -> Sequence[Day]:
    """The last days on which something was earned, newest first."""
    rewards = (
        select(_day(Assignment.approved_at).label("day"), HIT.reward_usd.label("usd"), constant("1").label("work"))
        .join(HIT, HIT.id == Assignment.hit_id)
        .where(Assignment.worker_id == worker_id, Assignment.status == AssignmentStatus.APPROVED.value)
    )
    bonuses = select(_day(BonusPayment.granted_at), BonusPayment.amount_usd, constant("0"))
    each = union_all(rewards, bonuses.where(BonusPayment.worker_id == worker_id)).subquery()
    statement = (
        select(each.c.day, func.count().filter(each.c.work == "1"), func.sum(each.c.usd))
        .group_by(each.c.day)
        .order_by(each.c.day.desc())
        .limit(DAYS_SHOWN)
    )
    return [Day(*row) for row in db.execute(statement)]


def bonuses(db: Session, worker_id: str, *, limit: int = HISTORY_A_PAGE) -> Sequence[Bonus]:
    """The Worker's latest Bonuses, newest first."""
    statement = (
        select(BonusPayment, Requester.name, HITType.title)
        .join(Requester, Requester.id == BonusPayment.requester_id)
        .join(HIT, HIT.id == BonusPayment.hit_id)
        .join(HITType, HITType.id == HIT.hit_type_id)
        .where(BonusPayment.worker_id == worker_id)
        .order_by(BonusPayment.seq.desc())
        .limit(limit)
    )
    return [Bonus(*row) for row in db.execute(statement)]


def _bonuses(worker_id: str) -> Select[Any]:
    total = select(func.coalesce(func.sum(BonusPayment.amount_usd), 0))
    return total.where(BonusPayment.worker_id == worker_id)


def _day(at: Any) -> Any:
    return cast(func.timezone("UTC", at), Date)
