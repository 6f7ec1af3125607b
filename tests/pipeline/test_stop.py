import threading
import time
from decimal import Decimal

from app.domain.vocabulary import BatchId
from app.jobs import housekeeping, stages
from app.jobs.runtime import Runtime
from app.pipeline import batches, planning
from tests.pipeline.conftest import House, in_threads

PRICE = Decimal("0.06")


def stop(house: House, batch_id: BatchId) -> None:
    """Rita presses stop, and a runner takes it up."""
    with house.database.transaction() as db:
        batches.stop(db, batch_id, by="rita")
    house.publish(batch_id)


def plan(house: House, batch_id: BatchId) -> None:
    """Up to the moment before the first call."""
    house.launch(batch_id)
    with house.database.transaction() as db:
        planning.plan(db, batch_id, secret=b"x" * 32)


def committed(house: House) -> Decimal:
    kinds = "('reservation', 'release')"
    return Decimal(house.one(f"SELECT coalesce(sum(amount_usd), 0) AS usd FROM payments WHERE kind IN {kinds}").usd)


def paid(house: House) -> Decimal:
    return Decimal(house.one("SELECT coalesce(sum(amount_usd), 0) AS usd FROM payments WHERE status = 'paid'").usd)


def statuses(house: House) -> list[str]:
    return sorted(row.status for row in house.rows("SELECT status FROM hits"))


def status(house: House) -> str:
    return str(house.one("SELECT status FROM batches").status)


def on_the_marketplace(house: House) -> list[dict[str, object]]:
    pages = house.marketplace.client.get_paginator("list_hits").paginate()
    return [hit for page in pages for hit in page["HITs"]]


def settle(house: House, batch_id: BatchId) -> None:
    """What the timetable does, until it is quiet."""
    for _ in range(3):
        house.execute("UPDATE operations SET not_before = now() WHERE status = 'intended'")
        house.publish(batch_id)
        house.collect(batch_id)


def test_a_batch_stopped_before_its_first_hit_is_over_at_once(house: House) -> None:
    batch_id = house.draft()
    house.launch(batch_id)
    stop(house, batch_id)
    settle(house, batch_id)
    assert status(house) == "stopped"
    assert on_the_marketplace(house) == []
    assert house.rows("SELECT 1 FROM payments") == []


def test_planned_hits_are_cancelled_and_their_reservations_released(house: House) -> None:
    batch_id = house.draft(rows=4)
    plan(house, batch_id)
    assert committed(house) == 20 * PRICE
    stop(house, batch_id)
    assert statuses(house) == ["cancelled"] * 4
    assert on_the_marketplace(house) == []
    assert committed(house) == 0
    settle(house, batch_id)
    assert status(house) == "stopped"


def test_live_hits_are_expired_and_nobody_can_accept_them_any_more(house: House) -> None:
    batch_id = house.live(rows=3)
    stop(house, batch_id)
    assert {str(hit["HITStatus"]) for hit in on_the_marketplace(house)} == {"Reviewable"}
    settle(house, batch_id)
    assert (status(house), statuses(house)) == ("stopped", ["done"] * 3)
    assert committed(house) == paid(house) == 0
    balance = house.marketplace.client.get_account_balance()
    assert (Decimal(balance["AvailableBalance"]), Decimal(balance["OnHoldBalance"])) == (
        Decimal("10000.00"),
        Decimal(0),
    )


def test_work_under_way_is_still_collected_and_paid(house: House) -> None:
    batch_id = house.live(rows=2)
    first, second = house.rows("SELECT h.id, h.marketplace_hit_id FROM hits AS h ORDER BY h.id")
    hit_type = house.one("SELECT hit_type_id FROM hit_groups").hit_type_id
    house.answer("Ada", first.id, lambda _: "given")
    late = house.browser("Bob").accept(hit_type, second.marketplace_hit_id)
    stop(house, batch_id)
    settle(house, batch_id)
    assert status(house) == "stopping"  # Bob is still at it
    fields = {"r1-choice": "a", "r1-order": "a,b,both,neither", "r1-ms": "900", "r1-comment": ""}
    assert house.browser("Bob").submit(late, **fields).status_code == 200
    settle(house, batch_id)
    assert status(house) == "stopped"
    assert house.one("SELECT count(*) AS n FROM responses").n == 2
    assert committed(house) == paid(house) == 2 * PRICE


def test_at_the_end_the_ledger_holds_what_was_paid_and_no_more(house: House) -> None:
    batch_id = house.live(rows=3)
    for name in ("Ada", "Bea"):
        house.answer_all(batch_id, {name: "guessed"})
    stop(house, batch_id)
    settle(house, batch_id)
    assert status(house) == "stopped"
    assert committed(house) == paid(house) == 6 * PRICE
    balance = house.marketplace.client.get_account_balance()
    assert Decimal("10000.00") - Decimal(balance["AvailableBalance"]) == paid(house)
    assert {row.status for row in house.rows("SELECT status FROM consensus")} == {"settled"}


