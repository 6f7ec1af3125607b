"""HITs offered again: more places, more time, or both. May crash anywhere and be run again.

Intent: `rounds.look` wrote how many Assignments the HIT shall offer in all and until when, with the money reserved. Act:
`requester.extend_hit`, which asks for what is there first and so can be repeated at any time. Result: the HIT is live.
"""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime
from functools import partial
from uuid import UUID, uuid5

from sqlalchemy import select, text
from sqlalchemy.orm import Session

from app.calls.walk import Done, Stage, Turn, walk
from app.db import attention, audit, leases, ledger
from app.db.engine import Database
from app.db.leases import Claimed
from app.db.operations import Extension
from app.db.tables import Batch
from app.domain.progress import HITCounters
from app.domain.vocabulary import BatchId, BatchStatus, MarketplaceHITId, OperationId, OperationKind, PauseReason
from app.errors import CredentialsRefused, InsufficientFunds, MarketplaceRefused, OutcomeUnknown, ServiceError
from app.logs import get_logger
from app.mturk import requester
from app.mturk.client import Marketplace
from app.mturk.pacer import Pacer

log = get_logger(__name__)

_GONE = ("HITDoesNotExist",)
# Never to be extended: fresh HITs take its place.
_FOR_GOOD = (*_GONE, "InvalidMaximumAssignmentsIncrease", "HITTooOldForExtension")


@dataclass(frozen=True, slots=True)
class _ToExtend:
    """A HIT and how it shall be offered."""

    hit_id: MarketplaceHITId
    extension: Extension
    request_token: UUID


def extend(database: Database, marketplace: Marketplace, pacer: Pacer, batch_id: BatchId, turn: Turn) -> int:
    """Extend HITs until none is left to, or the Batch is no longer live. Returns how many were extended in this call."""
    stage: Stage[_ToExtend, HITCounters] = Stage(
        kind=OperationKind.EXTEND,
        may_claim=lambda db: _is_live(db, batch_id),
        load=partial(_load, database),
        act=partial(_extend, marketplace),
        write=partial(_write, batch_id),
        failed=partial(_failed, batch_id),
    )
    return walk(database, pacer, batch_id, stage, turn)


def _is_live(db: Session, batch_id: BatchId) -> bool:
    """Locked, so that a Batch is not stopped between this look and the claim."""
    status = db.execute(select(Batch.status).where(Batch.id == batch_id).with_for_update(read=True)).scalar_one()
    return bool(status == BatchStatus.LIVE)


def _load(database: Database, claimed: Sequence[Claimed]) -> Mapping[OperationId, _ToExtend | ServiceError]:
    with database.transaction() as db:
        rows = db.execute(
            text("SELECT id, marketplace_hit_id, request_token FROM hits WHERE id = ANY(:ids)"),
            {"ids": [operation.hit_id for operation in claimed]},
        )
        hits = {row.id: row for row in rows}
    found: dict[OperationId, _ToExtend | ServiceError] = {}
    for operation in claimed:
        hit, extension = hits[operation.hit_id], Extension.of(operation.arguments)
        token = uuid5(hit.request_token, f"places/{extension.places}")
        found[operation.id] = _ToExtend(MarketplaceHITId(hit.marketplace_hit_id), extension, token)
    return found


def _extend(marketplace: Marketplace, target: _ToExtend) -> HITCounters:
    """The call. Raises OutcomeUnknown where the marketplace says that it is done and does not show it yet."""
    try:
        return requester.extend_hit(
            marketplace,
            target.hit_id,
            places=target.extension.places,
            expires_at=target.extension.expires_at,
            request_token=target.request_token,
        )
    except MarketplaceRefused as refused:
        if "already been processed" not in refused.message:
            raise
        raise OutcomeUnknown(refused.operation, refused.code, refused.message) from refused


def _write(batch_id: BatchId, db: Session, results: Sequence[Done[_ToExtend, HITCounters]], now: datetime) -> None:
    """Live, and to be polled anew: its counters of before say nothing any more."""
    for done in results:
        db.execute(
            text("""
                UPDATE hits SET status = 'live', exhausted = false, polled_signature = NULL, pending = :pending,
                    max_assignments = greatest(max_assignments, :places), expires_at = :expires_at,
                    marketplace_status = :status
                WHERE id = :id AND status IN ('live', 'done')
            """),
            {
                "id": done.operation.hit_id,
                "pending": done.outcome.pending,
                "places": done.outcome.max_assignments,
                "expires_at": done.outcome.expires_at,
                "status": done.outcome.status,
            },
        )
        log.info("hit.extended", batch_id=batch_id, hit_id=done.target.hit_id, places=done.outcome.max_assignments)
    hits = {str(done.operation.hit_id): done.target.hit_id for done in results}
    audit.record(db, actor="job runner", action="hits.extended", batch_id=batch_id, hits=hits)


def _failed(batch_id: BatchId, db: Session, operation: Claimed, error: ServiceError, now: datetime) -> None:
    """What can never be done gives its reservation back and leaves its Items to fresh HITs."""
    if isinstance(error, MarketplaceRefused) and _is_for_good(error):
        leases.cancel(db, operation, error=str(error), now=now)
        ledger.release(db, [operation.id])
        _leave_to_fresh_hits(db, operation, gone=error.code.endswith(_GONE) or "Disposed" in error.message)
    elif isinstance(error, InsufficientFunds | CredentialsRefused):
        leases.retry_later(db, operation, error=str(error), now=now)
        reason = PauseReason.FUNDS if isinstance(error, InsufficientFunds) else PauseReason.CREDENTIALS
        attention.pause(db, batch_id, reason, str(error))
    elif isinstance(error, MarketplaceRefused):
        leases.fail(db, operation, error=str(error), now=now)
        attention.pause(db, batch_id, PauseReason.REFUSED, str(error))
    else:
        leases.retry_later(db, operation, error=str(error), now=now)


def _is_for_good(error: MarketplaceRefused) -> bool:
    return error.code.endswith(_FOR_GOOD) or "'Disposed'" in error.message or "Disposed" in error.code


def _leave_to_fresh_hits(db: Session, operation: Claimed, *, gone: bool) -> None:
    if gone:
        db.execute(text("UPDATE hits SET marketplace_status = 'Disposed' WHERE id = :id"), {"id": operation.hit_id})
    db.execute(
        text("""
            UPDATE items SET shortfall = 'due' WHERE id IN (
                SELECT id FROM items WHERE id IN (SELECT item_id FROM hit_items WHERE hit_id = :id) ORDER BY id
                FOR NO KEY UPDATE)
        """),
        {"id": operation.hit_id},
    )
