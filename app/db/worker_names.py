"""Workers by the names that people know them by."""

from sqlalchemy import text
from sqlalchemy.orm import Session

from app.db.tables import Worker
from app.domain.vocabulary import BatchId
from app.errors import NotFound


def find(db: Session, batch_id: BatchId, name: str) -> Worker:
    """The Worker of this Batch's marketplace with this pseudonym or, as people paste it, this marketplace id.

    Raises NotFound.
    """
    wanted = name.replace("\x00", "").strip()
    worker_id = db.execute(
        text("""
            SELECT w.id FROM workers AS w JOIN batches AS b ON b.profile = w.profile
            WHERE b.id = :batch_id AND (w.pseudonym = :name OR w.marketplace_worker_id = :name)
        """),
        {"batch_id": batch_id, "name": wanted},
    ).scalar()
    if worker_id is None:
        raise NotFound("Worker", name)
    return db.get_one(Worker, worker_id)
