"""Raw answers → Responses. What cannot be read is quarantined: kept, shown, never dropped."""

import json
from collections.abc import Collection, Mapping

from sqlalchemy import select, text
from sqlalchemy.orm import Session

from app.db.engine import Database
from app.db.locks import lock_items
from app.db.tables import Assignment, Hit, HitItem
from app.domain.answers import as_option, as_shown
from app.domain.vocabulary import AnswerState, BatchId
from app.logs import get_logger
from app.questions.answers import ItemAnswer, UnreadableAnswer, parse_answers

log = get_logger(__name__)

READ_SIZE = 500


def read(database: Database, batch_id: BatchId) -> int:
    """Raw answers → Responses, a few hundred Assignments a transaction. Returns how many Assignments were read.

    What cannot be read is quarantined with the reason: kept, shown, never dropped.
    """
    read = 0
    while True:
        with database.transaction() as db:
            assignments = _raw_assignments(db, batch_id)
            places = _places(db, {assignment.hit_id for assignment in assignments})
            lock_items(db, [place.item_id for shown in places.values() for place in shown.values()])
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
    INSERT INTO responses (assignment_id, item_id, worker_id, position, option, cannot_tell, comment, order_shown, elapsed_ms,
                           counted)
    SELECT r.assignment_id, item_id, r.worker_id, position, option, cannot_tell, comment, order_shown, elapsed_ms,
           -- Work that was rejected before it was read does not count, nor that of a Worker who was dropped before.
           (SELECT a.counted AND a.status <> 'rejected' AND NOT EXISTS (
                SELECT 1 FROM hits AS h JOIN dropped_workers AS d ON d.batch_id = h.batch_id
                WHERE h.id = a.hit_id AND d.worker_id = a.worker_id AND d.restored_at IS NULL)
            FROM assignments AS a WHERE a.id = r.assignment_id)
    FROM jsonb_to_recordset(CAST(:rows AS jsonb)) AS r (
        assignment_id bigint, item_id bigint, worker_id bigint, position int, option text, cannot_tell boolean,
        comment text, order_shown text[], elapsed_ms int)
    ON CONFLICT DO NOTHING
    RETURNING item_id
""")


def _read_one(db: Session, assignment: Assignment, places: Mapping[int, HitItem]) -> None:
    """One Assignment's Responses. An Item that this Worker has answered before keeps the first answer."""
    if not places:  # a compensation's: it shows no Items, and whatever was sent along stays in `raw_answer`
        assignment.answer_state = AnswerState.PARSED
        return
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
