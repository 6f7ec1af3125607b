"""The coarse jobs: each reads what it needs, calls its stage and hands over. Safe to run twice, late, or side by side.

Every line they log carries the marketplace's profile.
"""

from datetime import UTC, datetime

from app.calls.walk import Turn
from app.db.queue import Job, enqueue
from app.db.tables import Batch
from app.domain.vocabulary import BatchId, BatchStatus
from app.jobs.runtime import Runtime
from app.logs import about
from app.pipeline import batches, collect, consensus, groups, planning, publish, responses, review, rounds, stop
from app.secrets import installation_secret

# A job with more to do ends after this long and asks to go on, so that other Batches have their turn.
SLICE_S = 20.0


def run_publish(runtime: Runtime, batch_id: BatchId) -> None:
    """Plan and publish a live Batch; wind a stopping one down."""
    with runtime.database.transaction() as db:
        planning.plan(db, batch_id, secret=installation_secret(runtime.settings))
        batch = batches.get(db, batch_id)
    with about(profile=batch.profile):
        if batch.status == BatchStatus.STOPPING:
            _wind_down(runtime, batch)
        elif batch.status == BatchStatus.LIVE:
            _publish(runtime, batch)


def _wind_down(runtime: Runtime, batch: Batch) -> None:
    marketplace, pacer = runtime.marketplace_of(batch)
    stop.wind_down(runtime.database, marketplace, pacer, BatchId(batch.id), _turn(runtime))


def _publish(runtime: Runtime, batch: Batch) -> None:
    marketplace, pacer = runtime.marketplace_of(batch)
    batch_id, turn = BatchId(batch.id), _turn(runtime)
    groups.prepare(runtime.database, marketplace, pacer, batch_id, turn)
    media_base_url = f"{runtime.settings.web_url}/media"
    published = publish.publish(runtime.database, marketplace, pacer, batch_id, turn, media_base_url=media_base_url)
    _go_on(runtime, Job.PUBLISH, batch_id, done=published)


def run_collect(runtime: Runtime, profile: str) -> None:
    """Poll one marketplace for all its live HITs."""
    with about(profile=profile):
        marketplace, pacer = runtime.marketplace(profile)
        collect.collect(runtime.database, marketplace, pacer, secret=installation_secret(runtime.settings))


def run_review(runtime: Runtime, batch_id: BatchId) -> None:
    """Decide what was collected, tell the marketplace, settle finished HITs."""
    batch = _batch(runtime, batch_id)
    with about(profile=batch.profile):
        responses.read(runtime.database, batch_id)
        marketplace, pacer = runtime.marketplace_of(batch)
        decided = review.review(runtime.database, marketplace, pacer, batch_id, _turn(runtime))
        with runtime.database.transaction() as db:
            if rounds.settle_hits(db, batch_id):
                enqueue(db, Job.CONSENSUS, batch_id=batch_id)
    _go_on(runtime, Job.REVIEW, batch_id, done=decided)


def run_consensus(runtime: Runtime, batch_id: BatchId) -> None:
    """Read new answers, compute what they change, and close the Batch if that was the last of it."""
    with about(profile=_batch(runtime, batch_id).profile):
        responses.read(runtime.database, batch_id)
        consensus.compute(runtime.database, batch_id)
        with runtime.database.transaction() as db:
            batches.close_if_finished(db, batch_id, now=datetime.now(UTC))


def _turn(runtime: Runtime) -> Turn:
    return Turn(runner=runtime.runner, lease_s=runtime.settings.lease_s, slice_s=SLICE_S)


def _go_on(runtime: Runtime, job: Job, batch_id: BatchId, *, done: int) -> None:
    """Ask for another turn after one that got something done; it is a no-op when nothing is left."""
    if done:
        with runtime.database.transaction() as db:
            enqueue(db, job, batch_id=batch_id)


def _batch(runtime: Runtime, batch_id: BatchId) -> Batch:
    with runtime.database.transaction() as db:
        return batches.get(db, batch_id)
