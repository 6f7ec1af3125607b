import dataclasses
import json
from datetime import UTC, datetime
from decimal import Decimal
from typing import Any

import pytest
from sqlalchemy.orm import Session

from app.domain.vocabulary import BatchId
from app.errors import (
    BudgetExceeded,
    Conflict,
    Forbidden,
    IllegalTransition,
    InsufficientFunds,
    InvalidInput,
    MarketplaceError,
    NotFound,
)
from app.mturk.client import Marketplace
from app.pipeline import batches
from app.pipeline.batches import NewBatch
from app.questions import catalogue
from app.settings import MarketplaceProfile, Settings
from tests.factories import make_batch, make_item
from tests.pipeline.conftest import House, in_threads

FIVE = {"Ada": "given", "Bea": "given", "Cyd": "given", "Bob": "guessed", "Mallory": "neither"}


def new_batch(**changed: Any) -> NewBatch:
    values: dict[str, Any] = {
        "name": "Birds",
        "template": catalogue.load("text"),
        "profile": MarketplaceProfile.LOCAL,
        "reward_usd": Decimal("0.05"),
    }
    return NewBatch(**values | changed)


def create(house: House, new: NewBatch, **values: Any) -> BatchId:
    with house.database.transaction() as db:
        return BatchId(batches.create(db, new, by="rita", **values).id)


def step(house: House, act: Any, batch_id: int) -> str:
    with house.database.transaction() as db:
        return str(act(db, BatchId(batch_id), by="rita").status)


def status(house: House) -> str:
    return str(house.one("SELECT status FROM batches").status)


def launches(house: House) -> int:
    return int(house.one("SELECT count(*) AS n FROM audit WHERE action = 'batch.launched'").n)


def launch(house: House, batch_id: BatchId, *, confirmed_usd: Decimal | None = None, **settings: Any) -> list[str]:
    """Launch under changed settings; the profiles that were connected to, all of them the running marketplace."""
    connected: list[str] = []

    def connect(profile: MarketplaceProfile) -> Marketplace:
        connected.append(profile)
        marketplace: Marketplace = dataclasses.replace(house.marketplace, profile=profile)
        return marketplace

    changed = Settings.model_construct(**{**house.settings.model_dump(), **settings})
    try:
        batches.launch(house.database, connect, batch_id, by="rita", settings=changed, confirmed_usd=confirmed_usd)
    except (Forbidden, Conflict):
        assert connected == []  # nothing is asked of a marketplace before the money is settled
        raise
    return connected


# --- create -----------------------------------------------------------------------------------------------------------


def test_a_new_batch_is_a_draft_with_its_own_copy_of_the_template(house: House) -> None:
    create(house, new_batch(name="  Birds  "))
    row = house.one("SELECT * FROM batches")
    template = catalogue.load("text")
    assert (row.name, row.status, row.template_source) == ("Birds", "draft", template.source)
    assert (row.title, row.instructions) == (template.title, template.instructions)
    assert house.one("SELECT action, actor FROM audit") == ("batch.created", "rita")


def test_two_batches_draw_different_seeds_and_a_given_seed_is_kept(house: House) -> None:
    for seed in (None, None, 7):
        create(house, new_batch(seed=seed))
    seeds = [row.seed for row in house.rows("SELECT seed FROM batches ORDER BY id")]
    assert seeds[2] == 7
    assert seeds[0] != seeds[1]


def test_every_fault_of_a_new_batch_is_told_at_once_and_nothing_is_written(house: House) -> None:
    with pytest.raises(InvalidInput) as refused:
        create(house, new_batch(name=" ", reward_usd=Decimal("0.001"), quorum=9, lifetime_s=1))
    assert {problem.field for problem in refused.value.problems} == {"name", "reward_usd", "quorum", "lifetime_s"}
    assert house.rows("SELECT 1 FROM batches") == house.rows("SELECT 1 FROM audit") == []


def test_a_cap_above_the_installations_limit_is_refused(house: House) -> None:
    with pytest.raises(InvalidInput, match="limit of \\$5"):
        create(house, new_batch(cap_usd=Decimal("5.01")), spending_limit_usd=Decimal(5))


def test_a_batch_that_does_not_exist_is_named(house: House) -> None:
    with pytest.raises(NotFound, match="Batch 404 does not exist"), house.database.transaction() as db:
        batches.get(db, BatchId(404))
    for act in (batches.pause, batches.resume, batches.stop):
        with pytest.raises(NotFound, match="Batch 404"):
            step(house, act, 404)
    with pytest.raises(NotFound, match="Batch 404"):
        house.launch(BatchId(404))


