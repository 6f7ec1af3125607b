"""Assignments in: one walk over the marketplace's list of HITs, and only what changed is fetched; answers are stored raw.

A poll of N HITs costs N/100 list calls plus one for each HIT whose counters differ from what we hold. Everything here
may be repeated, interrupted and run late.
"""

from collections.abc import Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from datetime import UTC, datetime
from itertools import islice
from typing import TypeVar

from sqlalchemy import text
from sqlalchemy.exc import DataError, IntegrityError
from sqlalchemy.orm import Session

from app.db.engine import Database
from app.db.queue import Job, enqueue
from app.domain.progress import Collected, HITCounters, is_complete, is_exhausted, must_fetch
from app.domain.vocabulary import AssignmentStatus, BatchId, HITId, MarketplaceHITId
from app.errors import MarketplaceRefused, ServiceError
from app.logs import get_logger
from app.mturk import requester, reviewing
from app.mturk.client import Marketplace
from app.mturk.pacer import Pacer
from app.mturk.reviewing import SubmittedAssignment
from app.secrets import pseudonym

log = get_logger(__name__)

Thing = TypeVar("Thing")

# What a listing shows is stored before the next part of it is read: an interruption keeps what is done.
CHUNK = 500
# HITs that a listing lacks are asked for by name, these many a poll, once new ones have had time to be listed.
ASKED_BY_NAME = 20
LISTED_WITHIN = "10 minutes"


@dataclass(frozen=True, slots=True)
class LiveHIT:
    """A HIT that may still bring Assignments, and what we hold of it. `overdue`: the listing should have it by now."""

    id: HITId
    batch_id: BatchId
    held: Collected
    assignment_duration_s: int
    overdue: bool


@dataclass(frozen=True, slots=True)
class Poll:
    """What one poll saw and did."""

    hits_listed: int
    hits_fetched: int
    assignments_new: int


def collect(database: Database, marketplace: Marketplace, pacer: Pacer, *, secret: bytes) -> Poll:
    """Poll the marketplace once for all live HITs of its profile and store what is new.

    secret: keys the Workers' pseudonyms.
    """
    with database.transaction() as db:
        live = _live_hits(db, marketplace)
    if not live:
        return Poll(0, 0, 0)
    listed = fetched = new = 0
    missing = dict(live)
    everything = requester.list_hits(marketplace, pacer.wait, on_busy=pacer.throttled)
    for chunk in _chunks(everything, CHUNK):
        listed += len(chunk)
        changed = []
        for seen in chunk:
            missing.pop(seen.hit_id, None)
            if seen.hit_id in live and must_fetch(seen, live[seen.hit_id].held):
                changed.append(seen)
            elif seen.hit_id in live:
                _update_hit(database, live[seen.hit_id], seen)
        fetched += len(changed)
        new += _collect_changed(database, marketplace, pacer, live, changed, secret=secret)
    _ask_by_name(database, marketplace, pacer, missing)
    return Poll(listed, fetched, new)


def _chunks(things: Iterable[Thing], size: int) -> Iterator[list[Thing]]:
    remaining = iter(things)
    while chunk := list(islice(remaining, size)):
        yield chunk


def _collect_changed(
    database: Database,
    marketplace: Marketplace,
    pacer: Pacer,
    live: Mapping[MarketplaceHITId, LiveHIT],
    changed: Sequence[HITCounters],
    *,
    secret: bytes,
) -> int:
    """Fetch and store HIT by HIT; one that cannot be stored does not keep the others from it. Returns what was new."""
    new = 0
    for seen, outcome in pacer.each(lambda hit: _fetch(marketplace, pacer, hit), changed):
        if isinstance(outcome, ServiceError):
            log.warning("hit.not_collected", hit_id=seen.hit_id, error=str(outcome))
            continue
        try:
            new += _store(database, marketplace.profile, live[seen.hit_id], seen, outcome, secret=secret)
        except (DataError, IntegrityError) as error:
            reason = type(error.orig).__name__
            log.error("hit.not_stored", hit_id=seen.hit_id, error=reason)  # noqa: TRY400 - the message repeats the row
    return new


def _ask_by_name(
    database: Database, marketplace: Marketplace, pacer: Pacer, missing: Mapping[MarketplaceHITId, LiveHIT]
) -> None:
    """Live HITs that the whole listing lacks: if the marketplace no longer knows one, nothing more will come of it."""
    overdue = [hit_id for hit_id, known in missing.items() if known.overdue][:ASKED_BY_NAME]
    for hit_id, outcome in pacer.each(lambda name: requester.get_hit(marketplace, name), overdue):
        gone = isinstance(outcome, MarketplaceRefused) and outcome.code.endswith("HITDoesNotExist")
        if gone or (isinstance(outcome, HITCounters) and outcome.status == "Disposed"):
            with database.transaction() as db:
                statement = "UPDATE hits SET exhausted = true, marketplace_status = 'Disposed' WHERE id = :id"
                db.execute(text(statement), {"id": missing[hit_id].id})
                enqueue(db, Job.REVIEW, batch_id=missing[hit_id].batch_id)
            log.warning("hit.gone", batch_id=missing[hit_id].batch_id, hit_id=hit_id)


def _fetch(marketplace: Marketplace, pacer: Pacer, seen: HITCounters) -> list[SubmittedAssignment]:
    """All Assignments of one HIT. The caller has waited for the first page's slot."""
    return reviewing.list_assignments(marketplace, seen.hit_id, expected=seen.submitted, before_next_page=pacer.wait)


