"""The queue's application and its timetable. Any number of runners may work on one database, on any number of hosts."""

import asyncio
import os
import signal
import threading
import time
from collections.abc import Callable, Coroutine
from contextlib import suppress

import procrastinate
from procrastinate import JobContext
from procrastinate.exceptions import AlreadyEnqueued, ConnectorException, UniqueViolation
from procrastinate.jobs import Job as QueuedJob
from procrastinate.jobs import Status
from procrastinate.manager import JobManager
from psycopg.errors import RaiseException

from app.db.engine import SEARCH_PATH, Database
from app.db.queue import Job
from app.domain.vocabulary import BatchId
from app.errors import ServiceError
from app.jobs import deleting, housekeeping, listening, reconciling, stages, watching
from app.jobs.runtime import Runtime
from app.logs import get_logger
from app.settings import Settings

log = get_logger(__name__)

# Every two seconds: the queue's cron has its seconds last, so with "*/2" first it would sleep every other minute.
TICK_CRON = "* * * * * */2"
WATCH_CRON = "* * * * * */10"
# Service managers and `labeljury up` kill what has not ended a little later than this.
STOPS_WITHIN_S = 9.0
# A runner that died before the database's clock was set back would seem alive, and its jobs under way, until that time comes
# again: the tick's too, without which nobody notices the clock (`db/set_back.py`). Who lives writes a new heartbeat soon.
NO_HEARTBEAT_AHEAD = """
    UPDATE procrastinate_workers SET last_heartbeat = now() WHERE last_heartbeat > now() + interval '1 minute'
"""
# A step of this machine's clock that the timetable would notice.
SET_BACK_S = 4.0


def build(runtime: Runtime) -> procrastinate.App:
    """The application with every job and the timetable."""
    app = procrastinate.App(
        connector=procrastinate.PsycopgConnector(
            conninfo=runtime.database.url.replace("postgresql+psycopg://", "postgresql://"),
            kwargs={"options": f"-csearch_path={SEARCH_PATH}"},
            min_size=1,
            max_size=4,
        )
    )
    _register_stages(app, runtime)
    _register_timetable(app, runtime)
    return app


def _register_stages(app: procrastinate.App, runtime: Runtime) -> None:
    by_batch: dict[Job, Callable[[Runtime, BatchId], None]] = {
        Job.PUBLISH: stages.run_publish,
        Job.REVIEW: stages.run_review,
        Job.CONSENSUS: stages.run_consensus,
        Job.DELETE_HITS: deleting.run_delete,
    }

    def register(job: Job, stage: Callable[[Runtime, BatchId], None]) -> None:
        @app.task(name=job)
        def run(batch_id: int) -> None:
            _guarded(job, lambda: stage(runtime, BatchId(batch_id)), batch_id=batch_id)

    for job, stage in by_batch.items():
        register(job, stage)

    @app.task(name=Job.COLLECT)
    def run_collect(profile: str) -> None:
        _guarded(Job.COLLECT, lambda: stages.run_collect(runtime, profile), profile=profile)

    @app.task(name=Job.BALANCE)
    def run_balance(profile: str) -> None:
        _guarded(Job.BALANCE, lambda: watching.run_balance(runtime, profile), profile=profile)

    @app.task(name=Job.WEBHOOK)
    def run_webhook() -> None:
        _guarded(Job.WEBHOOK, lambda: watching.run_webhook(runtime))

    @app.task(name=Job.RECONCILE)
    def run_reconcile(profile: str) -> None:
        _guarded(Job.RECONCILE, lambda: reconciling.run_reconcile(runtime, profile), profile=profile)

    @app.task(name=Job.LISTEN)
    def run_listen() -> None:
        _guarded(Job.LISTEN, lambda: listening.run_listen(runtime))


def _guarded(job: Job, run: Callable[[], None], **facts: int | str) -> None:
    """An error that we know is a fact to log: the next tick asks again. Anything else fails the job, with its traceback."""
    try:
        run()
    except ServiceError as error:
        log.warning("job.interrupted", job=job.value, error=str(error), **facts)


