"""What stops for want of funds or credentials goes on by itself; what is wrong with a marketplace is said on its Batches."""

import json
from decimal import Decimal

import pytest

from app.errors import CredentialsRefused, MarketplaceError, ServiceError
from app.jobs import stages, watching
from app.pipeline import batches
from app.settings import MarketplaceProfile
from tests.pipeline.conftest import House

LOCAL = MarketplaceProfile.LOCAL
REFUSED = (400, json.dumps({"__type": "UnrecognizedClientException", "message": "The token is invalid"}).encode())


def broke(house: House) -> None:
    """The account spends all it has on something else: $1.20 are left, enough for four HITs at $0.30."""
    house.execute("UPDATE marketplace.requesters SET available_usd = available_usd - 9998.80")


def deposit(house: House, usd: str) -> None:
    house.execute("UPDATE marketplace.requesters SET available_usd = available_usd + :usd", usd=Decimal(usd))


def some_time_later(house: House) -> None:
    """The audit is append-only: time passes by letting a pause count from then on."""
    house.execute("ALTER TABLE audit DISABLE TRIGGER USER")
    house.execute("UPDATE audit SET at = at - interval '1 minute'")
    house.execute("ALTER TABLE audit ENABLE TRIGGER USER")


def state(house: House, batch_id: int) -> tuple[str, str | None, str | None]:
    row = house.one("SELECT status, pause_reason, attention FROM batches WHERE id = :id", id=batch_id)
    return row.status, row.pause_reason, row.attention


def test_out_of_funds_it_says_what_is_missing_and_goes_on_by_itself_once_that_is_there(house: House) -> None:
    batch_id = house.draft(10)
    house.launch(batch_id)
    broke(house)
    house.publish(batch_id)
    status, reason, _ = state(house, batch_id)
    assert (status, reason) == ("paused", "funds")
    assert house.one("SELECT count(*) AS n FROM hits WHERE status = 'live'").n == 4
    some_time_later(house)
    watching.run_balance(house.runtime, LOCAL)
    status, reason, attention = state(house, batch_id)
    assert (status, reason) == ("paused", "funds")
    assert attention is not None
    assert "needs $1.80" in attention
    assert "labeljury marketplace deposit 1.80" in attention
    deposit(house, "1.79")
    watching.run_balance(house.runtime, LOCAL)
    assert state(house, batch_id)[0] == "paused"
    deposit(house, "0.01")
    watching.run_balance(house.runtime, LOCAL)
    assert state(house, batch_id) == ("live", None, None)
    assert house.one("SELECT actor FROM audit WHERE action = 'batch.resumed'").actor == "job runner"
    house.execute("UPDATE operations SET not_before = now()")
    house.publish(batch_id)
    assert house.one("SELECT count(*) AS n FROM hits WHERE status = 'live'").n == 10


def test_a_batch_that_was_paused_a_moment_ago_is_not_resumed_at_once(house: House) -> None:
    batch_id = house.draft(10)
    house.launch(batch_id)
    broke(house)
    house.publish(batch_id)
    deposit(house, "100.00")
    watching.run_balance(house.runtime, LOCAL)
    assert state(house, batch_id)[0] == "paused"


def test_a_batch_that_a_person_paused_stays_paused_whatever_the_balance(house: House) -> None:
    batch_id = house.draft(2)
    house.launch(batch_id)
    with house.database.transaction() as db:
        batches.pause(db, batch_id, by="rita")
    some_time_later(house)
    watching.run_balance(house.runtime, LOCAL)
    assert state(house, batch_id)[:2] == ("paused", "person")


def test_of_two_batches_the_older_one_goes_on_and_the_other_says_what_is_missing(house: House) -> None:
    first, second = house.draft(10), house.draft(10)
    for batch_id in (first, second):
        house.launch(batch_id)
    broke(house)
    deposit(house, "-1.20")
    for batch_id in (first, second):
        house.publish(batch_id)
    some_time_later(house)
    deposit(house, "4.00")
    watching.run_balance(house.runtime, LOCAL)
    assert state(house, first)[0] == "live"
    status, _, attention = state(house, second)
    assert status == "paused"
    assert "deposit 2.00" in (attention or "")


