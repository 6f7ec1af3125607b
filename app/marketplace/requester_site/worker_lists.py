"""The Workers whom a Requester knows, by what they did for this Requester; what they did for others shows nowhere."""

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import datetime
from decimal import Decimal
from typing import Any

from sqlalchemy import ColumnElement, Select, exists, func, literal, or_, select, tuple_
from sqlalchemy.orm import Session

from app.marketplace.store import (
    HIT,
    Assignment,
    AssignmentStatus,
    BonusPayment,
    Channel,
    ChannelMember,
    HITType,
    Qualification,
    QualificationRequest,
    QualificationStatus,
    QualificationType,
    Worker,
    WorkerBlock,
)


@dataclass(frozen=True, slots=True)
class Record:
    """A Worker's work for this Requester. `median_s`: from accepting to submitting."""

    worker_id: str
    submitted: int
    waiting: int
    approved: int
    rejected: int
    median_s: float | None
    last_at: datetime | None
    is_blocked: bool


@dataclass(frozen=True, slots=True)
class Work:
    """One Assignment that the Worker submitted for this Requester."""

    assignment: Assignment
    title: str
    reward_usd: Decimal


@dataclass(frozen=True, slots=True)
class Score:
    """A Qualification of this Requester's that the Worker has."""

    type_id: str
    name: str
    value: int
    granted_at: datetime


def records(db: Session, requester_id: str, *, after: str, limit: int, blocked_only: bool = False) -> Sequence[Record]:
    """Workers who submitted work to the Requester, or whom they blocked, in the order of their ids after `after`."""
    blocked = exists().where(WorkerBlock.requester_id == requester_id, WorkerBlock.worker_id == Worker.id)
    worked = (
        select(Assignment.id)
        .join(HIT, HIT.id == Assignment.hit_id)
        .where(Assignment.worker_id == Worker.id, Assignment.submitted_at.is_not(None))
        .where(HIT.requester_id == requester_id)
    )
    known = blocked if blocked_only else or_(exists(worked.correlate(Worker)), blocked)
    chosen = select(Worker.id).where(Worker.id > after, known).order_by(Worker.id).limit(limit)
    return _records(db, requester_id, db.scalars(chosen).all())


def record(db: Session, requester_id: str, worker_id: str) -> Record | None:
    """One Worker's; None where the Requester has nothing to do with this Worker."""
    return _records(db, requester_id, [worker_id])[0] if _is_known(db, requester_id, worker_id) else None


def work(
    db: Session, requester_id: str, worker_id: str, *, before: tuple[datetime, str] | None, limit: int
) -> Sequence[Work]:
    """What the Worker submitted to the Requester, last accepted first."""
    statement = (
        select(Assignment, HITType.title, HIT.reward_usd)
        .join(HIT, HIT.id == Assignment.hit_id)
        .join(HITType, HITType.id == HIT.hit_type_id)
        .where(Assignment.worker_id == worker_id, Assignment.submitted_at.is_not(None))
        .where(HIT.requester_id == requester_id)
        .order_by(Assignment.accepted_at.desc(), Assignment.id.desc())
        .limit(limit)
    )
    if before is not None:
        statement = statement.where(tuple_(Assignment.accepted_at, Assignment.id) < tuple_(*before))
    return [Work(*row) for row in db.execute(statement)]


def scores(db: Session, requester_id: str, worker_id: str) -> Sequence[Score]:
    """The Requester's own Qualifications that the Worker has."""
    statement = (
        select(QualificationType.id, QualificationType.name, Qualification.integer_value, Qualification.granted_at)
        .join(QualificationType, QualificationType.id == Qualification.qualification_type_id)
        .where(Qualification.worker_id == worker_id, Qualification.status == QualificationStatus.GRANTED.value)
        .where(QualificationType.requester_id == requester_id)
        .order_by(QualificationType.name)
    )
    return [Score(*row) for row in db.execute(statement)]


def bonuses(db: Session, requester_id: str, worker_id: str, limit: int = 20) -> Sequence[BonusPayment]:
    """The last Bonuses that the Requester paid the Worker."""
    mine = (BonusPayment.requester_id == requester_id) & (BonusPayment.worker_id == worker_id)
    return db.scalars(select(BonusPayment).where(mine).order_by(BonusPayment.seq.desc()).limit(limit)).all()


def _records(db: Session, requester_id: str, worker_ids: Sequence[str]) -> Sequence[Record]:
    def count(*statuses: AssignmentStatus) -> ColumnElement[int]:
        words = [status.value for status in statuses]
        return func.count().filter(Assignment.status.in_(words)) if words else func.count()

    took = func.extract("epoch", Assignment.submitted_at - Assignment.accepted_at)
    statement = (
        select(
            Assignment.worker_id,
            count(),
            count(AssignmentStatus.SUBMITTED),
            count(AssignmentStatus.APPROVED),
            count(AssignmentStatus.REJECTED),
            func.percentile_cont(0.5).within_group(took.asc()),
            func.max(Assignment.submitted_at),
        )
        .join(HIT, HIT.id == Assignment.hit_id)
        .where(Assignment.worker_id.in_(worker_ids), Assignment.submitted_at.is_not(None))
        .where(HIT.requester_id == requester_id)
        .group_by(Assignment.worker_id)
    )
    found = {row[0]: row for row in db.execute(statement)}
    blocks = select(WorkerBlock.worker_id).where(WorkerBlock.requester_id == requester_id)
    blocked = set(db.scalars(blocks.where(WorkerBlock.worker_id.in_(worker_ids))))
    none = (0, 0, 0, 0, None, None)
    return [_record(one, tuple(found[one])[1:] if one in found else none, one in blocked) for one in worker_ids]


def _record(worker_id: str, sums: tuple[Any, ...], is_blocked: bool) -> Record:
    submitted, waiting, approved, rejected, median_s, last_at = sums
    return Record(worker_id, submitted, waiting, approved, rejected, median_s, last_at, is_blocked)


def _is_known(db: Session, requester_id: str, worker_id: str) -> bool:
    """Whether they worked for the Requester, are blocked, hold or ask for a Qualification, or came through a channel."""
    mine = QualificationType.requester_id == requester_id
    ways: list[Select[int]] = [
        _one(Assignment).join(HIT, HIT.id == Assignment.hit_id)
        .where(Assignment.worker_id == worker_id, Assignment.submitted_at.is_not(None))
        .where(HIT.requester_id == requester_id),
        _one(WorkerBlock).where(WorkerBlock.requester_id == requester_id, WorkerBlock.worker_id == worker_id),
        _one(Qualification)
        .join(QualificationType, QualificationType.id == Qualification.qualification_type_id)
        .where(mine, Qualification.worker_id == worker_id),
        _one(QualificationRequest)
        .join(QualificationType, QualificationType.id == QualificationRequest.qualification_type_id)
        .where(mine, QualificationRequest.worker_id == worker_id),
        _one(ChannelMember)
        .join(Channel, Channel.id == ChannelMember.channel_id)
        .where(Channel.requester_id == requester_id, ChannelMember.worker_id == worker_id),
    ]  # fmt: skip
    return bool(db.scalar(select(or_(*(exists(way) for way in ways)))))


def _one(table: type[object]) -> Select[int]:
    return select(literal(1)).select_from(table)
