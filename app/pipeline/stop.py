"""Stop: cancel what was never published, find what may have been, expire what is live. Late work is still collected."""

from collections.abc import Sequence
from datetime import datetime
from functools import partial

from sqlalchemy import text
from sqlalchemy.orm import Session

from app.calls.walk import Done, Stage, Turn, walk
from app.db import audit, leases, ledger, operations
from app.db.engine import Database
from app.db.leases import Claimed
from app.db.operations import Intent
from app.db.queue import Job, enqueue
from app.db.tables import Batch
from app.domain.vocabulary import BatchId, BatchStatus, HITId, MarketplaceHITId, OperationId, OperationKind
from app.errors import MarketplaceRefused, ServiceError
from app.logs import get_logger
from app.mturk import requester
from app.mturk.client import Marketplace
from app.mturk.pacer import Pacer

log = get_logger(__name__)

# New HITs appear in ListHITs some seconds late (mturk-facts §2.1): an attempt younger than this is not called lost.
LISTING_LAG_S = 60


def wind_down(database: Database, marketplace: Marketplace, pacer: Pacer, batch_id: BatchId, turn: Turn) -> None:
    """One round of stopping a Batch in status `stopping`; harmless to repeat, and repeated until nothing is left."""
    with database.transaction() as db:
        if db.get_one(Batch, batch_id, with_for_update=True).status != BatchStatus.STOPPING:
            return
        _cancel(db, _never_attempted(db, batch_id))
        unsure = _perhaps_published(db, batch_id)
    if unsure:
        _look_up(database, marketplace, pacer, batch_id, unsure)
    with database.transaction() as db:
        intents = [Intent(hit_id=hit_id) for hit_id in _still_open(db, batch_id)]
        operations.intend(db, OperationKind.EXPIRE, batch_id, intents)
    walk(database, pacer, batch_id, _expiring(database, marketplace, batch_id), turn)
    with database.transaction() as db:
        enqueue(db, Job.REVIEW, batch_id=batch_id)


def _never_attempted(db: Session, batch_id: BatchId) -> list[HITId]:
    """HITs for which no call was ever made; their operations can no longer be claimed once this transaction commits."""
    rows = db.execute(
        text("""
            UPDATE operations SET status = 'cancelled', finished_at = now()
            WHERE batch_id = :id AND kind = 'publish' AND attempts = 0 AND status = 'intended'
            RETURNING hit_id
        """),
        {"id": batch_id},
    )
    return [HITId(hit_id) for (hit_id,) in rows]


def _cancel(db: Session, hit_ids: Sequence[HITId]) -> None:
    """Give the reservations of HITs that will never exist back to the budget."""
    cancelled = db.scalars(
        text(
            "UPDATE hits SET status = 'cancelled' WHERE id = ANY(:ids) AND status IN ('planned', 'publishing') RETURNING id"
        ),
        {"ids": list(hit_ids)},
    ).all()
    ledger.release_hits(db, cancelled)


def _perhaps_published(db: Session, batch_id: BatchId) -> dict[str, HITId]:
    """HITs, by annotation, whose call was made by a runner that is no longer at it, long enough ago to be listed."""
    rows = db.execute(
        text("""
            SELECT h.annotation, h.id FROM operations AS o JOIN hits AS h ON h.id = o.hit_id
            WHERE o.batch_id = :id AND o.kind = 'publish' AND o.attempts > 0
              AND o.status IN ('intended', 'acting', 'failed')
              -- The last attempt, whichever way it ended, must have been made long enough ago; greatest() skips NULLs.
              AND greatest(o.first_attempt_at, o.not_before, o.finished_at,
                           o.lease_until + make_interval(secs => :call_s)) < now() - make_interval(secs => :lag_s)
        """),
        {"id": batch_id, "lag_s": LISTING_LAG_S, "call_s": leases.LONGEST_CALL_S},
    )
    return {annotation: HITId(hit_id) for annotation, hit_id in rows}


def _look_up(
    database: Database, marketplace: Marketplace, pacer: Pacer, batch_id: BatchId, unsure: dict[str, HITId]
) -> None:
    """What the marketplace lists is live and will be expired; what it does not list was never made."""
    found: dict[HITId, MarketplaceHITId] = {
        unsure[hit.annotation]: hit.hit_id
        for hit in requester.list_hits(marketplace, pacer.wait, on_busy=pacer.throttled)
        if hit.annotation is not None and hit.annotation in unsure
    }
    missing = [hit_id for hit_id in unsure.values() if hit_id not in found]
    with database.transaction() as db:
        for hit_id, marketplace_hit_id in found.items():
            db.execute(
                text(
                    "UPDATE hits SET status = 'live', marketplace_hit_id = :found, published_at = now()"
                    " WHERE id = :id AND status = 'publishing'"
                ),
                {"id": hit_id, "found": marketplace_hit_id},
            )
        _close_publishing(db, list(found), "done")
        _close_publishing(db, missing, "cancelled")
        _cancel(db, missing)


def _close_publishing(db: Session, hit_ids: Sequence[HITId], status: str) -> None:
    db.execute(
        text("""
            UPDATE operations SET status = :status, finished_at = now(), lease_until = NULL
            WHERE kind = 'publish' AND hit_id = ANY(:ids) AND status IN ('intended', 'acting', 'failed')
        """),
        {"ids": list(hit_ids), "status": status},
    )


def _still_open(db: Session, batch_id: BatchId) -> list[HITId]:
    """Live HITs that Workers could still accept, as far as the last poll knows, and that nobody has expired yet."""
    rows = db.execute(
        text("""
            SELECT h.id FROM hits AS h
            WHERE h.batch_id = :id AND h.status = 'live' AND NOT h.exhausted
              AND NOT EXISTS (SELECT 1 FROM operations AS o WHERE o.hit_id = h.id AND o.kind = 'expire')
        """),
        {"id": batch_id},
    )
    return [HITId(hit_id) for (hit_id,) in rows]


def _expiring(database: Database, marketplace: Marketplace, batch_id: BatchId) -> Stage[MarketplaceHITId, None]:
    return Stage(
        kind=OperationKind.EXPIRE,
        may_claim=lambda db: True,
        load=partial(_load, database),
        act=partial(_expire, marketplace),
        write=partial(_write, batch_id),
        failed=lambda db, operation, error, now: leases.retry_later(db, operation, error=str(error), now=now),
    )


def _load(database: Database, claimed: Sequence[Claimed]) -> dict[OperationId, MarketplaceHITId | ServiceError]:
    with database.transaction() as db:
        rows = db.execute(
            text(
                "SELECT o.id, h.marketplace_hit_id FROM operations AS o JOIN hits AS h ON h.id = o.hit_id WHERE o.id = ANY(:ids)"
            ),
            {"ids": [operation.id for operation in claimed]},
        )
        return {OperationId(row.id): MarketplaceHITId(row.marketplace_hit_id) for row in rows}


def _expire(marketplace: Marketplace, hit_id: MarketplaceHITId) -> None:
    try:
        requester.expire_hit(marketplace, hit_id)
    except MarketplaceRefused as refused:
        if not refused.code.endswith("HITDoesNotExist"):
            raise  # a HIT that is gone is as good as expired


def _write(batch_id: BatchId, db: Session, results: Sequence[Done[MarketplaceHITId, None]], now: datetime) -> None:
    hits = {str(done.operation.hit_id): done.target for done in results}
    audit.record(db, actor="job runner", action="hits.expired", batch_id=batch_id, hits=hits)
    for hit_id in hits.values():
        log.info("hit.expired", batch_id=batch_id, hit_id=hit_id)
