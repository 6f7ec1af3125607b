"""Workers who are kept out of a Batch: by a Qualification of each HIT group, given without an e-mail."""

from collections.abc import Iterable

from sqlalchemy import text
from sqlalchemy.orm import Session

from app.db import operations
from app.db.operations import Intent
from app.db.tables import Batch
from app.domain.vocabulary import BatchId, HitGroupId, OperationKind, WorkerId


def keep_out(db: Session, batch_id: BatchId, worker_ids: Iterable[WorkerId]) -> None:
    """Write down that these Workers shall not see the Batch's HITs any more, whichever of its groups they belong to."""
    groups = db.scalars(
        text("SELECT id FROM hit_groups WHERE batch_id = :id AND purpose = 'items' ORDER BY number"), {"id": batch_id}
    ).all()
    intents = [Intent(group_id=HitGroupId(group), worker_id=worker) for worker in worker_ids for group in groups]
    operations.intend(db, OperationKind.QUALIFY, batch_id, intents)


def keep_out_of_group(db: Session, batch: Batch, group_id: HitGroupId, also: Iterable[WorkerId] = ()) -> None:
    """The intents of a new group: Workers of the Batches that this one excludes, those who were dropped, and `also`."""
    workers = {*_excluded(db, batch), *_dropped(db, batch), *also}
    intents = [Intent(group_id=group_id, worker_id=worker) for worker in sorted(workers)]
    operations.intend(db, OperationKind.QUALIFY, BatchId(batch.id), intents)


def refresh(db: Session, batch: Batch) -> None:
    """Workers who have joined the excluded Batches since: those may still be at work.

    This is asked every few seconds: who is kept out already is not written down again.
    """
    if batch.excluded_batches:
        keep_out(db, BatchId(batch.id), _excluded(db, batch, only=_NOT_KEPT_OUT))


# Of one group at least: a group of fresh HITs keeps out more Workers than the others do.
_NOT_KEPT_OUT = """
    EXISTS (SELECT 1 FROM hit_groups AS g WHERE g.batch_id = :id AND g.purpose = 'items'
            AND NOT EXISTS (SELECT 1 FROM operations AS q
                            WHERE q.group_id = g.id AND q.kind = 'qualify' AND q.worker_id = a.worker_id))
"""


def _excluded(db: Session, batch: Batch, *, only: str = "true") -> list[WorkerId]:
    """Workers of the excluded Batches. only: a condition on their Assignments `a`."""
    workers = db.scalars(
        text(f"""
            SELECT DISTINCT a.worker_id FROM assignments AS a JOIN hits AS h ON h.id = a.hit_id
            JOIN workers AS w ON w.id = a.worker_id
            WHERE h.batch_id = ANY(:batches) AND w.profile = :profile AND {only} ORDER BY a.worker_id
        """),
        {"batches": list(batch.excluded_batches), "profile": batch.profile, "id": batch.id},
    )
    return [WorkerId(worker) for worker in workers]


def _dropped(db: Session, batch: Batch) -> list[WorkerId]:
    dropped = text("SELECT worker_id FROM dropped_workers WHERE batch_id = :id AND restored_at IS NULL")
    return [WorkerId(worker) for worker in db.scalars(dropped, {"id": batch.id})]
