"""Listening: messages of the notification queue → hints → exactly those HITs are fetched. One runner listens at a time."""

import time

from app.db.queue import Job, enqueue
from app.errors import MarketplaceError, ServiceError
from app.jobs.runtime import Runtime
from app.logs import about, get_logger
from app.mturk import notifications
from app.mturk.notifications import Queue
from app.pipeline import collect, hints, outstanding
from app.secrets import installation_secret

log = get_logger(__name__)

# As other jobs: after this long others have their turn.
SLICE_S = 20.0
# A runner that shall end waits for the answer to this at most.
LONG_POLL_S = 4
# What a crowd does at once is taken in together before it is fetched.
RECEIVES_AT_ONCE = 20


def run_listen(runtime: Runtime) -> None:
    """Listen as long as a Batch is active, for at most a slice; then ask to go on."""
    queue = runtime.notifications()
    ends_at = time.monotonic() + SLICE_S
    while queue is not None and time.monotonic() < ends_at and not runtime.stopping.is_set():
        if not listen_once(runtime, queue, wait_s=LONG_POLL_S):
            return
    if queue is not None and not runtime.stopping.is_set():
        with runtime.database.transaction() as db:
            enqueue(db, Job.LISTEN)


def listen_once(runtime: Runtime, queue: Queue, *, wait_s: int) -> bool:
    """Switch notifications on where they are not, take what waits in the queue, fetch. Returns whether any HIT is live."""
    with runtime.database.transaction() as db:
        profiles = outstanding.polled_profiles(db)
    for profile in profiles:
        _switch_on(runtime, profile, queue)
    if not profiles:
        return False
    _take_all(runtime, queue, wait_s=wait_s)
    with runtime.database.transaction() as db:
        hinted = hints.hinted_profiles(db)
    for profile in hinted:
        _collect(runtime, profile)
    return True


def _switch_on(runtime: Runtime, profile: str, queue: Queue) -> None:
    with about(profile=profile):
        try:
            marketplace, pacer = runtime.marketplace(profile)
        except ServiceError as error:
            log.warning("marketplace.not_connected", error=str(error))
            return
        hints.switch_on(runtime.database, marketplace, pacer, queue.url)


def _take_all(runtime: Runtime, queue: Queue, *, wait_s: int) -> None:
    """Receive until the queue is empty, some times at most; only the first call waits for a message to come."""
    for _ in range(RECEIVES_AT_ONCE):
        try:
            messages = notifications.receive(queue, wait_s=wait_s)
        except MarketplaceError as error:
            with runtime.database.transaction() as db:
                hints.note_trouble(db, queue.url, str(error))
            raise
        with runtime.database.transaction() as db:
            hints.take(db, queue.url, messages)
        try:
            notifications.delete(queue, messages)
        except MarketplaceError as error:  # they come again, and say nothing new then
            log.warning("notifications.not_deleted", error=str(error))
        if not messages or runtime.stopping.is_set():
            return
        wait_s = 0


def _collect(runtime: Runtime, profile: str) -> None:
    with about(profile=profile):
        try:
            marketplace, pacer = runtime.marketplace(profile)
        except ServiceError as error:
            log.warning("marketplace.not_connected", error=str(error))
            return
        collect.collect_hinted(runtime.database, marketplace, pacer, secret=installation_secret(runtime.settings))
