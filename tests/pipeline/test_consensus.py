from typing import Any

import pytest
from sqlalchemy import text

from app.db.engine import Database
from app.domain.vocabulary import BatchId, HITStatus, Option
from app.pipeline import consensus
from tests.factories import make_assignment, make_batch, make_hit, make_item, make_response, make_worker
from tests.pipeline.conftest import in_threads


def item_with(database: Database, *options: Option | None, hit: HITStatus = HITStatus.LIVE, **batch: Any) -> BatchId:
    """A Batch of one Item with these Responses (None: could not tell), marked as changed."""
    with database.transaction() as db:
        made = make_batch(db, **batch)
        item = make_item(db, made, consensus_stale=True)
        shown = make_hit(db, made, item, status=hit)
        for option in options:
            make_response(db, make_assignment(db, shown, make_worker(db)), item, option)
        return BatchId(made.id)


def respond(database: Database, option: Option) -> None:
    """One more Response on the only Item."""
    with database.transaction() as db:
        hit_id, item_id = db.execute(text("SELECT hit_id, item_id FROM hit_items")).one()
        assignment = db.execute(
            text(
                "INSERT INTO assignments (hit_id, worker_id, marketplace_assignment_id, marketplace_status, raw_answer)"
                " VALUES (:hit, :worker, gen_random_uuid()::text, 'Submitted', '') RETURNING id"
            ),
            {"hit": hit_id, "worker": make_worker(db).id},
        ).scalar_one()
        db.execute(
            text(
                "INSERT INTO responses (assignment_id, item_id, worker_id, position, option, cannot_tell, order_shown)"
                " SELECT :a, :i, worker_id, 1, :o, false, '{}' FROM assignments WHERE id = :a"
            ),
            {"a": assignment, "i": item_id, "o": option},
        )
        db.execute(text("UPDATE items SET consensus_stale = true WHERE id = :i"), {"i": item_id})


def found(database: Database) -> Any:
    with database.transaction() as db:
        return db.execute(text("SELECT * FROM consensus")).one()


def shortfall(database: Database) -> str | None:
    with database.transaction() as db:
        found: str | None = db.execute(text("SELECT shortfall FROM items")).scalar_one()
        return found


def facts(row: Any) -> dict[str, object]:
    return {name: value for name, value in row._mapping.items() if name != "computed_at"}


GIVEN, GUESSED, BOTH, NEITHER = Option.GIVEN, Option.GUESSED, Option.BOTH, Option.NEITHER


@pytest.mark.parametrize(
    ("options", "category", "winner"),
    [
        ([GIVEN] * 3 + [GUESSED, NEITHER], "non-error", "given"),
        ([GUESSED] * 4 + [GIVEN], "correctable", "guessed"),
        ([BOTH] * 3 + [GIVEN] * 2, "multi-label", "both"),
        ([NEITHER] * 5, "neither", "neither"),
        ([GIVEN, GIVEN, GUESSED, GUESSED, BOTH], "non-agreement", None),
    ],
)
def test_responses_become_a_consensus(
    database: Database, options: list[Option], category: str, winner: str | None
) -> None:
    consensus.compute(database, item_with(database, *options))
    row = found(database)
    assert (row.category, row.option, row.status) == (category, winner, "settled")
    assert row.response_count == 5
    assert row.agreement == max(options.count(option) for option in Option) / 5


def test_a_part_of_the_answers_is_an_open_consensus(database: Database) -> None:
    consensus.compute(database, item_with(database, GIVEN, GIVEN, GUESSED))
    assert (found(database).category, found(database).status) == ("non-agreement", "open")


def test_what_no_further_answer_can_change_is_settled_though_some_are_under_way(database: Database) -> None:
    consensus.compute(database, item_with(database, GIVEN, GIVEN, GIVEN))
    assert (found(database).category, found(database).status) == ("non-error", "settled")


def test_an_item_that_lacks_answers_when_its_hits_are_over_is_due(database: Database) -> None:
    batch_id = item_with(database, GIVEN, GUESSED, hit=HITStatus.DONE, status="live")
    consensus.compute(database, batch_id)
    assert shortfall(database) == "due"
    for _ in range(3):
        respond(database, GIVEN)
    consensus.compute(database, batch_id)
    assert shortfall(database) is None


def test_an_item_that_a_limit_holds_back_stays_so_when_it_is_computed_again(database: Database) -> None:
    batch_id = item_with(database, GIVEN, hit=HITStatus.DONE, status="live")
    with database.transaction() as db:
        db.execute(text("UPDATE items SET shortfall = 'limit'"))
    consensus.compute(database, batch_id)
    assert shortfall(database) == "limit"


