"""The ledger as people read it: every entry of a Batch with what it was for, and what is committed and paid so far."""

from collections.abc import Generator, Sequence
from dataclasses import dataclass
from datetime import datetime
from decimal import Decimal

from sqlalchemy import text
from sqlalchemy.orm import Session

from app.db.copying import copy_out
from app.db.tables import Batch
from app.domain.vocabulary import BatchId, OperationStatus, PaymentKind, PaymentStatus
from app.errors import NotFound


@dataclass(frozen=True, slots=True)
class LedgerEntry:
    """One entry. `committed_usd`: reservations less releases, and bonuses, up to this entry; `paid_usd` likewise.

    `paid_usd` counts what is paid by now, in the order of the entries.
    """

    number: int
    at: datetime
    kind: PaymentKind
    status: PaymentStatus
    amount_usd: Decimal
    committed_usd: Decimal
    paid_usd: Decimal
    hit_id: str | None
    assignment_id: str | None
    worker: str | None
    paid_at: datetime | None


@dataclass(frozen=True, slots=True)
class Totals:
    """The ledger in short, in USD. `reserved_usd`: what HITs may still cost."""

    committed_usd: Decimal
    reserved_usd: Decimal
    owed_usd: Decimal
    rewards_usd: Decimal
    bonuses_usd: Decimal
    fees_usd: Decimal
    entries: int

    @property
    def paid_usd(self) -> Decimal:
        """Everything that the marketplace has taken."""
        return self.rewards_usd + self.bonuses_usd + self.fees_usd


@dataclass(frozen=True, slots=True)
class BonusLine:
    """A bonus and how far it is. `id` is our own number of it."""

    id: int
    assignment_id: str
    worker: str
    amount_usd: Decimal
    fee_usd: Decimal
    reason: str
    status: OperationStatus
    tried: bool
    error: str | None
    asked_at: datetime
    paid_at: datetime | None

    @property
    def may_cancel(self) -> bool:
        """Whether it can be given up: it was refused, or never tried."""
        return self.status is OperationStatus.FAILED or (self.status is OperationStatus.INTENDED and not self.tried)


_COMMITTED = (
    """p.kind IN ('reservation', 'release') OR (p.kind IN ('bonus', 'bonus_fee') AND p.status <> 'cancelled')"""
)
_ENTRIES = f"""
    SELECT p.id AS number, {{at}} AS at, p.kind, p.status, p.amount_usd,
           coalesce(sum(p.amount_usd) FILTER (WHERE {_COMMITTED}) OVER entries, 0) AS committed_usd,
           coalesce(sum(p.amount_usd) FILTER (WHERE p.status = 'paid') OVER entries, 0) AS paid_usd,
           h.marketplace_hit_id AS hit_id, a.marketplace_assignment_id AS assignment_id, {{worker}} AS worker,
           {{paid_at}} AS paid_at
    FROM payments AS p JOIN hits AS h ON h.id = p.hit_id
    LEFT JOIN assignments AS a ON a.id = p.assignment_id LEFT JOIN workers AS w ON w.id = a.worker_id
    WHERE p.batch_id = {{batch_id}} WINDOW entries AS (ORDER BY p.id)
"""


def entries(db: Session, batch_id: BatchId, *, before: int | None = None, limit: int = 100) -> Sequence[LedgerEntry]:
    """The newest entries first; `before`: those older than the entry of that number."""
    query = _ENTRIES.format(at="p.created_at", paid_at="p.paid_at", worker="w.pseudonym", batch_id=":id")
    page = text(f"""
        SELECT * FROM ({query}) AS e WHERE CAST(:before AS bigint) IS NULL OR e.number < :before
        ORDER BY e.number DESC LIMIT :limit
    """)
    rows = db.execute(page, {"id": batch_id, "before": before, "limit": limit})
    return [LedgerEntry(row.number, row.at, PaymentKind(row.kind), PaymentStatus(row.status), *row[4:]) for row in rows]


