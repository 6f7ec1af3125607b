"""What a Batch looks like now: progress and money. Reads only; one statement per report."""

from dataclasses import dataclass
from datetime import datetime
from decimal import Decimal
from typing import Any

from sqlalchemy import Row, text
from sqlalchemy.orm import Session

from app.domain.consensus.majority import NAME as METHOD
from app.domain.pricing import assignment_price
from app.domain.statistics.categories import CategoryTable, tabulate
from app.domain.vocabulary import BatchId, BatchStatus, Category, MediaType
from app.errors import NotFound

SHOWN_FAILURES = 20


@dataclass(frozen=True, slots=True)
class HitCounts:
    """HITs by our own status."""

    planned: int
    publishing: int
    live: int
    done: int
    cancelled: int

    @property
    def total(self) -> int:
        """All HITs that were planned."""
        return self.planned + self.publishing + self.live + self.done + self.cancelled

    @property
    def published(self) -> int:
        """HITs that the marketplace has seen."""
        return self.live + self.done


@dataclass(frozen=True, slots=True)
class AssignmentCounts:
    """Assignments: `expected` places on all HITs that were not cancelled, and what came in so far."""

    expected: int
    submitted: int
    approved: int
    rejected: int
    quarantined: int


@dataclass(frozen=True, slots=True)
class Money:
    """USD. `reserved` is what HITs and bonuses may cost or have cost, never above `cap`; `spent` was paid, `owed` will be.

    cap: None until launch sets it. forecast: if every place is filled and approved; None until HITs are planned.
    """

    cap_usd: Decimal | None
    reserved_usd: Decimal
    spent_usd: Decimal
    owed_usd: Decimal
    forecast_usd: Decimal | None

    @property
    def still_reserved_usd(self) -> Decimal:
        """What may yet be spent: neither paid nor owed; nothing once the Batch is over."""
        return max(self.reserved_usd - self.spent_usd - self.owed_usd, Decimal(0))


@dataclass(frozen=True, slots=True)
class FailedOperation:
    """A marketplace call that was refused: a person must look."""

    kind: str
    marketplace_hit_id: str | None
    attempts: int
    error: str
    finished_at: datetime | None


@dataclass(frozen=True, slots=True)
class Progress:
    """How far a Batch is. `categories` counts settled Items only; `agreement` is the mean over Items with Responses.

    responses_expected: where more are asked only while an outcome is open, what came and what is asked for now.
    short: Items that end with fewer answers than they should, since a cap or a limit keeps more from being asked for.
    """

    batch_id: BatchId
    status: BatchStatus
    items: int
    hits: HitCounts
    assignments: AssignmentCounts
    responses_expected: int
    responses: int
    cannot_tell: int
    settled: int
    open: int
    short: int
    categories: CategoryTable
    agreement: float | None
    money: Money
    failed_operations: int
    attention: str | None

    @property
    def finished(self) -> bool:
        """Whether nothing more will happen."""
        return self.status in {BatchStatus.DONE, BatchStatus.STOPPED}

    @property
    def done_share(self) -> float:
        """From 0 to 1: the share of the expected Responses that came; 1 once the Batch is done."""
        if self.status is BatchStatus.DONE:
            return 1.0
        return min(1.0, self.responses / self.responses_expected) if self.responses_expected else 0.0


@dataclass(frozen=True, slots=True)
class BatchSummary:
    """One line of the overview. `reserved_usd` is what HITs may cost or have cost; `spent_usd` was paid."""

    id: BatchId
    name: str
    status: BatchStatus
    profile: str
    media_type: MediaType
    items: int
    responses_expected: int
    responses: int
    cap_usd: Decimal | None
    reserved_usd: Decimal
    spent_usd: Decimal
    attention: str | None
    created_at: datetime
    launched_at: datetime | None
    finished_at: datetime | None

    @property
    def done_share(self) -> float:
        """From 0 to 1, as in Progress."""
        if self.status is BatchStatus.DONE:
            return 1.0
        return min(1.0, self.responses / self.responses_expected) if self.responses_expected else 0.0


