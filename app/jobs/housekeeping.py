"""The timetable's work: ask again for whatever is outstanding, so that a lost wake-up is only a late one."""

from dataclasses import dataclass
from datetime import UTC, datetime

from sqlalchemy.orm import Session

from app.db import endpoints
from app.db.queue import Job, enqueue
from app.jobs.runtime import Runtime
from app.pipeline import batches, outstanding


@dataclass(frozen=True, slots=True)
class Tick:
    """What one tick asked for."""

    jobs: int


def tick(runtime: Runtime) -> Tick:
    """Enqueue the stages that have work, poll marketplaces that are due, close Batches that are over."""
    with runtime.database.transaction() as db:
        work = outstanding.work(db)
        asked = sum(enqueue(db, job, exclusive=job is Job.CONSENSUS, batch_id=batch_id) for job, batch_id in work)
        for batch_id in outstanding.idle(db):
            batches.close_if_finished(db, batch_id, now=datetime.now(UTC))
        for profile in outstanding.polled_profiles(db):
            asked += _poll_if_due(db, runtime, profile)
    return Tick(asked)


def _poll_if_due(db: Session, runtime: Runtime, profile: str) -> bool:
    marketplace, _ = runtime.marketplace(profile)
    due = endpoints.due_for_poll(
        db,
        marketplace.endpoint_url,
        interval_s=runtime.settings.poll_interval_s,
        ceiling=runtime.settings.calls_per_second,
    )
    return due and enqueue(db, Job.COLLECT, exclusive=True, profile=profile)
