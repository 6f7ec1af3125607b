"""A Batch's step from one status to another, by compare-and-set, with its audit entry."""

from collections.abc import Sequence

from sqlalchemy import update
from sqlalchemy.orm import Session

from app.db import audit
from app.db.tables import Batch
from app.domain import transitions
from app.domain.vocabulary import BatchId, BatchStatus
from app.errors import IllegalTransition, NotFound


def step(
    db: Session,
    batch_id: BatchId,
    to: BatchStatus,
    *,
    by: str,
    action: str,
    only_from: Sequence[BatchStatus] = (),
    **details: str,
) -> Batch:
    """The Batch in its new status, no longer paused for any reason. Raises NotFound, IllegalTransition.

    only_from: where it may come from, if from fewer statuses than `domain/transitions.py` allows.
    """
    allowed = only_from or transitions.may(transitions.BATCH, to)
    won = db.execute(
        update(Batch)
        .where(Batch.id == batch_id, Batch.status.in_(allowed))
        .values(status=to, pause_reason=None)
        .returning(Batch.id)
    )
    moved = won.first() is not None
    batch = db.get(Batch, batch_id)
    if batch is None:
        raise NotFound("Batch", batch_id)
    if not moved:
        raise IllegalTransition(f"Batch {batch_id}", batch.status, to)
    db.refresh(batch)
    audit.record(db, actor=by, action=action, batch_id=batch_id, profile=batch.profile, **details)
    return batch
