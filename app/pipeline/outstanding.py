"""What is still to be done, by Batch: the queue's safety net. One statement a question, over partial indexes."""

from sqlalchemy import text
from sqlalchemy.orm import Session

from app.db.queue import Job
from app.domain.vocabulary import BatchId

# A page of ListHITs.
HITS_PER_CALL = 100
_ACTIVE = "b.status IN ('live', 'paused', 'stopping')"
# Of a Batch that is over: bonuses and top-ups, which come late, and compensations that were promised.
_COMPENSATING = """
    EXISTS (SELECT 1 FROM hits AS h JOIN hit_groups AS g ON g.id = h.group_id
            WHERE h.batch_id = b.id AND g.purpose = 'compensation' AND h.status IN ('planned', 'publishing', 'live'))
"""
_TOP_UP_DUE = """
    (b.top_up AND b.status IN ('done', 'stopped') AND (b.topped_up_at IS NULL OR b.topped_up_at < b.finished_at))
"""
_OWING = f"""
    (b.status IN ('done', 'stopped') AND ({_TOP_UP_DUE} OR {_COMPENSATING}
        OR EXISTS (SELECT 1 FROM operations AS o WHERE o.batch_id = b.id AND o.status IN ('intended', 'acting'))))
"""

# A pilot whose HITs are over waits for the rest to be released.
_PILOT_OVER = """
    (b.status = 'live' AND b.released_at IS NULL AND b.pilot_items IS NOT NULL
     AND b.planned_items > 0 AND b.planned_items < b.item_count
     AND NOT EXISTS (SELECT 1 FROM hits AS h WHERE h.batch_id = b.id
                     AND (h.status IN ('planned', 'publishing') OR (h.status = 'live' AND NOT h.exhausted))))
"""

_WORK = text(f"""
    SELECT b.id, b.status,
        EXISTS (SELECT 1 FROM operations AS o WHERE o.batch_id = b.id
                AND (b.status <> 'paused' AND o.kind IN ('publish', 'qualify') OR o.kind = 'qualify' AND EXISTS (
                    SELECT 1 FROM hit_groups AS g WHERE g.id = o.group_id AND g.hit_type_id IS NOT NULL))
                AND ((o.status = 'intended' AND o.not_before <= now()) OR (o.status = 'acting' AND o.lease_until < now())))
            OR b.status = 'live' AND b.planned_items < CASE WHEN b.released_at IS NOT NULL THEN b.item_count
                                          ELSE least(b.item_count, coalesce(b.pilot_items, b.item_count)) END AS publish,
        EXISTS (SELECT 1 FROM operations AS o WHERE o.batch_id = b.id
                AND (o.kind IN ('approve', 'reject', 'override', 'bonus') OR (o.kind = 'extend' AND b.status = 'live'))
                AND ((o.status = 'intended' AND o.not_before <= now()) OR (o.status = 'acting' AND o.lease_until < now())))
            OR {_TOP_UP_DUE}
            OR EXISTS (SELECT 1 FROM hits AS h WHERE h.batch_id = b.id AND h.status = 'live' AND h.exhausted)
            OR (b.status = 'live' AND EXISTS (SELECT 1 FROM items AS i
                                              WHERE i.batch_id = b.id AND i.shortfall IN ('due', 'fresh')))
            OR EXISTS (SELECT 1 FROM assignments AS a JOIN hits AS h ON h.id = a.hit_id
                       WHERE h.batch_id = b.id AND a.status = 'submitted' AND a.held_at IS NULL
                         AND NOT EXISTS (SELECT 1 FROM operations AS o
                                         WHERE o.assignment_id = a.id AND o.kind IN ('approve', 'reject'))) AS review,
        EXISTS (SELECT 1 FROM items AS i WHERE i.batch_id = b.id AND i.consensus_stale)
            OR EXISTS (SELECT 1 FROM assignments AS a JOIN hits AS h ON h.id = a.hit_id
                       WHERE h.batch_id = b.id AND a.answer_state = 'raw')
            OR {_PILOT_OVER} AS consensus
    FROM batches AS b WHERE {_ACTIVE} OR {_OWING}
""")


def work(db: Session) -> list[tuple[Job, BatchId]]:
    """The stages that have something to do now, with their Batch."""
    found: list[tuple[Job, BatchId]] = []
    for row in db.execute(_WORK):
        batch_id = BatchId(row.id)
        if row.status == "stopping" or row.publish:
            found.append((Job.PUBLISH, batch_id))
        if row.review:
            found.append((Job.REVIEW, batch_id))
        if row.consensus and row.status not in {"done", "stopped"}:
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
                SELECT DISTINCT b.profile FROM batches AS b WHERE ({_ACTIVE} OR {_COMPENSATING})
                  AND EXISTS (SELECT 1 FROM hits AS h WHERE h.batch_id = b.id AND h.status = 'live')
            """)
        )
    )


def poll_calls(db: Session, profile: str) -> int:
    """How many calls the list of a marketplace's HITs takes, about: a page for each hundred live ones, and an empty one."""
    live = text("""
        SELECT count(*) FROM hits AS h JOIN batches AS b ON b.id = h.batch_id
        WHERE h.status = 'live' AND b.profile = :profile
    """)
    return 1 + int(db.execute(live, {"profile": profile}).scalar_one()) // HITS_PER_CALL
