"""Assignments in: one walk over the marketplace's list of HITs, and only what changed is fetched; answers are stored raw.

A poll of N HITs costs N/100 list calls plus one for each HIT whose counters differ from what we hold. Everything here
may be repeated, interrupted and run late.
"""

from collections.abc import Collection, Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from datetime import UTC, datetime
from itertools import islice
from typing import Any, TypeVar

from sqlalchemy import text
from sqlalchemy.exc import DataError, IntegrityError
from sqlalchemy.orm import Session

from app.db.engine import Database
from app.db.queue import Job, enqueue
from app.domain.differences import batch_of
from app.domain.progress import Collected, HITCounters, is_complete, is_exhausted, must_fetch
from app.domain.vocabulary import AssignmentStatus, BatchId, HITId, MarketplaceHITId
from app.errors import MarketplaceRefused, ServiceError
from app.logs import get_logger
from app.mturk import requester, reviewing
from app.mturk.client import Marketplace
from app.mturk.pacer import Pacer
from app.mturk.reviewing import SubmittedAssignment
from app.secrets import pseudonym
from app.settings import MarketplaceProfile

log = get_logger(__name__)

Thing = TypeVar("Thing")

# What a listing shows is stored before the next part of it is read: an interruption keeps what is done.
CHUNK = 500
# HITs that a listing lacks are asked for by name, these many a poll, once new ones have had time to be listed.
ASKED_BY_NAME = 20
LISTED_WITHIN = "10 minutes"


@dataclass(frozen=True, slots=True)
class LiveHIT:
    """A HIT that may still bring Assignments, and what we hold of it. `overdue`: the listing should have it by now.

    known_at: by the database's clock, before the marketplace was asked.
    """

    id: HITId
    batch_id: BatchId
    held: Collected
    assignment_duration_s: int
    overdue: bool
    known_at: datetime


@dataclass(frozen=True, slots=True)
class Poll:
    """What one poll saw and did."""

    hits_listed: int
    hits_fetched: int
    assignments_new: int
    problem: ServiceError | None = None  # why the Assignments of a HIT could not be fetched; the others were


def collect(database: Database, marketplace: Marketplace, pacer: Pacer, *, secret: bytes) -> Poll:
    """Poll the marketplace once for all live HITs of its profile and store what is new.

    secret: keys the Workers' pseudonyms.
    """
    with database.transaction() as db:
        live = _live_hits(db, marketplace)
    if not live:
        return Poll(0, 0, 0)
    listed = fetched = new = 0
    problem: ServiceError | None = None
    missing, listed_batches = dict(live), set[BatchId | None]()
    everything = requester.list_hits(marketplace, pacer.wait)
    for chunk in _chunks(everything, CHUNK):
        listed += len(chunk)
        changed = []
        for seen in chunk:
            missing.pop(seen.hit_id, None)
            listed_batches.add(batch_of(seen.annotation))
            if seen.hit_id in live and must_fetch(seen, live[seen.hit_id].held):
                changed.append(seen)
            elif seen.hit_id in live:
                _update_hit(database, live[seen.hit_id], seen)
        fetched += len(changed)
        collected, unfetched = _collect_changed(database, marketplace, pacer, live, changed, secret=secret)
        new, problem = new + collected, unfetched or problem
    _ask_by_name(database, marketplace, pacer, _of_this_account(database, marketplace, missing, listed_batches))
    return Poll(listed, fetched, new, problem)


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
) -> tuple[int, ServiceError | None]:
    """Fetch and store HIT by HIT; one that cannot be stored does not keep the others from it.

    Returns how many Assignments were new, and what one of the HITs met that could not be fetched.
    """
    new, problem = 0, None
    for seen, outcome in pacer.each(lambda hit: _fetch(marketplace, pacer, hit), changed):
        if isinstance(outcome, ServiceError):
            problem = outcome
            batch_id = live[seen.hit_id].batch_id
            log.warning("hit.not_collected", batch_id=batch_id, hit_id=seen.hit_id, error=str(outcome))
            continue
        new += _store_safely(database, marketplace.profile, live[seen.hit_id], seen, outcome, secret=secret) or 0
    return new, problem


def _store_safely(
    database: Database,
    profile: str,
    known: LiveHIT,
    seen: HITCounters,
    assignments: Sequence[SubmittedAssignment],
    *,
    secret: bytes,
) -> int | None:
    """As `_store`; None where the database refuses what the marketplace said."""
    try:
        return _store(database, profile, known, seen, assignments, secret=secret)
    except (DataError, IntegrityError) as error:
        reason = type(error.orig).__name__
        log.error("hit.not_stored", batch_id=known.batch_id, hit_id=seen.hit_id, error=reason)  # noqa: TRY400 - the message repeats the row
        return None


