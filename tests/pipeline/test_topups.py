from datetime import UTC, datetime
from decimal import Decimal

import pytest

from app.domain.vocabulary import BatchId
from app.errors import Conflict, InvalidInput
from app.jobs import housekeeping, stages
from app.pipeline import batches, topups, wages
from app.questions import catalogue
from tests.pipeline.conftest import House
from tests.pipeline.test_bonuses import committed, crash_before_the_result, listed, paid

FIVE = {"Ada": "given", "Bea": "given", "Cyd": "given", "Bob": "guessed", "Mallory": "neither"}
# Seconds that each of the five took for one Item, as page and marketplace measured them. The median is 30.
TOOK = {"Ada": 36, "Bea": 30, "Cyd": 12, "Bob": 24, "Mallory": 5000}


def answered(house: House, **settings: object) -> BatchId:
    """A Batch of one Item at $12 an hour for a reward of $0.05 (15 s), answered in the times above, but still live."""
    wanted = {"hourly_usd": Decimal(12), "top_up": True, "cap_usd": Decimal(100)} | settings
    batch_id = house.live(rows=1, **wanted)
    house.answer_all(batch_id, FIVE)
    stages.run_collect(house.runtime, "local")
    stages.run_review(house.runtime, batch_id)
    for name, seconds in TOOK.items():
        worker_id = house.browsers[name].worker_id
        house.execute(
            """
            WITH theirs AS (
                SELECT a.id FROM assignments a JOIN workers w ON w.id = a.worker_id
                WHERE w.marketplace_worker_id = :worker
            ), times AS (
                UPDATE assignments SET accepted_at = submitted_at - make_interval(secs => :s) WHERE id IN (SELECT id FROM theirs)
            )
            UPDATE responses SET elapsed_ms = :s * 1000 WHERE assignment_id IN (SELECT id FROM theirs)
            """,
            worker=worker_id,
            s=seconds,
        )
    return batch_id


def end(house: House, batch_id: BatchId) -> None:
    """The Batch ends and its bonuses are paid."""
    for _ in range(3):
        house.execute("UPDATE operations SET not_before = now()")
        stages.run_consensus(house.runtime, batch_id)
        stages.run_review(house.runtime, batch_id)


def bonus_of(house: House, name: str) -> list[str]:
    row = house.one(
        """
        SELECT a.marketplace_assignment_id AS id FROM assignments a JOIN workers w ON w.id = a.worker_id
        WHERE w.marketplace_worker_id = :worker
        """,
        worker=house.browsers[name].worker_id,
    )
    return [amount for amount, _ in listed(house, row.id)]


def test_who_got_less_than_the_wage_is_topped_up_when_the_batch_ends(house: House) -> None:
    batch_id = answered(house)
    end(house, batch_id)
    assert house.one("SELECT status FROM batches").status == "done"
    # $12 an hour are a third of a cent a second; everybody has $0.05. Nobody is paid for more than three medians: 90 s.
    assert {name: bonus_of(house, name) for name in TOOK} == {
        "Ada": ["0.07"],
        "Bea": ["0.05"],
        "Cyd": [],
        "Bob": ["0.03"],
        "Mallory": ["0.25"],
    }
    assert committed(house, batch_id) == paid(house)


def test_a_crash_in_the_middle_of_top_ups_pays_nobody_twice(house: House) -> None:
    batch_id = answered(house)
    end(house, batch_id)
    before = paid(house)
    crash_before_the_result(house)
    house.execute("UPDATE batches SET topped_up_at = NULL")
    end(house, batch_id)
    assert paid(house) == before
    assert bonus_of(house, "Ada") == ["0.07"]