# Answers that are asked for and did not come yet, less the first ones of every Item, where more are asked only while an outcome
# is open: none of what is settled, and at least one of what is open.
_STILL_ASKED = """
    coalesce(sum(CASE WHEN c.status = 'settled' THEN 0
                      ELSE greatest(b.first_assignments - c.response_count - c.cannot_tell_count, 1) END
                 - b.first_assignments), 0)
"""
_PROGRESS = text(f"""
    WITH hit AS (
        SELECT count(*) FILTER (WHERE status = 'planned') AS planned,
               count(*) FILTER (WHERE status = 'publishing') AS publishing,
               count(*) FILTER (WHERE status = 'live') AS live,
               count(*) FILTER (WHERE status = 'done') AS done,
               count(*) FILTER (WHERE status = 'cancelled') AS cancelled,
               coalesce(sum(max_assignments) FILTER (WHERE status <> 'cancelled'), 0) AS places
        FROM hits WHERE batch_id = :id
    ), work AS (
        SELECT count(*) AS submitted,
               count(*) FILTER (WHERE a.status = 'approved') AS approved,
               count(*) FILTER (WHERE a.status = 'rejected') AS rejected,
               count(*) FILTER (WHERE a.answer_state = 'quarantined') AS quarantined
        FROM hits h JOIN assignments a ON a.hit_id = h.id WHERE h.batch_id = :id
    ), verdict AS (
        -- Responses are summed from the Consensus, which follows them within moments: counting them one by one costs as
        -- much again as the rest of this statement.
        SELECT coalesce(sum(c.response_count), 0) AS responses,
               coalesce(sum(c.cannot_tell_count), 0) AS cannot_tell,
               avg(c.agreement) AS agreement,
               count(*) FILTER (WHERE c.status = 'settled') AS settled,
               {_STILL_ASKED} AS still_asked,
               count(*) FILTER (WHERE c.status = 'settled' AND c.category = 'non-error') AS non_error,
               count(*) FILTER (WHERE c.status = 'settled' AND c.category = 'correctable') AS correctable,
               count(*) FILTER (WHERE c.status = 'settled' AND c.category = 'multi-label') AS multi_label,
               count(*) FILTER (WHERE c.status = 'settled' AND c.category = 'neither') AS neither,
               count(*) FILTER (WHERE c.status = 'settled' AND c.category = 'non-agreement') AS non_agreement
        FROM items i JOIN consensus c ON c.item_id = i.id AND c.method = :method JOIN batches b ON b.id = i.batch_id
        WHERE i.batch_id = :id
    ), money AS (
        SELECT coalesce(sum(amount_usd) FILTER (WHERE kind IN ('reservation', 'release')
                                                   OR (kind IN ('bonus', 'bonus_fee') AND status <> 'cancelled')), 0) AS reserved,
               coalesce(sum(amount_usd) FILTER (WHERE status = 'paid'), 0) AS spent,
               coalesce(sum(amount_usd) FILTER (WHERE status = 'owed'), 0) AS owed
        FROM payments WHERE batch_id = :id
    )
    SELECT b.id, b.status, b.item_count, b.attention, b.cap_usd, b.reward_usd, b.masters, b.assignments_per_item,
           b.first_assignments,
           (SELECT count(*) FROM items WHERE batch_id = :id AND shortfall IN ('cap', 'limit')) AS short,
           hit.*, work.*, verdict.*, money.*,
           (SELECT count(*) FROM operations WHERE batch_id = :id AND status = 'failed') AS failed
    FROM batches b, hit, work, verdict, money
    WHERE b.id = :id
""")


