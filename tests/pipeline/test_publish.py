import json
from datetime import timedelta
from decimal import Decimal

import pytest

from app.pipeline import batches, publish
from tests.pipeline.conftest import House, in_threads

REFUSED = (
    400,
    json.dumps({"__type": "RequestError", "Message": "no (1)", "TurkErrorCode": "AWS.MechanicalTurk.No"}).encode(),
)
POOR = (
    400,
    json.dumps(
        {
            "__type": "RequestError",
            "Message": "This Requester has insufficient funds in their account to complete this transaction. (1)",
            "TurkErrorCode": "AWS.MechanicalTurk.InsufficientFunds",
        }
    ).encode(),
)


def hits_on_the_marketplace(house: House) -> list[str]:
    pages = house.marketplace.client.get_paginator("list_hits").paginate()
    return [hit["RequesterAnnotation"] for page in pages for hit in page["HITs"]]


def statuses(house: House) -> list[str]:
    return sorted(row.status for row in house.rows("SELECT status FROM hits"))


def retry_now(house: House) -> None:
    house.execute("UPDATE operations SET not_before = now(), lease_until = now() - interval '1 second'")


def test_each_item_is_published_once(house: House) -> None:
    house.live(rows=7, items_per_hit=3)
    assert statuses(house) == ["live"] * 3
    assert len(set(hits_on_the_marketplace(house))) == 3
    assert house.one("SELECT count(DISTINCT item_id) AS n FROM hit_items").n == 7


def test_publishing_again_publishes_nothing(house: House) -> None:
    batch_id = house.live()
    house.publish(batch_id)
    assert len(hits_on_the_marketplace(house)) == 4
    assert house.wire.calls["CreateHITWithHITType"] == 4


def test_a_reply_lost_after_create_hit_does_not_publish_the_hit_twice(house: House) -> None:
    house.wire.lose_reply["CreateHITWithHITType"] = 3
    batch_id = house.live()
    retry_now(house)
    house.publish(batch_id)
    assert statuses(house) == ["live"] * 4
    assert sorted(hits_on_the_marketplace(house)) == sorted(
        r.annotation for r in house.rows("SELECT annotation FROM hits")
    )


def test_a_crash_after_create_hit_does_not_publish_the_hit_twice(house: House) -> None:
    batch_id = house.live()
    # As if the runner had died after the calls and before it wrote their results.
    house.execute("UPDATE hits SET status = 'publishing', marketplace_hit_id = NULL")
    house.execute(
        "UPDATE operations SET status = 'acting', lease_until = now() - interval '1 second', finished_at = NULL"
    )
    house.publish(batch_id)
    assert statuses(house) == ["live"] * 4
    assert len(hits_on_the_marketplace(house)) == 4


def test_a_crash_is_found_by_annotation_once_the_token_is_forgotten(house: House) -> None:
    batch_id = house.live(rows=2)
    house.execute("UPDATE hits SET status = 'publishing', marketplace_hit_id = NULL")
    house.execute(
        "UPDATE operations SET status = 'acting', lease_until = now() - interval '1 second',"
        " first_attempt_at = now() - interval '2 days'"
    )
    created = house.wire.calls["CreateHITWithHITType"]
    house.publish(batch_id)
    assert statuses(house) == ["live"] * 2
    assert house.wire.calls["CreateHITWithHITType"] == created
    assert timedelta(hours=24) > publish.TOKEN_LIFETIME


def test_a_claim_of_a_living_runner_is_left_alone(house: House) -> None:
    batch_id = house.draft()
    house.launch(batch_id)
    house.execute("UPDATE batches SET status = 'live'")
    with house.database.transaction() as db:
        from app.pipeline import planning

        planning.plan(db, batch_id, secret=b"x" * 32)
    house.execute("UPDATE operations SET status = 'acting', lease_until = now() + interval '1 hour'")
    house.publish(batch_id)
    assert hits_on_the_marketplace(house) == []


def test_two_runners_publish_a_batch_together_without_a_double(house: House) -> None:
    batch_id = house.draft(rows=120)
    house.launch(batch_id)
    in_threads(2, lambda: house.publish(batch_id))
    assert statuses(house) == ["live"] * 120
    assert len(hits_on_the_marketplace(house)) == 120


