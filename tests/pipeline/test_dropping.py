from decimal import Decimal

import numpy as np
import pytest

from app.db.engine import Database
from app.domain.vocabulary import BatchId, Category, Option
from app.errors import Conflict, InvalidInput, NotFound
from app.jobs import stages
from app.pipeline import batches, consensus, dropping
from app.pipeline.dropping import Effect, Verdict
from tests.factories import make_assignment, make_batch, make_hit, make_item, make_response, make_worker
from tests.pipeline.conftest import House


def voted(house: House, votes: dict[str, str], **settings: object) -> BatchId:
    batch_id = house.live(rows=1, **settings)
    house.answer_all(batch_id, votes)
    for _ in range(2):
        house.collect(batch_id)
    return batch_id


def dropped(house: House, batch_id: BatchId, worker: str, reason: str = "always the same") -> Effect:
    with house.database.transaction() as db:
        return dropping.drop(db, batch_id, worker, reason=reason, by="rita")


def pseudonym(house: House, option: str) -> str:
    sql = "SELECT w.pseudonym FROM responses r JOIN workers w ON w.id = r.worker_id WHERE r.option = :option"
    return str(house.one(sql, option=option).pseudonym)


def found(house: House) -> tuple[int, str]:
    row = house.one("SELECT response_count, category FROM consensus")
    return row.response_count, row.category


THREE_TO_TWO = {"Ada": "given", "Bea": "given", "Mallory": "both", "Cyd": "given", "Bob": "guessed"}


def test_a_dropped_worker_counts_no_more_and_what_changes_is_said(house: House) -> None:
    votes = {"Ada": "given", "Bea": "given", "Mallory": "guessed", "Cyd": "both", "Dee": "given"}
    batch_id = voted(house, votes, repost_limit=0)
    assert found(house) == (5, "non-error")
    dee = house.rows("SELECT pseudonym FROM workers w JOIN responses r ON r.worker_id = w.id WHERE option = 'given'")[0]
    with house.database.transaction() as db:
        preview = dropping.preview(db, batch_id, dee.pseudonym)
    assert found(house) == (5, "non-error")
    effect = dropped(house, batch_id, dee.pseudonym)
    assert effect == preview
    (changed,) = effect.moved
    assert (changed.external_id, changed.before, changed.after) == (
        "item-0",
        Verdict(Category.NON_ERROR, 5),
        Verdict(Category.NON_AGREEMENT, 4),
    )
    assert changed.lacking == 1
    stages.run_consensus(house.runtime, batch_id)
    assert found(house) == (4, "non-agreement")
    assert house.one("SELECT actor, details FROM audit WHERE action = 'worker.dropped'").actor == "rita"


def test_a_drop_is_taken_back(house: House) -> None:
    batch_id = voted(house, THREE_TO_TWO, repost_limit=0)
    mallory = pseudonym(house, "both")
    dropped(house, batch_id, mallory)
    stages.run_consensus(house.runtime, batch_id)
    assert found(house)[0] == 4
    with house.database.transaction() as db:
        dropping.restore(db, batch_id, mallory, by="rita")
    stages.run_consensus(house.runtime, batch_id)
    assert found(house) == (5, "non-error")
    with house.database.transaction() as db, pytest.raises(Conflict, match="is not dropped"):
        dropping.restore(db, batch_id, mallory, by="rita")
    dropped(house, batch_id, mallory, "again")
    assert house.one("SELECT reason, restored_at FROM dropped_workers").reason == "again"


def test_the_pay_of_a_dropped_worker_is_not_touched(house: House) -> None:
    batch_id = voted(house, THREE_TO_TWO, repost_limit=0)
    before = house.rows("SELECT id, status, amount_usd FROM payments ORDER BY id")
    dropped(house, batch_id, pseudonym(house, "both"))
    stages.run_review(house.runtime, batch_id)
    assert house.rows("SELECT id, status, amount_usd FROM payments ORDER BY id") == before


def test_workers_are_named_by_pseudonym_or_by_the_marketplaces_id_and_others_are_not_found(house: House) -> None:
    batch_id = voted(house, THREE_TO_TWO)
    name = house.rows("SELECT marketplace_worker_id AS name FROM workers ORDER BY id")[0].name
    dropped(house, batch_id, name)
    with pytest.raises(Conflict, match="dropped from Batch"):
        dropped(house, batch_id, name)
    with pytest.raises(NotFound, match="Worker W-nobody"):
        dropped(house, batch_id, "W-nobody")
    with pytest.raises(InvalidInput, match="say why"):
        dropped(house, batch_id, pseudonym(house, "guessed"), " ")


