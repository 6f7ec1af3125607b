"""Decide what was collected, tell the marketplace, and write every payment and fee into the ledger.

Intent: a decision books the reward and the fee as owed and writes the operation, in one transaction. Act: the call.
Result: the Assignment's new status and the payment. A decision that may have happened is looked up: the marketplace
refuses a second one, and GetAssignment says what became of the first.
"""

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import datetime
from functools import partial

from sqlalchemy import text
from sqlalchemy.orm import Session

from app.calls.walk import Done, Stage, Turn, walk
from app.db import audit, leases, ledger, operations
from app.db.engine import Database
from app.db.leases import Claimed
from app.db.operations import Feedback, Intent
from app.db.tables import Batch
from app.domain.review_policy import ReviewPolicy, decide_review
from app.domain.vocabulary import (
    AssignmentId,
    AssignmentStatus,
    BatchId,
    HITId,
    MarketplaceAssignmentId,
    OperationId,
    OperationKind,
    PaymentStatus,
)
from app.errors import MarketplaceRefused, ServiceError
from app.logs import get_logger
from app.mturk import reviewing
from app.mturk.client import Marketplace
from app.mturk.pacer import Pacer

log = get_logger(__name__)

DECIDE_SIZE = 1000
_ATTENTION = "A decision on submitted work was refused and will be tried again"


def review(database: Database, marketplace: Marketplace, pacer: Pacer, batch_id: BatchId, turn: Turn) -> int:
    """Decide, and tell the marketplace. Returns how many Assignments were decided there in this call."""
    while True:
        with database.transaction() as db:
            decided = decide(db, batch_id)
        if decided < DECIDE_SIZE:
            break
    done = 0
    for kind in (OperationKind.APPROVE, OperationKind.REJECT, OperationKind.OVERRIDE):
        done += walk(database, pacer, batch_id, _deciding(database, marketplace, batch_id, kind), turn)
    with database.transaction() as db:
        _pay_what_the_marketplace_approved(db, batch_id)
    return done


def decide(db: Session, batch_id: BatchId) -> int:
    """Decide submitted Assignments that have no decision yet. Returns how many were decided."""
    batch = db.get_one(Batch, batch_id)
    rows = db.execute(
        text("""
            SELECT a.id, a.hit_id FROM assignments AS a JOIN hits AS h ON h.id = a.hit_id
            WHERE h.batch_id = :id AND a.status = 'submitted' AND a.answer_state <> 'raw' AND a.held_at IS NULL
              AND NOT EXISTS (SELECT 1 FROM operations AS o
                              WHERE o.assignment_id = a.id AND o.kind IN ('approve', 'reject'))
            ORDER BY a.id LIMIT :most FOR UPDATE OF a SKIP LOCKED
        """),
        {"id": batch_id, "most": DECIDE_SIZE},
    ).all()
    decision = decide_review(ReviewPolicy(batch.review_policy))
    arguments = Feedback(decision.feedback).arguments()
    approved = [(HITId(row.hit_id), AssignmentId(row.id)) for row in rows if decision.approve]
    ledger.owe(db, [assignment_id for _, assignment_id in approved])
    intents = [Intent(hit_id=hit_id, assignment_id=known, arguments=arguments) for hit_id, known in approved]
    operations.intend(db, OperationKind.APPROVE, batch_id, intents)
    return len(rows)


# --- act -------------------------------------------------------------------------------------------------------------


@dataclass(frozen=True, slots=True)
class _ToDecide:
    """An Assignment, and what its Worker will read."""

    assignment_id: MarketplaceAssignmentId
    feedback: str


def _deciding(
    database: Database, marketplace: Marketplace, batch_id: BatchId, kind: OperationKind
) -> Stage[_ToDecide, AssignmentStatus]:
    return Stage(
        kind=kind,
        may_claim=lambda db: True,
        load=partial(_load, database),
        act=partial(_tell, marketplace, kind),
        write=partial(_write_results, batch_id),
        failed=partial(_write_failure, batch_id),
    )


