"""No invariant of an installation may be one that cannot fail: each is broken on purpose, and said to be."""

from collections.abc import Iterator
from datetime import UTC, datetime
from decimal import Decimal

import pytest
from sqlalchemy import text

from app.db import bonus_plans, decisions
from app.db.decisions import Decided
from app.db.engine import Database
from app.domain.decisions import Ruling
from app.domain.vocabulary import AssignmentId, BatchId
from app.jobs import stages
from app.pipeline import bonuses
from tests.crashing.house import CrashHouse, crash_house
from tests.database_pool import copied_database
from tests.installation_invariants import ALWAYS, AT_REST, broken_promises, watch_caps

# How each promise is broken. The first Batch is over, with a bonus and rejected work; the second is live.
DAMAGE = {
    "no HIT is published twice": """
        INSERT INTO marketplace.hits SELECT (jsonb_populate_record(h, '{"id": "3DOUBLE", "seq": 9999}')).*
        FROM marketplace.hits AS h ORDER BY seq LIMIT 1
    """,
    "a HIT of ours is the one on the marketplace that carries its annotation": """
        UPDATE hits SET marketplace_hit_id = '3OTHER' WHERE id = 1
    """,
    "a HIT that was never published is not on the marketplace": "UPDATE hits SET status = 'planned' WHERE id = 3",
    "no bonus is paid twice": """
        INSERT INTO marketplace.bonus_payments SELECT (jsonb_populate_record(b, '{"seq": 9999}')).*
        FROM marketplace.bonus_payments AS b
    """,
    "the cap is never passed, entry by entry": "UPDATE batches SET cap_usd = 0.01 WHERE id = 1",
    "what is stored of an answer are the bytes that were submitted": """
        UPDATE assignments SET raw_answer = raw_answer || ' ' WHERE id = 1
    """,
    "an answer that was read has its Responses": "DELETE FROM responses WHERE assignment_id = 1",
    "nothing is paid that the marketplace did not take": """
        UPDATE payments SET amount_usd = amount_usd + 0.01 WHERE kind = 'reward' AND status = 'paid'
    """,
    "every HIT on the marketplace is known as live or done": "UPDATE hits SET status = 'publishing' WHERE id = 3",
    "every HIT that is live or done has its HIT on the marketplace": """
        UPDATE hits SET marketplace_hit_id = NULL WHERE id = 3
    """,
    "no answer is missing, and each stands as the marketplace has it": "DELETE FROM assignments WHERE id = 1",
    "no answer is left unread": "UPDATE assignments SET answer_state = 'raw' WHERE id = 1",
    "rejected work does not count, and what an Assignment counts its Responses count": """
        UPDATE assignments SET counted = true WHERE status = 'rejected'
    """,
    "what the marketplace took for an Assignment is what the ledger paid": """
        UPDATE payments SET status = 'owed', paid_at = NULL WHERE kind = 'fee' AND status = 'paid'
    """,
    "what left the Requester's account is the ledger's sum": "DELETE FROM payments WHERE kind = 'bonus_fee'",
    "every bonus on the marketplace is one of ours": "DELETE FROM payments WHERE kind = 'bonus'",
    "what a HIT has reserved and not spent is what the marketplace holds for it": """
        UPDATE payments SET amount_usd = amount_usd + 0.06 WHERE kind = 'reservation' AND batch_id = 2
    """,
    "a HIT that was never published has nothing reserved": "UPDATE hits SET status = 'cancelled' WHERE id = 3",
    "a Batch that is over has committed exactly what it paid, and owes nothing": """
        UPDATE payments SET amount_usd = amount_usd + 0.06 WHERE kind = 'reservation' AND batch_id = 1
    """,
    "a Batch that is over has no HIT and no call left open": "UPDATE hits SET status = 'live' WHERE batch_id = 1",
    "every Item of a Batch that is over is settled": "UPDATE consensus SET status = 'open'",
    "a Consensus counts the Responses that count": """
        UPDATE consensus SET given_count = given_count + 1, response_count = response_count + 1
    """,
    "a HIT offers what it offers on the marketplace": "UPDATE hits SET max_assignments = 9 WHERE id = 3",
    "a Batch's planned Items are those that have a HIT": "UPDATE batches SET planned_items = 1 WHERE id = 2",
    "of the ledger": "UPDATE payments SET paid_at = now() WHERE kind = 'reservation'",
    "on the marketplace": "UPDATE marketplace.requesters SET available_usd = available_usd + 1",
}


