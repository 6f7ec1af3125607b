"""The timetable's work: ask again for whatever is outstanding, so that a lost wake-up is only a late one."""

from dataclasses import dataclass
from datetime import UTC, datetime

from app.db import endpoints
from app.db.queue import Job, enqueue
from app.errors import ServiceError
from app.jobs.runtime import Runtime
from app.logs import about, get_logger
from app.pipeline import batches, outstanding

log = get_logger(__name__)


@dataclass(frozen=True, slots=True)
class Tick:
    """What one tick asked for."""

    jobs: int


def tick(runtime: Runtime) -> Tick:
    """Enqueue the stages that have work, poll marketplaces that are due, close Batches that are over.

    A marketplace that cannot be reached by these settings is said so on its Batches, and keeps nothing else from its work.
    """
    with runtime.database.transaction() as db:
        asked = sum(enqueue(db, job, batch_id=batch_id) for job, batch_id in outstanding.work(db))
        for batch_id in outstanding.idle(db):
            batches.close_if_finished(db, batch_id, now=datetime.now(UTC))
        profiles = outstanding.polled_profiles(db)
    return Tick(asked + sum(_poll_if_due(runtime, profile) for profile in profiles))


def _poll_if_due(runtime: Runtime, profile: str) -> bool:
    try:
        marketplace, _ = runtime.marketplace(profile)
    except ServiceError as error:
        with runtime.database.transaction() as db, about(profile=profile):
            batches.need_attention(db, profile, str(error))
            log.warning("marketplace.not_connected", error=str(error))
        return False
    with runtime.database.transaction() as db:
        due = endpoints.due_for_poll(
            db,
            marketplace.endpoint_url,
            interval_s=runtime.settings.poll_interval_s,
            ceiling=runtime.settings.calls_per_second,
        )
        return due and enqueue(db, Job.COLLECT, profile=profile)
