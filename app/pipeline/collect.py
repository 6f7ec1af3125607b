"""Assignments in: one walk over the marketplace's list of HITs, then only what changed; raw answers first, Responses second.

A poll of N HITs costs N/100 list calls plus one for each HIT whose counters differ from what we hold. Everything here
may be repeated, interrupted and run late.
"""

import json
from collections.abc import Collection, Mapping, Sequence
from dataclasses import dataclass
from datetime import UTC, datetime

from sqlalchemy import select, text
from sqlalchemy.orm import Session

from app.db.engine import Database
from app.db.queue import Job, enqueue
from app.db.tables import Assignment, Hit, HitItem
from app.domain.answers import as_option, as_shown
from app.domain.progress import Collected, HITCounters, is_finished, must_fetch
from app.domain.vocabulary import AnswerState, BatchId, HITId, MarketplaceHITId
from app.errors import ServiceError
from app.logs import get_logger
from app.mturk import requester
from app.mturk.client import Marketplace
from app.mturk.pacer import Pacer
from app.mturk.requester import SubmittedAssignment
from app.questions.answers import ItemAnswer, UnreadableAnswer, parse_answers
from app.secrets import pseudonym

log = get_logger(__name__)

READ_SIZE = 500


@dataclass(frozen=True, slots=True)
class LiveHIT:
    """A HIT that may still bring Assignments, and what we hold of it."""

    id: HITId
    batch_id: BatchId
    held: Collected


@dataclass(frozen=True, slots=True)
class Poll:
    """What one poll saw and did."""

    hits_listed: int
    hits_fetched: int
    assignments_new: int
    batches: frozenset[BatchId]


def collect(database: Database, marketplace: Marketplace, pacer: Pacer, *, secret: bytes) -> Poll:
    """Poll the marketplace once for all live HITs of its profile and store what is new.

    secret: keys the Workers' pseudonyms.
    """
    with database.transaction() as db:
        live = _live_hits(db, marketplace.profile)
    if not live:
        return Poll(0, 0, 0, frozenset())
    listed, changed, touched = 0, [], set()
    for seen in requester.list_hits(marketplace, pacer.wait):
        listed += 1
        known = live.get(seen.hit_id)
        if known is None:
            continue
        if must_fetch(seen, known.held):
            changed.append(seen)
        elif _update_hit(database, known, seen):
            touched.add(known.batch_id)
    new = 0
    for seen, outcome in pacer.each(lambda hit: _fetch(marketplace, pacer, hit), changed):
        known = live[seen.hit_id]
        if isinstance(outcome, ServiceError):
            log.warning("hit.not_collected", hit_id=seen.hit_id, error=str(outcome))
            continue
        new += _store(database, marketplace.profile, known, seen, outcome, secret=secret)
        touched.add(known.batch_id)
    return Poll(listed, len(changed), new, frozenset(touched))


def _fetch(marketplace: Marketplace, pacer: Pacer, seen: HITCounters) -> list[SubmittedAssignment]:
    """All Assignments of one HIT. The caller has waited for the first page's slot."""
    return requester.list_assignments(marketplace, seen.hit_id, expected=seen.submitted, before_next_page=pacer.wait)


def _live_hits(db: Session, profile: str) -> dict[MarketplaceHITId, LiveHIT]:
    rows = db.execute(
        text("""
            SELECT h.marketplace_hit_id, h.id, h.batch_id, h.polled_signature,
                   count(a.id) AS assignments, count(a.id) FILTER (WHERE a.status <> 'submitted') AS decided
            FROM hits AS h JOIN batches AS b ON b.id = h.batch_id LEFT JOIN assignments AS a ON a.hit_id = h.id
            WHERE h.status = 'live' AND b.profile = :profile
            GROUP BY h.id
        """),
        {"profile": profile},
    )
    return {
        MarketplaceHITId(row.marketplace_hit_id): LiveHIT(
            HITId(row.id), BatchId(row.batch_id), Collected(row.assignments, row.decided, row.polled_signature)
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
        _write_counters(db, known.id, seen, held=len(assignments))
        # The stages that follow ride in this transaction: an answer stored is an answer that will be read.
        enqueue(db, Job.CONSENSUS, exclusive=True, batch_id=known.batch_id)
        enqueue(db, Job.REVIEW, batch_id=known.batch_id)
    if new:
        log.info("hit.collected", batch_id=known.batch_id, hit_id=seen.hit_id, new=new, held=len(assignments))
    return new


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
    status = found.status.lower()
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
            "decided_at": None if status == "submitted" else datetime.now(UTC),
        },
    ).first()
    return bool(row and row.is_new)