def test_what_the_cap_does_not_cover_is_said_and_paid_once_it_does(house: House) -> None:
    batch_id = answered(house, cap_usd=Decimal("0.45"))
    end(house, batch_id)
    # With fees Bob costs 0.04, Bea 0.06, Ada 0.08 and Mallory 0.30; 0.15 are left.
    assert [bonus_of(house, name) for name in ("Bob", "Bea", "Ada", "Mallory")] == [["0.03"], ["0.05"], [], []]
    attention = house.one("SELECT attention FROM batches").attention
    assert "2 Workers are short of $0.32" in attention
    with house.database.transaction() as db:
        batches.set_cap(db, batch_id, Decimal("0.83"), by="rita")
        done = topups.top_up(db, batch_id, by="rita", now=datetime.now(UTC))
    assert (done.workers, done.left_out_workers) == (2, 0)
    end(house, batch_id)
    assert [bonus_of(house, name) for name in ("Ada", "Mallory")] == [["0.07"], ["0.25"]]
    assert house.one("SELECT attention FROM batches").attention is None
    assert committed(house, batch_id) == paid(house)


def test_the_timetable_tops_up_where_the_job_was_lost(house: House) -> None:
    batch_id = answered(house)
    stages.run_consensus(house.runtime, batch_id)
    assert house.one("SELECT status FROM batches").status == "done"
    house.execute("DELETE FROM procrastinate_jobs")
    housekeeping.tick(house.runtime)
    assert "review" in {row.task_name for row in house.rows("SELECT task_name FROM procrastinate_jobs")}
    end(house, batch_id)
    house.execute("DELETE FROM procrastinate_jobs")
    housekeeping.tick(house.runtime)
    assert {row.task_name for row in house.rows("SELECT task_name FROM procrastinate_jobs")} & {"review"} == set()


def test_without_a_wage_there_is_nothing_to_top_up_to(house: House) -> None:
    batch_id = house.draft(rows=1)
    with house.database.transaction() as db, pytest.raises(Conflict, match="without an hourly wage"):
        topups.missing(db, batch_id)
    with pytest.raises(InvalidInput, match="hourly_usd: a top-up needs"):
        house.draft(rows=1, top_up=True)


def test_a_reward_is_proposed_from_the_template_until_enough_answers_are_measured(house: House) -> None:
    template = catalogue.load("text")

    def proposed(profile: str = "local") -> wages.Proposal:
        with house.database.transaction() as db:
            return wages.propose(db, template, profile=profile, items_per_hit=2, hourly_usd=Decimal(12))

    first = proposed()
    assert (first.item_time.measured, first.item_time.seconds) == (False, template.seconds_per_item)
    assert "the template's own estimate" in first.arithmetic
    batch_id = house.live(rows=4)
    house.answer_all(batch_id, FIVE)
    house.collect(batch_id)
    house.execute("UPDATE assignments SET accepted_at = submitted_at - interval '60 s'")
    house.execute("UPDATE responses SET elapsed_ms = CASE WHEN worker_id % 2 = 0 THEN 7000 ELSE 9000000 END")
    house.execute("UPDATE responses SET elapsed_ms = 7000 WHERE worker_id IN (SELECT min(worker_id) FROM responses)")
    measured = proposed()
    assert (measured.item_time.answers, measured.item_time.batches) == (20, [batch_id])
    # Whatever a page claims, no more passed than the marketplace saw.
    assert measured.item_time.seconds <= 60
    assert f"median of 20 answers in Batch {batch_id}" in measured.arithmetic
    assert proposed("sandbox").item_time.measured is False


def test_no_more_is_asked_for_than_somebody_was_shown(house: House) -> None:
    batch_id = answered(house, top_up=False)
    with house.database.transaction() as db:
        shown = topups.missing(db, batch_id).price.total_usd
    house.execute("UPDATE responses SET elapsed_ms = 40000 WHERE elapsed_ms = 36000")  # Ada's page was slow to tell
    house.execute(
        "UPDATE assignments SET accepted_at = submitted_at - interval '40 s' WHERE submitted_at - accepted_at = '36 s'"
    )
    with house.database.transaction() as db, pytest.raises(Conflict, match="missing by now"):
        topups.top_up(db, batch_id, by="rita", now=datetime.now(UTC), confirmed_usd=shown)
    assert house.rows("SELECT 1 FROM operations WHERE kind = 'bonus'") == []
    with house.database.transaction() as db:
        again = topups.missing(db, batch_id).price
        assert (
            topups.top_up(db, batch_id, by="rita", now=datetime.now(UTC), confirmed_usd=again.total_usd).paid == again
        )
