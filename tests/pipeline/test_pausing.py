"""Pause, stop and the end of the process take effect within seconds, wherever the calls are."""

import threading
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager

import pytest

from app.calls.walk import SHORTEST_TURN_S
from app.db.queue import Job, enqueue
from app.domain.vocabulary import BatchId
from app.jobs import stages
from app.jobs.runtime import Runtime
from app.pipeline import batches
from tests.pipeline.conftest import House

HITS = 40
# A call has its own moment, so how many were made after a pause says how late it was noticed, however busy the machine is.
CALLS_PER_S, EFFECTIVE_WITHIN_S = 8, 2.0
ENDS_WITHIN_S = 120  # on such a machine


def ready(house: House) -> BatchId:
    """A launched Batch of which nothing is published."""
    batch_id = house.draft(rows=HITS)
    house.launch(batch_id)
    return batch_id


def slow_runtime(house: House, calls_per_second: float) -> Runtime:
    return Runtime(house.settings.model_copy(update={"calls_per_second": calls_per_second}), house.database)


@contextmanager
def publishing(runtime: Runtime, batch_id: BatchId) -> Iterator[threading.Thread]:
    """A job runner at work on the Batch."""
    thread = threading.Thread(target=stages.run_publish, args=(runtime, batch_id))
    thread.start()
    try:
        yield thread
    finally:
        runtime.stopping.set()
        thread.join(120)


def wait_until(true: Callable[[], bool]) -> None:
    deadline = time.monotonic() + 120
    while not true():
        assert time.monotonic() < deadline
        time.sleep(0.02)


def created(house: House) -> int:
    return house.wire.calls["CreateHITWithHITType"]


def given_back(house: House) -> bool:
    """Whether every operation is done, or as it was before anybody claimed it."""
    return not house.rows(
        "SELECT 1 FROM operations WHERE kind = 'publish' AND status <> 'done'"
        " AND (status <> 'intended' OR attempts <> 0 OR lease_until IS NOT NULL OR error IS NOT NULL)"
    )


@pytest.mark.parametrize("end", [batches.pause, batches.stop])
def test_no_call_starts_once_a_batch_is_paused_or_stopped(house: House, end: Callable[..., object]) -> None:
    batch_id = ready(house)
    house.wire.latency_s = 0.3
    with publishing(slow_runtime(house, CALLS_PER_S), batch_id) as runner:
        wait_until(lambda: created(house) >= 3)
        with house.database.transaction() as db:
            end(db, batch_id, by="rita")
        made = created(house)
        runner.join(ENDS_WITHIN_S)
        assert not runner.is_alive()
    assert 3 <= made <= created(house) <= made + CALLS_PER_S * EFFECTIVE_WITHIN_S
    assert given_back(house)


def test_a_slot_far_in_the_future_does_not_delay_a_pause(house: House) -> None:
    batch_id = ready(house)
    house.publish(house.live(rows=1))  # the endpoint is known
    runtime = slow_runtime(house, 50)
    house.execute("UPDATE endpoints SET next_call_at = now() + interval '1 hour', urgent_at = NULL")
    before = created(house)
    with publishing(runtime, batch_id) as runner:
        wait_until(lambda: bool(house.rows("SELECT 1 FROM operations WHERE status = 'acting'")))
        with house.database.transaction() as db:
            batches.pause(db, batch_id, by="rita")
        runner.join(ENDS_WITHIN_S)
        assert not runner.is_alive()
    assert created(house) == before
    assert given_back(house)


def test_what_was_given_back_is_published_at_once_when_the_batch_is_resumed(house: House) -> None:
    batch_id = ready(house)
    with publishing(slow_runtime(house, CALLS_PER_S), batch_id):
        wait_until(lambda: created(house) >= 3)
        with house.database.transaction() as db:
            batches.pause(db, batch_id, by="rita")
        wait_until(lambda: given_back(house))
    with house.database.transaction() as db:
        batches.resume(db, batch_id, by="rita")
    house.publish(batch_id)
    assert house.one("SELECT count(*) AS n FROM hits WHERE status = 'live'").n == HITS
    assert created(house) == HITS


def test_a_process_that_stops_gives_back_what_it_did_not_call(house: House) -> None:
    batch_id = ready(house)
    runtime = slow_runtime(house, CALLS_PER_S)
    with publishing(runtime, batch_id) as runner:
        wait_until(lambda: created(house) >= 3)
        runtime.stopping.set()
        made = created(house)
        runner.join(ENDS_WITHIN_S)
        assert not runner.is_alive()
    assert created(house) <= made + CALLS_PER_S * EFFECTIVE_WITHIN_S
    assert given_back(house)


def test_results_of_a_slow_endpoint_are_written_down_as_they_come(house: House) -> None:
    batch_id = ready(house)
    with publishing(slow_runtime(house, 2), batch_id):
        wait_until(lambda: house.one("SELECT count(*) AS n FROM hits WHERE status = 'live'").n >= 2)
        assert created(house) < HITS / 2


def test_a_long_turn_ends_early_while_another_job_waits_for_a_place(house: House) -> None:
    batch_id = ready(house)
    with house.database.transaction() as db:
        enqueue(db, Job.COLLECT, profile="local")  # which nobody is there to take
    runtime = slow_runtime(house, 2)
    runtime.gives_way = True
    with publishing(runtime, batch_id) as runner:
        runner.join(ENDS_WITHIN_S)
        assert not runner.is_alive()
    # At two calls a second: a whole turn of twenty seconds would have made them all.
    assert 0 < created(house) <= 2 * (SHORTEST_TURN_S + 10)
    assert given_back(house)
    waiting = {row.task_name for row in house.rows("SELECT task_name FROM procrastinate_jobs WHERE status = 'todo'")}
    assert "publish" in waiting  # it goes on when there is a place again
