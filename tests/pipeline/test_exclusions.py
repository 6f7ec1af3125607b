"""Workers who are kept out: of earlier Batches, and those who were dropped."""

from typing import Any

import pytest

from app.db import exclusions
from app.domain.vocabulary import BatchId, WorkerId
from app.errors import InvalidInput
from app.jobs import stages
from app.pipeline import batches, outstanding
from tests.pipeline.conftest import House


def may_accept(house: House, name: str, batch_id: BatchId) -> bool:
    hit: Any = house.one(
        "SELECT h.marketplace_hit_id, g.hit_type_id FROM hits h JOIN hit_groups g ON g.id = h.group_id"
        " WHERE h.batch_id = :id AND h.status = 'live' LIMIT 1",
        id=batch_id,
    )
    shown = house.browser(name).post(f"/projects/{hit.hit_type_id}/tasks/{hit.marketplace_hit_id}/accept")
    return "/assignments/3" in str(shown.url)


def test_whoever_worked_on_an_earlier_batch_is_kept_out_without_an_email(house: House) -> None:
    earlier = house.live(rows=1)
    house.answer("Ada", house.one("SELECT id FROM hits").id, lambda _: "given")
    house.collect(earlier)
    later = house.live(rows=1, excluded_batches=(earlier,))
    assert not may_accept(house, "Ada", later)
    assert may_accept(house, "Bea", later)
    assert house.rows("SELECT 1 FROM marketplace.messages") == []


def test_who_joins_the_earlier_batch_later_is_kept_out_too(house: House) -> None:
    earlier = house.live(rows=1)
    later = house.live(rows=1, excluded_batches=(earlier,))
    house.answer("Ada", house.one("SELECT id FROM hits WHERE batch_id = :id", id=earlier).id, lambda _: "given")
    house.collect(earlier)
    stages.run_review(house.runtime, later)
    stages.run_publish(house.runtime, later)
    assert not may_accept(house, "Ada", later)


def test_who_is_kept_out_already_is_not_written_down_again_with_every_look(house: House) -> None:
    earlier = house.live(rows=1)
    house.answer("Ada", house.one("SELECT id FROM hits").id, lambda _: "given")
    house.collect(earlier)
    later = house.live(rows=1, excluded_batches=(earlier,))
    numbers = "SELECT last_value FROM operations_id_seq"
    before = house.one(numbers).last_value
    stages.run_review(house.runtime, later)
    assert house.one(numbers).last_value == before


def test_who_is_kept_out_of_one_group_alone_is_kept_out_of_all_when_they_join_the_earlier_batch(house: House) -> None:
    earlier = house.live(rows=1)
    later = house.live(rows=1, excluded_batches=(earlier,))
    house.answer("Ada", house.one("SELECT id FROM hits WHERE batch_id = :id", id=earlier).id, lambda _: "given")
    house.collect(earlier)
    # A round of fresh HITs, of Items that Ada had answered.
    house.execute("INSERT INTO hit_groups (batch_id, number, reward_usd) VALUES (:id, 1, 0.05)", id=later)
    house.execute("""
        INSERT INTO operations (batch_id, kind, group_id, worker_id, status)
        SELECT g.batch_id, 'qualify', g.id, w.id, 'done' FROM hit_groups AS g, workers AS w WHERE g.number = 1
    """)
    stages.run_review(house.runtime, later)
    kept_out = house.rows("""
        SELECT g.number FROM operations AS q JOIN hit_groups AS g ON g.id = q.group_id WHERE q.kind = 'qualify'
        ORDER BY g.number
    """)
    assert [row.number for row in kept_out] == [0, 1]


def test_a_worker_kept_out_of_a_paused_batch_is_kept_out_at_once(house: House) -> None:
    batch_id = house.live(rows=2)
    house.answer("Ada", house.one("SELECT min(id) AS id FROM hits").id, lambda _: "given")
    house.collect(batch_id)
    with house.database.transaction() as db:
        batches.pause(db, batch_id, by="rita")
        exclusions.keep_out(db, batch_id, [WorkerId(house.one("SELECT id FROM workers").id)])
    with house.database.transaction() as db:
        assert ("publish", batch_id) in {(job.value, batch) for job, batch in outstanding.work(db)}
    stages.run_publish(house.runtime, batch_id)
    assert house.one("SELECT status FROM operations WHERE kind = 'qualify'").status == "done"
    house.execute("UPDATE hits SET status = 'done' WHERE id = (SELECT min(id) FROM hits)")
    assert not may_accept(house, "Ada", batch_id)


def test_a_group_without_a_qualification_holds_nothing_up(house: House) -> None:
    """Batches of older versions have such groups."""
    batch_id = house.live(rows=1)
    house.answer("Ada", house.one("SELECT id FROM hits").id, lambda _: "given")
    house.collect(batch_id)
    house.execute("UPDATE hit_groups SET qualification_type_id = NULL")
    with house.database.transaction() as db:
        exclusions.keep_out(db, batch_id, [WorkerId(house.one("SELECT id FROM workers").id)])
    stages.run_publish(house.runtime, batch_id)
    assert house.one("SELECT status FROM operations WHERE kind = 'qualify'").status == "cancelled"


def test_batches_that_are_not_there_cannot_be_excluded(house: House) -> None:
    with pytest.raises(InvalidInput, match="Batch 77 does not exist"):
        house.draft(rows=1, excluded_batches=(77,))


def test_batches_of_another_marketplace_cannot_be_excluded(house: House) -> None:
    earlier = house.draft(rows=1)
    house.execute("UPDATE batches SET profile = 'sandbox'")
    with pytest.raises(InvalidInput, match=r"is on sandbox"):
        house.draft(rows=1, excluded_batches=(earlier,))
