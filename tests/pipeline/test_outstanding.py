"""The timetable: whatever is still to be done is asked for again, so a lost wake-up is only a late one."""

from datetime import UTC, datetime

import pytest

from app.db.queue import Job
from app.domain.vocabulary import BatchId
from app.jobs import housekeeping, stages
from app.pipeline import batches, outstanding
from tests.pipeline.conftest import House

FIVE = {"Ada": "given", "Bea": "given", "Cyd": "given", "Bob": "guessed", "Mallory": "neither"}


def work(house: House) -> set[str]:
    with house.database.transaction() as db:
        return {job.value for job, _ in outstanding.work(db)}


def forget_jobs(house: House) -> None:
    """As if every wake-up had been lost."""
    house.execute("DELETE FROM procrastinate_jobs")


def tick(house: House) -> set[str]:
    """The jobs that wait after a tick."""
    housekeeping.tick(house.runtime)
    return {row.task_name for row in house.rows("SELECT task_name FROM procrastinate_jobs WHERE status = 'todo'")}


def test_a_draft_asks_for_nothing(house: House) -> None:
    house.draft()
    assert work(house) == set()
    assert tick(house) == set()


def test_a_launched_batch_asks_to_be_published(house: House) -> None:
    house.launch(house.draft())
    forget_jobs(house)
    assert tick(house) == {"publish"}


def test_a_published_batch_asks_for_a_poll_alone(house: House) -> None:
    house.live()
    forget_jobs(house)
    assert work(house) == set()
    assert tick(house) == {"collect"}


def test_polls_keep_their_interval(house: House) -> None:
    house.live()
    forget_jobs(house)
    assert tick(house) == {"collect"}
    forget_jobs(house)
    assert tick(house) == set()
    house.execute("UPDATE endpoints SET polled_at = polled_at - interval '1 hour'")
    assert tick(house) == {"collect"}


def test_answers_that_were_stored_without_a_job_are_read(house: House) -> None:
    batch_id = house.live(rows=1)
    house.answer_all(batch_id, FIVE)
    stages.run_collect(house.runtime, "local")
    forget_jobs(house)
    assert {"consensus", "review"} <= tick(house)


def test_responses_that_were_stored_without_a_job_are_counted(house: House) -> None:
    batch_id = house.live(rows=1)
    house.collect(batch_id)
    house.execute("UPDATE items SET consensus_stale = true")
    assert work(house) == {"consensus"}


def test_decisions_that_were_not_carried_out_are_carried_out(house: House) -> None:
    batch_id = house.live(rows=1)
    house.answer("Ada", house.one("SELECT id FROM hits").id, lambda _: "given")
    house.collect(batch_id)
    house.execute("UPDATE operations SET status = 'intended', not_before = now() WHERE kind = 'approve'")
    assert work(house) == {"review"}


@pytest.mark.parametrize(
    ("status", "lease", "due"),
    [("intended", "-1 s", True), ("acting", "-1 s", True), ("acting", "1 hour", False), ("failed", "-1 s", False)],
)
def test_a_dead_runners_operations_are_taken_up_and_a_living_ones_are_not(
    house: House, status: str, lease: str, due: bool
) -> None:
    house.live(rows=1)
    house.execute(
        "UPDATE operations SET status = :status, lease_until = now() + cast(:lease AS interval)",
        status=status,
        lease=lease,
    )
    assert ("publish" in work(house)) is due


def test_an_operation_that_waits_for_its_next_attempt_is_not_asked_for_before(house: House) -> None:
    house.live(rows=1)
    house.execute("UPDATE operations SET status = 'intended', not_before = now() + interval '1 min'")
    assert work(house) == set()


def test_a_paused_batch_is_not_published_but_collected(house: House) -> None:
    batch_id = house.live(rows=1)
    with house.database.transaction() as db:
        batches.pause(db, batch_id, by="rita")
    house.execute("UPDATE operations SET status = 'intended', not_before = now()")
    forget_jobs(house)
    assert tick(house) == {"collect"}


@pytest.mark.parametrize("shortfall", ["due", "fresh"])
def test_items_that_lack_answers_are_looked_at_while_the_batch_is_live(house: House, shortfall: str) -> None:
    batch_id = house.live(rows=1)
    house.execute("UPDATE items SET shortfall = :word", word=shortfall)
    assert work(house) == {"review"}
    house.execute("UPDATE hits SET status = 'done'")
    with house.database.transaction() as db:
        assert not batches.close_if_finished(db, batch_id, now=datetime.now(UTC))
        batches.pause(db, batch_id, by="rita")
    assert work(house) == set()


def test_an_extension_that_was_not_carried_out_is_while_the_batch_is_live(house: House) -> None:
    batch_id = house.live(rows=1)
    house.execute(
        "INSERT INTO operations (batch_id, kind, hit_id, key, arguments)"
        " SELECT batch_id, 'extend', id, '6/0', '{\"places\": 6, \"expires_at\": null}' FROM hits"
    )
    assert work(house) == {"review"}
    with house.database.transaction() as db:
        batches.pause(db, batch_id, by="rita")
    assert work(house) == set()


@pytest.mark.parametrize("over", ["done", "stopped", "draft"])
def test_a_batch_that_is_over_asks_for_nothing(house: House, over: str) -> None:
    house.live(rows=1)
    house.execute("UPDATE batches SET status = :over", over=over)
    house.execute("UPDATE items SET consensus_stale = true")
    forget_jobs(house)
    assert tick(house) == set()


def test_a_finished_batch_that_nobody_closed_is_closed(house: House) -> None:
    batch_id = house.live(rows=1)
    house.answer_all(batch_id, FIVE)
    house.collect(batch_id)
    house.collect(batch_id)
    house.execute("UPDATE batches SET status = 'live', finished_at = NULL")
    housekeeping.tick(house.runtime)
    assert house.one("SELECT status FROM batches").status == "done"


def test_ticks_do_not_pile_up_jobs(house: House) -> None:
    house.launch(house.draft())
    for _ in range(3):
        housekeeping.tick(house.runtime)
    assert house.one("SELECT count(*) AS n FROM procrastinate_jobs").n == 1


def test_each_batch_is_asked_for_by_its_own_id(house: House) -> None:
    first, second = house.draft(), house.draft()
    for batch_id in (first, second):
        house.launch(batch_id)
    with house.database.transaction() as db:
        found = outstanding.work(db)
    assert set(found) == {(Job.PUBLISH, BatchId(first)), (Job.PUBLISH, BatchId(second))}
