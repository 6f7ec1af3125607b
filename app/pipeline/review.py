"""Approve what was collected, write every payment and fee into the ledger, and settle HITs that are finished.

Intent: a decision books the reward and the fee as owed and writes the operation, in one transaction. Act: the call.
Result: the Assignment's new status and the payment. An approval that may have happened is looked up: the marketplace
refuses a second one, and GetAssignment says what became of the first.
"""

import math
import time
from collections.abc import Sequence
from datetime import UTC, datetime

from sqlalchemy import text
from sqlalchemy.orm import Session

from app.db import audit, leases
from app.db.engine import Database
from app.db.leases import Claimed
from app.db.locks import lock_items
from app.db.queue import Job, enqueue
from app.db.tables import Batch
from app.domain.pricing import assignment_price
from app.domain.review_policy import ReviewPolicy, decide_review
from app.domain.vocabulary import (
    AssignmentId,
    AssignmentStatus,
    BatchId,
    HITId,
    MarketplaceAssignmentId,
    OperationKind,
)
from app.errors import MarketplaceRefused, ServiceError
from app.logs import get_logger
from app.mturk import requester
from app.mturk.client import Marketplace
from app.mturk.pacer import Pacer

log = get_logger(__name__)

CLAIM_SIZE = 50
DECIDE_SIZE = 1000
_ATTENTION = "An approval was refused and will be tried again"


def decide(db: Session, batch_id: BatchId) -> int:
    """Decide submitted Assignments that have no decision yet. Returns how many were decided."""
    batch = db.get_one(Batch, batch_id)
    rows = db.execute(
        text("""
            SELECT a.id, a.hit_id FROM assignments AS a JOIN hits AS h ON h.id = a.hit_id
            WHERE h.batch_id = :id AND a.status = 'submitted' AND a.answer_state <> 'raw'
              AND NOT EXISTS (SELECT 1 FROM operations AS o WHERE o.assignment_id = a.id AND o.kind = 'approve')
            ORDER BY a.id LIMIT :most FOR UPDATE OF a SKIP LOCKED
        """),
        {"id": batch_id, "most": DECIDE_SIZE},
    ).all()
    approved = [row for row in rows if decide_review(ReviewPolicy(batch.review_policy)).approve]
    _book(db, batch, [AssignmentId(row.id) for row in approved], status="owed")
    leases.intend(db, OperationKind.APPROVE, batch_id, [(HITId(row.hit_id), AssignmentId(row.id)) for row in approved])
    return len(rows)


def _book(db: Session, batch: Batch, assignment_ids: Sequence[AssignmentId], *, status: str) -> None:
    """Reward and fee of each Assignment, once: a second booking changes nothing."""
    price = assignment_price(batch.reward_usd, max_assignments=batch.assignments_per_item)
    db.execute(
        text("""
            INSERT INTO payments (batch_id, hit_id, assignment_id, kind, status, amount_usd)
            SELECT :batch_id, a.hit_id, a.id, part.kind, :status, part.amount_usd
            FROM assignments AS a
            CROSS JOIN (VALUES ('reward', CAST(:reward AS numeric)), ('fee', CAST(:fee AS numeric))) AS part (kind, amount_usd)
            WHERE a.id = ANY(:ids)
            ON CONFLICT DO NOTHING
        """),
        {
            "batch_id": batch.id,
            "status": status,
            "reward": price.reward_usd,
            "fee": price.fee_usd,
            "ids": list(assignment_ids),
        },
    )


