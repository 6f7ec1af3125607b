"""Delete the HITs of a Batch that is over from the marketplace. Ours stay: only the copy there goes.

Worth it where HITs are many (MTurk's lists grow slow with them), and final: once its HIT is deleted a rejection cannot be
overturned and no bonus paid. So it needs a person's word, decided work, and an export that was made after the end.
"""

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import datetime
from functools import partial

from sqlalchemy import select, text
from sqlalchemy.orm import Session

from app.calls.walk import Done, Stage, Turn, walk
from app.db import audit, leases, ledger, operations
from app.db.engine import Database
from app.db.leases import Claimed
from app.db.operations import Intent
from app.db.queue import Job, enqueue
from app.db.tables import Batch
from app.domain.plurals import counted
from app.domain.vocabulary import BatchId, BatchStatus, HITId, MarketplaceHITId, OperationId, OperationKind
from app.errors import Conflict, MarketplaceRefused, NotFound, ServiceError
from app.logs import get_logger
from app.mturk import requester
from app.mturk.client import Marketplace
from app.mturk.pacer import Pacer

log = get_logger(__name__)

ENDED = (BatchStatus.DONE, BatchStatus.STOPPED)
# What counts as an export: the audit trail says when each was made.
EXPORTED = ("batch.exported", "batch.archived")


@dataclass(frozen=True, slots=True)
class Deletion:
    """How far the HITs of a Batch are deleted, and what stands against it.

    remaining: on the marketplace still, intents included. final_rejections: rejections that can be overturned until then.
    obstacle: why it is refused, whatever is said. not_exported: nothing was exported since the Batch ended.
    """

    deleted: int
    remaining: int
    waiting: int
    failed: int
    final_rejections: int
    not_exported: bool
    obstacle: str | None


_STATE = text("""
    SELECT b.status,
        (SELECT count(*) FROM hits WHERE batch_id = b.id AND deleted_at IS NOT NULL) AS deleted,
        (SELECT count(*) FROM hits WHERE batch_id = b.id AND deleted_at IS NULL AND marketplace_hit_id IS NOT NULL) AS remaining,
        count(o.id) FILTER (WHERE o.kind = 'delete' AND o.status IN ('intended', 'acting')) AS waiting,
        count(o.id) FILTER (WHERE o.kind = 'delete' AND o.status = 'failed') AS failed,
        count(o.id) FILTER (WHERE o.kind <> 'delete' AND o.status IN ('intended', 'acting')) AS calls,
        (SELECT count(*) FROM assignments AS a JOIN hits AS h ON h.id = a.hit_id
         WHERE h.batch_id = b.id AND a.status = 'submitted') AS undecided,
        (SELECT count(*) FROM assignments AS a JOIN hits AS h ON h.id = a.hit_id
         WHERE h.batch_id = b.id AND a.status = 'rejected' AND h.deleted_at IS NULL
           AND a.submitted_at > now() - interval '30 days') AS final_rejections,
        NOT EXISTS (SELECT 1 FROM audit AS e WHERE e.batch_id = b.id AND e.action = ANY(:exported)
                    AND e.at >= b.finished_at) AS not_exported
    FROM batches AS b LEFT JOIN operations AS o ON o.batch_id = b.id
    WHERE b.id = :id GROUP BY b.id
""")


def state(db: Session, batch_id: BatchId) -> Deletion:
    """How far the Batch's HITs are deleted, and what stands against it. Raises NotFound."""
    row = db.execute(_STATE, {"id": batch_id, "exported": list(EXPORTED)}).one_or_none()
    if row is None:
        raise NotFound("Batch", batch_id)
    obstacle = None
    if row.status not in ENDED:
        obstacle = f"Batch {batch_id} is {row.status}: its HITs can be deleted once it is done or stopped"
    elif row.undecided:
        obstacle = f"Batch {batch_id} has {counted(row.undecided, 'undecided Assignment')}; approve or reject first"
    elif row.calls:
        obstacle = (
            f"{counted(row.calls, 'call is', 'calls are')} still being made for Batch {batch_id}; try again when done"
        )
    return Deletion(
        deleted=row.deleted,
        remaining=row.remaining,
        waiting=row.waiting,
        failed=row.failed,
        final_rejections=row.final_rejections,
        not_exported=row.not_exported,
        obstacle=obstacle,
    )


