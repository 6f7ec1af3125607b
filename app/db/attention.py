"""Saying that a Batch cannot go on by itself: paused with its reason, and a sentence that a person can act on."""

from sqlalchemy.orm import Session

from app.db import audit
from app.db.ledger import committed_usd, locked_batch
from app.db.tables import Batch
from app.domain.vocabulary import BatchId, BatchStatus, PauseReason
from app.logs import get_logger

log = get_logger(__name__)


def pause(db: Session, batch_id: BatchId, reason: PauseReason, why: str) -> None:
    """Pause a live Batch and say why; one that is no longer live is only told. `batches.resume` continues it."""
    batch = locked_batch(db, batch_id)
    batch.attention = why
    if batch.status == BatchStatus.LIVE:
        batch.status, batch.pause_reason = BatchStatus.PAUSED, reason
    audit.record(
        db,
        actor="job runner",
        action="batch.needs_attention",
        batch_id=batch_id,
        profile=batch.profile,
        reason=reason,
        why=why,
    )
    log.warning("batch.paused", batch_id=batch_id, reason=reason, why=why)


def watch_the_cap(db: Session, batch: Batch) -> None:
    """What others have spent counts against the cap: above it nothing more is asked for until a person has looked."""
    committed = committed_usd(db, BatchId(batch.id))
    if batch.cap_usd is not None and committed > batch.cap_usd:
        why = (
            f"The marketplace has more of this Batch than our tables had: ${committed} are reserved or spent and the cap is"
            f" ${batch.cap_usd}. `labeljury batch set-cap {batch.id} {committed}` and resume, or stop it"
        )
        pause(db, BatchId(batch.id), PauseReason.CAP, why)
