"""A backup taken in mid-batch and restored later catches up with what happened meanwhile, without a double.

Our database and the marketplace's are two, as they are with any marketplace but our own: only ours is lost and restored.
"""

from collections.abc import Iterator
from dataclasses import dataclass, field
from datetime import timedelta
from decimal import Decimal
from itertools import count
from pathlib import Path
from typing import Any

import psycopg
import pytest
from sqlalchemy import text

from app.db import backups, bonus_plans, ledger_rules
from app.db.engine import Database
from app.domain.vocabulary import BatchId
from app.errors import Conflict
from app.jobs import housekeeping, reconciling, stages
from app.jobs.runtime import Runtime
from app.marketplace import clock
from app.pipeline import bonuses, planning
from app.settings import MarketplaceProfile, Settings
from tests.database_pool import copied_database, psycopg_url
from tests.marketplace_invariants import broken_rules
from tests.marketplace_server import running_marketplace
from tests.pipeline.conftest import House
from tests.wire_proxy import wire_to

pytestmark = pytest.mark.journey

ROWS, CAP = 6, Decimal("6.00")
PRICE = Decimal("0.06")


@dataclass(slots=True)
class TwoHouses(House):
    """A house whose marketplace keeps its books elsewhere."""

    marketplace_database: Database = field(kw_only=True)
    people: Any = field(default_factory=lambda: (f"Worker {n}" for n in count(1)))

    def there(self, sql: str, **values: Any) -> list[Any]:
        """Rows of the marketplace's own books."""
        with self.marketplace_database.transaction() as db:
            return list(db.execute(text(sql), values))

    def lose_and_restore(self, backup: Path) -> None:
        """Our database is gone; what comes back is the backup."""
        url = self.database.url
        self.database.close()
        server, _, name = psycopg_url(url).rpartition("/")
        with psycopg.connect(f"{server}/postgres", autocommit=True) as admin:
            admin.execute(f"DROP DATABASE {name} WITH (FORCE)")
            admin.execute(f"CREATE DATABASE {name}")
        backups.restore(url, backup, data_dir=self.settings.data_dir)
        self.database = Database(url)
        self.runtime = Runtime(self.settings, self.database)


@pytest.fixture
def houses(postgres_url: str, template_database: str, tmp_path: Path) -> Iterator[TwoHouses]:
    (tmp_path / "files").mkdir()
    with (
        copied_database(postgres_url, template_database) as our_url,
        copied_database(postgres_url, template_database) as their_url,
    ):
        ours, theirs = Database(our_url), Database(their_url)
        base = Settings(
            data_dir=tmp_path / "data",
            secret_key="x" * 32,
            calls_per_second=2000,
            database_url=our_url,
            marketplace_rehearsal=True,
        )
        with (
            running_marketplace(base.model_copy(update={"database_url": their_url}), theirs) as url,
            wire_to(url) as wire,
        ):
            settings = base.model_copy(update={"marketplace_public_url": wire.url})
            settings.__dict__.pop("marketplace_url", None)
            houses = TwoHouses(
                settings,
                ours,
                Runtime(settings, ours),
                tmp_path / "files",
                url,
                wire,
                marketplace_database=theirs,
            )
            yield houses
            for browser in houses.browsers.values():
                browser.close()
            houses.database.close()
        theirs.close()


@pytest.mark.parametrize("hours", [1, 30])
def test_a_backup_of_mid_batch_restored_later_catches_up_without_a_double(
    houses: TwoHouses, tmp_path: Path, hours: int
) -> None:
    batch_id = half_a_batch(houses)
    dump = tmp_path / "backup.dump"
    assert backups.backup(houses.database.url, dump, data_dir=houses.settings.data_dir) > 1000
    known = figures(houses)
    go_on(houses, batch_id)
    lost = figures(houses)
    assert all(later > before for later, before in zip(lost, known, strict=True)), (known, lost)
    with houses.marketplace_database.transaction() as db:
        clock.advance(db, timedelta(hours=hours))
    houses.lose_and_restore(dump)
    assert figures(houses) == known
    # Whoever is first, nothing is spent before the comparison.
    published = houses.wire.calls["CreateHITWithHITType"]
    for stage in (stages.run_publish, stages.run_review):
        with pytest.raises(Conflict, match="restored backup"):
            stage(houses.runtime, batch_id)
    run(houses, batch_id)
    assert houses.wire.calls["CreateHITWithHITType"] == published
    assert figures(houses) == lost
    finish(houses, batch_id)
    check(houses, batch_id)