def _update_hit(database: Database, known: LiveHIT, seen: HITCounters) -> bool:
    """Write down counters that need no fetching, if they moved. Returns whether the HIT is now exhausted."""
    finished = is_finished(seen, now=datetime.now(UTC), assignments=known.held.assignments)
    if seen.signature == known.held.polled_signature and not finished:
        return False
    with database.transaction() as db:
        _write_counters(db, known.id, seen, held=known.held.assignments)
        if finished:
            enqueue(db, Job.REVIEW, batch_id=known.batch_id)
    return finished


def _write_counters(db: Session, hit_id: HITId, seen: HITCounters, *, held: int) -> None:
    db.execute(
        text("""
            UPDATE hits SET marketplace_status = :status, pending = :pending, polled_signature = :signature,
                expires_at = :expires_at, exhausted = :exhausted
            WHERE id = :id
        """),
        {
            "id": hit_id,
            "status": seen.status,
            "pending": seen.pending,
            "signature": seen.signature,
            "expires_at": seen.expires_at,
            "exhausted": is_finished(seen, now=datetime.now(UTC), assignments=held),
        },
    )


# --- Responses --------------------------------------------------------------------------------------------------------


def read_answers(database: Database, batch_id: BatchId) -> int:
    """Raw answers → Responses, a few hundred Assignments a transaction. Returns how many Assignments were read.

    What cannot be read is quarantined with the reason: kept, shown, never dropped.
    """
    read = 0
    while True:
        with database.transaction() as db:
            assignments = _raw_assignments(db, batch_id)
            places = _places(db, {assignment.hit_id for assignment in assignments})
            for assignment in assignments:
                _read_one(db, assignment, places.get(assignment.hit_id, {}))
        read += len(assignments)
        if len(assignments) < READ_SIZE:
            return read


def _raw_assignments(db: Session, batch_id: BatchId) -> list[Assignment]:
    """Unread Assignments, locked so that each is read once however many runners ask."""
    return list(
        db.scalars(
            select(Assignment)
            .join(Hit, Hit.id == Assignment.hit_id)
            .where(Assignment.answer_state == AnswerState.RAW, Hit.batch_id == batch_id)
            .order_by(Assignment.id)
            .limit(READ_SIZE)
            .with_for_update(skip_locked=True, of=Assignment)
        )
    )


def _places(db: Session, hit_ids: Collection[int]) -> dict[int, dict[int, HitItem]]:
    """What each HIT shows: HIT → position → the Item there and which of its labels is `a`."""
    places: dict[int, dict[int, HitItem]] = {}
    for place in db.scalars(select(HitItem).where(HitItem.hit_id.in_(hit_ids))):
        places.setdefault(place.hit_id, {})[place.position] = place
    return places


_RESPONSES = text("""
    INSERT INTO responses (assignment_id, item_id, worker_id, position, option, cannot_tell, comment, order_shown, elapsed_ms)
    SELECT assignment_id, item_id, worker_id, position, option, cannot_tell, comment, order_shown, elapsed_ms
    FROM jsonb_to_recordset(CAST(:rows AS jsonb)) AS r (
        assignment_id bigint, item_id bigint, worker_id bigint, position int, option text, cannot_tell boolean,
        comment text, order_shown text[], elapsed_ms int)
    ON CONFLICT DO NOTHING
    RETURNING item_id
""")


def _read_one(db: Session, assignment: Assignment, places: Mapping[int, HitItem]) -> None:
    """One Assignment's Responses. An Item that this Worker has answered before keeps the first answer."""
    try:
        answers = parse_answers(assignment.raw_answer.decode("utf-8", "replace"), item_count=len(places))
    except UnreadableAnswer as error:
        assignment.answer_state, assignment.problem = AnswerState.QUARANTINED, str(error)
        log.warning("assignment.quarantined", assignment_id=assignment.marketplace_assignment_id, why=str(error))
        return
    rows = [_response_row(assignment, places[answer.position], answer) for answer in answers]
    stored = list(db.scalars(_RESPONSES, {"rows": json.dumps(rows)}))
    assignment.answer_state = AnswerState.PARSED
    if len(stored) < len(rows):
        assignment.problem = f"{len(rows) - len(stored)} of {len(rows)} Items had been answered by this Worker before"
    db.execute(text("UPDATE items SET consensus_stale = true WHERE id = ANY(:ids)"), {"ids": sorted(stored)})


def _response_row(assignment: Assignment, place: HitItem, answer: ItemAnswer) -> dict[str, object]:
    option = as_option(answer.choice, a_is_given=place.a_is_given)
    return {
        "assignment_id": assignment.id,
        "item_id": place.item_id,
        "worker_id": assignment.worker_id,
        "position": answer.position,
        "option": option,
        "cannot_tell": option is None,
        "comment": answer.comment,
        "order_shown": as_shown(answer.order_shown, a_is_given=place.a_is_given),
        "elapsed_ms": answer.elapsed_ms,
    }
