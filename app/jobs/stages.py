"""The coarse jobs: each reads what it needs, calls its stage and hands over. Safe to run twice, late, or side by side.

Every line they log carries the marketplace's profile, and the Batch's number where it is about one.
"""

from dataclasses import replace

from app.calls.walk import Turn
from app.db import clock
from app.db.queue import Job, enqueue, others_wait
from app.db.tables import Batch
from app.domain.vocabulary import BatchId, BatchStatus
from app.jobs import watching
from app.jobs.runtime import Runtime
from app.logs import about
from app.pipeline import (
    batches,
    bonuses,
    collect,
    compensation,
    consensus,
    deciding,
    extend,
    fresh,
    groups,
    pilot,
    planning,
    publish,
    responses,
    review,
    rounds,
    stop,
    topups,
)
from app.pipeline.connection import Asked
from app.pipeline.rounds import Round
from app.secrets import installation_secret

# A job with more to do ends after this long and asks to go on, so that other Batches have their turn.
SLICE_S = 20.0


def run_publish(runtime: Runtime, batch_id: BatchId) -> None:
    """Plan and publish a live Batch; wind a stopping one down."""
    runtime.check_reconciled(_batch(runtime, batch_id).profile)
    with runtime.database.transaction() as db:
        planning.plan(db, batch_id, secret=installation_secret(runtime.settings))
        batch = batches.get(db, batch_id)
    minding = watching.minding(runtime, batch.profile, Asked.PUBLISHING, batch_id=batch_id)
    with about(profile=batch.profile, batch_id=batch_id), minding:
        if batch.status == BatchStatus.STOPPING:
            _wind_down(runtime, batch)
        elif batch.status != BatchStatus.DRAFT:
            # Compensations are published when a Batch is over, too; and whoever is to be kept out is, paused or not.
            _publish(runtime, batch)


def _wind_down(runtime: Runtime, batch: Batch) -> None:
    marketplace, pacer = runtime.marketplace_of(batch)
    stop.wind_down(runtime.database, marketplace, pacer, BatchId(batch.id), _turn(runtime))


def _publish(runtime: Runtime, batch: Batch) -> None:
    marketplace, pacer = runtime.marketplace_of(batch)
    batch_id, turn = BatchId(batch.id), _turn(runtime)
    groups.prepare(runtime.database, marketplace, pacer, batch_id, turn)
    with runtime.database.transaction() as db:
        compensation.withdraw_unreachable(db, batch_id)
    media_base_url = f"{runtime.settings.web_url}/media"
    published = publish.publish(runtime.database, marketplace, pacer, batch_id, turn, media_base_url=media_base_url)
    _go_on(runtime, Job.PUBLISH, batch_id, done=published)


def run_collect(runtime: Runtime, profile: str) -> None:
    """Poll one marketplace for all its live HITs."""
    with about(profile=profile), watching.minding(runtime, profile, Asked.ANSWERS) as met:
        marketplace, pacer = runtime.marketplace(profile)
        poll = collect.collect(runtime.database, marketplace, pacer, secret=installation_secret(runtime.settings))
        if poll.problem is not None:
            met.append(poll.problem)


def run_review(runtime: Runtime, batch_id: BatchId) -> None:
    """Decide what was collected, tell the marketplace, settle finished HITs."""
    batch = _batch(runtime, batch_id)
    with about(profile=batch.profile, batch_id=batch_id):
        responses.read(runtime.database, batch_id)
        marketplace, pacer = runtime.marketplace_of(batch)
        with runtime.database.transaction() as db:
            compensation.approve_submitted(db, batch_id)
        deciding.decide(runtime.database, batch_id, now=runtime.now())
        # More is asked for before what came is paid: Workers need not wait for our approvals. A HIT is closed after.
        _settle(runtime, batch_id)
        extended = extend.extend(runtime.database, marketplace, pacer, batch_id, _turn(runtime))
        decided = extended + review.review(runtime.database, marketplace, pacer, batch_id, _turn(runtime))
        with runtime.database.transaction() as db:
            topups.top_up_if_due(db, batch_id, now=clock.now(db))
        decided += bonuses.carry_out(runtime.database, marketplace, pacer, batch_id, _turn(runtime))
        _settle(runtime, batch_id)
        deciding.hold_what_cannot_be_judged(runtime.database, batch_id, now=runtime.now())
    _go_on(runtime, Job.REVIEW, batch_id, done=decided)


def _settle(runtime: Runtime, batch_id: BatchId) -> None:
    """Decide what becomes of HITs that can bring no more, and of Items that lack answers: a few hundred a transaction."""
    done = Round(is_last=False)
    while not done.is_last:
        with runtime.database.transaction() as db:
            done = rounds.look(db, batch_id, after=done.last_hit)
            if done.closed:
                enqueue(db, Job.CONSENSUS, batch_id=batch_id)
            if done.is_last and fresh.plan(db, batch_id, secret=installation_secret(runtime.settings)):
                enqueue(db, Job.PUBLISH, batch_id=batch_id)


def run_consensus(runtime: Runtime, batch_id: BatchId) -> None:
    """Read new answers, compute what they change, and close the Batch if that was the last of it."""
    with about(profile=_batch(runtime, batch_id).profile, batch_id=batch_id):
        responses.read(runtime.database, batch_id)
        consensus.compute(runtime.database, batch_id)
        with runtime.database.transaction() as db:
            pilot.look(db, batch_id, now=clock.now(db))
            batches.close_if_finished(db, batch_id, now=clock.now(db))


def _turn(runtime: Runtime) -> Turn:
    turn = Turn(runtime.runner, runtime.settings.lease_s, SLICE_S)
    return replace(turn, others_wait=others_wait) if runtime.gives_way else turn


def _go_on(runtime: Runtime, job: Job, batch_id: BatchId, *, done: int) -> None:
    """Ask for another turn after one that got something done; it is a no-op when nothing is left."""
    if done:
        with runtime.database.transaction() as db:
            enqueue(db, job, batch_id=batch_id)


def _batch(runtime: Runtime, batch_id: BatchId) -> Batch:
    with runtime.database.transaction() as db:
        return batches.get(db, batch_id)
