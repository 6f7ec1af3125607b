"""Stop: cancel what was never called, find what may have happened, expire what is live. Late work is still collected.

A stop asks for nothing new: extensions and the Qualifications of groups that will not be published are cancelled, and what
they reserved is released. `ending.py` says what a stopping Batch still waits for; `giving_up.py` ends one that waits in vain.
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
from app.db.operations import Extension, Intent
from app.db.queue import Job, enqueue
from app.db.tables import Batch
from app.domain.progress import HITCounters
from app.domain.vocabulary import BatchId, BatchStatus, HITId, MarketplaceHITId, OperationId, OperationKind
from app.errors import MarketplaceRefused, ServiceError
from app.logs import get_logger
from app.mturk import requester
from app.mturk.client import Marketplace
from app.mturk.pacer import Pacer

log = get_logger(__name__)

# New HITs appear in ListHITs some seconds late (mturk-facts §2.1): an attempt younger than this is not called lost.
LISTING_LAG_S = 60
_ATTENTION = "A HIT could not be taken back and will be tried again"

_TAKEN_BACK = "Stopping took back compensations:"
_NAMED = 5
# The last attempt of an operation `o`, whichever way it ended, was made long enough ago; greatest() skips NULLs.
_LONG_AGO = """
    greatest(o.first_attempt_at, o.not_before, o.finished_at,
             o.lease_until + make_interval(secs => :call_s)) < now() - make_interval(secs => :lag_s)