def _live_hits(db: Session, marketplace: Marketplace) -> dict[MarketplaceHITId, LiveHIT]:
    """Live HITs of Batches that were launched on this very endpoint."""
    rows = db.execute(
        text("""
            SELECT h.marketplace_hit_id, h.id, h.batch_id, h.polled_signature, b.assignment_duration_s,
                   h.published_at < now() - CAST(:listed_within AS interval) AS overdue,
                   count(a.id) AS assignments, count(a.id) FILTER (WHERE a.status <> 'submitted') AS decided
            FROM hits AS h JOIN batches AS b ON b.id = h.batch_id LEFT JOIN assignments AS a ON a.hit_id = h.id
            WHERE h.status = 'live' AND b.profile = :profile AND (b.endpoint_url = :url OR b.profile = 'local')
            GROUP BY h.id, b.id
        """),
        {"profile": marketplace.profile, "url": marketplace.endpoint_url, "listed_within": LISTED_WITHIN},
    )
    return {
        MarketplaceHITId(row.marketplace_hit_id): LiveHIT(
            HITId(row.id),
            BatchId(row.batch_id),
            Collected(row.assignments, row.decided, row.polled_signature),
            row.assignment_duration_s,
            bool(row.overdue),
        )
        for row in rows
    }


# --- raw answers ------------------------------------------------------------------------------------------------------


def _store(
    database: Database,
    profile: str,
    known: LiveHIT,
    seen: HITCounters,
    assignments: Sequence[SubmittedAssignment],
    *,
    secret: bytes,
) -> int:
    """Store what is new exactly as it came, and what the marketplace has decided by itself. Returns how many are new."""
    with database.transaction() as db:
        new = sum(_store_one(db, profile, known, assignment, secret) for assignment in assignments)
        _write_counters(db, known, seen, held=len(assignments))
        # The stages that follow ride in this transaction: an answer stored is an answer that will be read.
        enqueue(db, Job.CONSENSUS, batch_id=known.batch_id)
        enqueue(db, Job.REVIEW, batch_id=known.batch_id)
    if new:
        log.info("hit.collected", batch_id=known.batch_id, hit_id=seen.hit_id, new=new, held=len(assignments))
    return new


_STATUS = {status.value.capitalize(): status for status in AssignmentStatus}
_WORKER = text("""
    INSERT INTO workers (profile, marketplace_worker_id, pseudonym) VALUES (:profile, :worker_id, :pseudonym)
    ON CONFLICT (profile, marketplace_worker_id) DO UPDATE SET pseudonym = excluded.pseudonym RETURNING id
""")
_ASSIGNMENT = text("""
    INSERT INTO assignments (hit_id, worker_id, marketplace_assignment_id, status, marketplace_status, raw_answer,
                             accepted_at, submitted_at, auto_approval_at, decided_at)
    VALUES (:hit_id, :worker_id, :assignment_id, :status, :marketplace_status, :raw_answer,
            :accepted_at, :submitted_at, :auto_approval_at, :decided_at)
    ON CONFLICT (marketplace_assignment_id) DO UPDATE
        SET status = excluded.status, marketplace_status = excluded.marketplace_status,
            decided_at = coalesce(assignments.decided_at, excluded.decided_at)
        WHERE assignments.marketplace_status <> excluded.marketplace_status
          -- A list read before our own decision must not undo it.
          AND assignments.status = 'submitted'
    RETURNING (xmax = 0) AS is_new
""")


def _store_one(db: Session, profile: str, known: LiveHIT, found: SubmittedAssignment, secret: bytes) -> bool:
    worker_id = db.execute(
        _WORKER,
        {"profile": profile, "worker_id": found.worker_id, "pseudonym": pseudonym(secret, found.worker_id)},
    ).scalar_one()
    status = _STATUS.get(found.status, AssignmentStatus.SUBMITTED)
    row = db.execute(
        _ASSIGNMENT,
        {
            "hit_id": known.id,
            "worker_id": worker_id,
            "assignment_id": found.assignment_id,
            "status": status,
            "marketplace_status": found.status,
            "raw_answer": found.answer.encode("utf-8", "surrogatepass"),
            "accepted_at": found.accepted_at,
            "submitted_at": found.submitted_at,
            "auto_approval_at": found.auto_approval_at,
            "decided_at": None if status is AssignmentStatus.SUBMITTED else datetime.now(UTC),
        },
    ).first()
    return bool(row and row.is_new)


def _update_hit(database: Database, known: LiveHIT, seen: HITCounters) -> None:
    """Write down counters that need no fetching, if they moved or the HIT is exhausted."""
    exhausted = _is_exhausted(known, seen, held=known.held.assignments)
    if seen.signature == known.held.polled_signature and not exhausted:
        return
    with database.transaction() as db:
        _write_counters(db, known, seen, held=known.held.assignments)
        if exhausted:
            enqueue(db, Job.REVIEW, batch_id=known.batch_id)


def _write_counters(db: Session, known: LiveHIT, seen: HITCounters, *, held: int) -> None:
    """The signature is kept only when all that was promised came: until then the HIT is fetched again."""
    db.execute(
        text("""
            UPDATE hits SET marketplace_status = :status, pending = :pending, polled_signature = :signature,
                expires_at = :expires_at, exhausted = :exhausted
            WHERE id = :id
        """),
        {
            "id": known.id,
            "status": seen.status,
            "pending": seen.pending,
            "signature": seen.signature if is_complete(seen, assignments=held) else None,
            "expires_at": seen.expires_at,
            "exhausted": _is_exhausted(known, seen, held=held),
        },
    )


def _is_exhausted(known: LiveHIT, seen: HITCounters, *, held: int) -> bool:
    now, duration_s = datetime.now(UTC), known.assignment_duration_s
    return is_exhausted(seen, now=now, assignments=held, assignment_duration_s=duration_s)