def test_a_batch_launched_after_the_backup_is_launched_again_and_its_hits_are_found(
    houses: TwoHouses, tmp_path: Path
) -> None:
    batch_id = houses.draft(3, assignments_per_item=1, quorum=1)
    houses.live(1, assignments_per_item=1, quorum=1)  # the endpoint has been in use
    housekeeping.tick(houses.runtime)
    dump = tmp_path / "backup.dump"
    backups.backup(houses.database.url, dump, data_dir=houses.settings.data_dir)
    houses.launch(batch_id)
    houses.publish(batch_id)
    answered = houses.answer("Ada", live(houses)[-1], lambda _: "given")
    # The marketplace has forgotten the tokens by then.
    with houses.marketplace_database.transaction() as db:
        clock.advance(db, timedelta(hours=30))
    houses.lose_and_restore(dump)
    published = houses.wire.calls["CreateHITWithHITType"]
    run(houses, batch_id)
    assert [row.subject for row in houses.rows("SELECT subject FROM differences WHERE resolved_at IS NULL")] == [
        f"batch {batch_id}"
    ]
    houses.launch(batch_id)
    work(houses, batch_id)
    assert houses.wire.calls["CreateHITWithHITType"] == published
    held = houses.rows("SELECT marketplace_assignment_id AS id FROM assignments")
    assert [row.id for row in held] == [answered]
    assert reconciling.reconcile_now(houses.runtime, MarketplaceProfile.LOCAL, deep=True).left == []


def half_a_batch(houses: TwoHouses) -> BatchId:
    """Half of it published; some of that answered, collected and approved, a bonus sent; an answer not collected yet."""
    batch_id = houses.draft(ROWS, assignments_per_item=3, first_assignments=2, quorum=2, cap_usd=CAP, repost_limit=3)
    houses.launch(batch_id)
    housekeeping.tick(houses.runtime)
    with houses.database.transaction() as db:
        planning.plan(db, batch_id, secret=b"x" * 32)
    houses.execute(
        "UPDATE operations SET not_before = now() + interval '1 hour'"
        " WHERE kind = 'publish' AND hit_id > (SELECT min(id) + 2 FROM hits)"
    )
    houses.publish(batch_id)
    hits = live(houses)
    assert len(hits) == ROWS // 2
    houses.answer("Ada", hits[0], lambda _: "given")
    houses.answer("Bob", hits[0], lambda _: "given")
    houses.answer("Ada", hits[1], lambda _: "given")
    work(houses, batch_id)
    pay_bonus(houses, batch_id, "0.50")
    houses.answer("Bob", hits[1], lambda _: "guessed")
    return batch_id


def go_on(houses: TwoHouses, batch_id: BatchId) -> None:
    """What the backup does not know: the rest published, more answers, an extension, approvals, a rejection, a bonus."""
    houses.execute("UPDATE operations SET not_before = now()")
    houses.publish(batch_id)
    work(houses, batch_id)  # collects Bob's answer, and asks for a third one
    hits = live(houses)
    houses.answer("Mallory", hits[1] if hits[0] == first(houses) else hits[0], lambda _: "guessed")
    for hit in hits[-3:-1]:
        houses.answer("Ada", hit, lambda _: "given")
        houses.answer("Bob", hit, lambda _: "guessed")
    rejected = houses.answer("Mallory", hits[-1], lambda _: "neither")
    houses.marketplace.client.reject_assignment(AssignmentId=rejected, RequesterFeedback="See the instructions.")
    work(houses, batch_id)
    work(houses, batch_id)
    pay_bonus(houses, batch_id, "0.75")


def first(houses: TwoHouses) -> int:
    return int(houses.one("SELECT min(id) AS id FROM hits").id)


def live(houses: TwoHouses) -> list[int]:
    return [row.id for row in houses.rows("SELECT id FROM hits WHERE status = 'live' ORDER BY id")]


def pay_bonus(houses: TwoHouses, batch_id: BatchId, amount: str) -> None:
    assignment = houses.one(
        "SELECT max(marketplace_assignment_id) AS id FROM assignments WHERE status = 'approved'"
        " AND id = (SELECT min(id) FROM assignments)"
    ).id
    with houses.database.transaction() as db:
        plan = bonus_plans.plan_one(db, batch_id, assignment_id=assignment, amount=amount, reason="Thank you!")
        bonuses.pay(db, batch_id, plan, by="rita", settings=houses.settings)
    stages.run_review(houses.runtime, batch_id)


