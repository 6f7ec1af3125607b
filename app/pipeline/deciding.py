"""Decide what was collected by the Batch's review policy. What a person decides is in `rulings.py`; `review.py` tells the
marketplace of both.
"""

from collections.abc import Mapping, Sequence
from datetime import datetime
from typing import Any

from sqlalchemy import Row, text
from sqlalchemy.orm import Session

from app.db import decisions, worker_answers
from app.db.engine import Database
from app.db.tables import Batch
from app.domain.review_policy import (
    THANKS,
    Decision,
    ReviewPolicy,
    ReviewRule,
    SubmittedWork,
    Verdict,
    decide_review,
)
from app.domain.vocabulary import AnswerState, AssignmentId, BatchId, HITId, HitPurpose, WorkerId
from app.domain.worker_quality import NO_ANSWERS, Tally
from app.logs import get_logger

log = get_logger(__name__)

DECIDE_SIZE = 1000


def decide(database: Database, batch_id: BatchId, *, now: datetime) -> int:
    """Decide submitted Assignments that have no decision yet, as the Batch's policy says. Returns how many were decided.

    Work that cannot be judged yet waits, and is looked at again with the next call.
    """
    return _decide_all(database, batch_id, now, more_to_come=True)


def hold_what_cannot_be_judged(database: Database, batch_id: BatchId, *, now: datetime) -> int:
    """Hold what waits for answers once no more will come. To be called when more were asked for. Returns how many."""
    with database.transaction() as db:
        batch = db.get_one(Batch, batch_id)
        if not ReviewPolicy(batch.review_policy).judges or _more_to_come(db, batch_id):
            return 0
    return _decide_all(database, batch_id, now, more_to_come=False)


def _decide_all(database: Database, batch_id: BatchId, now: datetime, *, more_to_come: bool) -> int:
    """Look at everything undecided, DECIDE_SIZE in a transaction. Each Worker is measured once."""
    decided, after = 0, 0
    known: dict[WorkerId, Tally] = {}
    while True:
        with database.transaction() as db:
            rows = _undecided(db, batch_id, after=after)
            batch = db.get_one(Batch, batch_id)
            rule = ReviewRule.of(batch.review_policy, batch.review_settings)
            new = sorted({WorkerId(row.worker_id) for row in rows} - known.keys())
            known.update(dict.fromkeys(new, NO_ANSWERS))
            known.update(_measured(db, batch_id, rule, new))
            said = [(row, _decide_one(row, rule, known, now, more_to_come=more_to_come)) for row in rows]
            decided += _write(db, batch_id, said, now)
        if len(rows) < DECIDE_SIZE:
            return decided
        after = rows[-1].id


_UNDECIDED = text("""
    SELECT a.id, a.hit_id, a.worker_id, a.answer_state, a.submitted_at, a.auto_approval_at, g.purpose
    FROM assignments AS a JOIN hits AS h ON h.id = a.hit_id JOIN hit_groups AS g ON g.id = h.group_id
    WHERE h.batch_id = :id AND a.id > :after AND a.status = 'submitted' AND a.answer_state <> 'raw'
      AND a.held_at IS NULL
      AND NOT EXISTS (SELECT 1 FROM operations AS o
                      WHERE o.assignment_id = a.id AND o.kind IN ('approve', 'reject'))
    ORDER BY a.id LIMIT :most FOR UPDATE OF a SKIP LOCKED
""")


def _undecided(db: Session, batch_id: BatchId, *, after: int) -> Sequence[Row[Any]]:
    return db.execute(_UNDECIDED, {"id": batch_id, "after": after, "most": DECIDE_SIZE}).all()


def _decide_one(
    row: Row[Any], rule: ReviewRule, answers: Mapping[WorkerId, Tally], now: datetime, *, more_to_come: bool
) -> Decision:
    if row.purpose == HitPurpose.COMPENSATION:
        return Decision(Verdict.APPROVE, THANKS)  # there is nothing to judge: it pays for work that was done before
    work = SubmittedWork(
        readable=row.answer_state != AnswerState.QUARANTINED,
        answers=answers[WorkerId(row.worker_id)],
        more_to_come=more_to_come,
        submitted_at=row.submitted_at,
        auto_approval_at=row.auto_approval_at,
    )
    return decide_review(work, rule, now=now)


def _write(db: Session, batch_id: BatchId, decided: Sequence[tuple[Row[Any], Decision]], now: datetime) -> int:
    """Write down what the policy says. Returns how many are approved, rejected or held now."""
    found: dict[Verdict, list[tuple[Row[Any], Decision]]] = {verdict: [] for verdict in Verdict}
    for row, decision in decided:
        found[decision.verdict].append((row, decision))
    approved = [(HITId(row.hit_id), AssignmentId(row.id)) for row, _ in found[Verdict.APPROVE]]
    rejected = [(HITId(row.hit_id), AssignmentId(row.id), said.feedback) for row, said in found[Verdict.REJECT]]
    decisions.approve(db, batch_id, approved, THANKS)
    decisions.reject(db, batch_id, rejected)
    decisions.hold(db, {AssignmentId(row.id): said.because for row, said in found[Verdict.HOLD]}, now)
    held = len(found[Verdict.HOLD])
    if rejected or held:
        log.info("assignments.judged", batch_id=batch_id, approved=len(approved), rejected=len(rejected), held=held)
    return len(approved) + len(rejected) + held


def _measured(
    db: Session, batch_id: BatchId, rule: ReviewRule, workers: Sequence[WorkerId]
) -> Mapping[WorkerId, Tally]:
    """How the Workers' answers stand, by the policy's measure."""
    match rule.policy:
        case ReviewPolicy.GOLD:
            return worker_answers.gold(db, batch_id, workers)
        case ReviewPolicy.AGREEMENT:
            return worker_answers.agreement(db, batch_id, workers)
        case ReviewPolicy.APPROVE_ALL | ReviewPolicy.HOLD:
            return {}


def _more_to_come(db: Session, batch_id: BatchId) -> bool:
    """Whether anybody can still answer, or what they answered is not read or counted yet. A paused Batch may go on.

    Items that are not planned bring answers only as long as the Batch may be: one that was stopped never plans them.
    """
    statement = text("""
        SELECT b.status = 'paused' OR (b.status = 'live' AND b.planned_items < b.item_count)
            OR EXISTS (SELECT 1 FROM hits WHERE batch_id = b.id AND (status IN ('planned', 'publishing')
                                                                    OR (status = 'live' AND NOT exhausted)))
            OR EXISTS (SELECT 1 FROM operations WHERE batch_id = b.id AND kind = 'extend'
                                                      AND status IN ('intended', 'acting'))
            OR EXISTS (SELECT 1 FROM items WHERE batch_id = b.id AND consensus_stale)
            OR EXISTS (SELECT 1 FROM hits AS h JOIN assignments AS a ON a.hit_id = h.id
                       WHERE h.batch_id = b.id AND h.status = 'live' AND a.answer_state = 'raw')
        FROM batches AS b WHERE b.id = :id
    """)
    return bool(db.execute(statement, {"id": batch_id}).scalar_one())
