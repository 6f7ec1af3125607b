"""The ledger: what a Batch may still spend, and the entries of everything that it does.

A Batch's *committed* money is what its HITs reserve, less what was released, plus its bonuses with their fees. It never
passes the Batch's cap, nor what the Account that created it may spend in all: whoever writes an intent that costs money
asks `check_room` in the same transaction, with the Batch's row locked. Locks are taken Batch first, then Account.
"""

from collections.abc import Mapping, Sequence
from decimal import Decimal

from sqlalchemy import select, text
from sqlalchemy.orm import Session

from app.db.fees import fee_sql
from app.db.tables import Account, Batch
from app.domain.pricing import Price
from app.domain.vocabulary import AssignmentId, BatchId, OperationId, PaymentStatus
from app.errors import BudgetExceeded, NotFound

# What BudgetExceeded names where it is not the Batch's cap.
ACCOUNT_CAP = "the Account's cap"

_COMMITTED = """
    coalesce(sum(p.amount_usd) FILTER (WHERE p.kind IN ('reservation', 'release')
        OR (p.kind IN ('bonus', 'bonus_fee') AND p.status <> 'cancelled')), 0)
"""


def locked_batch(db: Session, batch_id: BatchId) -> Batch:
    """The Batch, its row locked until the transaction ends. Raises NotFound.

    Rows that name the Batch may be written meanwhile (PostgreSQL asks for a key's share when an Item is updated twice): who
    reads answers holds Items, and whoever holds the Batch may be waiting for these.
    """
    batch = db.get(Batch, batch_id, with_for_update={"key_share": True}, populate_existing=True)
    if batch is None:
        raise NotFound("Batch", batch_id)
    return batch


def committed_usd(db: Session, batch_id: BatchId) -> Decimal:
    """What the Batch has reserved and not released, bonuses included: never more than its cap."""
    statement = text(f"SELECT {_COMMITTED} FROM payments AS p WHERE p.batch_id = :id")
    return Decimal(db.execute(statement, {"id": batch_id}).scalar_one())


def account_committed_usd(db: Session, account_id: int) -> Decimal:
    """The same over all Batches that the Account created."""
    statement = text(f"""
        SELECT {_COMMITTED} FROM payments AS p JOIN batches AS b ON b.id = p.batch_id WHERE b.created_by = :id
    """)
    return Decimal(db.execute(statement, {"id": account_id}).scalar_one())


def committed_by_account(db: Session) -> dict[int, Decimal]:
    """What the Batches of each Account have committed together, by the Account's number."""
    statement = text(f"""
        SELECT b.created_by, {_COMMITTED} AS usd FROM batches AS b LEFT JOIN payments AS p ON p.batch_id = b.id
        WHERE b.created_by IS NOT NULL GROUP BY b.created_by
    """)
    return {row.created_by: Decimal(row.usd) for row in db.execute(statement)}


def check_room(db: Session, batch: Batch, amount_usd: Decimal) -> None:
    """Raise BudgetExceeded unless `amount_usd` more fits under the Batch's cap and under its Account's.

    batch: from `locked_batch`, in the transaction that will write the entries.
    """
    left = (batch.cap_usd or Decimal(0)) - committed_usd(db, BatchId(batch.id))
    if amount_usd > left:
        raise BudgetExceeded(amount_usd, left)
    check_account(db, batch, amount_usd)


def check_account(db: Session, batch: Batch, amount_usd: Decimal) -> None:
    """Raise BudgetExceeded unless `amount_usd` more fits under the cap of the Account that created the Batch, if it has one."""
    if batch.created_by is None:
        return
    cap = db.execute(select(Account.cap_usd).where(Account.id == batch.created_by).with_for_update()).scalar_one()
    if cap is None:
        return
    left = cap - account_committed_usd(db, batch.created_by)
    if amount_usd > left:
        raise BudgetExceeded(amount_usd, max(left, Decimal("0.00")), ACCOUNT_CAP)


def reserve(db: Session, operation_id: OperationId, amount_usd: Decimal) -> None:
    """Reserve `amount_usd` for an extension or an override; `check_room` comes first. Once per operation."""
    db.execute(
        text("""
            INSERT INTO payments (batch_id, hit_id, operation_id, kind, status, amount_usd)
            SELECT batch_id, hit_id, id, 'reservation', 'booked', :amount FROM operations WHERE id = :id
            ON CONFLICT DO NOTHING
        """),
        {"id": operation_id, "amount": amount_usd},
    )


def release(db: Session, operation_ids: Sequence[int]) -> None:
    """Give back what these operations reserved: they will not be done. Once per operation."""
    db.execute(
        text("""
            INSERT INTO payments (batch_id, hit_id, operation_id, kind, status, amount_usd)
            SELECT batch_id, hit_id, operation_id, 'release', 'booked', -amount_usd FROM payments
            WHERE operation_id = ANY(:ids) AND kind = 'reservation'
            ON CONFLICT DO NOTHING
        """),
        {"ids": list(operation_ids)},
    )


def release_share(db: Session, operation_id: OperationId, amount_usd: Decimal) -> None:
    """Give back `amount_usd` of the HIT's reservation with a rejection: that work costs nothing. Once per operation."""
    db.execute(
        text("""
            INSERT INTO payments (batch_id, hit_id, operation_id, kind, status, amount_usd)
            SELECT batch_id, hit_id, id, 'release', 'booked', -CAST(:amount AS numeric) FROM operations WHERE id = :id
            ON CONFLICT DO NOTHING
        """),
        {"id": operation_id, "amount": amount_usd},
    )


