"""Staged release: when a pilot's Items are answered, the rest goes out by rule, or waits for a person who sees the figures."""

from dataclasses import dataclass
from datetime import datetime
from decimal import Decimal

from sqlalchemy import text
from sqlalchemy.orm import Session

from app.db import attention, audit, ledger
from app.db.queue import Job, enqueue
from app.db.standings import AWAITED
from app.db.tables import Batch
from app.domain.consensus.majority import NAME as METHOD
from app.domain.plurals import counted
from app.domain.vocabulary import BatchId, BatchStatus, Category, PauseReason
from app.logs import get_logger

log = get_logger(__name__)


@dataclass(frozen=True, slots=True)
class PilotFigures:
    """What a pilot found: `agreement` is the mean over its Items, None where nobody could say anything."""

    items: int
    answers: int
    agreement: float | None
    categories: dict[Category, int]
    committed_usd: Decimal
    rest: int

    def __str__(self) -> str:
        found = ", ".join(f"{count} {category}" for category, count in self.categories.items() if count)
        agreed = "no agreement to measure" if self.agreement is None else f"mean agreement {self.agreement:.0%}"
        return (
            f"The pilot's {counted(self.items, 'Item is', 'Items are')} answered: {agreed} over"
            f" {counted(self.answers, 'answer')}; {found or 'no category'}; ${self.committed_usd} spent or reserved"
        )


def look(db: Session, batch_id: BatchId, *, now: datetime) -> bool:
    """Release the rest, or pause for a decision, once the pilot of a live Batch is answered. Returns whether it was."""
    batch = ledger.locked_batch(db, batch_id)
    waits = batch.pilot_items is not None and batch.released_at is None and 0 < batch.planned_items < batch.item_count
    if batch.status != BatchStatus.LIVE or not waits or _is_under_way(db, batch_id):
        return False
    figures = _figures(db, batch)
    wanted = batch.release_agreement
    if wanted is not None and figures.agreement is not None and figures.agreement >= wanted:
        batch.released_at, batch.attention = now, None
        audit.record(
            db,
            actor="job runner",
            action="batch.released",
            batch_id=batch_id,
            profile=batch.profile,
            agreement=f"{figures.agreement:.3f}",
        )
        enqueue(db, Job.PUBLISH, batch_id=batch_id)
        log.info("batch.released", batch_id=batch_id, agreement=round(figures.agreement, 3))
    else:
        missed = f", less than the {wanted:.0%} that releases the rest by itself" if wanted is not None else ""
        decide = (
            f"Release the other {counted(figures.rest, 'Item')} (labeljury batch release {batch_id}), or stop the Batch"
        )
        attention.pause(db, batch_id, PauseReason.PILOT, f"{figures}{missed}. {decide}.")
    return True


def _is_under_way(db: Session, batch_id: BatchId) -> bool:
    """Whether more answers may come, be read, be counted or be asked for."""
    statement = text(f"""
        SELECT EXISTS (SELECT 1 FROM hits AS h WHERE h.batch_id = :id AND h.status IN ('planned', 'publishing', 'live')
                       AND {AWAITED})
            OR EXISTS (SELECT 1 FROM hits AS h JOIN operations AS e ON e.hit_id = h.id
                       WHERE h.batch_id = :id AND e.kind = 'extend' AND e.status IN ('intended', 'acting', 'failed'))
            OR EXISTS (SELECT 1 FROM items WHERE batch_id = :id AND consensus_stale)
            OR EXISTS (SELECT 1 FROM items WHERE batch_id = :id AND shortfall IN ('due', 'fresh'))
            -- What a limit keeps from being asked for settles when its HIT is closed, which may wait for the rest's answers:
            -- work that cannot be judged alone is judged by them.
            OR EXISTS (SELECT 1 FROM items AS i JOIN hit_items AS hi ON hi.item_id = i.id WHERE i.batch_id = :id
                       AND coalesce(i.shortfall, '') NOT IN ('cap', 'limit')
                       AND NOT EXISTS (SELECT 1 FROM consensus AS c WHERE c.item_id = i.id AND c.method = :method
                                       AND c.status = 'settled'))
    """)
    return bool(db.execute(statement, {"id": batch_id, "method": METHOD}).scalar_one())


def _figures(db: Session, batch: Batch) -> PilotFigures:
    rows = db.execute(
        text("""
            SELECT c.category, count(*) AS items, sum(c.response_count + c.cannot_tell_count) AS answers,
                   sum(c.agreement) AS agreement, count(c.agreement) AS agreed
            FROM consensus AS c JOIN items AS i ON i.id = c.item_id
            WHERE i.batch_id = :id AND c.method = :method GROUP BY c.category
        """),
        {"id": batch.id, "method": METHOD},
    ).all()
    measured = sum(row.agreed for row in rows)
    counted = {Category(row.category): row.items for row in rows}
    return PilotFigures(
        items=batch.planned_items,
        answers=int(sum(row.answers for row in rows)),
        agreement=sum(row.agreement or 0.0 for row in rows) / measured if measured else None,
        categories={category: counted.get(category, 0) for category in Category},
        committed_usd=ledger.committed_usd(db, BatchId(batch.id)),
        rest=batch.item_count - batch.planned_items,
    )