def progress(db: Session, batch_id: BatchId) -> Progress:
    """How far the Batch is. Raises NotFound."""
    row = db.execute(_PROGRESS, {"id": batch_id, "method": METHOD}).one_or_none()
    if row is None:
        raise NotFound("Batch", batch_id)
    price = assignment_price(row.reward_usd, max_assignments=row.assignments_per_item, masters=row.masters)
    hits = HitCounts(row.planned, row.publishing, row.live, row.done, row.cancelled)
    return Progress(
        batch_id=BatchId(row.id),
        status=BatchStatus(row.status),
        items=row.item_count,
        hits=hits,
        assignments=AssignmentCounts(row.places, row.submitted, row.approved, row.rejected, row.quarantined),
        responses_expected=_responses_expected(row, row.responses + row.cannot_tell),
        responses=row.responses + row.cannot_tell,
        cannot_tell=row.cannot_tell,
        settled=row.settled,
        open=row.item_count - row.settled,
        short=row.short,
        categories=_categories(row),
        agreement=row.agreement,
        money=Money(
            cap_usd=row.cap_usd,
            reserved_usd=row.reserved,
            spent_usd=row.spent,
            owed_usd=row.owed,
            forecast_usd=price.total_usd * row.places if hits.total else None,
        ),
        failed_operations=row.failed,
        attention=row.attention,
    )


def _responses_expected(row: Row[Any], responses: int) -> int:
    """What came and what is still asked for; a fixed number where all answers are asked for at once."""
    if row.first_assignments == row.assignments_per_item:
        return int(row.item_count * row.assignments_per_item)
    return int(responses + row.item_count * row.first_assignments + (row.still_asked or 0))


def _categories(row: Row[Any]) -> CategoryTable:
    return tabulate(
        {
            Category.NON_ERROR: row.non_error,
            Category.CORRECTABLE: row.correctable,
            Category.MULTI_LABEL: row.multi_label,
            Category.NEITHER: row.neither,
            Category.NON_AGREEMENT: row.non_agreement,
        }
    )


_OVERVIEW = text(f"""
    SELECT b.id, b.name, b.status, b.profile, b.media_type, b.item_count, b.cap_usd, b.attention,
           b.first_assignments, b.assignments_per_item, votes.still_asked,
           b.created_at, b.launched_at, b.finished_at,
           coalesce(votes.responses, 0) AS responses, coalesce(money.reserved, 0) AS reserved,
           coalesce(money.spent, 0) AS spent
    FROM batches b
    LEFT JOIN LATERAL (
        SELECT sum(c.response_count + c.cannot_tell_count) AS responses, {_STILL_ASKED} AS still_asked
        FROM items i JOIN consensus c ON c.item_id = i.id AND c.method = :method WHERE i.batch_id = b.id
    ) votes ON b.launched_at IS NOT NULL
    LEFT JOIN LATERAL (
        SELECT sum(p.amount_usd) FILTER (WHERE p.kind IN ('reservation', 'release')
                                            OR (p.kind IN ('bonus', 'bonus_fee') AND p.status <> 'cancelled')) AS reserved,
               sum(p.amount_usd) FILTER (WHERE p.status = 'paid') AS spent
        FROM payments p WHERE p.batch_id = b.id
    ) money ON b.launched_at IS NOT NULL
    ORDER BY b.id DESC
""")


def overview(db: Session) -> list[BatchSummary]:
    """All Batches, newest first."""
    return [
        BatchSummary(
            id=BatchId(row.id),
            name=row.name,
            status=BatchStatus(row.status),
            profile=row.profile,
            media_type=MediaType(row.media_type),
            items=row.item_count,
            responses_expected=_responses_expected(row, int(row.responses)),
            responses=row.responses,
            cap_usd=row.cap_usd,
            reserved_usd=row.reserved,
            spent_usd=row.spent,
            attention=row.attention,
            created_at=row.created_at,
            launched_at=row.launched_at,
            finished_at=row.finished_at,
        )
        for row in db.execute(_OVERVIEW, {"method": METHOD})
    ]


_FAILURES = text("""
    SELECT o.kind, h.marketplace_hit_id, o.attempts, coalesce(o.error, '') AS error, o.finished_at
    FROM operations o JOIN hits h ON h.id = o.hit_id
    WHERE o.batch_id = :id AND o.status = 'failed'
    ORDER BY o.id LIMIT :limit
""")


def failed_operations(db: Session, batch_id: BatchId) -> list[FailedOperation]:
    """The first SHOWN_FAILURES marketplace calls that were refused for good."""
    rows = db.execute(_FAILURES, {"id": batch_id, "limit": SHOWN_FAILURES})
    return [FailedOperation(*row) for row in rows]
