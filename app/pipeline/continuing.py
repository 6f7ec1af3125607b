"""A person has a Batch go on: release the rest after its pilot, or ask once more for Items that ended with fewer answers."""

from datetime import UTC, datetime

from sqlalchemy import text
from sqlalchemy.orm import Session

from app.db import audit, ledger, shortfalls
from app.db.batch_steps import step
from app.db.queue import Job, enqueue
from app.db.tables import Batch
from app.domain.vocabulary import BatchId, BatchStatus, PauseReason
from app.errors import Conflict


def release(db: Session, batch_id: BatchId, *, by: str) -> Batch:
    """Publish the Items beyond the pilot, whether it is answered already or not. Raises NotFound, Conflict."""
    batch = ledger.locked_batch(db, batch_id)
    if batch.pilot_items is None:
        raise Conflict(f"Batch {batch_id} has no pilot: all its Items are published at once")
    if batch.released_at is not None:
        raise Conflict(f"Batch {batch_id} is released already")
    if batch.status not in {BatchStatus.LIVE, BatchStatus.PAUSED}:
        raise Conflict(f"Batch {batch_id} is {batch.status}: only a live or paused Batch has something to release")
    batch.released_at = datetime.now(UTC)
    db.flush()
    if batch.status == BatchStatus.PAUSED and batch.pause_reason == PauseReason.PILOT:
        batch.attention = None
        db.flush()
        return _go_on(db, step(db, batch_id, BatchStatus.LIVE, by=by, action="batch.released"))
    audit.record(db, actor=by, action="batch.released", batch_id=batch_id, profile=batch.profile)
    return _go_on(db, batch)


def repost(db: Session, batch_id: BatchId, *, by: str) -> Batch:
    """Ask once more for Items that ended with fewer answers: the limit is raised by one, and a finished Batch is live again.

    What the cap does not cover is still not asked for. Raises NotFound, and Conflict where there is nothing to ask for.
    """
    batch = ledger.locked_batch(db, batch_id)
    if batch.status in {BatchStatus.DRAFT, BatchStatus.STOPPING, BatchStatus.STOPPED}:
        raise Conflict(f"Batch {batch_id} is {batch.status}: nothing of it can be offered again")
    items = sum(shortfalls.counts(db, batch_id).values())
    if not items:
        raise Conflict(f"no Item of Batch {batch_id} lacks answers that could still be asked for")
    moved = db.execute(
        text("""
            WITH held AS (
                SELECT id, shortfall FROM items WHERE batch_id = :id AND shortfall IN ('cap', 'limit') ORDER BY id
                FOR NO KEY UPDATE
            ), again AS (
                UPDATE items AS i SET shortfall = 'due' FROM held WHERE held.id = i.id RETURNING held.shortfall
            )
            SELECT count(*) FILTER (WHERE shortfall = 'limit') FROM again
        """),
        {"id": batch_id},
    )
    if moved.scalar_one():
        batch.repost_limit += 1
    if batch.attention and batch.attention.startswith(shortfalls.SAYS):
        batch.attention = None
    db.flush()
    if batch.status == BatchStatus.DONE:
        batch = step(db, batch_id, BatchStatus.LIVE, by=by, action="batch.reopened")
        batch.finished_at = None
    audit.record(db, actor=by, action="batch.reposted", batch_id=batch_id, profile=batch.profile, items=items)
    return _go_on(db, batch)


def _go_on(db: Session, batch: Batch) -> Batch:
    enqueue(db, Job.PUBLISH, batch_id=batch.id)
    enqueue(db, Job.REVIEW, batch_id=batch.id)
    return batch