@pytest.fixture(scope="module")
def lived_in(postgres_url: str, template_database: str, tmp_path_factory: pytest.TempPathFactory) -> Iterator[Database]:
    """The database of an installation with a Batch that is over and one that is live."""
    with copied_database(postgres_url, template_database) as url:
        database = Database(url, pool_size=4)
        with crash_house(database, tmp_path_factory.mktemp("house"), publish_threads=2) as house:
            watch_caps(database)
            _live_in(house)
        yield database
        database.close()


def _live_in(house: CrashHouse) -> None:
    done, live = (
        house.draft(2, assignments_per_item=2, quorum=2, cap_usd=Decimal(5), repost_limit=0) for _ in range(2)
    )
    for batch_id in (done, live):
        house.launch(batch_id)
        stages.run_publish(house.runtime, batch_id)
    for (hit_id,) in house.rows("SELECT marketplace_hit_id FROM hits WHERE batch_id = :id ORDER BY id", id=done):
        for name in ("Ada", "Bob"):
            house.answer(name, hit_id, lambda _: "given")
    house.collect()
    works = house.rows("SELECT id, marketplace_assignment_id AS name FROM assignments ORDER BY id")
    with house.database.transaction() as db:
        rejected = Decided(AssignmentId(works[-1].id), Ruling.REJECT, "The text was not read.")
        decisions.record_decisions(db, done, [rejected], by="rita", now=datetime.now(UTC))
        plan = bonus_plans.plan_one(db, done, assignment_id=works[0].name, amount="0.03", reason="Well explained.")
        bonuses.pay(db, done, plan, by="rita", settings=house.settings)
    _work_on(house, done)


def _work_on(house: CrashHouse, batch_id: BatchId) -> None:
    for _ in range(3):
        stages.run_review(house.runtime, batch_id)
        stages.run_consensus(house.runtime, batch_id)
        house.collect()


def test_an_installation_that_was_left_in_peace_breaks_no_promise(lived_in: Database) -> None:
    with lived_in.transaction() as db:
        assert [status for (status,) in db.execute(text("SELECT status FROM batches ORDER BY id"))] == ["done", "live"]
        kinds = set(db.scalars(text("SELECT kind FROM operations WHERE status = 'done'")))
        assert kinds == {"publish", "approve", "reject", "bonus"}
        assert broken_promises(db) == []


@pytest.mark.parametrize("promise", DAMAGE)
def test_what_breaks_a_promise_is_named(lived_in: Database, promise: str) -> None:
    with lived_in.transaction() as db:
        db.execute(text("SET LOCAL session_replication_role = replica"))  # no foreign key stands in the way
        db.execute(text(DAMAGE[promise]))
        assert promise in {what[: len(promise)] for _, what in broken_promises(db)}
        db.rollback()


def test_every_promise_is_broken_once() -> None:
    assert set(ALWAYS) | set(AT_REST) == set(DAMAGE) - {"of the ledger", "on the marketplace"}


def test_a_cap_that_is_passed_for_one_commit_is_noted(lived_in: Database) -> None:
    with lived_in.transaction() as db:
        db.execute(text("UPDATE batches SET cap_usd = 0.01 WHERE id = 1"))
        db.execute(text("UPDATE payments SET amount_usd = amount_usd WHERE batch_id = 1"))
        db.execute(text("SET CONSTRAINTS watch_cap IMMEDIATE"))
        db.execute(text("UPDATE batches SET cap_usd = 5 WHERE id = 1"))
        assert any(what.startswith("the cap is never passed, commit by commit") for _, what in broken_promises(db))
        db.rollback()
