"""What becomes of a HIT that can bring no more: closed, and what it did not spend is released."""

from sqlalchemy import text
from sqlalchemy.orm import Session

from app.db import ledger
from app.db.locks import lock_items
from app.domain.vocabulary import BatchId


def settle_hits(db: Session, batch_id: BatchId) -> int:
    """Close HITs from which nothing more will come and whose work is decided; release what they did not spend.

    Returns how many were closed. Their Items' Consensus is computed again: it may be final now.
    """
    closed = db.scalars(
        text("""
            UPDATE hits AS h SET status = 'done'
            WHERE h.batch_id = :id AND h.status = 'live' AND h.exhausted
              AND NOT EXISTS (SELECT 1 FROM assignments AS a WHERE a.hit_id = h.id
                              AND (a.status = 'submitted' OR a.answer_state = 'raw'))
            RETURNING h.id
        """),
        {"id": batch_id},
    ).all()
    ledger.release_hits(db, closed)
    items = db.scalars(text("SELECT item_id FROM hit_items WHERE hit_id = ANY(:hits)"), {"hits": list(closed)}).all()
    lock_items(db, items)
    db.execute(text("UPDATE items SET consensus_stale = true WHERE id = ANY(:ids)"), {"ids": list(items)})
    return len(closed)