def _register_timetable(app: procrastinate.App, runtime: Runtime) -> None:
    @app.periodic(cron=TICK_CRON)
    @app.task(name="tick", queueing_lock="tick", lock="tick", priority=10)
    def tick(timestamp: int) -> None:
        housekeeping.tick(runtime)

    @app.periodic(cron=WATCH_CRON)
    @app.task(name="watch", queueing_lock="watch", lock="watch")
    def look(timestamp: int) -> None:
        watching.look(runtime)

    @app.periodic(cron=TICK_CRON)
    @app.task(name="retry_stalled", queueing_lock="retry_stalled", priority=10, pass_context=True)
    async def retry_stalled(context: JobContext, timestamp: int) -> None:
        await app.connector.execute_query_async(NO_HEARTBEAT_AHEAD)
        for job in await app.job_manager.get_stalled_jobs(seconds_since_heartbeat=runtime.settings.stalled_job_s):
            await _retry(app.job_manager, job)


async def _retry(manager: JobManager, job: QueuedJob) -> None:
    """Free a job whose runner died. Where the same job waits already, that one does its work: this one is over.

    So it is where its runner was slow and not dead, or another runner has freed it just now; the queue raises then.
    """
    try:
        try:
            await manager.retry_job(job)
        except (AlreadyEnqueued, UniqueViolation):
            await manager.finish_job(job, status=Status.FAILED, delete_job=True)
    except ConnectorException as error:
        if not isinstance(error.__cause__, RaiseException):
            raise
        return
    log.warning("job.retried", job=job.task_name, job_id=job.id)


def run(settings: Settings, database: Database) -> None:
    """Work on jobs until SIGINT or SIGTERM, then end within STOPS_WITHIN_S.

    Jobs under way make no further call and write down the results of those that were made. What takes longer is left as a
    crash would leave it: its leases end and another runner goes on.
    """
    runtime = Runtime(settings, database, gives_way=True)
    log.info("runner.started", runner=runtime.runner, concurrency=settings.job_concurrency)
    asyncio.run(_work(build(runtime), runtime))
    log.info("runner.stopped", runner=runtime.runner)


async def _work(app: procrastinate.App, runtime: Runtime) -> None:
    async with app.open_async():
        # A worker that ends by itself ends the process: whoever runs it sees that, and begins anew.
        while await work_until(set_back(), app, runtime):
            log.warning("runner.clock_set_back", runner=runtime.runner)


async def work_until(over: Coroutine[None, None, None], app: procrastinate.App, runtime: Runtime) -> bool:
    """Work on jobs until `over` ends or the process shall. Returns whether it was `over`; what was under way is done then."""
    settings = runtime.settings
    working = asyncio.ensure_future(
        app.run_worker_async(
            concurrency=settings.job_concurrency,
            fetch_job_polling_interval=1.0,
            update_heartbeat_interval=max(1.0, settings.stalled_job_s / 4),
            stalled_worker_timeout=float(settings.stalled_job_s),
            delete_jobs="successful",
            install_signal_handlers=False,
        )
    )

    def stop() -> None:
        if not runtime.stopping.is_set():
            runtime.stopping.set()
            _give_up_after(STOPS_WITHIN_S, runtime.runner)
            working.cancel()  # the queue's sign to fetch no more and to wait for what is under way

    for signal_number in (signal.SIGINT, signal.SIGTERM):
        asyncio.get_running_loop().add_signal_handler(signal_number, stop)
    watching = asyncio.ensure_future(over)
    await asyncio.wait({working, watching}, return_when=asyncio.FIRST_COMPLETED)
    was_over = watching.done() and not working.done()
    for task in (watching, working):
        task.cancel()
    with suppress(asyncio.CancelledError):
        await working
    return was_over


async def set_back(clock: Callable[[], float] = time.time, *, look_s: float = 2.0) -> None:
    """Ends once this machine's clock was set back by more than SET_BACK_S: the queue's timetable, which begins anew with its
    worker, would be silent until that time comes again. A clock that runs ahead, or sleeps, disturbs nothing.
    """
    ahead_s = clock() - time.monotonic()
    while True:
        await asyncio.sleep(look_s)
        now_s = clock() - time.monotonic()
        if now_s < ahead_s - SET_BACK_S:
            return
        ahead_s = now_s


def _give_up_after(seconds: float, runner: str) -> None:
    """End this process then, whatever it is at: a thread in the middle of a call cannot be ended otherwise."""

    def give_up() -> None:
        log.warning("runner.gave_up", runner=runner, after_s=seconds)
        os._exit(0)

    watch = threading.Timer(seconds, give_up)
    watch.daemon = True
    watch.start()