def release_hits(db: Session, hit_ids: Sequence[int]) -> None:
    """Give back what these HITs did not spend. The caller has just closed or cancelled them, by compare-and-set."""
    db.execute(
        text("""
            INSERT INTO payments (batch_id, hit_id, kind, status, amount_usd)
            SELECT batch_id, hit_id, 'release', 'booked', -unspent FROM (
                SELECT batch_id, hit_id, sum(amount_usd) FILTER (WHERE kind IN ('reservation', 'release'))
                     - coalesce(sum(amount_usd) FILTER (WHERE kind IN ('reward', 'fee') AND status <> 'cancelled'), 0) AS unspent
                FROM payments WHERE hit_id = ANY(:hits) GROUP BY batch_id, hit_id
            ) AS rest WHERE unspent > 0
        """),
        {"hits": list(hit_ids)},
    )


def owe(db: Session, assignment_ids: Sequence[AssignmentId], *, status: PaymentStatus = PaymentStatus.OWED) -> None:
    """Reward and fee of each Assignment, once: what is booked already stays, what was cancelled is owed again.

    The price is that of the Assignment's own HIT group; ten or more places do not occur (`domain/batch_settings.py`).
    """
    db.execute(
        text(f"""
            INSERT INTO payments (batch_id, hit_id, assignment_id, kind, status, amount_usd, paid_at)
            SELECT h.batch_id, a.hit_id, a.id, part.kind, CAST(:status AS varchar), part.amount_usd,
                   CASE WHEN CAST(:status AS varchar) = 'paid' THEN now() END
            FROM assignments AS a JOIN hits AS h ON h.id = a.hit_id JOIN hit_groups AS g ON g.id = h.group_id
            CROSS JOIN LATERAL (VALUES
                ('reward', g.reward_usd),
                ('fee', {fee_sql("g.reward_usd", "g.masters")})
            ) AS part (kind, amount_usd)
            WHERE a.id = ANY(:ids)
            ON CONFLICT (assignment_id, kind) WHERE kind IN ('reward', 'fee') DO UPDATE
                SET status = excluded.status, paid_at = excluded.paid_at WHERE payments.status = 'cancelled'
        """),
        {"ids": list(assignment_ids), "status": status},
    )


def owe_bonus(db: Session, operation_id: OperationId, bonus: Price) -> None:
    """A bonus and its fee, owed until the marketplace has paid it; `check_room` comes first. Once per operation."""
    owe_bonuses(db, {operation_id: bonus})


def owe_bonuses(db: Session, bonuses: Mapping[OperationId, Price]) -> None:
    """`owe_bonus` for many. One that was cancelled and is wanted after all is owed again."""
    db.execute(
        text("""
            INSERT INTO payments (batch_id, hit_id, assignment_id, operation_id, kind, status, amount_usd)
            SELECT o.batch_id, o.hit_id, o.assignment_id, o.id, part.kind, 'owed', part.amount_usd
            FROM unnest(CAST(:ids AS bigint[]), CAST(:bonuses AS numeric[]), CAST(:fees AS numeric[])) AS b (id, bonus, fee)
            JOIN operations AS o ON o.id = b.id
            CROSS JOIN LATERAL (VALUES ('bonus', b.bonus), ('bonus_fee', b.fee)) AS part (kind, amount_usd)
            ON CONFLICT (operation_id, kind) WHERE operation_id IS NOT NULL DO UPDATE
                SET status = excluded.status WHERE payments.status = 'cancelled'
        """),
        {
            "ids": list(bonuses),
            "bonuses": [price.reward_usd for price in bonuses.values()],
            "fees": [price.fee_usd for price in bonuses.values()],
        },
    )


def pay(db: Session, assignment_ids: Sequence[AssignmentId]) -> None:
    """The marketplace approved: what was owed for these Assignments is paid."""
    db.execute(
        text("""
            UPDATE payments SET status = 'paid', paid_at = now()
            WHERE assignment_id = ANY(:ids) AND kind IN ('reward', 'fee') AND status = 'owed'
        """),
        {"ids": list(assignment_ids)},
    )


def cancel_owed(db: Session, assignment_ids: Sequence[AssignmentId]) -> None:
    """The marketplace rejected: what was owed for these Assignments is not."""
    db.execute(
        text("""
            UPDATE payments SET status = 'cancelled'
            WHERE assignment_id = ANY(:ids) AND kind IN ('reward', 'fee') AND status = 'owed'
        """),
        {"ids": list(assignment_ids)},
    )


def close_bonuses(db: Session, operation_ids: Sequence[int], status: PaymentStatus) -> None:
    """Bonuses that the marketplace paid, or will not pay."""
    db.execute(
        text("""
            UPDATE payments SET status = CAST(:status AS varchar),
                paid_at = CASE WHEN CAST(:status AS varchar) = 'paid' THEN now() END
            WHERE operation_id = ANY(:ids) AND kind IN ('bonus', 'bonus_fee') AND status = 'owed'
        """),
        {"ids": list(operation_ids), "status": status},
    )
