"""What forked processes do: one job with a death at one boundary, the ordinary jobs until quiet, a runner, a marketplace."""

import asyncio
import importlib
import json
import threading
from functools import cache
from typing import Any

import uvicorn
from sqlalchemy import text

from app import logs
from app.db.engine import Database
from app.jobs import housekeeping, runner
from app.jobs.runtime import Runtime
from app.marketplace.server import create_app
from app.mturk.client import Marketplace, connect
from app.settings import MarketplaceProfile, Settings
from tests.crashing.boundaries import Boundaries, watch

Chosen = dict[str, Any]  # fields of Settings, as JSON carries them

_ROUNDS = 40
# What the ordinary jobs change; where two rounds leave the same, they have come to rest.
_STATE = text("""
    SELECT (SELECT count(*) || max(id)::text FROM payments),
           (SELECT string_agg(p.status || p.n, ',' ORDER BY p.status)
                FROM (SELECT status, count(*) AS n FROM payments GROUP BY status) AS p),
           (SELECT md5(string_agg(concat(id, status, attempts, error), ',' ORDER BY id)) FROM operations),
           (SELECT md5(string_agg(concat(id, status, exhausted, max_assignments, pending, polled_signature), ',' ORDER BY id))
                FROM hits),
           (SELECT md5(string_agg(concat(id, status, answer_state, held_at, counted), ',' ORDER BY id)) FROM assignments),
           (SELECT count(*) FROM responses), (SELECT count(*) FROM items WHERE consensus_stale),
           (SELECT md5(string_agg(concat(id, status, attention), ',' ORDER BY id)) FROM batches)
""")
# A dead process's leases end some minutes later, and what was put off falls due: here at once.
_TIME_PASSES = (
    "UPDATE operations SET lease_until = now() - interval '1 s' WHERE status = 'acting'",
    "UPDATE operations SET not_before = now() - interval '1 s' WHERE status = 'intended' AND not_before > now()",
    "UPDATE endpoints SET polled_at = NULL",
)


def settings_of(chosen: Chosen) -> Settings:
    """The settings of the installation that a child works for; nothing comes from the environment."""
    return Settings(_env_file=None, **chosen)


@cache
def _connected(chosen: str) -> Marketplace:
    """A client that has called nobody yet. boto3 takes a third of a child's time to make one."""
    return connect(settings_of(json.loads(chosen)), MarketplaceProfile.LOCAL)


@cache
def _pool(url: str, size: int) -> Database:
    """A pool that holds no connection yet. It keeps what SQLAlchemy compiles, which takes a child longer than its job."""
    return Database(url, pool_size=size)


def prepare(chosen: Chosen) -> None:
    """Called in the fork server itself, before its children: what they would all make alike. Nothing is opened."""
    _connected(json.dumps(chosen))


def warm_up(chosen: Chosen, job: str, argument: int | str) -> None:
    """Called in the fork server itself: a job whose children then need not compile its statements and pages again.

    It leaves neither a thread nor a connection behind; what a job keeps in its Runtime, each child has of its own.
    """
    runtime = _runtime_of(chosen)
    _run(runtime, job, argument)
    runtime.database.close()
    runtime.marketplace(MarketplaceProfile.LOCAL)[0].client.close()
    assert threading.active_count() == 1, threading.enumerate()


def _run(runtime: Runtime, job: str, argument: int | str) -> None:
    module, _, function = job.rpartition(".")
    getattr(importlib.import_module(f"app.jobs.{module}"), function)(runtime, argument)


def _runtime_of(chosen: Chosen) -> Runtime:
    settings = settings_of(chosen)
    logs.configure(settings)
    runtime = Runtime(settings, _pool(settings.database_url or "", settings.database_pool_size))
    marketplace = _connected(json.dumps(chosen))
    runtime._marketplaces[MarketplaceProfile.LOCAL] = (marketplace, runtime._pacer(marketplace.endpoint_url))
    return runtime


def run_job(chosen: Chosen, job: str, argument: int | str, die_at: int | None) -> list[str]:
    """One job, named as `module.function`. Dies at a boundary, or tells which boundaries it passed."""
    runtime, boundaries = _runtime_of(chosen), Boundaries(die_at)
    watch(boundaries, runtime.database, runtime.marketplace(MarketplaceProfile.LOCAL)[0])
    _run(runtime, job, argument)
    boundaries.reach("the end")
    return boundaries.reached


def run_until_quiet(chosen: Chosen) -> int:
    """Let time pass and run the timetable and the queue as a job runner does until nothing changes; the rounds it took."""
    runtime = _runtime_of(chosen)
    database = runtime.database
    before: object = None
    for rounds in range(1, _ROUNDS):
        with database.transaction() as db:
            for statement in _TIME_PASSES:
                db.execute(text(statement))
        housekeeping.tick(runtime)
        asyncio.run(_drain(runtime))
        with database.transaction() as db:
            after = tuple(db.execute(_STATE).one())
        if after == before:
            return rounds
        before = after
    raise AssertionError(f"the jobs did not come to rest in {_ROUNDS} rounds: {before}")


async def _drain(runtime: Runtime) -> None:
    app = runner.build(runtime)
    async with app.open_async():
        await app.run_worker_async(
            wait=False,
            concurrency=runtime.settings.job_concurrency,
            install_signal_handlers=False,
            delete_jobs="successful",
        )


def run_jobs(chosen: Chosen) -> None:
    """A job runner, as `labeljury run-jobs` is one, until it is killed."""
    settings = settings_of(chosen)
    logs.configure(settings)
    runner.run(settings, Database(settings.database_url or "", pool_size=settings.database_pool_size))


def serve_marketplace(chosen: Chosen) -> None:
    """Our own marketplace, as `labeljury serve-marketplace` is one, until it is killed."""
    settings = settings_of(chosen)
    logs.configure(settings)
    app = create_app(settings, Database(settings.database_url or "", pool_size=settings.database_pool_size))
    host, port = settings.marketplace_host, settings.marketplace_port
    uvicorn.run(app, host=host, port=port, log_config=None, access_log=False, ws="none")