# --- launch -----------------------------------------------------------------------------------------------------------


def test_launching_makes_a_draft_live_and_asks_for_its_publication(house: House) -> None:
    batch_id = house.draft(rows=4)
    house.launch(batch_id)
    row = house.one("SELECT status, cap_usd, launched_at FROM batches")
    assert (row.status, row.cap_usd) == ("live", Decimal("1.20"))
    assert row.launched_at is not None
    assert house.one("SELECT task_name, args FROM procrastinate_jobs") == ("publish", {"batch_id": batch_id})


def test_a_batch_is_launched_once(house: House) -> None:
    batch_id = house.draft()
    house.launch(batch_id)
    with pytest.raises(IllegalTransition, match="is launched already: it is live"):
        house.launch(batch_id)
    assert launches(house) == 1


def test_two_who_launch_at_once_launch_once(house: House) -> None:
    batch_id = house.draft()
    refused: list[IllegalTransition] = []

    def launch() -> None:
        try:
            house.launch(batch_id)
        except IllegalTransition as error:
            refused.append(error)

    house.marketplace  # noqa: B018 - made before the threads ask for it
    in_threads(3, launch)
    assert (len(refused), launches(house)) == (2, 1)


def test_a_batch_without_items_is_not_launched(house: House) -> None:
    batch_id = create(house, new_batch())
    with pytest.raises(Conflict, match="has no Items"):
        house.launch(batch_id)
    assert status(house) == "draft"


def test_a_batch_is_launched_on_its_own_profile_alone(house: House) -> None:
    batch_id = house.draft()
    house.execute("UPDATE batches SET profile = 'sandbox'")
    assert launch(house, batch_id) == ["sandbox"]


@pytest.mark.parametrize("profile", ["sandbox", "production"])
def test_media_that_a_public_marketplaces_workers_could_not_load_are_not_launched(house: House, profile: str) -> None:
    batch_id = house.draft()
    house.execute("INSERT INTO media_files (token, sha256, content_type, size_bytes) VALUES ('t', '', 'image/png', 1)")
    house.execute("UPDATE items SET text = NULL, media_token = 't'")
    house.execute("UPDATE batches SET profile = :profile", profile=profile)
    with pytest.raises(Conflict, match="set LABELJURY_WEB_PUBLIC_URL to an https address"):
        launch(house, batch_id)
    if profile == "sandbox":
        assert launch(house, batch_id, web_public_url="https://jury.example") == ["sandbox"]


def test_a_cap_that_does_not_cover_the_batch_is_refused(house: House) -> None:
    batch_id = house.draft(rows=4, cap_usd=Decimal("1.19"))
    with pytest.raises(BudgetExceeded, match=r"needs \$1.20 and the cap leaves \$1.19"):
        house.launch(batch_id)
    assert status(house) == "draft"


def test_a_cap_to_the_cent_is_enough(house: House) -> None:
    house.launch(house.draft(rows=4, cap_usd=Decimal("1.20")))
    assert status(house) == "live"


def test_a_cap_that_covers_the_first_answers_may_be_launched_and_is_what_is_confirmed(house: House) -> None:
    batch_id = house.draft(rows=4, first_assignments=3, cap_usd=Decimal("0.80"))
    with pytest.raises(Conflict, match=r"the cost is \$0.80 and \$1.20 were confirmed"):
        launch(house, batch_id, confirmed_usd=Decimal("1.20"))
    launch(house, batch_id, confirmed_usd=Decimal("0.80"))
    assert house.one("SELECT cap_usd FROM batches").cap_usd == Decimal("0.80")


def test_a_cap_that_does_not_cover_the_first_answers_is_refused(house: House) -> None:
    with pytest.raises(BudgetExceeded, match=r"needs \$0.72 and the cap leaves \$0.71"):
        house.launch(house.draft(rows=4, first_assignments=3, cap_usd=Decimal("0.71")))


def test_without_a_cap_it_is_what_all_answers_cost(house: House) -> None:
    house.launch(house.draft(rows=4, first_assignments=3))
    assert house.one("SELECT cap_usd FROM batches").cap_usd == Decimal("1.20")


def test_a_finished_batch_can_be_reopened_and_one_at_work_stays_so(house: House) -> None:
    batch_id = house.live(rows=1)
    assert step(house, batches.reopen, batch_id) == "live"
    house.execute("UPDATE batches SET status = 'done', finished_at = now()")
    assert step(house, batches.reopen, batch_id) == "live"
    assert house.one("SELECT finished_at FROM batches").finished_at is None


