"""A Batch for Masters: who may come, and what it costs, to the cent, over the wire."""

import sys
from decimal import Decimal

import pytest

from app.cli import main
from app.db import bonus_plans, clock, funds, ledger, ledger_rules, shortfalls
from app.domain.decisions import Ruling
from app.domain.review_policy import ReviewRule
from app.domain.vocabulary import BatchId
from app.jobs import reconciling, stages
from app.pipeline import batches, bonuses, compensation, forecasts, report, rulings
from app.settings import MarketplaceProfile
from tests.pipeline.conftest import House
from tests.pipeline.test_reconcile import paid_here, spent_there, time_passes, work_on

# A fee of 12.5 cents, 13 with the half rounded up, where others pay 10.
REWARD, PRICE = Decimal("0.50"), Decimal("0.63")
SETTINGS = {"reward_usd": REWARD, "masters": True, "assignments_per_item": 3, "quorum": 2}


@pytest.fixture
def grant(house: House, monkeypatch: pytest.MonkeyPatch) -> object:
    """The operator makes somebody a Master, as `labeljury marketplace worker masters grant` does."""

    def make(name: str) -> None:
        monkeypatch.setenv("DATABASE_URL", house.database.url)
        monkeypatch.setenv("LABELJURY_DATA_DIR", str(house.settings.data_dir))
        monkeypatch.setenv("LABELJURY_SECRET_KEY", "x" * 32)
        command = ["labeljury", "marketplace", "worker", "masters", "grant", house.browser(name).worker_id]
        monkeypatch.setattr(sys, "argv", command)
        with pytest.raises(SystemExit) as ended:
            main()
        assert not ended.value.code

    return make


@pytest.fixture
def masters(house: House, grant: object) -> list[str]:
    names = ["Ada", "Bob", "Cyd"]
    for name in names:
        grant(name)  # type: ignore[operator] # a fixture's function
    return names


def agree(house: House, batch_id: BatchId) -> None:
    """The ledger keeps its rules, and is the marketplace's to the cent."""
    with house.database.transaction() as db:
        assert ledger_rules.broken_rules(db, batch_id, grace_s=0) == []
    assert paid_here(house) == spent_there(house)


def committed(house: House, batch_id: BatchId) -> Decimal:
    with house.database.transaction() as db:
        return ledger.committed_usd(db, batch_id)


def held_there(house: House) -> Decimal:
    return Decimal(house.marketplace.client.get_account_balance()["OnHoldBalance"])


def test_the_forecast_the_cap_and_what_waits_count_the_higher_fee(house: House) -> None:
    batch_id = house.draft(rows=2, **SETTINGS)
    with house.database.transaction() as db:
        assert batches.forecast(db, batch_id).total_usd == 6 * PRICE
        assert forecasts.forecast_of(db, batch_id).expected_usd == 6 * PRICE
    house.launch(batch_id)
    with house.database.transaction() as db:
        assert batches.get(db, batch_id).cap_usd == 6 * PRICE
        assert funds.waiting_usd(db, "local") == {batch_id: 6 * PRICE}
    house.publish(batch_id)
    with house.database.transaction() as db:
        assert report.progress(db, batch_id).money.forecast_usd == 6 * PRICE
    assert committed(house, batch_id) == held_there(house) == 6 * PRICE


def test_only_masters_get_in(house: House, masters: list[str]) -> None:
    batch_id = house.live(rows=1, **SETTINGS)
    hit = house.one("SELECT id FROM hits").id
    kind = house.one("SELECT hit_type_id FROM hit_groups").hit_type_id
    house.answer("Ada", hit, lambda _: "given")
    mallory = house.browser("Mallory")
    refused = mallory.post(f"/projects/{kind}/tasks/accept_random")
    assert refused.status_code != 200
    house.collect(batch_id)
    assert house.one("SELECT count(*) AS n FROM assignments").n == 1


def test_a_whole_batch_costs_what_the_marketplace_takes(house: House, masters: list[str]) -> None:
    batch_id = house.live(rows=2, **SETTINGS)
    house.answer_all(batch_id, dict.fromkeys(masters, "given"))
    work_on(house, batch_id, rounds=3)
    assert house.one("SELECT status FROM batches").status == "done"
    assert committed(house, batch_id) == paid_here(house) == 6 * PRICE
    agree(house, batch_id)


def test_extensions_fresh_hits_rejections_and_overrides_carry_it_too(house: House, masters: list[str]) -> None:
    review = ReviewRule.parse("hold")
    batch_id = house.live(rows=2, first_assignments=2, review=review, **SETTINGS)
    first, second = (row.id for row in house.rows("SELECT id FROM hits ORDER BY id"))
    ada = house.answer("Ada", first, lambda _: "given")
    house.answer("Bob", first, lambda _: "guessed")
    house.answer("Ada", second, lambda _: "given")
    house.answer("Bob", second, lambda _: "given")
    work_on(house, batch_id, rounds=2)  # the first HIT's outcome is open: a third place
    assert committed(house, batch_id) == held_there(house) == 5 * PRICE
    with house.database.transaction() as db:
        rulings.rule_on(
            db, batch_id, Ruling.REJECT, [ada], by="rita", now=clock.now(db), feedback="You clicked the first."
        )
    house.execute("UPDATE operations SET not_before = now()")
    stages.run_review(house.runtime, batch_id)
    agree(house, batch_id)
    with house.database.transaction() as db:
        rulings.rule_on(db, batch_id, Ruling.OVERRIDE, [ada], by="rita", now=clock.now(db), feedback="")
    work_on(house, batch_id, rounds=3)
    assert paid_here(house) == PRICE
    agree(house, batch_id)


