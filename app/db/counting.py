"""Which Responses count: those of counted Assignments that are not rejected, by Workers who were not dropped.

Whoever changes either of the two asks here, in the same transaction; the Items' Consensus is computed again. Locks are
taken Assignments first, then HITs, then Items.
"""

from collections.abc import Sequence

from sqlalchemy import text
from sqlalchemy.orm import Session

from app.db.locks import lock_items
from app.db.queue import Job, enqueue
from app.domain.vocabulary import AssignmentId, BatchId, WorkerId

_DIFFERING = """
    SELECT r.assignment_id, r.item_id, a.counted AND a.status <> 'rejected' AND NOT EXISTS (
        SELECT 1 FROM dropped_workers AS d
        WHERE d.batch_id = h.batch_id AND d.worker_id = r.worker_id AND d.restored_at IS NULL) AS counts
    FROM responses AS r JOIN assignments AS a ON a.id = r.assignment_id JOIN hits AS h ON h.id = a.hit_id
    WHERE {which}
"""


def count_assignments(db: Session, assignment_ids: Sequence[AssignmentId], *, counted: bool) -> None:
    """Have these Assignments counted from here on, or not."""
    db.execute(
        text("UPDATE assignments SET counted = :counted WHERE id = ANY(:ids) AND counted <> :counted"),
        {"counted": counted, "ids": list(assignment_ids)},
    )
    _recount(db, "r.assignment_id = ANY(:ids)", {"ids": list(assignment_ids)})


def recount_worker(db: Session, batch_id: BatchId, worker_id: WorkerId) -> int:
    """Have one Worker's Responses in the Batch counted as they should be. Returns how many changed."""
    return _recount(
        db, "h.batch_id = :batch_id AND r.worker_id = :worker_id", {"batch_id": batch_id, "worker_id": worker_id}
    )


def recount(db: Session, batch_id: BatchId) -> int:
    """Put right what was decided elsewhere, or in the very moment in which it was read. Returns how many changed.

    Answers of dropped Workers that are counted, and answers that are not counted any more though their Assignment is.
    """
    dropped = """
        h.batch_id = :batch_id AND r.counted AND r.worker_id IN (
            SELECT worker_id FROM dropped_workers WHERE batch_id = :batch_id AND restored_at IS NULL)
    """
    return sum(
        _recount(db, which, {"batch_id": batch_id}) for which in (dropped, "h.batch_id = :batch_id AND NOT r.counted")
    )


def _recount(db: Session, which: str, bound: dict[str, object]) -> int:
    """Write what differs from what should be. Returns how many Responses changed."""
    differing = f"SELECT * FROM ({_DIFFERING.format(which=which)}) AS d"
    items = list(
        db.scalars(
            text(
                f"SELECT DISTINCT d.item_id FROM ({_DIFFERING.format(which=which)}) AS d"
                " JOIN responses AS r USING (assignment_id, item_id) WHERE r.counted <> d.counts"
            ),
            bound,
        )
    )
    if not items:
        return 0
    lock_items(db, items)
    changed = db.execute(
        text(f"""
            UPDATE responses AS r SET counted = d.counts FROM ({differing}) AS d
            WHERE r.assignment_id = d.assignment_id AND r.item_id = d.item_id AND r.counted <> d.counts
            RETURNING r.item_id
        """),
        bound,
    ).all()
    batches = db.scalars(
        text("""
            WITH stale AS (UPDATE items SET consensus_stale = true WHERE id = ANY(:ids) RETURNING batch_id)
            SELECT DISTINCT batch_id FROM stale
        """),
        {"ids": items},
    ).all()
    for batch_id in batches:
        enqueue(db, Job.CONSENSUS, batch_id=batch_id)
    return len(changed)
