import asyncio
import time
from datetime import UTC, datetime
from itertools import pairwise
from pathlib import Path

import pytest
from sqlalchemy import text

from app.db.engine import Database
from app.db.queue import Job
from app.jobs import housekeeping
from app.jobs.runner import SET_BACK_S, build, set_back, work_until
from app.jobs.runtime import Runtime
from app.settings import Settings

# The timetable has one every two seconds.
TICKS_WITHIN_S = 60


def test_the_timetable_keeps_its_pace_in_every_minute(database: Database, tmp_path: Path) -> None:
    app = build(Runtime(Settings(data_dir=tmp_path), database))
    periodic = {task.task.name: task for task in app.periodic_registry.periodic_tasks.values()}
    start = datetime(2026, 11, 23, 20, 37, 20, tzinfo=UTC).timestamp()
    paces = {}
    for name, task in periodic.items():
        ticks = task.croniter
        times = [start, *(ticks.get_next(ret_type=float, start_time=start if n == 0 else None) for n in range(100))]
        paces[name] = {later - earlier for earlier, later in pairwise(times)}
    assert paces == {"tick": {2.0}, "retry_stalled": {2.0}, "watch": {10.0}}


def test_every_job_that_can_be_asked_for_has_somebody_to_do_it(database: Database, tmp_path: Path) -> None:
    app = build(Runtime(Settings(data_dir=tmp_path), database))
    assert {job.value for job in Job} <= set(app.tasks)


def test_the_jobs_of_the_timetable_wait_once(database: Database, tmp_path: Path) -> None:
    app = build(Runtime(Settings(data_dir=tmp_path), database))
    names = {task.task.name for task in app.periodic_registry.periodic_tasks.values()}
    assert {name: app.tasks[name].queueing_lock for name in names} == {name: name for name in names}


def test_a_tick_notices_that_the_databases_clock_was_set_back_and_says_so_once(
    database: Database, tmp_path: Path
) -> None:
    tomorrow = text("""
        INSERT INTO endpoints (url, calls_per_second, next_call_at, heartbeat_at)
        VALUES ('https://turk.example', 10, now() + interval '1 day', now() + interval '1 day')
    """)
    with database.transaction() as db:
        db.execute(tomorrow)
    for _ in range(2):
        housekeeping.tick(Runtime(Settings(data_dir=tmp_path), database))
    with database.transaction() as db:
        (entry,) = db.execute(text("SELECT actor, details FROM audit WHERE action = 'clock.set_back'"))
        assert db.execute(text("SELECT next_call_at <= now() FROM endpoints")).scalar_one()
    assert entry.actor == "job runner"
    assert entry.details["seconds"] == pytest.approx(86_400, abs=600)


def test_a_machine_whose_clock_is_set_back_is_noticed_and_one_that_sleeps_is_not() -> None:
    steps = iter([0, 3600, 3600, 3599, 3600 - SET_BACK_S - 2])  # ahead of the monotonic clock, look by look

    async def watch() -> list[float]:
        await asyncio.wait_for(set_back(lambda: time.monotonic() + next(steps), look_s=0.01), 60)
        return list(steps)

    assert asyncio.run(watch()) == []


def test_the_timetable_begins_anew_with_another_worker_in_the_same_process(database: Database, tmp_path: Path) -> None:
    runtime = Runtime(Settings(data_dir=tmp_path), database)
    app = build(runtime)

    def last_tick() -> int:
        with database.transaction() as db:
            return int(db.execute(text("SELECT coalesce(max(id), 0) FROM procrastinate_periodic_defers")).scalar_one())

    async def the_next_tick() -> None:
        before, deadline = last_tick(), time.monotonic() + TICKS_WITHIN_S
        while last_tick() == before and time.monotonic() < deadline:
            await asyncio.sleep(0.1)

    async def work_twice() -> list[int]:
        ticks = []
        async with app.open_async():
            for _ in range(2):
                assert await work_until(the_next_tick(), app, runtime)
                ticks.append(last_tick())
        return ticks

    first, second = asyncio.run(work_twice())
    assert 0 < first < second