@pytest.mark.parametrize("status", ["stopping", "stopped"])
def test_nothing_is_due_once_a_batch_is_stopped(database: Database, status: str) -> None:
    consensus.compute(database, item_with(database, GIVEN, hit=HITStatus.DONE, status=status))
    assert shortfall(database) is None


def test_an_item_that_was_not_asked_about_yet_is_open_and_not_due(database: Database) -> None:
    with database.transaction() as db:
        made = make_batch(db, status="live")
        make_item(db, made, consensus_stale=True)
        batch_id = BatchId(made.id)
    consensus.compute(database, batch_id)
    assert (found(database).status, shortfall(database)) == ("open", None)


def test_no_answers_at_all_are_non_agreement_without_an_agreement(database: Database) -> None:
    consensus.compute(database, item_with(database))
    row = found(database)
    assert (row.category, row.status, row.response_count, row.agreement) == ("non-agreement", "open", 0, None)


def test_cannot_tell_is_kept_apart_from_the_answers_and_settles_with_them(database: Database) -> None:
    consensus.compute(database, item_with(database, GIVEN, GIVEN, GIVEN, None, None))
    row = found(database)
    assert (row.given_count, row.cannot_tell_count, row.response_count) == (3, 2, 3)
    assert (row.agreement, row.status) == (1.0, "settled")


@pytest.mark.parametrize("ended", [HITStatus.DONE, HITStatus.CANCELLED])
def test_where_no_more_can_come_what_came_settles(database: Database, ended: HITStatus) -> None:
    consensus.compute(database, item_with(database, GIVEN, GUESSED, hit=ended))
    assert (found(database).status, found(database).response_count) == ("settled", 2)


@pytest.mark.parametrize("awaited", [HITStatus.PLANNED, HITStatus.PUBLISHING, HITStatus.LIVE])
def test_where_more_may_come_it_stays_open(database: Database, awaited: HITStatus) -> None:
    consensus.compute(database, item_with(database, GIVEN, hit=awaited))
    assert found(database).status == "open"


def test_each_new_answer_is_counted_in(database: Database) -> None:
    batch_id = item_with(database, GIVEN, GUESSED, GUESSED)
    consensus.compute(database, batch_id)
    assert found(database).category == "non-agreement"
    respond(database, GUESSED)
    assert consensus.compute(database, batch_id) == 1
    assert (found(database).category, found(database).guessed_count) == ("correctable", 3)


def test_more_than_five_answers_are_all_counted(database: Database) -> None:
    consensus.compute(database, item_with(database, *[GIVEN] * 3, *[GUESSED] * 4))
    assert (found(database).response_count, found(database).category) == (7, "non-error")


def test_the_batchs_own_quorum_decides(database: Database) -> None:
    consensus.compute(database, item_with(database, *[GIVEN] * 3, *[GUESSED] * 2, quorum=4))
    assert found(database).category == "non-agreement"


def test_what_has_not_changed_is_not_computed_again(database: Database) -> None:
    batch_id = item_with(database, *[GIVEN] * 5)
    assert [consensus.compute(database, batch_id), consensus.compute(database, batch_id)] == [1, 0]


def test_a_whole_batch_can_be_computed_anew_and_gives_the_same(database: Database) -> None:
    batch_id = item_with(database, *[GIVEN] * 4, GUESSED)
    consensus.compute(database, batch_id)
    before = found(database)
    with database.transaction() as db:
        consensus.mark_all_stale(db, batch_id)
    assert consensus.compute(database, batch_id) == 1
    assert facts(found(database)) == facts(before)


def test_other_batches_are_left_alone(database: Database) -> None:
    first, second = item_with(database, GIVEN), item_with(database, GUESSED)
    assert consensus.compute(database, first) == 1
    with database.transaction() as db:
        consensus.mark_all_stale(db, first)
    assert consensus.compute(database, second) == 1


def test_many_items_are_computed_in_chunks(database: Database) -> None:
    with database.transaction() as db:
        batch = make_batch(db)
        for _ in range(5):
            make_item(db, batch, consensus_stale=True)
    assert consensus.compute(database, BatchId(batch.id), most=2) == 5
    with database.transaction() as db:
        assert db.execute(text("SELECT count(*) FROM consensus")).scalar_one() == 5
        assert db.execute(text("SELECT count(*) FROM items WHERE consensus_stale")).scalar_one() == 0


def test_runners_that_compute_at_once_miss_no_answer(database: Database) -> None:
    batch_id = item_with(database, wanted := GIVEN, assignments_per_item=40, quorum=21)

    def answer_and_compute() -> None:
        for _ in range(5):
            respond(database, wanted)
            consensus.compute(database, batch_id)

    in_threads(4, answer_and_compute)
    assert found(database).given_count == 21
    assert found(database).category == "non-error"