def payments_csv(db: Session, batch_id: BatchId, *, worker_ids: bool = False) -> Generator[bytes, None, None]:
    """Every entry, oldest first. Raises NotFound at once. worker_ids: the marketplace's ids instead of pseudonyms."""
    if db.get(Batch, batch_id) is None:
        raise NotFound("Batch", batch_id)
    query = _ENTRIES.format(
        at=_iso("p.created_at"),
        paid_at=_iso("p.paid_at"),
        worker="w.marketplace_worker_id" if worker_ids else "w.pseudonym",
        batch_id="%(batch_id)s",
    )
    named = f"SELECT e.*, b.name AS batch, b.profile FROM ({query}) AS e, batches AS b WHERE b.id = %(batch_id)s ORDER BY number"
    return copy_out(db, named, {"batch_id": batch_id})


def totals(db: Session, batch_id: BatchId) -> Totals:
    """The sums of the Batch's ledger."""
    row = db.execute(
        text(f"""
            SELECT coalesce(sum(p.amount_usd) FILTER (WHERE {_COMMITTED}), 0) AS committed,
                   coalesce(sum(p.amount_usd) FILTER (WHERE p.kind IN ('reservation', 'release')), 0)
                     - coalesce(sum(p.amount_usd) FILTER (WHERE p.kind IN ('reward', 'fee')
                                                            AND p.status <> 'cancelled'), 0) AS reserved,
                   coalesce(sum(p.amount_usd) FILTER (WHERE p.status = 'owed'), 0) AS owed,
                   coalesce(sum(p.amount_usd) FILTER (WHERE p.status = 'paid' AND p.kind = 'reward'), 0) AS rewards,
                   coalesce(sum(p.amount_usd) FILTER (WHERE p.status = 'paid' AND p.kind = 'bonus'), 0) AS bonuses,
                   coalesce(sum(p.amount_usd) FILTER (WHERE p.status = 'paid' AND p.kind IN ('fee', 'bonus_fee')), 0) AS fees,
                   count(*) AS entries
            FROM payments AS p WHERE p.batch_id = :id
        """),
        {"id": batch_id},
    ).one()
    return Totals(*row)


_BONUSES = text("""
    SELECT o.id, a.marketplace_assignment_id, w.pseudonym, CAST(o.arguments ->> 'amount_usd' AS numeric) AS amount_usd,
           coalesce(f.amount_usd, 0) AS fee_usd, o.arguments ->> 'reason' AS reason, o.status, o.attempts > 0 AS tried,
           o.error, o.created_at, CASE WHEN o.status = 'done' THEN o.finished_at END AS paid_at
    FROM operations AS o JOIN assignments AS a ON a.id = o.assignment_id JOIN workers AS w ON w.id = a.worker_id
    LEFT JOIN payments AS f ON f.operation_id = o.id AND f.kind = 'bonus_fee'
    WHERE o.batch_id = :id AND o.kind = 'bonus' AND (NOT :failed OR o.status = 'failed')
      AND (CAST(:before AS bigint) IS NULL OR o.id < :before)
    ORDER BY o.id DESC LIMIT :limit
""")


def bonuses(
    db: Session, batch_id: BatchId, *, failed: bool = False, before: int | None = None, limit: int = 100
) -> Sequence[BonusLine]:
    """The Batch's bonuses, newest first; `failed`: the refused ones alone."""
    rows = db.execute(_BONUSES, {"id": batch_id, "failed": failed, "before": before, "limit": limit})
    return [
        BonusLine(
            id=row.id,
            assignment_id=row.marketplace_assignment_id,
            worker=row.pseudonym,
            amount_usd=row.amount_usd,
            fee_usd=row.fee_usd,
            reason=row.reason,
            status=OperationStatus(row.status),
            tried=row.tried,
            error=row.error,
            asked_at=row.created_at,
            paid_at=row.paid_at,
        )
        for row in rows
    ]


def _iso(column: str) -> str:
    return f"""to_char({column} AT TIME ZONE 'UTC', 'YYYY-MM-DD"T"HH24:MI:SS.MS"Z"')"""