def test_the_cap_is_checked_with_the_intent(house: House) -> None:
    batch_id = house.draft(cap_usd=Decimal(10))
    house.launch(batch_id)
    house.execute("UPDATE batches SET cap_usd = 1.19")  # four HITs need 4 x 5 x (0.05 + 0.01) = 1.20
    house.publish(batch_id)
    found = house.one("SELECT status, attention FROM batches")
    assert found.status == "paused"
    assert "$1.20" in found.attention
    assert "$1.19" in found.attention
    assert house.rows("SELECT 1 FROM hits") == house.rows("SELECT 1 FROM payments") == []


def test_a_raised_cap_lets_a_paused_batch_go_on(house: House) -> None:
    batch_id = house.draft(cap_usd=Decimal(10))
    house.launch(batch_id)
    house.execute("UPDATE batches SET cap_usd = 1.19")
    house.publish(batch_id)
    with house.database.transaction() as db:
        batches.set_cap(db, batch_id, Decimal("1.20"), by="rita")
        batches.resume(db, batch_id, by="rita")
    house.publish(batch_id)
    assert statuses(house) == ["live"] * 4


def test_reservations_equal_the_forecast(house: House) -> None:
    batch_id = house.live(rows=7, items_per_hit=3)
    with house.database.transaction() as db:
        forecast = batches.forecast(db, batch_id)
    assert house.one("SELECT sum(amount_usd) AS usd FROM payments WHERE kind = 'reservation'").usd == forecast.total_usd
    balance = house.marketplace.client.get_account_balance()
    assert Decimal(balance["OnHoldBalance"]) == forecast.total_usd


def test_a_refusal_pauses_the_batch_and_says_why(house: House) -> None:
    batch_id = house.draft()
    house.launch(batch_id)
    house.wire.refuse["CreateHITWithHITType"] = REFUSED
    house.publish(batch_id)
    found = house.one("SELECT status, attention FROM batches")
    assert (found.status, "AWS.MechanicalTurk.No" in found.attention) == ("paused", True)
    assert {row.status for row in house.rows("SELECT status FROM operations")} == {"failed"}


def test_a_batch_that_ran_out_of_funds_goes_on_after_resume(house: House) -> None:
    batch_id = house.draft()
    house.launch(batch_id)
    house.wire.refuse["CreateHITWithHITType"] = POOR
    house.publish(batch_id)
    assert "insufficient funds" in house.one("SELECT attention FROM batches").attention
    house.wire.refuse.clear()
    with house.database.transaction() as db:
        batches.resume(db, batch_id, by="rita")
    retry_now(house)
    house.publish(batch_id)
    assert statuses(house) == ["live"] * 4


def test_a_paused_batch_publishes_nothing(house: House) -> None:
    batch_id = house.draft()
    house.launch(batch_id)
    with house.database.transaction() as db:
        batches.pause(db, batch_id, by="rita")
    house.publish(batch_id)
    assert house.rows("SELECT 1 FROM hits") == []


@pytest.mark.parametrize("answer", [b"", b"<html>", b"{}", b'{"HIT": {}}', b'{"HIT": {"HITId": null}}'])
def test_an_endpoint_that_answers_nonsense_is_asked_again_later(house: House, answer: bytes) -> None:
    batch_id = house.draft(rows=1)
    house.launch(batch_id)
    house.wire.refuse["CreateHITWithHITType"] = (200, answer)
    house.publish(batch_id)
    assert statuses(house) == ["publishing"]
    house.wire.refuse.clear()
    retry_now(house)
    house.publish(batch_id)
    assert statuses(house) == ["live"]
    assert len(hits_on_the_marketplace(house)) == 1


def test_the_page_that_workers_get_does_not_tell_which_label_is_given(house: House) -> None:
    house.live(rows=20)
    pages = house.marketplace.client.get_paginator("list_hits").paginate()
    questions = [hit["Question"] for page in pages for hit in page["HITs"]]
    assert not any("given" in question.lower() or "guessed" in question.lower() for question in questions)
    coins = {row.a_is_given for row in house.rows("SELECT a_is_given FROM hit_items")}
    assert coins == {True, False}