"""
_LAGS = {"lag_s": LISTING_LAG_S, "call_s": leases.LONGEST_CALL_S}


def wind_down(database: Database, marketplace: Marketplace, pacer: Pacer, batch_id: BatchId, turn: Turn) -> None:
    """One round of stopping a Batch in status `stopping`; harmless to repeat, and repeated until nothing is left."""
    with database.transaction() as db:
        if db.get_one(Batch, batch_id, with_for_update={"key_share": True}).status != BatchStatus.STOPPING:
            return
        _cancel(db, _never_attempted(db, batch_id))
        _cancel_what_is_not_wanted_any_more(db, batch_id)
        unsure = _perhaps_published(db, batch_id)
        extensions = _perhaps_extended(db, batch_id)
    if unsure:
        _look_up(database, marketplace, pacer, batch_id, unsure)
    _look_up_extensions(database, marketplace, pacer, extensions)
    with database.transaction() as db:
        ledger.locked_batch(db, batch_id)
        still_open = _still_open(db, batch_id)
        operations.intend(db, OperationKind.EXPIRE, batch_id, [Intent(hit_id=hit_id) for hit_id in still_open])
        _say_compensations(db, still_open)
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
    _say_compensations(db, [HITId(hit) for hit in cancelled])


def _say_compensations(db: Session, hit_ids: Sequence[HITId]) -> None:
    """Say on the Batch to whom money was promised by those of these HITs that are compensations, and taken back now."""
    lost = db.execute(
        text("""
            SELECT h.batch_id, w.pseudonym, g.reward_usd FROM hits AS h JOIN hit_groups AS g ON g.id = h.group_id
            JOIN operations AS q ON q.group_id = g.id AND q.kind = 'qualify' JOIN workers AS w ON w.id = q.worker_id
            WHERE h.id = ANY(:ids) AND g.purpose = 'compensation'
              AND NOT EXISTS (SELECT 1 FROM assignments AS a WHERE a.hit_id = h.id)
            ORDER BY h.id
        """),
        {"ids": list(hit_ids)},
    ).all()
    if not lost:
        return
    batch = ledger.locked_batch(db, BatchId(lost[0].batch_id))
    named = [f"{one.pseudonym} ${one.reward_usd}" for one in lost]
    more = f" and {len(named) - _NAMED} more" if len(named) > _NAMED else ""
    said = (
        f"{_TAKEN_BACK} {', '.join(named[:_NAMED])}{more}. Who has begun may still hand it in and is paid; to the others"
        f" offer it again, for another reason, when the Batch has stopped: `labeljury compensate {batch.id} …`."
    )
    # What an earlier round of this stop has said stays said.
    batch.attention = f"{batch.attention} {said}" if (batch.attention or "").startswith(_TAKEN_BACK) else said
    audit.record(
        db,
        actor="job runner",
        action="compensations.taken_back",
        batch_id=batch.id,
        profile=batch.profile,
        compensations={one.pseudonym: str(one.reward_usd) for one in lost},
    )


def _perhaps_published(db: Session, batch_id: BatchId) -> dict[str, HITId]:
    """HITs, by annotation, whose call was made by a runner that is no longer at it, long enough ago to be listed."""
    rows = db.execute(
        text(f"""
            SELECT h.annotation, h.id FROM operations AS o JOIN hits AS h ON h.id = o.hit_id
            WHERE o.batch_id = :id AND o.kind = 'publish' AND o.attempts > 0
              AND o.status IN ('intended', 'acting', 'failed') AND {_LONG_AGO}
        """),
        {"id": batch_id, **_LAGS},
    )
    return {annotation: HITId(hit_id) for annotation, hit_id in rows}


def _look_up(
    database: Database, marketplace: Marketplace, pacer: Pacer, batch_id: BatchId, unsure: dict[str, HITId]
) -> None:
    """What the marketplace lists is live and will be expired; what it does not list was never made."""
    found: dict[HITId, MarketplaceHITId] = {
        unsure[hit.annotation]: hit.hit_id
        for hit in requester.list_hits(marketplace, pacer.wait)
        if hit.annotation is not None and hit.annotation in unsure
    }
    missing = [hit_id for hit_id in unsure.values() if hit_id not in found]
    with database.transaction() as db:
        ledger.locked_batch(db, batch_id)
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


# --- extensions -------------------------------------------------------------------------------------------------------


@dataclass(frozen=True, slots=True)
class _Extended:
    """A HIT that may have been extended: the operation, and how the HIT was to be offered."""

    operation_id: OperationId
    hit_id: HITId
    marketplace_hit_id: MarketplaceHITId
    extension: Extension


def _cancel_what_is_not_wanted_any_more(db: Session, batch_id: BatchId) -> None:
    """Extensions that nobody tried yet, and Qualifications: these only prepare HITs that will not be published."""
    extensions = db.scalars(
        text("""
            UPDATE operations SET status = 'cancelled', finished_at = now()
            WHERE batch_id = :id AND kind = 'extend' AND attempts = 0 AND status = 'intended' RETURNING id
        """),
        {"id": batch_id},
    ).all()
    ledger.release(db, extensions)
    db.execute(
        text("""
            UPDATE operations SET status = 'cancelled', finished_at = now(), lease_until = NULL
            WHERE batch_id = :id AND kind = 'qualify'
              AND (status IN ('intended', 'failed') OR (status = 'acting' AND lease_until < now()))
        """),
        {"id": batch_id},
    )


def _perhaps_extended(db: Session, batch_id: BatchId) -> list[_Extended]:
    """Extensions that were tried and whose outcome nobody wrote down, by now certainly over."""
    rows = db.execute(
        text(f"""
            SELECT o.id, o.hit_id, o.arguments, h.marketplace_hit_id FROM operations AS o JOIN hits AS h ON h.id = o.hit_id
            WHERE o.batch_id = :id AND o.kind = 'extend' AND o.attempts > 0
              AND o.status IN ('intended', 'acting', 'failed') AND {_LONG_AGO}
        """),
        {"id": batch_id, **_LAGS},
    )
    return [
        _Extended(
            OperationId(row.id),
            HITId(row.hit_id),
            MarketplaceHITId(row.marketplace_hit_id),
            Extension.of(row.arguments),
        )
        for row in rows
    ]


def _look_up_extensions(
    database: Database, marketplace: Marketplace, pacer: Pacer, extensions: Sequence[_Extended]
) -> None:
    """An extension that happened, wholly or in part, left the HIT open or with more places: it is live, and expired again.

    One that did not happen gives back what it reserved. Where the marketplace does not answer, the next round asks again.
    """
    for one, outcome in pacer.each(lambda what: requester.get_hit(marketplace, what.marketplace_hit_id), extensions):
        if isinstance(outcome, ServiceError):
            if not _is_gone(outcome):
                log.warning("extension.not_looked_up", hit_id=one.marketplace_hit_id, error=str(outcome))
                continue
            happened = False
        else:
            happened = outcome.status == "Assignable" or outcome.max_assignments >= one.extension.places
        with database.transaction() as db:
            closed = _close_extension(db, one, "done" if happened else "cancelled")
            if closed and happened and isinstance(outcome, HITCounters):
                _take_over(db, one, outcome)


def _close_extension(db: Session, one: _Extended, status: str) -> bool:
    """Whether it was still open, and is closed now; what is cancelled gives back what it reserved."""
    closed = db.execute(
        text("""
            UPDATE operations SET status = :status, finished_at = now(), lease_until = NULL
            WHERE id = :id AND (status IN ('intended', 'failed') OR (status = 'acting' AND lease_until < now())) RETURNING id
        """),
        {"id": one.operation_id, "status": status},
    ).first()
    if closed and status == "cancelled":
        ledger.release(db, [one.operation_id])
    return closed is not None


def _take_over(db: Session, one: _Extended, found: HITCounters) -> None:
    """The HIT as the marketplace has it, to be polled anew."""
    db.execute(
        text("""
            UPDATE hits SET status = 'live', exhausted = false, polled_signature = NULL, pending = :pending,
                max_assignments = greatest(max_assignments, :places), expires_at = :expires_at, marketplace_status = :status
            WHERE id = :id AND status IN ('live', 'done')
        """),
        {
            "id": one.hit_id,
            "pending": found.pending,
            "places": found.max_assignments,
            "expires_at": found.expires_at,
            "status": found.status,
        },
    )


# --- expire -----------------------------------------------------------------------------------------------------------


def _still_open(db: Session, batch_id: BatchId) -> list[HITId]:
    """Live HITs that Workers could still accept, as far as the last poll knows, and that nobody has expired yet.

    An extension that ended after the HIT was expired (its call was under way) may have opened it again.
    """
    rows = db.execute(
        text("""
            SELECT h.id FROM hits AS h
            WHERE h.batch_id = :id AND h.status = 'live' AND NOT h.exhausted
              AND NOT EXISTS (
                  SELECT 1 FROM operations AS o WHERE o.hit_id = h.id AND o.kind = 'expire' AND (
                      o.status IN ('intended', 'acting')
                      OR NOT EXISTS (SELECT 1 FROM operations AS x WHERE x.hit_id = h.id AND x.kind = 'extend'
                                     AND x.status IN ('done', 'cancelled') AND x.finished_at >= o.finished_at)))
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
        failed=partial(_failed, batch_id),
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
        if not _is_gone(refused):
            raise  # a HIT that is gone is as good as expired