def test_the_installations_spending_limit_holds_without_a_cap(house: House) -> None:
    batch_id = house.draft(rows=4)
    with pytest.raises(BudgetExceeded):
        launch(house, batch_id, spending_limit_usd=Decimal("1.19"))
    launch(house, batch_id, spending_limit_usd=Decimal("1.20"))
    assert status(house) == "live"


def test_a_confirmed_cost_that_is_not_the_cost_is_refused_on_every_profile(house: House) -> None:
    batch_id = house.draft(rows=4)
    with pytest.raises(Conflict, match=r"the cost is \$1.20 and \$7 were confirmed"):
        launch(house, batch_id, confirmed_usd=Decimal(7))
    assert status(house) == "draft"
    launch(house, batch_id, confirmed_usd=Decimal("1.2"))
    assert status(house) == "live"


def test_a_batch_dearer_than_the_balance_is_refused_with_both_amounts(house: House) -> None:
    batch_id = house.draft(rows=4, reward_usd=Decimal("500.00"))
    with pytest.raises(InsufficientFunds, match=r"needs \$12000.00 and the local account holds \$10000.00") as refused:
        house.launch(batch_id)
    assert "labeljury marketplace deposit 2000.00" in str(refused.value)
    assert status(house) == "draft"


@pytest.mark.parametrize(
    "answer",
    [
        (400, json.dumps({"__type": "RequestError", "Message": "no", "TurkErrorCode": "AWS.NotAuthorized"}).encode()),
        (400, json.dumps({"__type": "ThrottlingException", "message": "slow"}).encode()),
        (200, b'{"AvailableBalance": "NaN"}'),
        (200, b"<html>"),
    ],
)
def test_a_marketplace_that_does_not_tell_the_balance_launches_nothing(house: House, answer: tuple[int, bytes]) -> None:
    batch_id = house.draft()
    house.wire.refuse["GetAccountBalance"] = answer
    with pytest.raises(MarketplaceError):
        house.launch(batch_id)
    assert status(house) == "draft"
    assert house.rows("SELECT 1 FROM procrastinate_jobs") == []


def test_real_money_needs_the_flag_a_limit_and_the_exact_cost(house: House) -> None:
    batch_id = house.draft(rows=4)
    house.execute("UPDATE batches SET profile = 'production'")
    cost = Decimal("1.20")
    allowed = {"allow_production": True, "spending_limit_usd": Decimal(5)}
    with pytest.raises(Forbidden, match="LABELJURY_ALLOW_PRODUCTION"):
        launch(house, batch_id, confirmed_usd=cost, spending_limit_usd=Decimal(5))
    with pytest.raises(Forbidden, match="LABELJURY_SPENDING_LIMIT_USD"):
        launch(house, batch_id, confirmed_usd=cost, allow_production=True)
    for confirmed in (None, Decimal("1.19"), Decimal("1.21")):
        with pytest.raises(Conflict, match=r"spends \$1.20 of real money"):
            launch(house, batch_id, confirmed_usd=confirmed, **allowed)
    assert status(house) == "draft"
    assert launch(house, batch_id, confirmed_usd=cost, **allowed) == ["production"]
    assert status(house) == "live"


# --- pause, resume, stop ----------------------------------------------------------------------------------------------

STEPS = {"pause": batches.pause, "resume": batches.resume, "stop": batches.stop}


@pytest.mark.parametrize(
    ("was", "act", "becomes"),
    [
        ("draft", "pause", None),
        ("draft", "resume", None),
        ("draft", "stop", None),
        ("live", "pause", "paused"),
        ("live", "resume", None),
        ("live", "stop", "stopping"),
        ("paused", "pause", None),
        ("paused", "resume", "live"),
        ("paused", "stop", "stopping"),
        ("stopping", "pause", None),
        ("stopping", "resume", None),
        ("stopping", "stop", None),
        ("stopped", "pause", None),
        ("stopped", "resume", None),
        ("stopped", "stop", None),
        ("done", "pause", None),
        ("done", "resume", None),
        ("done", "stop", None),
    ],
)
def test_each_step_is_allowed_from_some_statuses_alone(house: House, was: str, act: str, becomes: str | None) -> None:
    batch_id = house.draft(rows=1)
    house.execute("UPDATE batches SET status = :was", was=was)
    if becomes is None:
        with pytest.raises(IllegalTransition, match=f"Batch {batch_id} is {was}"):
            step(house, STEPS[act], batch_id)
    else:
        assert step(house, STEPS[act], batch_id) == becomes
    assert status(house) == (becomes or was)
    assert len(house.rows("SELECT 1 FROM audit WHERE action <> 'batch.created'")) == (1 if becomes else 0)