def test_credentials_revoked_in_mid_batch_pause_it_lose_nothing_and_it_goes_on_once_they_work(house: House) -> None:
    batch_id = house.draft(3, assignments_per_item=1, quorum=1)
    house.launch(batch_id)
    house.publish(batch_id)
    answered = house.rows("SELECT id FROM hits ORDER BY id")[0].id
    house.answer("Ada", answered, lambda _: "given")
    for operation in ("ListHITs", "GetAccountBalance", "ApproveAssignment"):
        house.wire.refuse[operation] = REFUSED
    with pytest.raises(CredentialsRefused):
        stages.run_collect(house.runtime, LOCAL)
    attention = state(house, batch_id)[2]
    assert attention is not None
    assert "Answers cannot be collected at the moment, and none is lost" in attention
    assert "UnrecognizedClientException" in attention
    house.wire.refuse.pop("ListHITs")
    stages.run_collect(house.runtime, LOCAL)
    assert state(house, batch_id)[2] is None
    stages.run_review(house.runtime, batch_id)
    assert "will be tried again" in (state(house, batch_id)[2] or "")
    assert house.one("SELECT status FROM assignments").status == "submitted"
    house.wire.refuse.clear()
    house.execute("UPDATE operations SET not_before = now()")
    stages.run_review(house.runtime, batch_id)
    assert (house.one("SELECT status FROM assignments").status, state(house, batch_id)[2]) == ("approved", None)


def test_publishing_with_credentials_that_were_revoked_goes_on_by_itself_once_they_work(house: House) -> None:
    batch_id = house.draft(3)
    house.launch(batch_id)
    house.wire.refuse["CreateHITWithHITType"] = house.wire.refuse["GetAccountBalance"] = REFUSED
    house.publish(batch_id)
    assert state(house, batch_id)[:2] == ("paused", "credentials")
    some_time_later(house)
    with pytest.raises(CredentialsRefused):
        watching.run_balance(house.runtime, LOCAL)
    assert state(house, batch_id)[:2] == ("paused", "credentials")
    before = house.runtime.marketplace(LOCAL)[0]
    with pytest.raises(CredentialsRefused):
        watching.run_balance(house.runtime, LOCAL)
    assert house.runtime.marketplace(LOCAL)[0] is not before  # whoever mends a credentials file need restart nothing
    house.wire.refuse.clear()
    watching.run_balance(house.runtime, LOCAL)
    assert state(house, batch_id) == ("live", None, None)
    house.execute("UPDATE operations SET not_before = now()")
    house.publish(batch_id)
    assert house.one("SELECT count(*) AS n FROM hits WHERE status = 'live'").n == 3


def test_a_balance_that_cannot_be_learned_is_forgotten_and_said_on_the_batch(house: House) -> None:
    batch_id = house.live(1)
    watching.run_balance(house.runtime, LOCAL)
    assert (
        house.one("SELECT available_usd FROM endpoints WHERE url = :url", url=house.wire.url).available_usd is not None
    )
    house.wire.refuse["GetAccountBalance"] = (200, b'{"AvailableBalance": "NaN"}')
    with pytest.raises(MarketplaceError):
        watching.run_balance(house.runtime, LOCAL)
    assert "does not tell the account's balance" in (state(house, batch_id)[2] or "")
    assert house.one("SELECT available_usd FROM endpoints WHERE url = :url", url=house.wire.url).available_usd is None
    house.wire.refuse.clear()
    watching.run_balance(house.runtime, LOCAL)
    assert state(house, batch_id)[2] is None


def test_what_a_batch_says_of_itself_is_not_overwritten_by_a_marketplace_in_trouble(house: House) -> None:
    batch_id = house.live(1)
    house.execute("UPDATE batches SET attention = 'three Items end with fewer answers'")
    house.wire.refuse["ListHITs"] = (200, b"<html>")
    with pytest.raises(ServiceError):
        stages.run_collect(house.runtime, LOCAL)
    assert state(house, batch_id)[2] == "three Items end with fewer answers"


def test_the_look_asks_for_the_balance_of_endpoints_in_use_and_sooner_while_a_batch_waits(house: House) -> None:
    watching.look(house.runtime)
    asked = "SELECT count(*) AS n FROM procrastinate_jobs WHERE task_name = 'balance'"
    assert house.one(asked).n == 0  # nothing is at work
    batch_id = house.live(1)
    watching.look(house.runtime)
    assert house.one(asked).n == 1
    house.execute("DELETE FROM procrastinate_jobs")
    house.execute("UPDATE endpoints SET balance_at = now() - interval '11 seconds'")
    watching.look(house.runtime)
    assert house.one(asked).n == 0
    house.execute("UPDATE batches SET status = 'paused', pause_reason = 'funds' WHERE id = :id", id=batch_id)
    watching.look(house.runtime)
    assert house.one(asked).n == 1