def work(houses: TwoHouses, batch_id: BatchId) -> None:
    """A round of a quiet queue."""
    houses.publish(batch_id)
    houses.collect(batch_id)
    houses.execute("UPDATE operations SET not_before = now() WHERE status = 'intended' AND attempts > 0")


def run(houses: TwoHouses, batch_id: BatchId) -> None:
    """The job runners' day after the restore: the timetable, and whatever it asks for."""
    for _ in range(3):
        housekeeping.tick(houses.runtime)
        asked = houses.rows("DELETE FROM procrastinate_jobs WHERE status = 'todo' RETURNING task_name AS name")
        if "reconcile" in {row.name for row in asked}:
            reconciling.run_reconcile(houses.runtime, MarketplaceProfile.LOCAL)
        work(houses, batch_id)


def figures(houses: TwoHouses) -> tuple[Any, ...]:
    """HITs known, places, Assignments held, decided, bonuses paid, USD paid."""
    return tuple(
        houses.one(
            """
            SELECT (SELECT count(*) FROM hits WHERE marketplace_hit_id IS NOT NULL) AS hits,
                   (SELECT sum(max_assignments) FROM hits) AS places,
                   (SELECT count(*) FROM assignments) AS held,
                   (SELECT count(*) FROM assignments WHERE status <> 'submitted') AS decided,
                   (SELECT count(*) FROM payments WHERE kind = 'bonus' AND status = 'paid') AS bonuses,
                   (SELECT sum(amount_usd) FROM payments WHERE status = 'paid') AS paid
            """
        )
    )


def finish(houses: TwoHouses, batch_id: BatchId) -> None:
    """People answer what is open until the Batch is done; the ledger is right all the while."""
    for _ in range(8):
        open_places = houses.there(
            "SELECT id, max_assignments - pending - submitted - approved - rejected AS free FROM marketplace.hits"
            " WHERE status = 'Assignable'"
        )
        for hit in open_places:
            ours = houses.one("SELECT id FROM hits WHERE marketplace_hit_id = :id", id=hit.id)
            for _ in range(hit.free):
                houses.answer(next(houses.people), ours.id, lambda _: "given")
        run(houses, batch_id)
        with houses.database.transaction() as db:
            assert [rule.details for rule in ledger_rules.broken_rules(db)] == []
        if houses.one("SELECT status FROM batches").status == "done":
            return
    pytest.fail(f"the Batch does not end: {houses.rows('SELECT id, status, max_assignments, exhausted FROM hits')}")


def check(houses: TwoHouses, batch_id: BatchId) -> None:
    """No HIT twice, no payment twice, no answer missing, the ledger equal to the marketplace's own accounting."""
    published = [
        row.annotation for row in houses.there("SELECT requester_annotation AS annotation FROM marketplace.hits")
    ]
    assert len(published) == len(set(published))
    assert sorted(published) == sorted(row.annotation for row in houses.rows("SELECT annotation FROM hits"))
    handed_in = houses.there(
        "SELECT id, lower(status) AS status, answer FROM marketplace.assignments WHERE submitted_at IS NOT NULL ORDER BY id"
    )
    held = houses.rows(
        "SELECT marketplace_assignment_id AS id, status, convert_from(raw_answer, 'UTF8') AS answer FROM assignments"
        " ORDER BY marketplace_assignment_id"
    )
    assert sorted(map(tuple, held)) == sorted(map(tuple, handed_in))
    sent = houses.there("SELECT assignment_id, amount_usd FROM marketplace.bonus_payments")
    booked = houses.rows(
        "SELECT a.marketplace_assignment_id, p.amount_usd FROM payments p JOIN assignments a ON a.id = p.assignment_id"
        " WHERE p.kind = 'bonus' AND p.status = 'paid'"
    )
    assert sorted(map(tuple, sent)) == sorted(map(tuple, booked))
    assert len(sent) == 2
    (account,) = houses.there("SELECT available_usd, on_hold_usd FROM marketplace.requesters")
    paid = houses.one("SELECT sum(amount_usd) AS usd FROM payments WHERE status = 'paid'").usd
    assert account.on_hold_usd == 0
    assert houses.settings.marketplace_opening_balance_usd - account.available_usd == paid <= CAP
    with houses.database.transaction() as db:
        assert ledger_rules.broken_rules(db, grace_s=0) == []
    assert broken_rules(psycopg_url(houses.marketplace_database.url)) == {}
    assert reconciling.reconcile_now(houses.runtime, MarketplaceProfile.LOCAL, deep=True).left == []