def review(
    database: Database,
    marketplace: Marketplace,
    pacer: Pacer,
    batch_id: BatchId,
    *,
    runner: str,
    lease_s: float,
    slice_s: float = math.inf,
) -> int:
    """Decide, tell the marketplace, and settle. Returns how many Assignments were approved in this call.

    After `slice_s` seconds nothing more is claimed: the next run goes on.
    """
    ends_at = time.monotonic() + slice_s
    approved = 0
    while True:
        with database.transaction() as db:
            decided = decide(db, batch_id)
        if decided < DECIDE_SIZE:
            break
    while time.monotonic() < ends_at and (claimed := _claim(database, batch_id, runner=runner, lease_s=lease_s)):
        done = _approve_claimed(database, marketplace, pacer, batch_id, claimed)
        approved += done
        if done == 0:
            break
    with database.transaction() as db:
        _pay_what_the_marketplace_approved(db, batch_id)
        if settle_hits(db, batch_id):
            enqueue(db, Job.CONSENSUS, batch_id=batch_id)
    return approved


def _claim(database: Database, batch_id: BatchId, *, runner: str, lease_s: float) -> list[Claimed]:
    with database.transaction() as db:
        return leases.claim(db, OperationKind.APPROVE, batch_id, most=CLAIM_SIZE, lease_s=lease_s, runner=runner)


def _approve_claimed(
    database: Database, marketplace: Marketplace, pacer: Pacer, batch_id: BatchId, claimed: Sequence[Claimed]
) -> int:
    with database.transaction() as db:
        rows = db.execute(
            text("SELECT id, marketplace_assignment_id FROM assignments WHERE id = ANY(:ids)"),
            {"ids": [operation.assignment_id for operation in claimed]},
        )
        known = {AssignmentId(row.id): MarketplaceAssignmentId(row.marketplace_assignment_id) for row in rows}
        feedback = decide_review(ReviewPolicy(db.get_one(Batch, batch_id).review_policy)).feedback

    def act(operation: Claimed) -> AssignmentStatus:
        operation.check_lease()
        return _approve(marketplace, known[AssignmentId(operation.assignment_id or 0)], feedback)

    done = 0
    results: list[tuple[Claimed, AssignmentStatus]] = []
    for operation, outcome in pacer.each(act, claimed):
        if isinstance(outcome, ServiceError):
            _write_failure(database, batch_id, operation, outcome)
        else:
            results.append((operation, outcome))
        if len(results) >= pacer.threads:
            done += _write_results(database, batch_id, results)
            results = []
    return done + _write_results(database, batch_id, results)


def _approve(marketplace: Marketplace, assignment_id: MarketplaceAssignmentId, feedback: str) -> AssignmentStatus:
    """Approve; where that is refused, what the marketplace says the Assignment is (it may be approved already)."""
    try:
        requester.approve_assignment(marketplace, assignment_id, feedback=feedback)
    except MarketplaceRefused:
        status = requester.assignment_status(marketplace, assignment_id)
        if status == "Submitted":
            raise
        return AssignmentStatus(status.lower())
    return AssignmentStatus.APPROVED


def _write_results(database: Database, batch_id: BatchId, results: Sequence[tuple[Claimed, AssignmentStatus]]) -> int:
    if not results:
        return 0
    now = datetime.now(UTC)
    with database.transaction() as db:
        db.execute(
            text("UPDATE batches SET attention = NULL WHERE id = :id AND starts_with(attention, :ours)"),
            {"id": batch_id, "ours": _ATTENTION},
        )
        for status in AssignmentStatus:
            ids = [operation.assignment_id for operation, outcome in results if outcome == status]
            _write_status(db, ids, status, now)
        leases.finish(db, [operation for operation, _ in results], now=now)
        audit.record(
            db,
            actor="job runner",
            action="assignments.reviewed",
            batch_id=batch_id,
            assignments={str(operation.assignment_id): outcome.value for operation, outcome in results},
        )
    log.info("assignments.reviewed", batch_id=batch_id, count=len(results))
    return len(results)


