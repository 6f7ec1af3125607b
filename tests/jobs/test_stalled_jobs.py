"""What was under way when its runner fell silent: freed, unless it is over by then."""

import asyncio
from pathlib import Path

import pytest
from sqlalchemy import text

from app.db.engine import Database
from app.db.queue import Job, enqueue
from app.jobs import runner
from app.jobs.runtime import Runtime
from app.settings import Settings

FETCHED = "UPDATE procrastinate_jobs SET status = 'doing' WHERE queueing_lock = 'review:1'"


async def _free(settings: Settings, database: Database, meanwhile: str) -> None:
    """What a tick does about the job that it found stalled, where `meanwhile` has happened since it looked."""
    app = runner.build(Runtime(settings, database))
    async with app.open_async():
        (stalled,) = await app.job_manager.get_stalled_jobs(seconds_since_heartbeat=1)
        with database.transaction() as db:
            db.execute(text(meanwhile))
        await runner._retry(app.job_manager, stalled)


@pytest.mark.parametrize(
    ("meanwhile", "left"),
    [
        ("SELECT 1", [("todo", 1)]),
        ("DELETE FROM procrastinate_jobs", []),  # its runner was slow, not dead, and has finished it
        ("UPDATE procrastinate_jobs SET status = 'todo'", [("todo", 1)]),  # another runner's tick has freed it
    ],
)
def test_a_stalled_job_is_freed_unless_it_is_over(
    database: Database, tmp_path: Path, meanwhile: str, left: list[tuple[str, int]]
) -> None:
    settings = Settings(_env_file=None, data_dir=tmp_path, secret_key="x" * 32, database_url=database.url)
    with database.transaction() as db:
        enqueue(db, Job.REVIEW, batch_id=1)
        db.execute(text(FETCHED))
        db.execute(text("INSERT INTO procrastinate_workers (last_heartbeat) VALUES (now() - interval '1 h')"))
        db.execute(text("UPDATE procrastinate_jobs SET worker_id = (SELECT id FROM procrastinate_workers)"))
    asyncio.run(_free(settings, database, meanwhile))
    with database.transaction() as db:
        rows = db.execute(text("SELECT status, count(*) FROM procrastinate_jobs GROUP BY status")).all()
    assert [tuple(row) for row in rows] == left


def test_who_died_before_the_clock_was_set_back_does_not_seem_alive_until_that_time_comes_again(
    database: Database, tmp_path: Path
) -> None:
    app = runner.build(Runtime(Settings(_env_file=None, data_dir=tmp_path), database))
    with database.transaction() as db:
        db.execute(
            text("INSERT INTO procrastinate_workers (last_heartbeat) VALUES (now() + interval '1 day'), (now())")
        )
        alive = db.execute(text("SELECT now()")).scalar_one()

    async def tick() -> None:
        async with app.open_async():
            await app.tasks["retry_stalled"].func(None, timestamp=0)

    asyncio.run(tick())
    with database.transaction() as db:
        ahead = text("SELECT count(*) FROM procrastinate_workers WHERE last_heartbeat > now()")
        assert db.execute(ahead).scalar_one() == 0
        kept = text("SELECT count(*) FROM procrastinate_workers WHERE last_heartbeat = :alive")
        assert db.execute(kept, {"alive": alive}).scalar_one() == 1
