"""Deleting: the HITs of a Batch that is over, taken off the marketplace."""

from app.calls.walk import Turn
from app.db.queue import Job, enqueue
from app.domain.vocabulary import BatchId
from app.jobs.runtime import Runtime
from app.logs import about
from app.pipeline import batches, deletion

# As other jobs: after this long others have their turn.
SLICE_S = 20.0


def run_delete(runtime: Runtime, batch_id: BatchId) -> None:
    """Delete what is to be deleted, for at most a slice; then ask to go on."""
    with runtime.database.transaction() as db:
        batch = batches.get(db, batch_id)
    with about(profile=batch.profile):
        marketplace, pacer = runtime.marketplace_of(batch)
        turn = Turn(runner=runtime.runner, lease_s=runtime.settings.lease_s, slice_s=SLICE_S)
        deleted = deletion.delete(runtime.database, marketplace, pacer, batch_id, turn)
    if deleted:
        with runtime.database.transaction() as db:
            enqueue(db, Job.DELETE_HITS, batch_id=batch_id)
