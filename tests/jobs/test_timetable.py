from datetime import UTC, datetime
from itertools import pairwise
from pathlib import Path

from app.db.engine import Database
from app.db.queue import Job
from app.jobs.runner import build
from app.jobs.runtime import Runtime
from app.settings import Settings


def test_the_timetable_ticks_every_two_seconds_of_every_minute(database: Database, tmp_path: Path) -> None:
    app = build(Runtime(Settings(data_dir=tmp_path), database))
    periodic = {task.task.name: task for task in app.periodic_registry.periodic_tasks.values()}
    assert set(periodic) == {"tick", "retry_stalled"}
    start = datetime(2026, 11, 23, 20, 37, 20, tzinfo=UTC).timestamp()
    for task in periodic.values():
        ticks = task.croniter
        times = [start, *(ticks.get_next(ret_type=float, start_time=start if n == 0 else None) for n in range(100))]
        assert {later - earlier for earlier, later in pairwise(times)} == {2.0}


def test_every_job_that_can_be_asked_for_has_somebody_to_do_it(database: Database, tmp_path: Path) -> None:
    app = build(Runtime(Settings(data_dir=tmp_path), database))
    assert {job.value for job in Job} <= set(app.tasks)


def test_the_jobs_asked_for_every_two_seconds_wait_once(database: Database, tmp_path: Path) -> None:
    app = build(Runtime(Settings(data_dir=tmp_path), database))
    assert {app.tasks[name].queueing_lock for name in ("tick", "retry_stalled")} == {"tick", "retry_stalled"}
