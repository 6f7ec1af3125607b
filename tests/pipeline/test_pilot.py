"""Staged release: a pilot first, the rest by rule or by decision."""

from decimal import Decimal
from typing import Any

import pytest

from app.domain.review_policy import ReviewRule
from app.domain.vocabulary import BatchId
from app.errors import Conflict, InvalidInput
from app.jobs import housekeeping, stages
from app.pipeline import batches, continuing, outstanding
from tests.pipeline.conftest import House

THREE = ("Ada", "Bea", "Cyd")
SETTINGS: dict[str, Any] = {"assignments_per_item": 3, "quorum": 2, "pilot_items": 2}


def batch(house: House) -> Any:
    return house.one("SELECT * FROM batches")


def live_hits(house: House) -> int:
    return int(house.one("SELECT count(*) AS n FROM hits WHERE status = 'live'").n)


def answered(house: House, batch_id: BatchId, words: dict[str, str]) -> None:
    house.answer_all(batch_id, words)
    for _ in range(2):
        house.collect(batch_id)
    stages.run_publish(house.runtime, batch_id)


def test_only_the_pilots_items_are_published_at_first(house: House) -> None:
    house.live(rows=6, **SETTINGS)
    assert (live_hits(house), batch(house).planned_items) == (2, 2)
    assert house.one("SELECT sum(amount_usd) AS usd FROM payments").usd == 6 * Decimal("0.06")


def test_an_answered_pilot_pauses_with_its_figures_until_somebody_releases_the_rest(house: House) -> None:
    batch_id = house.live(rows=6, **SETTINGS)
    answered(house, batch_id, {"Ada": "given", "Bea": "given", "Cyd": "guessed"})
    found = batch(house)
    assert (found.status, found.pause_reason) == ("paused", "pilot")
    assert "The pilot's 2 Items are answered: mean agreement 67% over 6 answers; 2 non-error" in found.attention
    assert f"labeljury batch release {batch_id}" in found.attention
    assert "other 4 Items" in found.attention
    with house.database.transaction() as db:
        assert continuing.release(db, batch_id, by="rita").status == "live"
    house.publish(batch_id)
    assert (live_hits(house), batch(house).attention) == (4, None)
    answered(house, batch_id, dict.fromkeys(THREE, "given"))
    assert (batch(house).status, batch(house).planned_items) == ("done", 6)
    assert house.one("SELECT count(*) AS n FROM consensus WHERE status = 'settled'").n == 6


def test_a_pilot_that_agrees_enough_releases_the_rest_by_itself(house: House) -> None:
    batch_id = house.live(rows=4, release_agreement=0.9, **SETTINGS)
    answered(house, batch_id, dict.fromkeys(THREE, "given"))
    assert batch(house).status == "live"
    assert batch(house).released_at is not None
    assert live_hits(house) == 2


def test_a_pilot_that_agrees_too_little_waits_and_says_what_it_missed(house: House) -> None:
    batch_id = house.live(rows=4, release_agreement=0.9, **SETTINGS)
    answered(house, batch_id, {"Ada": "given", "Bea": "given", "Cyd": "guessed"})
    assert (batch(house).status, batch(house).pause_reason) == ("paused", "pilot")
    assert "less than the 90% that releases the rest by itself" in batch(house).attention


def test_a_pilot_is_over_only_when_all_that_it_asked_for_is_in(house: House) -> None:
    batch_id = house.live(rows=4, **SETTINGS)
    for hit in house.rows("SELECT id FROM hits"):
        for name in ("Ada", "Bea"):
            house.answer(name, hit.id, lambda _: "given")
    house.collect(batch_id)
    assert house.one("SELECT count(*) AS n FROM consensus WHERE status = 'settled'").n == 2
    assert batch(house).status == "live"


def test_an_adaptive_pilot_asks_on_before_it_is_over(house: House) -> None:
    batch_id = house.live(rows=3, pilot_items=1, first_assignments=3, assignments_per_item=5, quorum=3)
    answered(house, batch_id, {"Ada": "given", "Bea": "given", "Cyd": "guessed"})
    assert batch(house).status == "live"
    answered(house, batch_id, {"Dan": "given"})
    assert batch(house).pause_reason == "pilot"


