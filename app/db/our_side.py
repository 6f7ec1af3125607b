"""Our side of a comparison with the marketplace: HITs, Assignments, bonuses and money as our tables have them."""

from collections.abc import Collection
from decimal import Decimal

from sqlalchemy import text
from sqlalchemy.orm import Session

from app.db.operations import Bonus
from app.domain.decisions import OVERRIDABLE_FOR
from app.domain.differences import OurHIT
from app.domain.vocabulary import (
    AssignmentId,
    AssignmentStatus,
    BatchId,
    BatchStatus,
    HITId,
    HITStatus,
    MarketplaceAssignmentId,
    OperationId,
    OperationStatus,
    PaymentStatus,
)
from app.domain.work_differences import OurAssignment, OurBonus

# Batches that ended longer ago are compared only when asked for: their HITs are deleted or purged one by one.
WATCHED_AFTER_END = "30 days"

_OURS = text("""
    SELECT h.id, h.batch_id, b.status AS batch_status, h.status, h.annotation, h.marketplace_hit_id, h.max_assignments,
           h.published_at, h.deleted_at IS NOT NULL AS deleted, a.held, a.decided,
           greatest(h.max_assignments, o.places) AS places_wanted, coalesce(o.busy, false) AS busy
    FROM hits AS h JOIN batches AS b ON b.id = h.batch_id
    CROSS JOIN LATERAL (SELECT count(*) AS held, count(*) FILTER (WHERE status <> 'submitted') AS decided
                        FROM assignments WHERE hit_id = h.id) AS a
    LEFT JOIN (
        SELECT hit_id, max(CAST(arguments ->> 'places' AS int)) FILTER (WHERE kind = 'extend') AS places,
               -- What is younger than this may have happened without being written down yet.
               bool_or(status = 'acting' AND lease_until > now()) AS busy
        FROM operations WHERE kind IN ('publish', 'extend', 'expire', 'delete')
          AND status IN ('intended', 'acting', 'failed') GROUP BY hit_id
    ) AS o ON o.hit_id = h.id
    WHERE b.profile = :profile AND (b.endpoint_url = :url OR b.profile = 'local') AND b.launched_at IS NOT NULL
      AND CASE WHEN CAST(:batch_id AS bigint) IS NULL
               THEN b.finished_at IS NULL OR b.finished_at > now() - CAST(:watched AS interval)
               ELSE b.id = :batch_id END
      AND (CAST(:only AS bigint[]) IS NULL OR h.id = ANY(:only))
    ORDER BY h.id
""")


def our_hits(
    db: Session, profile: str, endpoint_url: str, batch_id: BatchId | None, *, only: Collection[HITId] | None = None
) -> list[OurHIT]:
    """All HITs of the Batches launched on this endpoint, or of one Batch, or `only` these of them."""
    rows = db.execute(
        _OURS,
        {
            "profile": profile,
            "url": endpoint_url,
            "batch_id": batch_id,
            "only": None if only is None else list(only),
            "watched": WATCHED_AFTER_END,
        },
    )
    return [
        OurHIT(
            id=HITId(row.id),
            batch_id=BatchId(row.batch_id),
            batch_status=BatchStatus(row.batch_status),
            status=HITStatus(row.status),
            annotation=row.annotation,
            marketplace_hit_id=row.marketplace_hit_id,
            max_assignments=row.max_assignments,
            places_wanted=row.places_wanted,
            assignments=row.held,
            decided=row.decided,
            published_at=row.published_at,
            busy=row.busy,
            deleted=row.deleted,
        )
        for row in rows
    ]


def our_assignments(db: Session, hit_ids: Collection[HITId]) -> dict[HITId, dict[OurAssignment, AssignmentId]]:
    """These HITs' Assignments, each with its number here."""
    rows = db.execute(
        text("""
            SELECT a.hit_id, a.id, a.marketplace_assignment_id, a.status, a.decided_at, a.collected_at,
                   EXISTS (SELECT 1 FROM operations AS o WHERE o.assignment_id = a.id AND o.status = 'acting'
                           AND o.kind IN ('approve', 'reject', 'override') AND o.lease_until > now()) AS busy
            FROM assignments AS a WHERE a.hit_id = ANY(:ids)
        """),
        {"ids": list(hit_ids)},
    )
    found: dict[HITId, dict[OurAssignment, AssignmentId]] = {}
    for row in rows:
        marketplace_id = MarketplaceAssignmentId(row.marketplace_assignment_id)
        known = OurAssignment(marketplace_id, AssignmentStatus(row.status), row.collected_at, row.decided_at, row.busy)
        found.setdefault(HITId(row.hit_id), {})[known] = AssignmentId(row.id)
    return found


