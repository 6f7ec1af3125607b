import json
from decimal import Decimal
from typing import Any

import pytest

from app.domain.vocabulary import BatchId, HITId
from app.errors import Conflict, InvalidInput, NotFound
from app.jobs import housekeeping
from app.pipeline import batches, compensation
from tests.marketplace.people import Browser
from tests.pipeline.conftest import House
from tests.pipeline.test_bonuses import FIVE, committed, over, paid, taken

REASON = "Your browser lost the page."


def offer(house: House, batch_id: BatchId, worker: str, amount: str = "0.80", **changed: Any) -> HITId:
    with house.database.transaction() as db:
        return compensation.offer(
            db,
            batch_id,
            worker=worker,
            amount=amount,
            by="rita",
            secret=b"x" * 32,
            settings=house.settings,
            **{"reason": REASON} | changed,
        )


def newcomer(house: House, name: str = "Dora") -> Browser:
    return house.browser(name)


def take(house: House, name: str, hit_id: int) -> None:
    hit = house.one(
        "SELECT h.marketplace_hit_id, g.hit_type_id FROM hits h JOIN hit_groups g ON g.id = h.group_id WHERE h.id = :id",
        id=hit_id,
    )
    assignment_id = house.browser(name).accept(hit.hit_type_id, hit.marketplace_hit_id)
    assert house.browser(name).submit(assignment_id, compensation="accepted").status_code == 200


def state(house: House, batch_id: BatchId) -> str:
    with house.database.transaction() as db:
        (one,) = compensation.offered(db, batch_id)
    return one.state


def test_who_could_not_submit_is_paid_by_a_hit_of_their_own_after_the_batch_is_over(house: House) -> None:
    batch_id, dora = over(house), newcomer(house)
    before = taken(house)
    hit_id = offer(house, batch_id, dora.worker_id)
    house.publish(batch_id)
    assert state(house, batch_id) == "offered"
    question = house.marketplace.client.get_hit(
        HITId=house.one("SELECT marketplace_hit_id AS id FROM hits WHERE id = :id", id=hit_id).id
    )["HIT"]["Question"]
    assert (REASON in question, "$0.80" in question) == (True, True)
    take(house, "Dora", hit_id)
    house.collect(batch_id)
    house.collect(batch_id)
    assert state(house, batch_id) == "paid"
    assert before - taken(house) == Decimal("0.96")
    assert committed(house, batch_id) == paid(house) == Decimal("0.30") + Decimal("0.96")
    assert house.one("SELECT status FROM hits WHERE id = :id", id=hit_id).status == "done"
    assert house.one("SELECT answer_state FROM assignments WHERE hit_id = :id", id=hit_id).answer_state == "parsed"
    assert (
        house.rows(
            "SELECT 1 FROM responses r JOIN assignments a ON a.id = r.assignment_id WHERE hit_id = :id", id=hit_id
        )
        == []
    )


def test_nobody_else_can_see_or_take_it(house: House) -> None:
    batch_id, dora = over(house), newcomer(house)
    hit_id = offer(house, batch_id, dora.worker_id)
    house.publish(batch_id)
    hit = house.one(
        "SELECT h.marketplace_hit_id, g.hit_type_id FROM hits h JOIN hit_groups g ON g.id = h.group_id WHERE h.id = :id",
        id=hit_id,
    )
    stranger = house.browser("Ada")
    assert "Compensation:" not in stranger.http.get("/worker").text
    assert "Compensation:" in dora.http.get("/worker").text
    refused = stranger.post(f"/projects/{hit.hit_type_id}/tasks/{hit.marketplace_hit_id}/accept")
    assert refused.status_code >= 400


def test_a_live_batch_goes_on_beside_it_whatever_its_review_policy(house: House) -> None:
    from app.domain.review_policy import ReviewRule

    batch_id = house.live(rows=1, cap_usd=Decimal(100), review=ReviewRule.parse("hold"))
    dora = newcomer(house)
    hit_id = offer(house, batch_id, dora.worker_id)
    house.publish(batch_id)
    take(house, "Dora", hit_id)
    items_hit = house.one("SELECT id FROM hits WHERE id <> :id", id=hit_id).id
    house.answer("Ada", items_hit, lambda _: "given")
    house.collect(batch_id)
    assert state(house, batch_id) == "paid"
    rows = house.rows("SELECT hit_id, status, held_at IS NOT NULL AS held FROM assignments ORDER BY hit_id")
    assert [(row.status, row.held) for row in rows] == [("submitted", True), ("approved", False)]
    assert house.one("SELECT status FROM batches").status == "live"


