"""A Requester's money: reserved when a HIT is made, paid when work is approved, released when it cannot be any more."""

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import datetime
from decimal import Decimal

from sqlalchemy import text
from sqlalchemy.orm import Session

from app.marketplace.store import TransactionKind
from app.marketplace.wire_errors import insufficient_funds

ZERO = Decimal("0.00")
# No Requester has more; the columns could not hold it.
MOST_USD = Decimal("99999999999.99")


@dataclass(frozen=True, slots=True)
class Entry:
    """One movement of money, to be posted."""

    kind: TransactionKind
    available_delta_usd: Decimal = ZERO
    on_hold_delta_usd: Decimal = ZERO
    hit_id: str | None = None
    assignment_id: str | None = None


# One statement, so that the Requester's row, for which others wait, is locked for one round trip and the commit.
_POST = text(
    """
    WITH entries AS (
        SELECT * FROM unnest(
            CAST(:kinds AS text[]), CAST(:available AS numeric[]), CAST(:on_hold AS numeric[]),
            CAST(:hit_ids AS text[]), CAST(:assignment_ids AS text[])
        ) AS entry (kind, available_delta_usd, on_hold_delta_usd, hit_id, assignment_id)
    ), posted AS (
        INSERT INTO marketplace.transactions
            (requester_id, kind, available_delta_usd, on_hold_delta_usd, hit_id, assignment_id, at)
        SELECT :requester_id, entries.*, :now FROM entries
    ), total AS (
        SELECT sum(available_delta_usd) AS available, sum(on_hold_delta_usd) AS on_hold FROM entries
    )
    UPDATE marketplace.requesters
    SET available_usd = available_usd + total.available, on_hold_usd = on_hold_usd + total.on_hold
    FROM total
    WHERE id = :requester_id AND available_usd + total.available >= 0
    RETURNING id
    """
)


def post(db: Session, requester_id: str, entries: Sequence[Entry], now: datetime) -> None:
    """Write the entries and change the balances by their sums.

    Must be the transaction's last statement: it locks the Requester, for whom others wait. Raises RequestError
    InsufficientFunds, and then the caller's transaction must end without a commit.
    """
    db.flush()
    if not entries:
        return
    if any(abs(entry.available_delta_usd) > MOST_USD for entry in entries):
        raise insufficient_funds()
    paid = db.execute(
        _POST,
        {
            "requester_id": requester_id,
            "now": now,
            "kinds": [entry.kind.value for entry in entries],
            "available": [entry.available_delta_usd for entry in entries],
            "on_hold": [entry.on_hold_delta_usd for entry in entries],
            "hit_ids": [entry.hit_id for entry in entries],
            "assignment_ids": [entry.assignment_id for entry in entries],
        },
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


def bonus(hit_id: str, assignment_id: str, *, amount_usd: Decimal, fee_usd: Decimal) -> list[Entry]:
    """Pay a Bonus and its fee from the available balance."""
    return [
        Entry(kind, available_delta_usd=-amount, hit_id=hit_id, assignment_id=assignment_id)
        for kind, amount in ((TransactionKind.BONUS, amount_usd), (TransactionKind.FEE, fee_usd))
    ]
