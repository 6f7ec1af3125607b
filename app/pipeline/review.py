"""Tell the marketplace what was decided (`deciding.py`), and write every payment and fee into the ledger.

Intent: an approval books the reward and the fee as owed and writes the operation, in one transaction; an override reserves
them too. Act: the call. Result: the Assignment's new status, the payment, and whether its answers count. A decision that may
have happened is looked up: the marketplace refuses a second one, and GetAssignment says what became of the first.
"""

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import datetime
from functools import partial

from sqlalchemy import text
from sqlalchemy.orm import Session

from app.calls.walk import Done, Stage, Turn, walk
from app.db import attention, audit, counting, hit_rooms, leases, ledger
from app.db.engine import Database
from app.db.leases import Claimed
from app.db.operations import Feedback
from app.domain.vocabulary import (
    AssignmentId,
    AssignmentStatus,
    BatchId,
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

_ATTENTION = "A decision on submitted work was refused and will be tried again"


def review(database: Database, marketplace: Marketplace, pacer: Pacer, batch_id: BatchId, turn: Turn) -> int:
    """Tell the marketplace what was decided. Returns how many Assignments were decided there in this call."""
    done = 0
    for kind in (OperationKind.APPROVE, OperationKind.REJECT, OperationKind.OVERRIDE):
        done += walk(database, pacer, batch_id, _deciding(database, marketplace, batch_id, kind), turn)
    with database.transaction() as db:
        _take_over_what_the_marketplace_did(db, batch_id)
    return done


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
        failed=partial(_give_up_if_gone if kind is OperationKind.OVERRIDE else _write_failure, batch_id),
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
    if any(done.outcome is AssignmentStatus.REJECTED for done in results):
        ledger.locked_batch(
            db, batch_id
        )  # before its Assignments: what a rejection gives back, a round may just reserve
    for status in (AssignmentStatus.APPROVED, AssignmentStatus.REJECTED):
        _write_status(db, [done.operation for done in results if done.outcome == status], status, now)
    audit.record(
        db,
        actor="job runner",
        action="assignments.reviewed",
        batch_id=batch_id,
        assignments={str(done.operation.assignment_id): done.outcome.value for done in results},
    )
    log.info("assignments.reviewed", batch_id=batch_id, count=len(results))


def _write_status(db: Session, operations: Sequence[Claimed], status: AssignmentStatus, now: datetime) -> None:
    """The marketplace's decision, and with it the payment: paid if it approved, gone if it rejected.

    What it rejected does not count; what it approved does, if it was rejected before.
    """
    ids = [operation.assignment_id for operation in operations]
    if not ids:
        return
    before = {
        AssignmentId(row.id): row.status
        for row in db.execute(
            text("SELECT id, status FROM assignments WHERE id = ANY(:ids) ORDER BY id FOR UPDATE"), {"ids": ids}
        )
    }
    db.execute(
        text("""
            UPDATE assignments SET status = :status, marketplace_status = :word, decided_at = :now, held_at = NULL
            WHERE id = ANY(:ids)
        """),
        {"status": status, "word": status.value.capitalize(), "now": now, "ids": ids},
    )
    if status is AssignmentStatus.APPROVED:
        ledger.pay(db, ids)
        overturned = [known for known in ids if before[known] == AssignmentStatus.REJECTED]
        counting.count_assignments(db, overturned, counted=True)
    else:
        ledger.cancel_owed(db, ids)
        hit_rooms.release_rejected(db, [(operation.id, operation.hit_id) for operation in operations])
        counting.count_assignments(db, ids, counted=False)


def _write_failure(batch_id: BatchId, db: Session, operation: Claimed, error: ServiceError, now: datetime) -> None:
    """Tried again later, with growing pauses. A refusal is also shown: the work is owed, and somebody should know."""
    leases.retry_later(db, operation, error=str(error), now=now)
    if isinstance(error, MarketplaceRefused):
        ledger.locked_batch(db, batch_id).attention = f"{_ATTENTION}: {error}"


# An override is refused for good where the HIT or the time is gone.
_GONE = ("InvalidAssignmentState", "InvalidHITState", "AssignmentDoesNotExist", "HITDoesNotExist")


def _give_up_if_gone(batch_id: BatchId, db: Session, operation: Claimed, error: ServiceError, now: datetime) -> None:
    """The rejection stands: what was reserved and owed for the work is not any more. Else as any failure."""
    if not (isinstance(error, MarketplaceRefused) and error.code.endswith(_GONE)):
        _write_failure(batch_id, db, operation, error, now)
        return
    batch = ledger.locked_batch(db, batch_id)
    batch.attention = f"A rejection could not be overridden, and stands: {error}"
    leases.cancel(db, operation, error=str(error), now=now)
    ledger.cancel_owed(db, [operation.assignment_id])
    ledger.release(db, [operation.id])
    log.warning("override.refused", batch_id=batch_id, assignment_id=operation.assignment_id, error=str(error))


def _take_over_what_the_marketplace_did(db: Session, batch_id: BatchId) -> None:
    """Work that was decided without our call (auto-approval, another program) costs and counts the same."""
    if hit_rooms.book_overrides_made_elsewhere(db, batch_id):
        attention.watch_the_cap(db, ledger.locked_batch(db, batch_id))
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
    rejected = db.scalars(
        text("""
            SELECT a.id FROM assignments AS a JOIN hits AS h ON h.id = a.hit_id
            WHERE h.batch_id = :id AND a.status = 'rejected' AND a.counted
        """),
        {"id": batch_id},
    ).all()
    counting.count_assignments(db, [AssignmentId(assignment_id) for assignment_id in rejected], counted=False)
    counting.recount(db, batch_id)