def delete_hits(db: Session, batch_id: BatchId, *, by: str, anyway: bool = False) -> int:
    """Write down the intent to delete every HIT of a Batch that is over. Returns how many; 0 when none is left.

    anyway: though nothing was exported since the Batch ended. Deletions that were refused are tried again.
    Raises NotFound, and Conflict with what stands against it.
    """
    batch = ledger.locked_batch(db, batch_id)
    found = state(db, batch_id)
    if found.obstacle:
        raise Conflict(found.obstacle)
    if found.not_exported and not anyway:
        raise Conflict(
            f"nothing of Batch {batch_id} was exported since it ended; archive it first"
            f" (`labeljury batch archive {batch_id}`), or say that you want it anyway"
        )
    again = _try_again(db, batch_id)
    intents = [Intent(hit_id=hit_id) for hit_id in _deletable(db, batch_id)]
    asked = again + len(operations.intend(db, OperationKind.DELETE, batch_id, intents))
    if asked:
        audit.record(
            db,
            actor=by,
            action="hits.deletion_asked",
            batch_id=batch_id,
            profile=batch.profile,
            hits=asked,
            anyway=anyway,
        )
        enqueue(db, Job.DELETE_HITS, batch_id=batch_id)
    return asked


def _try_again(db: Session, batch_id: BatchId) -> int:
    refused = db.execute(
        text("""
            UPDATE operations SET status = 'intended', not_before = now(), finished_at = NULL
            WHERE batch_id = :id AND kind = 'delete' AND status = 'failed' RETURNING id
        """),
        {"id": batch_id},
    )
    return len(refused.all())


def _deletable(db: Session, batch_id: BatchId) -> list[HITId]:
    rows = db.scalars(
        text("""
            SELECT id FROM hits
            WHERE batch_id = :id AND status = 'done' AND marketplace_hit_id IS NOT NULL AND deleted_at IS NULL ORDER BY id
        """),
        {"id": batch_id},
    )
    return [HITId(hit_id) for hit_id in rows]


def under_way(db: Session) -> list[BatchId]:
    """Batches with HITs to be deleted now."""
    rows = db.scalars(
        text("""
            SELECT b.id FROM batches AS b WHERE b.status IN ('done', 'stopped') AND EXISTS (
                SELECT 1 FROM operations AS o WHERE o.batch_id = b.id AND o.kind = 'delete'
                AND ((o.status = 'intended' AND o.not_before <= now()) OR (o.status = 'acting' AND o.lease_until < now())))
        """)
    )
    return [BatchId(batch_id) for batch_id in rows]


# --- act --------------------------------------------------------------------------------------------------------------


def delete(database: Database, marketplace: Marketplace, pacer: Pacer, batch_id: BatchId, turn: Turn) -> int:
    """Delete what is to be deleted. Returns how many HITs were. Harmless to repeat: one that is gone counts as deleted."""
    stage: Stage[MarketplaceHITId, None] = Stage(
        kind=OperationKind.DELETE,
        may_claim=lambda db: _is_over(db, batch_id),
        load=partial(_load, database),
        act=lambda hit_id: requester.delete_hit(marketplace, hit_id),
        write=partial(_write, batch_id),
        failed=_failed,
    )
    return walk(database, pacer, batch_id, stage, turn)


def _is_over(db: Session, batch_id: BatchId) -> bool:
    """Locked: a Batch that goes on (a Worker was dropped afterwards) keeps the HITs that it still has."""
    status = db.execute(
        select(Batch.status).where(Batch.id == batch_id).with_for_update(read=True)
    ).scalar_one_or_none()
    return status in ENDED


def _load(database: Database, claimed: Sequence[Claimed]) -> dict[OperationId, MarketplaceHITId | ServiceError]:
    with database.transaction() as db:
        rows = db.execute(
            text("SELECT id, marketplace_hit_id FROM hits WHERE id = ANY(:ids)"),
            {"ids": [operation.hit_id for operation in claimed]},
        )
        known = {HITId(row.id): MarketplaceHITId(row.marketplace_hit_id) for row in rows}
    return {operation.id: known[operation.hit_id] for operation in claimed}


def _write(batch_id: BatchId, db: Session, results: Sequence[Done[MarketplaceHITId, None]], now: datetime) -> None:
    db.execute(
        text("UPDATE hits SET deleted_at = :now, marketplace_status = 'Disposed' WHERE id = ANY(:ids)"),
        {"now": now, "ids": [done.operation.hit_id for done in results]},
    )
    hits = {str(done.operation.hit_id): str(done.target) for done in results}
    audit.record(db, actor="job runner", action="hits.deleted", batch_id=batch_id, hits=hits)
    log.info("hits.deleted", batch_id=batch_id, count=len(results))


def _failed(db: Session, operation: Claimed, error: ServiceError, now: datetime) -> None:
    """Refused (it can still be worked on, or has undecided work): shown, and tried again only when somebody asks again."""
    if isinstance(error, MarketplaceRefused):
        leases.fail(db, operation, error=str(error), now=now)
    else:
        leases.retry_later(db, operation, error=str(error), now=now)