def test_resuming_clears_what_needed_attention_and_asks_for_what_was_left(house: House) -> None:
    batch_id = house.live()
    step(house, batches.pause, batch_id)
    house.execute("UPDATE batches SET attention = 'look here'")
    house.execute("DELETE FROM procrastinate_jobs")
    house.execute("UPDATE operations SET status = 'failed' WHERE id = (SELECT min(id) FROM operations)")
    step(house, batches.resume, batch_id)
    assert house.one("SELECT attention FROM batches").attention is None
    assert house.rows("SELECT 1 FROM operations WHERE status = 'failed'") == []
    assert {row.task_name for row in house.rows("SELECT task_name FROM procrastinate_jobs")} == {"publish", "review"}


# --- the cap ----------------------------------------------------------------------------------------------------------


def set_cap(house: House, batch_id: BatchId, cap: str, **values: Any) -> None:
    with house.database.transaction() as db:
        batches.set_cap(db, batch_id, Decimal(cap), by="rita", **values)


def test_a_cap_may_be_lowered_to_what_is_committed_and_no_further(house: House) -> None:
    batch_id = house.live(rows=4, cap_usd=Decimal(5))
    with pytest.raises(InvalidInput, match=r"\$1.20 are reserved or spent already"):
        set_cap(house, batch_id, "1.19")
    set_cap(house, batch_id, "1.20")
    assert house.one("SELECT cap_usd FROM batches").cap_usd == Decimal("1.20")


@pytest.mark.parametrize("cap", ["-1", "1.234", "NaN"])
def test_a_cap_that_is_no_amount_is_refused(house: House, cap: str) -> None:
    batch_id = house.draft()
    with pytest.raises(InvalidInput):
        set_cap(house, batch_id, cap)


def test_a_cap_cannot_be_raised_over_the_installations_limit(house: House) -> None:
    batch_id = house.draft()
    with pytest.raises(InvalidInput, match="limit of"):
        set_cap(house, batch_id, "6", spending_limit_usd=Decimal(5))


# --- close ------------------------------------------------------------------------------------------------------------


def close(house: House, batch_id: BatchId) -> bool:
    with house.database.transaction() as db:
        return batches.close_if_finished(db, batch_id, now=datetime.now(UTC))


def test_a_batch_is_done_when_nothing_of_it_is_open(house: House) -> None:
    batch_id = house.live(rows=1)
    assert not close(house, batch_id)
    house.answer_all(batch_id, FIVE)
    house.collect(batch_id)
    house.collect(batch_id)
    assert status(house) == "done"
    assert house.one("SELECT finished_at FROM batches").finished_at is not None
    assert not close(house, batch_id)
    assert house.one("SELECT count(*) AS n FROM audit WHERE action = 'batch.done'").n == 1


def test_a_paused_batch_whose_work_comes_in_is_done_too(house: House) -> None:
    batch_id = house.live(rows=1)
    step(house, batches.pause, batch_id)
    house.answer_all(batch_id, FIVE)
    house.collect(batch_id)
    house.collect(batch_id)
    assert status(house) == "done"


@pytest.mark.parametrize(
    "open_end",
    [
        "UPDATE hits SET status = 'live'",
        "UPDATE operations SET status = 'acting'",
        "UPDATE operations SET status = 'failed' WHERE kind = 'approve'",
        "UPDATE items SET consensus_stale = true",
    ],
)
def test_a_batch_with_an_open_end_is_not_done(house: House, open_end: str) -> None:
    batch_id = house.live(rows=1)
    house.answer_all(batch_id, FIVE)
    house.collect(batch_id)
    house.collect(batch_id)
    house.execute("UPDATE batches SET status = 'live'")
    house.execute(open_end)
    assert not close(house, batch_id)
    assert status(house) == "live"


def test_a_batch_that_was_never_planned_is_not_done(house: House) -> None:
    batch_id = house.draft()
    house.launch(batch_id)
    assert not close(house, batch_id)


@pytest.mark.parametrize(("sizes", "hits"), [([400] * 7, 3), ([20_000, 40_000] * 4, 4), ([], 0)])
def test_a_forecast_counts_hits_as_they_will_be_packed(db: Session, sizes: list[int], hits: int) -> None:
    """Three Items a HIT; a page of 64 KB holds two that have 60,000 bytes together and no third."""
    batch = make_batch(db, items_per_hit=3)
    for size in sizes:
        make_item(db, batch, page_bytes=size)
    assert batches.forecast(db, BatchId(batch.id)).hits == hits