def _of_this_account(
    database: Database,
    marketplace: Marketplace,
    missing: Mapping[MarketplaceHITId, LiveHIT],
    listed: Collection[BatchId | None],
) -> dict[MarketplaceHITId, LiveHIT]:
    """Those missing HITs that may be called gone: not where the list shows nothing at all of a Batch.

    Then our credentials may be of another account, which knows none of them; to let them go would have them published, and
    paid, once more there. `reconcile` tells a person, who may stop the Batch. Our own marketplace has one account for us.
    """
    doubtful = {hit.batch_id for hit in missing.values() if hit.batch_id not in listed}
    if marketplace.profile != MarketplaceProfile.LOCAL and doubtful:
        with database.transaction() as db:
            stopping = "SELECT id FROM batches WHERE id = ANY(:ids) AND status = 'stopping'"
            doubtful -= set(db.scalars(text(stopping), {"ids": list(doubtful)}))
        return {hit_id: hit for hit_id, hit in missing.items() if hit.batch_id not in doubtful}
    return dict(missing)


def _ask_by_name(
    database: Database, marketplace: Marketplace, pacer: Pacer, missing: Mapping[MarketplaceHITId, LiveHIT]
) -> None:
    """Live HITs that the whole listing lacks: if the marketplace no longer knows one, nothing more will come of it."""
    overdue = [hit_id for hit_id, known in missing.items() if known.overdue][:ASKED_BY_NAME]
    for hit_id, outcome in pacer.each(lambda name: requester.get_hit(marketplace, name), overdue):
        if _is_gone(outcome):
            _let_go(database, missing[hit_id], hit_id)


def _is_gone(outcome: HITCounters | ServiceError) -> bool:
    """Whether the marketplace has deleted the HIT, or forgotten it: MTurk does after 120 days (mturk-facts §3.2)."""
    if isinstance(outcome, HITCounters):
        return outcome.status == "Disposed"
    return isinstance(outcome, MarketplaceRefused) and outcome.code.endswith("HITDoesNotExist")


def _let_go(database: Database, known: LiveHIT, hit_id: MarketplaceHITId) -> None:
    """A HIT that is gone brings no more, and what we hold of it is all there is: its answers stay as they are.

    Work of it that nobody decided in time was approved, and paid, by the marketplace itself; it can no longer say so.
    """
    with database.transaction() as db:
        db.execute(
            text("""
                UPDATE hits SET exhausted = true, marketplace_status = 'Disposed', pending = 0, hinted_at = NULL
                WHERE id = :id
            """),
            {"id": known.id},
        )
        approved = db.scalars(
            text("""
                UPDATE assignments SET status = 'approved', marketplace_status = 'Approved', decided_at = auto_approval_at
                WHERE hit_id = :id AND status = 'submitted' AND auto_approval_at < now() RETURNING id
            """),
            {"id": known.id},
        ).all()
        # There is nobody left to tell.
        db.execute(
            text("""
                UPDATE operations SET status = 'cancelled', finished_at = now(), lease_until = NULL, error = 'the HIT is gone'
                WHERE assignment_id = ANY(:ids) AND kind IN ('approve', 'reject')
                  AND status IN ('intended', 'acting', 'failed')
            """),
            {"ids": list(approved)},
        )
        enqueue(db, Job.REVIEW, batch_id=known.batch_id)
    log.warning("hit.gone", batch_id=known.batch_id, hit_id=hit_id, auto_approved=len(approved))


def _fetch(marketplace: Marketplace, pacer: Pacer, seen: HITCounters) -> list[SubmittedAssignment]:
    """All Assignments of one HIT. The caller has waited for the first page's slot."""
    return reviewing.list_assignments(marketplace, seen.hit_id, expected=seen.submitted, before_next_page=pacer.wait)


_LIVE = """
    SELECT h.marketplace_hit_id, h.id, h.batch_id, h.polled_signature, b.assignment_duration_s, h.hinted_at,
           now() AS known_at,
           h.published_at < now() - CAST(:listed_within AS interval) AS overdue,
           count(a.id) AS assignments, count(a.id) FILTER (WHERE a.status <> 'submitted') AS decided
    FROM hits AS h JOIN batches AS b ON b.id = h.batch_id LEFT JOIN assignments AS a ON a.hit_id = h.id
    WHERE h.status = 'live' AND b.profile = :profile AND (b.endpoint_url = :url OR b.profile = 'local') {only}
    GROUP BY h.id, b.id
"""


def _live_hits(db: Session, marketplace: Marketplace) -> dict[MarketplaceHITId, LiveHIT]:
    """Live HITs of Batches that were launched on this very endpoint."""
    rows = db.execute(
        text(_LIVE.format(only="")),
        {"profile": marketplace.profile, "url": marketplace.endpoint_url, "listed_within": LISTED_WITHIN},
    )
    return {MarketplaceHITId(row.marketplace_hit_id): _live_hit(row) for row in rows}


def _live_hit(row: Any) -> LiveHIT:
    held = Collected(row.assignments, row.decided, row.polled_signature)
    duration_s, overdue = row.assignment_duration_s, bool(row.overdue)
    return LiveHIT(HITId(row.id), BatchId(row.batch_id), held, duration_s, overdue, row.known_at)