def _write_status(db: Session, ids: Sequence[AssignmentId | None], status: AssignmentStatus, now: datetime) -> None:
    """The marketplace's decision, and with it the payment: paid if it approved, gone if it had rejected before us."""
    if not ids:
        return
    db.execute(
        text("""
            UPDATE assignments SET status = :status, marketplace_status = :word, decided_at = :now
            WHERE id = ANY(:ids)
        """),
        {"status": status, "word": status.value.capitalize(), "now": now, "ids": list(ids)},
    )
    if status is AssignmentStatus.APPROVED:
        pay = "UPDATE payments SET status = 'paid', paid_at = :now WHERE assignment_id = ANY(:ids) AND status = 'owed'"
        db.execute(text(pay), {"now": now, "ids": list(ids)})
    elif status is AssignmentStatus.REJECTED:
        cancel = "UPDATE payments SET status = 'cancelled' WHERE assignment_id = ANY(:ids) AND status = 'owed'"
        db.execute(text(cancel), {"ids": list(ids)})


def _write_failure(database: Database, batch_id: BatchId, operation: Claimed, error: ServiceError) -> None:
    """Tried again later, with growing pauses. A refusal is also shown: the work is owed, and somebody should know."""
    with database.transaction() as db:
        leases.retry_later(db, operation, error=str(error), now=datetime.now(UTC))
        if isinstance(error, MarketplaceRefused):
            db.get_one(Batch, batch_id, with_for_update=True).attention = f"{_ATTENTION}: {error}"
    log.warning("assignment.not_approved", assignment_id=operation.assignment_id, error=str(error))


def _pay_what_the_marketplace_approved(db: Session, batch_id: BatchId) -> None:
    """Assignments that were approved without our call (auto-approval, another program) cost the same: book them as paid."""
    batch = db.get_one(Batch, batch_id)
    unbooked = db.scalars(
        text("""
            SELECT a.id FROM assignments AS a JOIN hits AS h ON h.id = a.hit_id
            WHERE h.batch_id = :id AND a.status = 'approved'
              AND NOT EXISTS (SELECT 1 FROM payments AS p WHERE p.assignment_id = a.id AND p.kind = 'reward')
        """),
        {"id": batch_id},
    ).all()
    _book(db, batch, [AssignmentId(assignment_id) for assignment_id in unbooked], status="paid")
    db.execute(
        text("""
            UPDATE payments AS p SET status = 'paid', paid_at = now() FROM assignments AS a
            WHERE p.assignment_id = a.id AND p.batch_id = :id AND a.status = 'approved' AND p.status = 'owed'
        """),
        {"id": batch_id},
    )


def settle_hits(db: Session, batch_id: BatchId) -> int:
    """Close HITs from which nothing more will come and whose work is decided; release what they did not spend.

    Returns how many were closed. Their Items' Consensus is computed again: it may be final now.
    """
    closed = db.scalars(
        text("""
            UPDATE hits AS h SET status = 'done'
            WHERE h.batch_id = :id AND h.status = 'live' AND h.exhausted
              AND NOT EXISTS (SELECT 1 FROM assignments AS a WHERE a.hit_id = h.id
                              AND (a.status = 'submitted' OR a.answer_state = 'raw'))
            RETURNING h.id
        """),
        {"id": batch_id},
    ).all()
    db.execute(
        text("""
            INSERT INTO payments (batch_id, hit_id, kind, status, amount_usd)
            SELECT :id, hit_id, 'release', 'booked', -unspent FROM (
                SELECT hit_id, sum(amount_usd) FILTER (WHERE kind = 'reservation')
                     - coalesce(sum(amount_usd) FILTER (WHERE kind IN ('reward', 'fee') AND status <> 'cancelled'), 0) AS unspent
                FROM payments WHERE hit_id = ANY(:hits) GROUP BY hit_id
            ) AS rest WHERE unspent > 0
            ON CONFLICT DO NOTHING
        """),
        {"id": batch_id, "hits": list(closed)},
    )
    items = db.scalars(text("SELECT item_id FROM hit_items WHERE hit_id = ANY(:hits)"), {"hits": list(closed)}).all()
    lock_items(db, items)
    db.execute(text("UPDATE items SET consensus_stale = true WHERE id = ANY(:ids)"), {"ids": list(items)})
    return len(closed)