def test_a_dropped_worker_is_kept_out_of_the_batchs_further_hits(house: House) -> None:
    batch_id = house.live(rows=2)
    first, second = (row.id for row in house.rows("SELECT id FROM hits ORDER BY id"))
    house.answer("Mallory", first, lambda _: "neither")
    house.collect(batch_id)
    dropped(house, batch_id, pseudonym(house, "neither"))
    house.publish(batch_id)
    with pytest.raises(AssertionError):
        house.answer("Mallory", second, lambda _: "neither")
    house.answer("Ada", second, lambda _: "given")


def test_answers_that_come_after_the_drop_do_not_count_either(house: House) -> None:
    batch_id = house.live(rows=2)
    first, second = (row.id for row in house.rows("SELECT id FROM hits ORDER BY id"))
    for hit in (first, second):
        house.answer("Mallory", hit, lambda _: "neither")
    house.collect(batch_id)
    house.execute("DELETE FROM responses WHERE item_id = (SELECT max(item_id) FROM responses)")
    house.execute("UPDATE assignments SET answer_state = 'raw' WHERE hit_id = :id", id=second)
    dropped(house, batch_id, pseudonym(house, "neither"))
    stages.run_review(house.runtime, batch_id)
    assert [row.counted for row in house.rows("SELECT counted FROM responses")] == [False, False]


def test_a_finished_batch_is_made_live_again_and_asks_only_for_what_lacks_answers(house: House) -> None:
    batch_id = house.live(rows=2, assignments_per_item=3, quorum=2, cap_usd=Decimal("1.00"))
    first, second = (row.id for row in house.rows("SELECT id FROM hits ORDER BY id"))
    for name, words in {"Ada": "given", "Bea": "guessed", "Mallory": "given"}.items():
        house.answer(name, first, lambda _, word=words: word)  # type: ignore[misc]
    for name in ("Ada", "Bea", "Cyd"):
        house.answer(name, second, lambda _: "given")
    for _ in range(2):
        house.collect(batch_id)
    assert house.one("SELECT status FROM batches").status == "done"
    name = house.rows(
        "SELECT w.pseudonym FROM assignments a JOIN workers w ON w.id = a.worker_id WHERE hit_id = :id"
        " AND a.worker_id NOT IN (SELECT worker_id FROM assignments WHERE hit_id = :other)",
        id=first,
        other=second,
    )[0].pseudonym
    with house.database.transaction() as db:
        effect = dropping.drop(db, batch_id, name, reason="guessing", by="rita")
        batches.reopen(db, batch_id, by="rita")
    assert [item.lacking for item in effect.changed] == [1]
    stages.run_consensus(house.runtime, batch_id)
    stages.run_review(house.runtime, batch_id)
    house.publish(batch_id)
    assert house.one("SELECT status FROM batches").status == "live"
    assert [row.id for row in house.rows("SELECT id FROM hits WHERE status = 'live'")] == [first]
    house.answer("Dee", first, lambda _: "given")
    for _ in range(2):
        house.collect(batch_id)
    assert house.one("SELECT status FROM batches").status == "done"
    committed = "coalesce(sum(amount_usd) FILTER (WHERE kind IN ('reservation', 'release')), 0)"
    sums = house.one(
        f"SELECT {committed} AS committed, sum(amount_usd) FILTER (WHERE status = 'paid') AS paid FROM payments"
    )
    assert sums.committed == sums.paid == Decimal("0.42")


def test_what_is_foretold_is_what_the_consensus_then_says(database: Database) -> None:
    # Two options and "cannot tell", drawn: about a third of the Items hang on one answer.
    drawn = np.random.default_rng(7).choice(3, size=(30, 5), p=[0.5, 0.4, 0.1])
    options = [Option.GIVEN, Option.GUESSED, None]
    with database.transaction() as db:
        batch = make_batch(db, status="live", item_count=30)
        batch_id = BatchId(batch.id)
        workers = [make_worker(db) for _ in range(5)]
        for number in range(30):
            item = make_item(db, batch, consensus_stale=True)
            hit = make_hit(db, batch, item, status="done")
            for place, worker in enumerate(workers):
                option = options[drawn[number, place]]
                make_response(db, make_assignment(db, hit, worker, status="approved"), item, option)
        name = workers[0].pseudonym
    consensus.compute(database, batch_id)

    def categories() -> dict[int, str]:
        with database.transaction() as db:
            return {
                row[0]: row[1] for row in db.connection().exec_driver_sql("SELECT item_id, category FROM consensus")
            }

    before = categories()
    with database.transaction() as db:
        effect = dropping.drop(db, batch_id, name, reason="x", by="rita")
    consensus.compute(database, batch_id)
    after = categories()
    moved = {item.item_id: (str(item.before.category), str(item.after.category)) for item in effect.moved}
    assert moved
    assert moved == {item: (before[item], after[item]) for item in before if before[item] != after[item]}