def _load(database: Database, claimed: Sequence[Claimed]) -> dict[OperationId, _ToDecide | ServiceError]:
    with database.transaction() as db:
        rows = db.execute(
            text("SELECT id, marketplace_assignment_id FROM assignments WHERE id = ANY(:ids)"),
            {"ids": [operation.assignment_id for operation in claimed]},
        )
        known = {AssignmentId(row.id): MarketplaceAssignmentId(row.marketplace_assignment_id) for row in rows}
    return {
        operation.id: _ToDecide(known[operation.assignment_id], Feedback.of(operation.arguments).text)
        for operation in claimed
    }


# The state in which a call leaves the Assignment, and the one it must be in before.
_LEADS_TO = {
    OperationKind.APPROVE: ("Approved", "Submitted"),
    OperationKind.REJECT: ("Rejected", "Submitted"),
    OperationKind.OVERRIDE: ("Approved", "Rejected"),
}


def _tell(marketplace: Marketplace, kind: OperationKind, target: _ToDecide) -> AssignmentStatus:
    """Tell the marketplace; where it refuses, what it says the Assignment is (it may be decided already)."""
    after, before = _LEADS_TO[kind]
    try:
        _call(marketplace, kind, target)
    except MarketplaceRefused:
        status = reviewing.assignment_status(marketplace, target.assignment_id)
        if status == before:
            raise
        return AssignmentStatus(status.lower())
    return AssignmentStatus(after.lower())


def _call(marketplace: Marketplace, kind: OperationKind, target: _ToDecide) -> None:
    if kind is OperationKind.REJECT:
        reviewing.reject_assignment(marketplace, target.assignment_id, feedback=target.feedback)
    else:
        override = kind is OperationKind.OVERRIDE
        reviewing.approve_assignment(
            marketplace, target.assignment_id, feedback=target.feedback, override_rejection=override
        )


def _write_results(
    batch_id: BatchId, db: Session, results: Sequence[Done[_ToDecide, AssignmentStatus]], now: datetime
) -> None:
    db.execute(
        text("UPDATE batches SET attention = NULL WHERE id = :id AND starts_with(attention, :ours)"),
        {"id": batch_id, "ours": _ATTENTION},
    )
    for status in AssignmentStatus:
        ids = [done.operation.assignment_id for done in results if done.outcome == status]
        _write_status(db, ids, status, now)
    audit.record(
        db,
        actor="job runner",
        action="assignments.reviewed",
        batch_id=batch_id,
        assignments={str(done.operation.assignment_id): done.outcome.value for done in results},
    )
    log.info("assignments.reviewed", batch_id=batch_id, count=len(results))


def _write_status(db: Session, ids: Sequence[AssignmentId], status: AssignmentStatus, now: datetime) -> None:
    """The marketplace's decision, and with it the payment: paid if it approved, gone if it had rejected before us."""
    if not ids:
        return
    db.execute(
        text("""
            UPDATE assignments SET status = :status, marketplace_status = :word, decided_at = :now, held_at = NULL
            WHERE id = ANY(:ids)
        """),
        {"status": status, "word": status.value.capitalize(), "now": now, "ids": list(ids)},
    )
    if status is AssignmentStatus.APPROVED:
        ledger.pay(db, ids)
    elif status is AssignmentStatus.REJECTED:
        ledger.cancel_owed(db, ids)


def _write_failure(batch_id: BatchId, db: Session, operation: Claimed, error: ServiceError, now: datetime) -> None:
    """Tried again later, with growing pauses. A refusal is also shown: the work is owed, and somebody should know."""
    leases.retry_later(db, operation, error=str(error), now=now)
    if isinstance(error, MarketplaceRefused):
        ledger.locked_batch(db, batch_id).attention = f"{_ATTENTION}: {error}"


def _pay_what_the_marketplace_approved(db: Session, batch_id: BatchId) -> None:
    """Assignments that were approved without our call (auto-approval, another program) cost the same: book them as paid."""
    unpaid = db.scalars(
        text("""
            SELECT a.id FROM assignments AS a JOIN hits AS h ON h.id = a.hit_id
            WHERE h.batch_id = :id AND a.status = 'approved'
              AND NOT EXISTS (SELECT 1 FROM payments AS p
                              WHERE p.assignment_id = a.id AND p.kind = 'reward' AND p.status = 'paid')
        """),
        {"id": batch_id},
    ).all()
    ids = [AssignmentId(assignment_id) for assignment_id in unpaid]
    ledger.owe(db, ids, status=PaymentStatus.PAID)
    ledger.pay(db, ids)
