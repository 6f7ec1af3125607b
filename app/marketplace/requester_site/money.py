"""A Requester's transactions, newest first, with the balances that each one left."""

from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from datetime import datetime
from decimal import Decimal

from sqlalchemy import Row, Select, func, select
from sqlalchemy.orm import Session

from app.marketplace.store import Requester, Transaction, TransactionKind

_FETCHED_AT_ONCE = 2000


@dataclass(frozen=True, slots=True)
class Balances:
    """What can be spent and what is on hold for HITs."""

    available_usd: Decimal
    on_hold_usd: Decimal


@dataclass(frozen=True, slots=True)
class Movement:
    """One transaction and, where it is known, what was left after it."""

    id: int
    at: datetime
    kind: str
    available_delta_usd: Decimal
    on_hold_delta_usd: Decimal
    hit_id: str | None
    assignment_id: str | None
    after: Balances | None


_COLUMNS = (
    Transaction.id,
    Transaction.at,
    Transaction.kind,
    Transaction.available_delta_usd,
    Transaction.on_hold_delta_usd,
    Transaction.hit_id,
    Transaction.assignment_id,
)
_Row = Row[int, datetime, str, Decimal, Decimal, str | None, str | None]


def balances(db: Session, requester_id: str) -> Balances:
    """As they are now."""
    row = db.execute(select(Requester.available_usd, Requester.on_hold_usd).where(Requester.id == requester_id)).one()
    return Balances(row[0], row[1])


def movements(
    db: Session, requester_id: str, *, kind: TransactionKind | None, before: int | None, limit: int
) -> Sequence[Movement]:
    """Transactions with ids below `before`, newest first. Filtered by kind they do not follow one another: no balances."""
    statement = _of(requester_id, kind).order_by(Transaction.id.desc()).limit(limit)
    if before is not None:
        statement = statement.where(Transaction.id < before)
    rows = db.execute(statement).all()
    if kind is not None or not rows:
        return [Movement(*row, None) for row in rows]
    return _with_balances(rows, _balances_after(db, requester_id, rows[0].id))


def all_movements(db: Session, requester_id: str, kind: TransactionKind | None) -> Iterator[Movement]:
    """Every transaction, oldest first, a few at a time; the balances add up from nothing."""
    available = on_hold = Decimal(0)
    statement = _of(requester_id, kind).order_by(Transaction.id).execution_options(yield_per=_FETCHED_AT_ONCE)
    for row in db.execute(statement):
        available += row.available_delta_usd
        on_hold += row.on_hold_delta_usd
        yield Movement(*row, None if kind else Balances(available, on_hold))


def _of(
    requester_id: str, kind: TransactionKind | None
) -> Select[int, datetime, str, Decimal, Decimal, str | None, str | None]:
    statement = select(*_COLUMNS).where(Transaction.requester_id == requester_id)
    return statement if kind is None else statement.where(Transaction.kind == kind.value)


def _balances_after(db: Session, requester_id: str, transaction_id: int) -> Balances:
    """From today's balances back: the first page, which is looked at most, sums up nothing."""
    now = balances(db, requester_id)
    later = db.execute(
        select(
            func.coalesce(func.sum(Transaction.available_delta_usd), 0),
            func.coalesce(func.sum(Transaction.on_hold_delta_usd), 0),
        ).where(Transaction.requester_id == requester_id, Transaction.id > transaction_id)
    ).one()
    return Balances(now.available_usd - later[0], now.on_hold_usd - later[1])


def _with_balances(rows: Sequence[_Row], newest: Balances) -> Sequence[Movement]:
    after, found = newest, list[Movement]()
    for row in rows:
        found.append(Movement(*row, after))
        after = Balances(
            after.available_usd - row.available_delta_usd,
            after.on_hold_usd - row.on_hold_delta_usd,
        )
    return found