def crashed_while_publishing(house: House, *, published: bool) -> BatchId:
    """A runner died after it had claimed both HITs, before or after its calls; long ago, so its lease is over."""
    batch_id = house.draft(rows=2)
    if published:
        house.launch(batch_id)
        house.publish(batch_id)
    else:
        plan(house, batch_id)
    house.execute("UPDATE hits SET status = 'publishing', marketplace_hit_id = NULL, expires_at = NULL")
    house.execute(
        "UPDATE operations SET status = 'acting', attempts = 1, finished_at = NULL,"
        " lease_until = now() - interval '3 min', not_before = now() - interval '5 min',"
        " first_attempt_at = now() - interval '5 min'"
    )
    return batch_id


def test_hits_that_may_have_been_published_are_looked_up_and_expired(house: House) -> None:
    batch_id = crashed_while_publishing(house, published=True)
    stop(house, batch_id)
    assert {str(hit["HITStatus"]) for hit in on_the_marketplace(house)} == {"Reviewable"}
    settle(house, batch_id)
    assert (status(house), statuses(house)) == ("stopped", ["done"] * 2)
    assert committed(house) == 0


def test_hits_that_may_have_been_published_and_were_not_are_cancelled(house: House) -> None:
    batch_id = crashed_while_publishing(house, published=False)
    stop(house, batch_id)
    assert statuses(house) == ["cancelled"] * 2
    settle(house, batch_id)
    assert status(house) == "stopped"
    assert committed(house) == 0
    assert on_the_marketplace(house) == []


def test_a_call_made_a_moment_ago_is_not_called_lost(house: House) -> None:
    batch_id = crashed_while_publishing(house, published=True)
    house.execute("UPDATE operations SET lease_until = now() - interval '10 s'")
    stop(house, batch_id)
    assert statuses(house) == ["publishing"] * 2  # the call may still be under way, and is listed some seconds late
    assert status(house) == "stopping"


def test_a_retry_made_a_moment_ago_is_not_called_lost_however_old_the_first_attempt(house: House) -> None:
    batch_id = crashed_while_publishing(house, published=True)
    house.execute("UPDATE operations SET status = 'intended', attempts = 2, lease_until = NULL, not_before = now()")
    stop(house, batch_id)
    assert statuses(house) == ["publishing"] * 2


def test_a_claim_of_a_living_runner_is_waited_for(house: House) -> None:
    batch_id = crashed_while_publishing(house, published=False)
    house.execute("UPDATE operations SET lease_until = now() + interval '1 min'")
    stop(house, batch_id)
    assert statuses(house) == ["publishing"] * 2


def test_an_endpoint_that_is_away_is_asked_again(house: House) -> None:
    batch_id = house.live(rows=2)
    house.wire.refuse["UpdateExpirationForHIT"] = (500, b'{"__type": "ServiceFault"}')
    stop(house, batch_id)
    assert {str(hit["HITStatus"]) for hit in on_the_marketplace(house)} == {"Assignable"}
    house.wire.refuse.clear()
    settle(house, batch_id)
    assert status(house) == "stopped"


def test_two_runners_that_stop_one_batch_expire_each_hit_once(house: House) -> None:
    batch_id = house.live(rows=12)
    with house.database.transaction() as db:
        batches.stop(db, batch_id, by="rita")
    in_threads(2, lambda: house.publish(batch_id))
    assert house.wire.calls["UpdateExpirationForHIT"] == 12
    settle(house, batch_id)
    assert status(house) == "stopped"


def test_a_stop_in_the_middle_of_publishing_leaves_nothing_behind(house: House) -> None:
    batch_id = house.draft(rows=80)
    house.launch(batch_id)
    slow = Runtime(house.settings.model_copy(update={"calls_per_second": 10}), house.database)
    publishing = threading.Thread(target=stages.run_publish, args=(slow, batch_id))
    publishing.start()
    while house.wire.calls["CreateHITWithHITType"] < 5:
        time.sleep(0.01)
    stop(house, batch_id)
    publishing.join()
    assert house.wire.calls["CreateHITWithHITType"] < 80
    settle(house, batch_id)
    assert status(house) == "stopped"
    assert set(statuses(house)) == {"done", "cancelled"}
    assert {str(hit["HITStatus"]) for hit in on_the_marketplace(house)} == {"Reviewable"}
    assert committed(house) == paid(house) == 0


def test_the_timetable_brings_a_stopped_batch_to_its_end(house: House) -> None:
    batch_id = house.live(rows=2)
    with house.database.transaction() as db:
        batches.stop(db, batch_id, by="rita")
    house.execute("DELETE FROM procrastinate_jobs")
    housekeeping.tick(house.runtime)
    asked = {row.task_name for row in house.rows("SELECT task_name FROM procrastinate_jobs")}
    assert "publish" in asked
