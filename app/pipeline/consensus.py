"""Responses → Consensus, Item by Item, whenever something it depends on has changed. Recomputable at any time.

Where it finds an Item with too few answers and nothing more to come, it marks it due: `rounds.py` asks for more.
"""

from collections.abc import Sequence
from typing import Any

import numpy as np
from sqlalchemy import text
from sqlalchemy.orm import Session

from app.db.engine import Database
from app.db.standings import OPEN_EXTENSION, asking_of
from app.db.tables import Batch
from app.domain import redundancy
from app.domain.consensus import majority
from app.domain.consensus.votes import Counts, VoteCounts
from app.domain.vocabulary import BatchId, BatchStatus, ConsensusStatus

CHUNK = 20_000


def compute(database: Database, batch_id: BatchId, *, most: int = CHUNK) -> int:
    """Compute the Consensus of every Item marked stale, up to `most` a transaction. Returns how many were computed."""
    computed = 0
    while True:
        with database.transaction() as db:
            done = compute_chunk(db, batch_id, most)
        computed += done
        if done < most:
            return computed


def mark_all_stale(db: Session, batch_id: BatchId) -> None:
    """Have the whole Batch computed anew."""
    db.execute(text("UPDATE items SET consensus_stale = true WHERE batch_id = :id"), {"id": batch_id})


# The Items are locked before their Responses are counted: whoever adds a Response marks its Item in the same
# transaction, waits for our lock, and so has it computed once more.
_LOCK = text("""
    SELECT id FROM items WHERE batch_id = :id AND consensus_stale ORDER BY id LIMIT :most FOR NO KEY UPDATE
""")
_COUNTS = text(f"""
    SELECT i.id,
           count(r.*) FILTER (WHERE r.option = 'given') AS given,
           count(r.*) FILTER (WHERE r.option = 'guessed') AS guessed,
           count(r.*) FILTER (WHERE r.option = 'both') AS both_labels,
           count(r.*) FILTER (WHERE r.option = 'neither') AS neither,
           count(r.*) FILTER (WHERE r.cannot_tell) AS cannot_tell,
           EXISTS (SELECT 1 FROM hit_items AS hi JOIN hits AS h ON h.id = hi.hit_id
                   WHERE hi.item_id = i.id AND (h.status IN ('planned', 'publishing', 'live') OR {OPEN_EXTENSION})) AS awaited,
           EXISTS (SELECT 1 FROM hit_items AS hi WHERE hi.item_id = i.id) AS planned
    FROM items AS i LEFT JOIN responses AS r ON r.item_id = i.id AND r.counted
    WHERE i.id = ANY(:ids)
    GROUP BY i.id ORDER BY i.id
""")
_UPSERT = text("""
    INSERT INTO consensus AS c (item_id, method, response_count, given_count, guessed_count, both_count, neither_count,
                                cannot_tell_count, option, category, status, agreement)
    SELECT item_id, :method, given + guessed + both_labels + neither, given, guessed, both_labels, neither, cannot_tell,
           nullif(option, ''), category, status, nullif(agreement, 'NaN')
    FROM unnest(:item_ids ::bigint[], :given ::int[], :guessed ::int[], :both_labels ::int[], :neither ::int[],
                :cannot_tell ::int[], :options ::text[], :categories ::text[], :statuses ::text[], :agreements ::float8[])
         AS r (item_id, given, guessed, both_labels, neither, cannot_tell, option, category, status, agreement)
    ON CONFLICT (item_id, method) DO UPDATE SET
        response_count = excluded.response_count, given_count = excluded.given_count,
        guessed_count = excluded.guessed_count, both_count = excluded.both_count, neither_count = excluded.neither_count,
        cannot_tell_count = excluded.cannot_tell_count, option = excluded.option, category = excluded.category,
        status = excluded.status, agreement = excluded.agreement, computed_at = now()
""")


def compute_chunk(db: Session, batch_id: BatchId, most: int = CHUNK) -> int:
    """Compute up to `most` stale Items in the caller's transaction. Returns how many."""
    ids = list(db.scalars(_LOCK, {"id": batch_id, "most": most}))
    if not ids:
        return 0
    batch = db.get_one(Batch, batch_id)
    rows = db.execute(_COUNTS, {"ids": ids}).all()
    _write(db, batch, rows)
    db.execute(text("UPDATE items SET consensus_stale = false WHERE id = ANY(:ids)"), {"ids": ids})
    return len(ids)


def _write(db: Session, batch: Batch, rows: Sequence[Any]) -> None:
    counts = np.array([[r.given, r.guessed, r.both_labels, r.neither] for r in rows], dtype=np.int64)
    cannot_tell = np.array([r.cannot_tell for r in rows], dtype=np.int64)
    votes, asking = VoteCounts(counts), asking_of(batch)
    result = majority.quorum(votes, quorum=batch.quorum)
    final = redundancy.is_closed(votes, cannot_tell, asking)
    db.execute(
        _UPSERT,
        {
            "method": majority.NAME,
            "item_ids": [r.id for r in rows],
            "given": counts[:, 0].tolist(),
            "guessed": counts[:, 1].tolist(),
            "both_labels": counts[:, 2].tolist(),
            "neither": counts[:, 3].tolist(),
            "cannot_tell": cannot_tell.tolist(),
            "options": [result.option(i) or "" for i in range(len(rows))],
            "categories": [result.category(i).value for i in range(len(rows))],
            "statuses": [_status(r, final=bool(closed)).value for r, closed in zip(rows, final, strict=True)],
            "agreements": result.agreement.tolist(),
        },
    )
    _mark_short(db, batch, rows, redundancy.needed(votes, cannot_tell, asking))


def _status(row: Any, *, final: bool) -> ConsensusStatus:
    """Settled when no further answer can change the category, or none will come. Nothing comes before it is asked for."""
    return ConsensusStatus.SETTLED if final or (row.planned and not row.awaited) else ConsensusStatus.OPEN


def _mark_short(db: Session, batch: Batch, rows: Sequence[Any], needs: Counts) -> None:
    """Items that lack answers though every HIT of theirs is closed are due; those that a limit holds back stay so."""
    whole = [r.id for r, need in zip(rows, needs, strict=True) if not need]
    short = [r.id for r, need in zip(rows, needs, strict=True) if need and r.planned and not r.awaited]
    db.execute(text("UPDATE items SET shortfall = NULL WHERE id = ANY(:ids) AND shortfall IS NOT NULL"), {"ids": whole})
    if batch.status in {BatchStatus.LIVE, BatchStatus.PAUSED, BatchStatus.DONE}:
        db.execute(
            text("UPDATE items SET shortfall = 'due' WHERE id = ANY(:ids) AND shortfall IS NULL"), {"ids": short}
        )