def our_bonuses(db: Session, hit_ids: Collection[HITId]) -> dict[HITId, list[OurBonus]]:
    """These HITs' bonuses, whatever became of them."""
    rows = db.execute(
        text("""
            SELECT o.hit_id, o.id, a.marketplace_assignment_id, o.arguments, o.status, p.status AS payment_status, p.paid_at
            FROM operations AS o JOIN assignments AS a ON a.id = o.assignment_id
            JOIN payments AS p ON p.operation_id = o.id AND p.kind = 'bonus'
            WHERE o.hit_id = ANY(:ids) AND o.kind = 'bonus' ORDER BY o.id
        """),
        {"ids": list(hit_ids)},
    )
    found: dict[HITId, list[OurBonus]] = {}
    for row in rows:
        bonus = Bonus.of(row.arguments)
        found.setdefault(HITId(row.hit_id), []).append(
            OurBonus(
                MarketplaceAssignmentId(row.marketplace_assignment_id),
                OperationId(row.id),
                bonus.amount_usd,
                bonus.reason,
                OperationStatus(row.status),
                PaymentStatus(row.payment_status),
                row.paid_at,
            )
        )
    return found


def open_before(db: Session, endpoint_url: str) -> tuple[set[HITId], set[HITId]]:
    """HITs in whose work, or bonuses, something differed the last time; the second set is of the latter."""
    rows = db.execute(
        text("""
            SELECT h.id, bool_or(d.kind IN ('bonus_not_recorded', 'bonus_missing')) AS bonuses
            FROM differences AS d
            LEFT JOIN assignments AS a ON a.marketplace_assignment_id = split_part(d.subject, ' ', 1)
            JOIN hits AS h ON h.id = a.hit_id OR h.marketplace_hit_id = d.subject
            WHERE d.endpoint_url = :url AND d.resolved_at IS NULL GROUP BY h.id
        """),
        {"url": endpoint_url},
    ).all()
    return {HITId(row.id) for row in rows}, {HITId(row.id) for row in rows if row.bonuses}


def lately_rejected(db: Session, *, most: int) -> set[HITId]:
    """HITs whose rejected work another program may take back: of which the marketplace's counters would say nothing.

    At most `most`, drawn by the hour: all of them get their turn.
    """
    rows = db.scalars(
        text("""
            SELECT hit_id FROM assignments
            WHERE status = 'rejected' AND submitted_at > now() - make_interval(secs => :overridable_s)
            GROUP BY hit_id ORDER BY md5(hit_id || '/' || date_trunc('hour', now())) LIMIT :most
        """),
        {"most": most, "overridable_s": OVERRIDABLE_FOR.total_seconds()},
    )
    return {HITId(row) for row in rows}


def on_hold_usd(db: Session, profile: str, endpoint_url: str) -> Decimal:
    """What our live HITs hold and have not spent, in USD."""
    held = text("""
        SELECT coalesce(sum(p.amount_usd) FILTER (WHERE p.kind IN ('reservation', 'release')), 0)
             - coalesce(sum(p.amount_usd) FILTER (WHERE p.kind IN ('reward', 'fee') AND p.status = 'paid'), 0)
        FROM payments AS p JOIN hits AS h ON h.id = p.hit_id JOIN batches AS b ON b.id = h.batch_id
        WHERE h.status = 'live' AND b.profile = :profile AND (b.endpoint_url = :url OR b.profile = 'local')
    """)
    values = {"profile": profile, "url": endpoint_url}
    return Decimal(db.execute(held, values).scalar_one())


def launched_profiles(db: Session) -> list[str]:
    """Marketplace profiles on which a Batch was ever launched: their heartbeat is kept."""
    rows = db.scalars(text("SELECT DISTINCT profile FROM batches WHERE launched_at IS NOT NULL ORDER BY profile"))
    return list(rows)
