"""What is still to be done, by Batch: the queue's safety net. One statement a question, over partial indexes."""

from sqlalchemy import text
from sqlalchemy.orm import Session

from app.db.queue import Job
from app.domain.vocabulary import BatchId

_ACTIVE = "b.status IN ('live', 'paused', 'stopping')"

_WORK = text(f"""
    SELECT b.id, b.status,
        EXISTS (SELECT 1 FROM operations AS o WHERE o.batch_id = b.id AND o.kind IN ('publish', 'qualify')
                AND ((o.status = 'intended' AND o.not_before <= now()) OR (o.status = 'acting' AND o.lease_until < now())))
            OR b.planned_items < CASE WHEN b.released_at IS NULL THEN least(b.item_count, coalesce(b.pilot_items, b.item_count))
                                      ELSE b.item_count END AS publish,
        EXISTS (SELECT 1 FROM operations AS o WHERE o.batch_id = b.id AND o.kind IN ('approve', 'reject', 'override')
                AND ((o.status = 'intended' AND o.not_before <= now()) OR (o.status = 'acting' AND o.lease_until < now())))
            OR EXISTS (SELECT 1 FROM hits AS h WHERE h.batch_id = b.id AND h.status = 'live' AND h.exhausted)
            OR EXISTS (SELECT 1 FROM assignments AS a JOIN hits AS h ON h.id = a.hit_id
                       WHERE h.batch_id = b.id AND a.status = 'submitted' AND a.held_at IS NULL
                         AND NOT EXISTS (SELECT 1 FROM operations AS o
                                         WHERE o.assignment_id = a.id AND o.kind IN ('approve', 'reject'))) AS review,
        EXISTS (SELECT 1 FROM items AS i WHERE i.batch_id = b.id AND i.consensus_stale)
            OR EXISTS (SELECT 1 FROM assignments AS a JOIN hits AS h ON h.id = a.hit_id
                       WHERE h.batch_id = b.id AND a.answer_state = 'raw') AS consensus
    FROM batches AS b WHERE {_ACTIVE}
""")


def work(db: Session) -> list[tuple[Job, BatchId]]:
    """The stages that have something to do now, with their Batch."""
    found: list[tuple[Job, BatchId]] = []
    for row in db.execute(_WORK):
        batch_id = BatchId(row.id)
        if row.status == "stopping" or (row.status == "live" and row.publish):
            found.append((Job.PUBLISH, batch_id))
        if row.review:
            found.append((Job.REVIEW, batch_id))
        if row.consensus:
            found.append((Job.CONSENSUS, batch_id))
    return found


def idle(db: Session) -> list[BatchId]:
    """Active Batches with no HIT that could bring more: candidates to be closed."""
    rows = db.scalars(
        text(f"""
            SELECT b.id FROM batches AS b WHERE {_ACTIVE} AND NOT EXISTS (
                SELECT 1 FROM hits AS h WHERE h.batch_id = b.id AND h.status IN ('planned', 'publishing', 'live'))
        """)
    )
    return [BatchId(batch_id) for batch_id in rows]


def polled_profiles(db: Session) -> list[str]:
    """Marketplace profiles on which HITs of ours are live."""
    return list(
        db.scalars(
            text(f"""
                SELECT DISTINCT b.profile FROM batches AS b WHERE {_ACTIVE}
                  AND EXISTS (SELECT 1 FROM hits AS h WHERE h.batch_id = b.id AND h.status = 'live')
            """)
        )
    )
