"""The console watches the job runners: where none is at work, nobody else would notice, nor tell the webhook.

The console's only thread of its own, and its only work besides answering.
"""

import threading
import time
from collections.abc import AsyncIterator, Callable
from contextlib import AbstractAsyncContextManager, asynccontextmanager

from fastapi import FastAPI
from sqlalchemy.exc import OperationalError, ProgrammingError
from sqlalchemy.exc import TimeoutError as PoolTimeout
from starlette.concurrency import run_in_threadpool

from app.db.engine import Database
from app.domain.alerts import RUNNER_SEEN_WITHIN_S
from app.logs import get_logger
from app.pipeline import connection, gauges, watch, webhook
from app.settings import Settings

log = get_logger(__name__)

EVERY_S = 10.0


class RunnerWatch:
    """Looks every EVERY_S seconds, from EVERY_S after its start, until it is stopped."""

    def __init__(self, settings: Settings, database: Database, *, every_s: float = EVERY_S) -> None:
        self._settings, self._database, self._every_s = settings, database, every_s
        self._stopped = threading.Event()
        self._thread = threading.Thread(target=self._run, name="runner-watch", daemon=True)
        self._last_seen = time.monotonic()

    def start(self) -> None:
        """Begin."""
        self._thread.start()

    def stop(self) -> None:
        """End, and wait for it; a webhook that is being told may take some seconds."""
        self._stopped.set()
        self._thread.join(timeout=webhook.LONGEST_ATTEMPT_S)

    def _run(self) -> None:
        while not self._stopped.wait(self._every_s):
            try:
                self.look()
            except (OperationalError, ProgrammingError, PoolTimeout) as error:
                # Said by /health/ready; the next look may find it again.
                log.warning("runner_watch.no_database", error=type(error).__name__)

    def look(self) -> None:
        """One look. A console that has nothing for a runner to do misses none."""
        announce = self._settings.alert_webhook_url is not None
        with self._database.transaction() as db:
            if gauges.runners_alive(db, within_s=RUNNER_SEEN_WITHIN_S) or not connection.active_profiles(db):
                self._last_seen = time.monotonic()
            quiet_s = time.monotonic() - self._last_seen
            watch.look_for_runners(db, quiet_s, announce=announce)
        receiver = webhook.receiver(self._settings)
        if receiver is not None and quiet_s >= RUNNER_SEEN_WITHIN_S and webhook.pending(self._database):
            webhook.tell(self._database, receiver)


def lifespan(settings: Settings, database: Database) -> Callable[[FastAPI], AbstractAsyncContextManager[None]]:
    """Watches for as long as the application serves."""

    @asynccontextmanager
    async def watching(app: FastAPI) -> AsyncIterator[None]:
        runners = RunnerWatch(settings, database)
        runners.start()
        try:
            yield
        finally:
            await run_in_threadpool(runners.stop)

    return watching
