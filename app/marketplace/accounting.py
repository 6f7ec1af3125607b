"""A Requester's money: reserved when a HIT is made, paid when work is approved, released when it cannot be any more."""

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import datetime
from decimal import Decimal

from sqlalchemy import insert, update
from sqlalchemy.orm import Session

from app.marketplace.store import Requester, Transaction, TransactionKind
from app.marketplace.wire_errors import insufficient_funds

ZERO = Decimal("0.00")


@dataclass(frozen=True, slots=True)
class Entry:
    """One movement of money, to be posted."""

    kind: TransactionKind
    available_delta_usd: Decimal = ZERO
    on_hold_delta_usd: Decimal = ZERO
    hit_id: str | None = None
    assignment_id: str | None = None


def post(db: Session, requester_id: str, entries: Sequence[Entry], now: datetime) -> None:
    """Write the entries and change the balances by their sums.

    Must be the transaction's last statement: it locks the Requester, for whom others wait. Raises RequestError
    InsufficientFunds, and then the caller's transaction must end without a commit.
    """
    db.flush()
    if not entries:
        return
    db.execute(
        insert(Transaction),
        [
            {
                "requester_id": requester_id,
                "kind": entry.kind,
                "available_delta_usd": entry.available_delta_usd,
                "on_hold_delta_usd": entry.on_hold_delta_usd,
                "hit_id": entry.hit_id,
                "assignment_id": entry.assignment_id,
                "at": now,
            }
            for entry in entries
        ],
    )
    available = sum((entry.available_delta_usd for entry in entries), ZERO)
    on_hold = sum((entry.on_hold_delta_usd for entry in entries), ZERO)
    paid = db.execute(
        update(Requester)
        .where(Requester.id == requester_id, Requester.available_usd + available >= 0)
        .values(available_usd=Requester.available_usd + available, on_hold_usd=Requester.on_hold_usd + on_hold)
        .returning(Requester.id)
        .execution_options(synchronize_session=False)
    ).scalar_one_or_none()
    if paid is None:
        raise insufficient_funds()


def hold(hit_id: str, unit_cost_usd: Decimal, slots: int) -> list[Entry]:
    """Put the cost of `slots` Assignments on hold; a negative number releases it."""
    if slots == 0:
        return []
    amount = unit_cost_usd * slots
    kind = TransactionKind.RESERVE if slots > 0 else TransactionKind.RELEASE
    return [Entry(kind, available_delta_usd=-amount, on_hold_delta_usd=amount, hit_id=hit_id)]


def pay(
    hit_id: str, assignment_id: str, *, reward_usd: Decimal, fee_usd: Decimal, from_hold: bool = True
) -> list[Entry]:
    """Pay one Assignment's Reward and fee, from what was on hold for it or, after an overridden rejection, directly."""
    entries = []
    for kind, amount in ((TransactionKind.REWARD, reward_usd), (TransactionKind.FEE, fee_usd)):
        delta = {"on_hold_delta_usd": -amount} if from_hold else {"available_delta_usd": -amount}
        entries.append(Entry(kind, hit_id=hit_id, assignment_id=assignment_id, **delta))
    return entries