def test_fresh_hits_ask_for_masters_at_the_same_price(house: House, masters: list[str]) -> None:
    batch_id = house.live(rows=1, first_assignments=2, cap_usd=Decimal(100), **SETTINGS)
    hit = house.one("SELECT * FROM hits")
    house.answer("Ada", hit.id, lambda _: "given")
    house.answer("Bob", hit.id, lambda _: "guessed")
    with house.database.transaction() as db:
        batches.pause(db, batch_id, by="rita")
    work_on(house, batch_id, rounds=2)
    client = house.marketplace.client
    client.delete_hit(HITId=hit.marketplace_hit_id)
    with house.database.transaction() as db:
        batches.resume(db, batch_id, by="rita")
    work_on(house, batch_id, rounds=3)
    groups = house.rows("SELECT masters, hit_type_id FROM hit_groups ORDER BY number")
    assert [group.masters for group in groups] == [True, True]
    fresh = house.one("SELECT h.*, g.hit_type_id FROM hits h JOIN hit_groups g ON g.id = h.group_id WHERE g.number = 1")
    assert committed(house, batch_id) == paid_here(house) + held_there(house)
    house.answer("Cyd", fresh.id, lambda _: "given")
    work_on(house, batch_id, rounds=2)
    assert paid_here(house) == 3 * PRICE
    agree(house, batch_id)
    needs = client.get_hit(HITId=fresh.marketplace_hit_id)["HIT"]["QualificationRequirements"]
    assert [need["Comparator"] for need in needs] == ["DoesNotExist", "Exists"]


def test_bonuses_and_compensations_carry_the_ordinary_fee(house: House, masters: list[str]) -> None:
    batch_id = house.live(rows=1, cap_usd=Decimal(100), **SETTINGS)
    house.answer_all(batch_id, dict.fromkeys(masters, "given"))
    work_on(house, batch_id, rounds=3)
    done = house.rows("SELECT marketplace_assignment_id AS name FROM assignments ORDER BY id")[0].name
    sheet = f"AssignmentId,BonusAmount,Reason\n{done},0.50,Careful\n".encode()
    with house.database.transaction() as db:
        bonuses.pay(db, batch_id, bonus_plans.plan_sheet(db, batch_id, sheet), by="rita", settings=house.settings)
        compensation.offer(
            db,
            batch_id,
            worker=house.browser("Dot").worker_id,
            amount="0.50",
            reason="The page broke.",
            by="rita",
            secret=b"x" * 32,
            settings=house.settings,
        )
    house.execute("UPDATE operations SET not_before = now()")
    stages.run_review(house.runtime, batch_id)
    house.publish(batch_id)
    assert committed(house, batch_id) == 3 * PRICE + 2 * Decimal("0.60")
    offered = house.one(
        "SELECT h.id FROM hits h JOIN hit_groups g ON g.id = h.group_id WHERE g.purpose = 'compensation'"
    )
    house.answer("Dot", offered.id, lambda _: "given")  # who is no Master: it is theirs all the same
    work_on(house, batch_id, rounds=3)
    assert paid_here(house) == 3 * PRICE + 2 * Decimal("0.60")
    agree(house, batch_id)


def test_a_repair_holds_and_books_the_higher_fee(house: House, masters: list[str]) -> None:
    batch_id = house.live(rows=1, cap_usd=Decimal(100), **SETTINGS)
    hit = house.one("SELECT * FROM hits")
    client = house.marketplace.client
    client.create_additional_assignments_for_hit(
        HITId=hit.marketplace_hit_id, NumberOfAdditionalAssignments=2, UniqueRequestToken="elsewhere"
    )
    time_passes(house)
    done = reconciling.reconcile_now(house.runtime, MarketplaceProfile.LOCAL, repair=True)
    assert [found.kind.value for found in done.repaired] == ["places_differ"]
    assert committed(house, batch_id) == held_there(house) == 5 * PRICE
    agree(house, batch_id)


def test_a_cap_that_is_too_small_is_told_with_the_higher_fee(house: House) -> None:
    batch_id = house.draft(rows=1, **SETTINGS)
    house.execute("UPDATE items SET shortfall = 'cap'")
    with house.database.transaction() as db:
        batch = ledger.locked_batch(db, batch_id)
        shortfalls.say(db, batch)
        assert f"${3 * PRICE} would do" in (batch.attention or "")