def test_a_pilot_may_be_released_before_it_is_answered(house: House) -> None:
    batch_id = house.live(rows=4, **SETTINGS)
    with house.database.transaction() as db:
        continuing.release(db, batch_id, by="rita")
    house.publish(batch_id)
    assert live_hits(house) == 4


def test_what_is_paused_by_its_pilot_is_released_not_resumed(house: House) -> None:
    batch_id = house.live(rows=4, **SETTINGS)
    answered(house, batch_id, dict.fromkeys(THREE, "given"))
    with pytest.raises(Conflict, match="batch release"), house.database.transaction() as db:
        batches.resume(db, batch_id, by="rita")


def test_releasing_what_has_no_pilot_or_is_released_is_refused(house: House) -> None:
    plain = house.live(rows=2)
    with pytest.raises(Conflict, match="no pilot"), house.database.transaction() as db:
        continuing.release(db, plain, by="rita")
    staged = house.live(rows=4, **SETTINGS)
    with house.database.transaction() as db:
        continuing.release(db, staged, by="rita")
    with pytest.raises(Conflict, match="already"), house.database.transaction() as db:
        continuing.release(db, staged, by="rita")


def test_a_wake_up_lost_after_the_pilot_is_made_up_for(house: House) -> None:
    batch_id = house.live(rows=4, **SETTINGS)
    answered(house, batch_id, dict.fromkeys(THREE, "given"))
    house.execute("UPDATE batches SET status = 'live', pause_reason = NULL, attention = NULL")
    house.execute("DELETE FROM procrastinate_jobs")
    with house.database.transaction() as db:
        assert {job.value for job, _ in outstanding.work(db)} == {"consensus"}
    housekeeping.tick(house.runtime)
    stages.run_consensus(house.runtime, batch_id)
    assert batch(house).pause_reason == "pilot"


def test_a_stopped_pilot_ends_the_batch(house: House) -> None:
    batch_id = house.live(rows=4, **SETTINGS)
    answered(house, batch_id, dict.fromkeys(THREE, "given"))
    with house.database.transaction() as db:
        batches.stop(db, batch_id, by="rita")
    stages.run_publish(house.runtime, batch_id)
    for _ in range(2):
        house.collect(batch_id)
    assert batch(house).status == "stopped"


def test_a_pilot_as_large_as_the_file_is_refused(house: House) -> None:
    batch_id = house.draft(rows=2, pilot_items=2)
    with pytest.raises(InvalidInput, match="the file has 2 Items"), house.database.transaction() as db:
        batches.check_items(db, batch_id)


def test_the_pilots_draw_follows_the_seed(house: House) -> None:
    drawn = []
    for _ in range(2):
        batch_id = house.live(rows=10, assignments_per_item=3, quorum=2, pilot_items=3, seed=99)
        drawn.append(
            [
                row.external_id
                for row in house.rows(
                    "SELECT i.external_id FROM items i JOIN hit_items hi ON hi.item_id = i.id WHERE i.batch_id = :id"
                    " ORDER BY i.id",
                    id=batch_id,
                )
            ]
        )
    assert drawn[0] == drawn[1]
    assert len(drawn[0]) == 3


def test_a_pilot_that_a_limit_keeps_short_is_over_though_its_work_cannot_be_judged_without_the_rest(
    house: House,
) -> None:
    """An unreadable answer may not be asked for again, and the others are too few to judge their Workers by."""
    policy = ReviewRule.parse("agreement:0.7,after=3")
    batch_id = house.live(rows=6, review=policy, repost_limit=0, **SETTINGS)
    first, second = house.rows("SELECT id FROM hits ORDER BY id")
    for name, word in {"Ada": "given", "Bea": "guessed", "Cyd": "?"}.items():
        house.answer(name, first.id, lambda _, word=word: word)  # type: ignore[misc]
        house.answer(name, second.id, lambda _: "given")
    for _ in range(3):
        house.collect(batch_id)
    assert house.one("SELECT count(*) AS n FROM items WHERE shortfall = 'limit'").n == 1
    assert house.one("SELECT count(*) AS n FROM assignments WHERE status = 'submitted' AND held_at IS NULL").n > 0
    assert (batch(house).status, batch(house).pause_reason) == ("paused", "pilot")