# --- hints ------------------------------------------------------------------------------------------------------------


def collect_hinted(database: Database, marketplace: Marketplace, pacer: Pacer, *, secret: bytes) -> int:
    """Fetch the HITs of which a notification said that something happened, longest ago first. Returns how many were fetched.

    A hint is only a reason to look: what is stored is what the marketplace then says.
    """
    with database.transaction() as db:
        rows = db.execute(
            text(_LIVE.format(only="AND h.hinted_at IS NOT NULL") + "ORDER BY h.hinted_at LIMIT :most"),
            {
                "profile": marketplace.profile,
                "url": marketplace.endpoint_url,
                "listed_within": LISTED_WITHIN,
                "most": CHUNK,
            },
        ).all()
    hinted = {MarketplaceHITId(row.marketplace_hit_id): (_live_hit(row), row.hinted_at) for row in rows}
    fetched = 0
    for hit_id, outcome in pacer.each(lambda name: _look_at(marketplace, pacer, name), list(hinted)):
        known, hinted_at = hinted[hit_id]
        if isinstance(outcome, ServiceError):
            _not_fetched(database, known, hit_id, hinted_at, outcome)
            continue
        seen, assignments = outcome
        if _store_safely(database, marketplace.profile, known, seen, assignments, secret=secret) is not None:
            fetched += 1
        with database.transaction() as db:
            _drop_hint(db, known, hinted_at)
    return fetched


def _look_at(
    marketplace: Marketplace, pacer: Pacer, hit_id: MarketplaceHITId
) -> tuple[HITCounters, list[SubmittedAssignment]]:
    """The HIT's counters and all its Assignments: counters may lag behind the event, so they do not decide about the list."""
    seen = requester.get_hit(marketplace, hit_id)
    pacer.wait()
    return seen, _fetch(marketplace, pacer, seen)


def _not_fetched(
    database: Database, known: LiveHIT, hit_id: MarketplaceHITId, hinted_at: datetime, error: ServiceError
) -> None:
    """Gone: over. Refused: the poll will see. Anything else is looked at again, after all other hints."""
    log.warning("hit.not_collected", batch_id=known.batch_id, hit_id=hit_id, error=str(error))
    if _is_gone(error):
        _let_go(database, known, hit_id)
        return
    with database.transaction() as db:
        _drop_hint(db, known, hinted_at, again=not isinstance(error, MarketplaceRefused))


def _drop_hint(db: Session, known: LiveHIT, hinted_at: datetime, *, again: bool = False) -> None:
    """The hint was followed, or must be `again`; one that came meanwhile stays."""
    db.execute(
        text("""
            UPDATE hits SET hinted_at = CASE WHEN :again THEN now() END WHERE id = :id AND hinted_at = :seen
        """),
        {"id": known.id, "seen": hinted_at, "again": again},
    )


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
        _know_workers(db, profile, assignments, secret)
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
            decided_at = coalesce(assignments.decided_at, excluded.decided_at),
            held_at = CASE WHEN excluded.status = 'submitted' THEN assignments.held_at END,
            -- A rejection that was taken back elsewhere counts again; the review job counts its Responses.
            counted = assignments.counted OR assignments.status = 'rejected'
        WHERE assignments.marketplace_status <> excluded.marketplace_status
          -- A list read before our own decision must not undo it; Approved is final, and comes after any rejection.
          AND (assignments.status = 'submitted' OR (assignments.status = 'rejected' AND excluded.status = 'approved'))
    RETURNING (xmax = 0) AS is_new
""")


def _know_workers(db: Session, profile: str, assignments: Sequence[SubmittedAssignment], secret: bytes) -> None:
    """Lock the Workers' rows by ascending id: a poll and a hint store HITs of the same Workers at the same time."""
    for worker_id in sorted({found.worker_id for found in assignments}):
        values = {"profile": profile, "worker_id": worker_id, "pseudonym": pseudonym(secret, worker_id)}
        db.execute(_WORKER, values)


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
    """The signature is kept only when all that was promised came: until then the HIT is fetched again.

    Counters read before somebody else wrote newer ones, or before the HIT was extended, say nothing any more.
    """
    db.execute(
        text("""
            UPDATE hits SET marketplace_status = :status, pending = :pending, polled_signature = :signature,
                expires_at = :expires_at, exhausted = :exhausted
            WHERE id = :id AND polled_signature IS NOT DISTINCT FROM :known
        """),
        {
            "id": known.id,
            "status": seen.status,
            "pending": seen.pending,
            "known": known.held.polled_signature,
            "signature": seen.signature if is_complete(seen, assignments=held) else None,
            "expires_at": seen.expires_at,
            "exhausted": _is_exhausted(known, seen, held=held),
        },
    )


def _is_exhausted(known: LiveHIT, seen: HITCounters, *, held: int) -> bool:
    duration_s = known.assignment_duration_s
    return is_exhausted(seen, now=known.known_at, assignments=held, assignment_duration_s=duration_s)
