"""A Requester's HIT Types and HITs as their lists show them; without the questions, which may be long."""

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import datetime
from decimal import Decimal

from sqlalchemy import ColumnElement, func, select, true
from sqlalchemy.orm import Session

from app.marketplace.store import HIT, HITStatus, HITType, constant

_LISTED = HIT.status != constant(HITStatus.DISPOSED)
_LONGEST_SHOWN = 80


@dataclass(frozen=True, slots=True)
class Wanted:
    """Which HITs: of a status, of a HIT Type, with this text in their annotation, with work to review."""

    status: str = ""
    hit_type_id: str = ""
    text: str = ""
    waiting: bool = False


@dataclass(frozen=True, slots=True)
class HITRow:
    """A HIT in the list. `seq` is the key of its page."""

    seq: int
    id: str
    hit_type_id: str
    title: str
    annotation: str | None
    status: str
    max_assignments: int
    pending: int
    submitted: int
    approved: int
    rejected: int
    reward_usd: Decimal
    created_at: datetime
    expires_at: datetime


@dataclass(frozen=True, slots=True)
class TypeRow:
    """A HIT Type in the list, with the sums of its HITs' counters."""

    hit_type: HITType
    hits: int
    submitted: int
    approved: int
    rejected: int


_COLUMNS = (
    HIT.seq,
    HIT.id,
    HIT.hit_type_id,
    HITType.title,
    func.left(HIT.requester_annotation, _LONGEST_SHOWN),
    HIT.status,
    HIT.max_assignments,
    HIT.pending,
    HIT.submitted,
    HIT.approved,
    HIT.rejected,
    HIT.reward_usd,
    HIT.created_at,
    HIT.expires_at,
)


def hits(db: Session, requester_id: str, wanted: Wanted, *, before: int | None, limit: int) -> Sequence[HITRow]:
    """HITs that are not disposed, newest first, with keys below `before`."""
    statement = select(*_COLUMNS).join(HITType, HITType.id == HIT.hit_type_id)
    statement = statement.where(HIT.requester_id == requester_id, _LISTED, *_conditions(wanted))
    if before is not None:
        statement = statement.where(HIT.seq < before)
    return [HITRow(*row) for row in db.execute(statement.order_by(HIT.seq.desc()).limit(limit))]


def hit_types(db: Session, requester_id: str, *, limit: int, offset: int) -> Sequence[TypeRow]:
    """HIT Types, newest first."""
    chosen = (
        select(HITType)
        .where(HITType.requester_id == requester_id)
        .order_by(HITType.created_at.desc(), HITType.id)
        .limit(limit)
        .offset(offset)
    )
    return [_with_counts(db, hit_type) for hit_type in db.scalars(chosen)]


def hit_type(db: Session, requester_id: str, hit_type_id: str) -> TypeRow | None:
    """The Requester's HIT Type; None where there is none."""
    found = db.get(HITType, hit_type_id)
    return None if found is None or found.requester_id != requester_id else _with_counts(db, found)


def _with_counts(db: Session, hit_type: HITType) -> TypeRow:
    sums = [func.coalesce(func.sum(column), 0) for column in (HIT.submitted, HIT.approved, HIT.rejected)]
    row = db.execute(select(func.count(), *sums).where(HIT.hit_type_id == hit_type.id, _LISTED)).one()
    return TypeRow(hit_type, *map(int, row))


def _conditions(wanted: Wanted) -> list[ColumnElement[bool]]:
    return [
        HIT.status == wanted.status if wanted.status else true(),
        HIT.hit_type_id == wanted.hit_type_id if wanted.hit_type_id else true(),
        HIT.requester_annotation.icontains(wanted.text, autoescape=True) if wanted.text else true(),
        HIT.submitted > 0 if wanted.waiting else true(),
    ]