def _is_gone(error: ServiceError) -> bool:
    """Whether the marketplace has deleted or forgotten the HIT."""
    return isinstance(error, MarketplaceRefused) and (
        error.code.endswith("HITDoesNotExist") or "'Disposed'" in error.message
    )


def _failed(batch_id: BatchId, db: Session, operation: Claimed, error: ServiceError, now: datetime) -> None:
    """Tried again later, with growing pauses. A refusal is also shown: Workers can still accept the HIT."""
    leases.retry_later(db, operation, error=str(error), now=now)
    if isinstance(error, MarketplaceRefused):
        ledger.locked_batch(db, batch_id).attention = f"{_ATTENTION}: {error}"


def _write(batch_id: BatchId, db: Session, results: Sequence[Done[MarketplaceHITId, None]], now: datetime) -> None:
    hits = {str(done.operation.hit_id): done.target for done in results}
    db.execute(
        text("UPDATE batches SET attention = NULL WHERE id = :id AND starts_with(attention, :ours)"),
        {"id": batch_id, "ours": _ATTENTION},
    )
    audit.record(db, actor="job runner", action="hits.expired", batch_id=batch_id, hits=hits)
    for hit_id in hits.values():
        log.info("hit.expired", batch_id=batch_id, hit_id=hit_id)
