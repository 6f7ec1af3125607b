"""The timetable's work: ask again for whatever is outstanding, so that a lost wake-up is only a late one."""

from dataclasses import dataclass

from sqlalchemy.orm import Session

from app.db import clock, endpoints, set_back
from app.db.queue import Job, enqueue
from app.errors import ServiceError
from app.jobs import reconciling
from app.jobs.runtime import Runtime
from app.logs import about, get_logger
from app.pipeline import batches, connection, deletion, hints, outstanding
from app.pipeline.connection import Asked

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
        if by := set_back.take_note(db, lease_s=runtime.settings.lease_s):
            log.warning("clock.set_back", seconds=round(by.total_seconds()))
    with runtime.database.transaction() as db:
        asked = sum(enqueue(db, job, batch_id=batch_id) for job, batch_id in outstanding.work(db))
        for batch_id in outstanding.idle(db):
            batches.close_if_finished(db, batch_id, now=clock.now(db))
        asked += sum(enqueue(db, Job.DELETE_HITS, batch_id=batch_id) for batch_id in deletion.under_way(db))
        profiles = outstanding.polled_profiles(db)
        if profiles and runtime.settings.notifications_queue_url is not None:
            asked += enqueue(db, Job.LISTEN)
    asked += reconciling.ask_if_due(runtime)
    return Tick(asked + sum(_poll_if_due(runtime, profile) for profile in profiles))


def _poll_if_due(runtime: Runtime, profile: str) -> bool:
    try:
        marketplace, _ = runtime.marketplace(profile)
    except ServiceError as error:
        with runtime.database.transaction() as db, about(profile=profile):
            connection.in_trouble(db, profile, Asked.CONNECTION, error)
            log.warning("marketplace.not_connected", error=str(error))
        return False
    with runtime.database.transaction() as db:
        connection.well(db, profile, Asked.CONNECTION)
        due = endpoints.due_for_poll(
            db,
            marketplace.endpoint_url,
            interval_s=_poll_interval_s(runtime, db, profile),
            ceiling=runtime.settings.calls_per_second,
            calls=outstanding.poll_calls(db, profile),
        )
        return due and enqueue(db, Job.COLLECT, profile=profile)


def _poll_interval_s(runtime: Runtime, db: Session, profile: str) -> int:
    settings = runtime.settings
    return hints.poll_interval_s(
        db,
        profile,
        queue_url=settings.notifications_queue_url,
        usual_s=settings.poll_interval_s,
        notified_s=settings.notified_poll_interval_s,
    )
