"""Intents to pay a bonus, with their money: what sheets, single bonuses and top-ups share.

A bonus is known by its Assignment, amount and reason: the same one is written down once however often it is asked for.
"""

from collections.abc import Sequence
from dataclasses import dataclass
from decimal import Decimal

from sqlalchemy import text
from sqlalchemy.orm import Session

from app.db import ledger, operations
from app.db.operations import Bonus, Intent
from app.db.tables import Batch
from app.domain.bonus_rows import bonus_key, bonus_token
from app.domain.pricing import Price, bonus_price
from app.domain.vocabulary import AssignmentId, BatchId, HITId, OperationId, OperationKind
from app.errors import BudgetExceeded, Conflict


@dataclass(frozen=True, slots=True)
class WantedBonus:
    """A bonus on an Assignment that is known. `line`: of the sheet that asks for it."""

    assignment_id: AssignmentId
    hit_id: HITId
    marketplace_assignment_id: str
    amount_usd: Decimal
    reason: str
    line: int | None = None

    @property
    def key(self) -> str:
        """Tells it from other bonuses on the same Assignment."""
        return bonus_key(self.amount_usd, self.reason)


def total_price(wanted: Sequence[WantedBonus]) -> Price:
    """Bonuses and fees of all."""
    prices = [bonus_price(bonus.amount_usd) for bonus in wanted]
    return Price(sum((p.reward_usd for p in prices), Decimal(0)), sum((p.fee_usd for p in prices), Decimal(0)))


def not_yet_intended(db: Session, batch_id: BatchId, wanted: Sequence[WantedBonus]) -> list[WantedBonus]:
    """Those that nobody asked for before, or that were cancelled since."""
    known = db.execute(
        text("""
            SELECT assignment_id, key FROM operations
            WHERE batch_id = :id AND kind = 'bonus' AND status <> 'cancelled' AND assignment_id = ANY(:assignments)
        """),
        {"id": batch_id, "assignments": [bonus.assignment_id for bonus in wanted]},
    )
    pairs = {(row.assignment_id, row.key) for row in known}
    return [bonus for bonus in wanted if (bonus.assignment_id, bonus.key) not in pairs]


def check_room(db: Session, batch: Batch, price: Price) -> None:
    """Raise Conflict where the Batch's cap does not cover the bonuses, BudgetExceeded where the Account's does not."""
    try:
        ledger.check_room(db, batch, price.total_usd)
    except BudgetExceeded as error:
        if error.of != "the cap":
            raise
        enough = (batch.cap_usd or Decimal(0)) + price.total_usd - error.left_usd
        raise Conflict(
            f"these bonuses cost ${price.total_usd} with fees and the cap of Batch {batch.id} leaves ${error.left_usd};"
            f" raise the cap to ${enough} (`labeljury batch set-cap {batch.id} {enough}`) and pay them again"
        ) from error


def intend_bonuses(db: Session, batch: Batch, wanted: Sequence[WantedBonus]) -> None:
    """Write down bonuses that are `not_yet_intended`, and owe them; `check_room` comes first.

    batch: from `ledger.locked_batch`, in this transaction.
    """
    _revive(db, wanted)
    intents = [
        Intent(
            hit_id=bonus.hit_id,
            assignment_id=bonus.assignment_id,
            key=bonus.key,
            arguments=Bonus(
                bonus.amount_usd, bonus.reason, bonus_token(batch.token, bonus.marketplace_assignment_id, bonus.key)
            ).arguments(),
        )
        for bonus in wanted
    ]
    operations.intend(db, OperationKind.BONUS, BatchId(batch.id), intents)
    ledger.owe_bonuses(db, _prices(db, wanted))


def _revive(db: Session, wanted: Sequence[WantedBonus]) -> None:
    """What was cancelled and is wanted after all is to be done again."""
    db.execute(
        text("""
            UPDATE operations AS o SET status = 'intended', not_before = now(), error = NULL, finished_at = NULL
            FROM unnest(CAST(:ids AS bigint[]), CAST(:keys AS text[])) AS w (assignment_id, key)
            WHERE o.kind = 'bonus' AND o.status = 'cancelled' AND o.assignment_id = w.assignment_id AND o.key = w.key
        """),
        {"ids": [bonus.assignment_id for bonus in wanted], "keys": [bonus.key for bonus in wanted]},
    )


def _prices(db: Session, wanted: Sequence[WantedBonus]) -> dict[OperationId, Price]:
    amounts = {(bonus.assignment_id, bonus.key): bonus.amount_usd for bonus in wanted}
    rows = db.execute(
        text("SELECT id, assignment_id, key FROM operations WHERE kind = 'bonus' AND assignment_id = ANY(:ids)"),
        {"ids": [bonus.assignment_id for bonus in wanted]},
    )
    return {
        OperationId(row.id): bonus_price(amounts[row.assignment_id, row.key])
        for row in rows
        if (row.assignment_id, row.key) in amounts
    }
