"""What is known of Workers' answers in a Batch: read from the tables, measured by `domain/worker_quality.py`."""

from collections.abc import Collection, Sequence
from dataclasses import dataclass

import numpy as np
from sqlalchemy import text
from sqlalchemy.orm import Session

from app.domain.consensus.majority import NAME as METHOD
from app.domain.consensus.votes import OPTIONS
from app.domain.gold import EXPECTED
from app.domain.vocabulary import BatchId, Option, WorkerId
from app.domain.worker_quality import NO_ANSWERS, Answers, Tally, agreement_with_others

# The expected answer of a gold Item: what the file's column says, else the given label, which is then known to be right.
EXPECTED_SQL = f"coalesce(nullif(lower(trim(i.extra ->> '{EXPECTED}')), ''), 'given')"


@dataclass(frozen=True, slots=True)
class WorkerQuality:
    """How a Worker's answers in one Batch stand: on gold Items, and against the others'."""

    gold: Tally = NO_ANSWERS
    agreement: Tally = NO_ANSWERS


def gold(db: Session, batch_id: BatchId, workers: Collection[WorkerId]) -> dict[WorkerId, Tally]:
    """How many gold Items each of these Workers answered, and how many as expected; "cannot tell" is no answer."""
    rows = db.execute(
        text(f"""
            SELECT r.worker_id, count(*) AS judged, count(*) FILTER (WHERE r.option = {EXPECTED_SQL}) AS matched
            FROM items AS i JOIN responses AS r ON r.item_id = i.id
            WHERE i.batch_id = :id AND i.role = 'gold' AND r.option IS NOT NULL AND r.worker_id = ANY(:workers)
            GROUP BY r.worker_id
        """),
        {"id": batch_id, "workers": list(workers)},
    )
    return {WorkerId(row.worker_id): Tally(row.judged, row.matched) for row in rows}


# An Item says something once its Consensus is settled, or nothing more can come for it; and while it is not being computed
# anew, since the counts then lack, or hold, the very answer that is left out of them.
_JUDGEABLE = text("""
    SELECT r.worker_id, r.option, r.counted, c.given_count, c.guessed_count, c.both_count, c.neither_count
    FROM responses AS r JOIN items AS i ON i.id = r.item_id
    JOIN consensus AS c ON c.item_id = i.id AND c.method = :method
    WHERE i.batch_id = :id AND r.option IS NOT NULL AND r.worker_id = ANY(:workers) AND NOT i.consensus_stale
      AND (c.status = 'settled' OR NOT EXISTS (
            SELECT 1 FROM hit_items AS hi JOIN hits AS h ON h.id = hi.hit_id WHERE hi.item_id = i.id
            AND (h.status IN ('planned', 'publishing') OR (h.status = 'live' AND NOT h.exhausted))))
""")
_INDEX = {option.value: index for index, option in enumerate(OPTIONS)}


def agreement(db: Session, batch_id: BatchId, workers: Collection[WorkerId]) -> dict[WorkerId, Tally]:
    """How often each of these Workers says what most of the others say, on Items that say something."""
    rows = db.execute(_JUDGEABLE, {"id": batch_id, "method": METHOD, "workers": list(workers)}).all()
    known = {worker: index for index, worker in enumerate(sorted({row.worker_id for row in rows}))}
    found = agreement_with_others(
        Answers(
            workers=len(known),
            worker=np.array([known[row.worker_id] for row in rows], dtype=np.int64),
            option=np.array([_INDEX[row.option] for row in rows], dtype=np.int64),
            counts=np.array([row[3:7] for row in rows], dtype=np.int64).reshape(-1, len(OPTIONS)),
            own=np.array([row.counted for row in rows], dtype=np.bool_),
        )
    )
    return {WorkerId(worker): found[index] for worker, index in known.items()}


def quality(db: Session, batch_id: BatchId, workers: Sequence[WorkerId]) -> dict[WorkerId, WorkerQuality]:
    """Both, for each of these Workers."""
    by_gold, by_others = gold(db, batch_id, workers), agreement(db, batch_id, workers)
    return {
        worker: WorkerQuality(by_gold.get(worker, NO_ANSWERS), by_others.get(worker, NO_ANSWERS)) for worker in workers
    }


def expected_option(role: str, expected: str | None) -> Option | None:
    """The right answer of an Item as the tables keep it; None where it is not a gold Item."""
    return Option(expected) if role == "gold" and expected in _INDEX else None