def test_the_timetable_sees_a_compensation_of_an_ended_batch_through(house: House) -> None:
    batch_id, dora = over(house), newcomer(house)
    hit_id = offer(house, batch_id, dora.worker_id)
    house.execute("DELETE FROM procrastinate_jobs")
    housekeeping.tick(house.runtime)
    assert "publish" in asked(house)
    house.publish(batch_id)
    take(house, "Dora", hit_id)
    house.execute("DELETE FROM procrastinate_jobs")
    house.execute("UPDATE endpoints SET polled_at = now() - interval '1 day'")
    housekeeping.tick(house.runtime)
    assert "collect" in asked(house)


def asked(house: House) -> set[str]:
    return {row.task_name for row in house.rows("SELECT task_name FROM procrastinate_jobs")}


def test_the_same_compensation_is_offered_once_and_another_reason_is_another(house: House) -> None:
    batch_id, dora = over(house), newcomer(house)
    offer(house, batch_id, dora.worker_id)
    with pytest.raises(Conflict, match="offered that amount for that reason before"):
        offer(house, batch_id, dora.worker_id)
    offer(house, batch_id, dora.worker_id, reason="And once more.")
    assert house.one("SELECT count(*) AS n FROM hit_groups WHERE purpose = 'compensation'").n == 2


def test_a_crash_after_it_was_published_does_not_publish_it_twice(house: House) -> None:
    batch_id, dora = over(house), newcomer(house)
    hit_id = offer(house, batch_id, dora.worker_id)
    house.wire.lose_reply["CreateHITWithHITType"] = 2
    for _ in range(3):
        house.execute("UPDATE operations SET not_before = now()")
        house.publish(batch_id)
    assert house.one("SELECT status FROM hits WHERE id = :id", id=hit_id).status == "live"
    listed = house.marketplace.client.list_hits()["HITs"]
    assert len([hit for hit in listed if hit["Title"].startswith("Compensation:")]) == 1


def test_a_worker_whom_the_marketplace_does_not_know_costs_nothing_and_holds_nothing_up(house: House) -> None:
    batch_id = house.live(rows=1, cap_usd=Decimal(100))
    body = {
        "__type": "RequestError",
        "Message": "WorkerId is unknown",
        "TurkErrorCode": "AWS.MechanicalTurk.WorkerDoesNotExist",
    }
    house.wire.refuse["AssociateQualificationWithWorker"] = (400, json.dumps(body).encode())
    offer(house, batch_id, "A2NOSUCHWORKER")
    house.publish(batch_id)
    batch = house.one("SELECT status, attention FROM batches")
    assert (batch.status, "was taken back" in batch.attention) == ("live", True)
    assert state(house, batch_id) == "withdrawn"
    assert committed(house, batch_id) == Decimal("0.30")
    house.wire.refuse.clear()
    house.answer_all(batch_id, FIVE)
    house.collect(batch_id)
    house.collect(batch_id)
    assert house.one("SELECT status FROM batches").status == "done"


def test_one_that_is_not_taken_gives_its_money_back_when_it_expires(house: House) -> None:
    batch_id, dora = over(house), newcomer(house)
    hit_id = offer(house, batch_id, dora.worker_id)
    house.publish(batch_id)
    name = house.one("SELECT marketplace_hit_id AS id FROM hits WHERE id = :id", id=hit_id).id
    house.marketplace.client.update_expiration_for_hit(HITId=name, ExpireAt=0)
    house.collect(batch_id)
    house.collect(batch_id)
    assert (state(house, batch_id), committed(house, batch_id)) == ("not taken", Decimal("0.30"))


@pytest.mark.parametrize("published", [True, False])
def test_a_stop_that_takes_one_back_says_whose_it_was(house: House, published: bool) -> None:
    batch_id, dora = house.live(rows=1, cap_usd=Decimal(100)), newcomer(house)
    offer(house, batch_id, dora.worker_id)
    if published:
        house.publish(batch_id)
    with house.database.transaction() as db:
        batches.stop(db, batch_id, by="rita")
    for _ in range(2):
        house.publish(batch_id)
        house.collect(batch_id)
    batch = house.one("SELECT status, attention FROM batches")
    name = house.one("SELECT pseudonym AS name FROM workers").name
    assert batch.status == "stopped"
    assert batch.attention.count(f"{name} $0.80") == 1
    assert "offer it again" in batch.attention
    assert house.one("SELECT count(*) AS n FROM audit WHERE action = 'compensations.taken_back'").n == 1
    assert committed(house, batch_id) == 0


def test_what_cannot_be_offered_is_refused_in_words(house: House) -> None:
    batch_id = over(house)
    with pytest.raises(NotFound):
        offer(house, batch_id, "somebody")
    with pytest.raises(InvalidInput, match="parts of a cent"):
        offer(house, batch_id, "A2SOMEBODY", amount="0.015")
    with pytest.raises(Conflict, match="raise the cap"):
        offer(house, batch_id, "A2SOMEBODY", amount="1000")
    with pytest.raises(Conflict, match="launch it first"):
        offer(house, house.draft(rows=1), "A2SOMEBODY")
    assert house.rows("SELECT 1 FROM hit_groups WHERE purpose = 'compensation'") == []
