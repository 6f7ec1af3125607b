"""Rounds: more is asked for only while the outcome is open, what was lost is asked for again, and limits are kept."""

import json
from decimal import Decimal
from typing import Any

import pytest

from app.domain.vocabulary import BatchId
from app.jobs import stages
from app.pipeline import batches, continuing, report
from tests.pipeline.conftest import House, in_threads

PRICE = Decimal("0.06")
ADAPTIVE = {"first_assignments": 3, "assignments_per_item": 5, "quorum": 3}


def hits(house: House) -> list[Any]:
    return house.rows("SELECT * FROM hits ORDER BY id")


def batch(house: House) -> Any:
    return house.one("SELECT * FROM batches ORDER BY id DESC LIMIT 1")


def on_market(house: House, hit: Any) -> Any:
    return house.marketplace.client.get_hit(HITId=hit.marketplace_hit_id)["HIT"]


def expire(house: House, hit: Any) -> None:
    house.marketplace.client.update_expiration_for_hit(HITId=hit.marketplace_hit_id, ExpireAt=0)


def settled(house: House, batch_id: BatchId) -> None:
    """Polls and what follows them, until a quiet queue would have nothing left."""
    for _ in range(3):
        house.collect(batch_id)
        stages.run_publish(house.runtime, batch_id)


def accounts_agree(house: House, funds: Decimal) -> None:
    """At the end: committed = paid = what the marketplace took, and nothing is on hold there."""
    balance = house.marketplace.client.get_account_balance()
    ledger = house.one("""
        SELECT coalesce(sum(amount_usd) FILTER (WHERE kind IN ('reservation', 'release')), 0) AS committed,
               coalesce(sum(amount_usd) FILTER (WHERE kind IN ('reward', 'fee') AND status = 'paid'), 0) AS paid,
               count(*) FILTER (WHERE status = 'owed') AS owed FROM payments
    """)
    assert ledger.owed == 0
    assert ledger.committed == ledger.paid == funds - Decimal(balance["AvailableBalance"])
    assert Decimal(balance["OnHoldBalance"]) == 0


def funds_of(house: House) -> Decimal:
    return Decimal(house.marketplace.client.get_account_balance()["AvailableBalance"])


def test_two_against_one_gets_a_fourth_answer_and_three_alike_get_none(house: House) -> None:
    funds = funds_of(house)
    batch_id = house.live(rows=2, **ADAPTIVE)
    split, alike = hits(house)
    for name, word in {"Ada": "given", "Bea": "given", "Bob": "guessed"}.items():
        house.answer(name, split.id, lambda _, word=word: word)  # type: ignore[misc]
        house.answer(name, alike.id, lambda _: "given")
    house.collect(batch_id)
    split, alike = hits(house)
    assert (split.status, split.max_assignments, split.reposts) == ("live", 4, 0)
    assert (alike.status, alike.max_assignments) == ("done", 3)
    assert on_market(house, split)["NumberOfAssignmentsAvailable"] == 1
    assert on_market(house, alike)["NumberOfAssignmentsAvailable"] == 0
    house.answer("Cyd", split.id, lambda _: "given")
    settled(house, batch_id)
    assert batch(house).status == "done"
    assert [row.response_count for row in house.rows("SELECT * FROM consensus ORDER BY item_id")] == [4, 3]
    assert [row.category for row in house.rows("SELECT * FROM consensus")] == ["non-error"] * 2
    accounts_agree(house, funds)


def test_a_fifth_answer_is_asked_for_only_where_the_fourth_leaves_it_open(house: House) -> None:
    funds = funds_of(house)
    batch_id = house.live(rows=1, **ADAPTIVE)
    hit = hits(house)[0]
    for name, word in {"Ada": "given", "Bea": "given", "Bob": "guessed"}.items():
        house.answer(name, hit.id, lambda _, word=word: word)  # type: ignore[misc]
    house.collect(batch_id)
    house.answer("Cyd", hit.id, lambda _: "guessed")
    house.collect(batch_id)
    assert hits(house)[0].max_assignments == 5
    house.answer("Dan", hit.id, lambda _: "guessed")
    settled(house, batch_id)
    assert house.one("SELECT category FROM consensus").category == "correctable"
    assert (batch(house).status, batch(house).attention) == ("done", None)
    accounts_agree(house, funds)


def test_asking_for_more_does_not_wait_for_approvals(house: House) -> None:
    batch_id = house.live(rows=1, **ADAPTIVE)
    for name, word in {"Ada": "given", "Bea": "given", "Bob": "guessed"}.items():
        house.answer(name, hits(house)[0].id, lambda _, word=word: word)  # type: ignore[misc]
    body = {"__type": "ServiceFault", "Message": "later"}
    house.wire.refuse["ApproveAssignment"] = (500, json.dumps(body).encode())
    house.collect(batch_id)
    assert hits(house)[0].max_assignments == 4
    assert house.one("SELECT count(*) AS n FROM assignments WHERE status = 'approved'").n == 0


def test_of_several_items_in_a_hit_the_one_that_needs_most_decides(house: House) -> None:
    funds = funds_of(house)
    batch_id = house.live(rows=3, items_per_hit=3, **ADAPTIVE)
    hit = hits(house)[0]
    answers = {"Ada": "given given given", "Bea": "given given guessed", "Bob": "given guessed both"}
    for name, words in answers.items():
        house.answer(name, hit.id, lambda place, words=words: words.split()[place - 1])  # type: ignore[misc]
    house.collect(batch_id)
    # given, guessed, both: a fourth of another kind would leave no way to three alike.
    assert hits(house)[0].max_assignments == 4
    house.answer("Cyd", hit.id, lambda _: "given")
    house.collect(batch_id)
    assert hits(house)[0].max_assignments == 5
    house.answer("Dan", hit.id, lambda _: "given")
    settled(house, batch_id)
    assert batch(house).status == "done"
    accounts_agree(house, funds)


def test_a_hit_that_expired_with_places_unfilled_is_offered_again(house: House) -> None:
    funds = funds_of(house)
    batch_id = house.live(rows=1)
    hit = hits(house)[0]
    house.answer("Ada", hit.id, lambda _: "given")
    expire(house, hit)
    house.collect(batch_id)
    again = hits(house)[0]
    assert (again.status, again.reposts, again.max_assignments) == ("live", 1, 5)
    assert on_market(house, again)["HITStatus"] == "Assignable"
    for name in ("Bea", "Cyd", "Dan", "Eve"):
        house.answer(name, hit.id, lambda _: "given")
    settled(house, batch_id)
    assert (batch(house).status, batch(house).attention) == ("done", None)
    accounts_agree(house, funds)


def test_an_adaptive_hit_that_expired_is_offered_for_as_many_as_it_needs(house: House) -> None:
    batch_id = house.live(rows=1, **ADAPTIVE)
    hit = hits(house)[0]
    for name in ("Ada", "Bea"):
        house.answer(name, hit.id, lambda _: "given")
    expire(house, hit)
    house.collect(batch_id)
    assert hits(house)[0].max_assignments == 3
    assert on_market(house, hit)["NumberOfAssignmentsAvailable"] == 1


def test_what_was_offered_often_enough_ends_with_fewer_answers_and_says_so(house: House) -> None:
    funds = funds_of(house)
    batch_id = house.live(rows=1, repost_limit=1)
    hit = hits(house)[0]
    house.answer("Ada", hit.id, lambda _: "given")
    for _ in range(2):
        expire(house, hit)
        house.collect(batch_id)
    settled(house, batch_id)
    assert batch(house).status == "done"
    assert "1 since this Batch's HITs are offered again once at most" in batch(house).attention
    assert f"labeljury batch repost {batch_id}" in batch(house).attention
    assert house.one("SELECT status, response_count FROM consensus") == ("settled", 1)
    accounts_agree(house, funds)


def test_a_person_has_a_finished_batch_offered_once_more(house: House) -> None:
    funds = funds_of(house)
    batch_id = house.live(rows=1, repost_limit=0)
    hit = hits(house)[0]
    expire(house, hit)
    settled(house, batch_id)
    assert batch(house).status == "done"
    with house.database.transaction() as db:
        assert continuing.repost(db, batch_id, by="rita").status == "live"
    house.collect(batch_id)
    assert (hits(house)[0].status, batch(house).repost_limit, batch(house).attention) == ("live", 1, None)
    house.answer_all(batch_id, dict.fromkeys(("Ada", "Bea", "Cyd", "Dan", "Eve"), "given"))
    settled(house, batch_id)
    assert (batch(house).status, house.one("SELECT response_count FROM consensus").response_count) == ("done", 5)
    accounts_agree(house, funds)


def test_a_rejected_answer_is_replaced_for_the_money_that_it_did_not_cost(house: House) -> None:
    funds = funds_of(house)
    batch_id = house.live(rows=1)
    hit = hits(house)[0]
    assignments = [house.answer(name, hit.id, lambda _: "given") for name in ("Ada", "Bea", "Cyd", "Dan", "Mallory")]
    stages.run_collect(house.runtime, "local")
    house.marketplace.client.reject_assignment(AssignmentId=assignments[-1], RequesterFeedback="always the first")
    settled(house, batch_id)
    again = hits(house)[0]
    assert (again.status, again.max_assignments, again.reposts) == ("live", 6, 1)
    house.answer("Eve", hit.id, lambda _: "given")
    settled(house, batch_id)
    assert (batch(house).status, batch(house).attention) == ("done", None)
    assert house.one("SELECT count(*) AS n FROM responses WHERE counted").n == 5
    accounts_agree(house, funds)


def test_money_of_work_that_the_marketplace_approved_by_itself_is_never_free_in_between(house: House) -> None:
    funds = funds_of(house)
    batch_id = house.live(rows=1, assignments_per_item=3, quorum=2)
    for name in ("Ada", "Bea", "Cyd"):
        assignment = house.answer(name, hits(house)[0].id, lambda _: "given")
        house.marketplace.client.approve_assignment(AssignmentId=assignment)
    settled(house, batch_id)
    assert batch(house).status == "done"
    # Released and reserved anew it could have been spent on something else meanwhile.
    assert {row.kind for row in house.rows("SELECT kind FROM payments")} == {"reservation", "reward", "fee"}
    assert house.one("SELECT count(*) AS n FROM operations WHERE kind = 'override'").n == 0
    accounts_agree(house, funds)


def test_a_quarantined_answer_is_replaced_where_the_cap_allows(house: House) -> None:
    funds = funds_of(house)
    batch_id = house.live(rows=1, cap_usd=Decimal("1.00"), assignments_per_item=3, quorum=2)
    hit = hits(house)[0]
    for name in ("Ada", "Bea"):
        house.answer(name, hit.id, lambda _: "given")
    browser = house.browser("Mallory")
    kind = house.one("SELECT hit_type_id FROM hit_groups").hit_type_id
    browser.submit(browser.accept(kind, hit.marketplace_hit_id), nonsense="1")
    settled(house, batch_id)
    assert house.one("SELECT count(*) AS n FROM assignments WHERE answer_state = 'quarantined'").n == 1
    assert hits(house)[0].max_assignments == 4
    house.answer("Cyd", hit.id, lambda _: "given")
    settled(house, batch_id)
    assert (batch(house).status, batch(house).attention) == ("done", None)
    assert house.one("SELECT response_count FROM consensus").response_count == 3
    accounts_agree(house, funds)


def test_a_cap_too_small_for_more_names_the_cap_that_would_do_and_goes_on_with_it(house: House) -> None:
    funds = funds_of(house)
    batch_id = house.live(rows=2, cap_usd=Decimal("0.40"), **ADAPTIVE)
    for hit in hits(house):
        for name, word in {"Ada": "given", "Bea": "given", "Bob": "guessed"}.items():
            house.answer(name, hit.id, lambda _, word=word: word)  # type: ignore[misc]
    settled(house, batch_id)
    assert sorted(hit.status for hit in hits(house)) == ["done", "done"]
    assert (batch(house).status, house.one("SELECT count(*) AS n FROM items WHERE shortfall = 'cap'").n) == ("done", 2)
    assert "2 since the cap of $0.40" in batch(house).attention
    assert f"set-cap {batch_id} 0.48" in batch(house).attention
    with house.database.transaction() as db:
        batches.set_cap(db, batch_id, Decimal("0.48"), by="rita")
        continuing.repost(db, batch_id, by="rita")
    house.collect(batch_id)
    assert [hit.max_assignments for hit in hits(house)] == [4, 4]
    for hit in hits(house):
        house.answer("Cyd", hit.id, lambda _: "given")
    settled(house, batch_id)
    assert (batch(house).status, batch(house).attention) == ("done", None)
    accounts_agree(house, funds)


def test_a_cap_that_covers_some_lets_those_go_on(house: House) -> None:
    batch_id = house.live(rows=2, cap_usd=Decimal("0.42"), **ADAPTIVE)
    for hit in hits(house):
        for name, word in {"Ada": "given", "Bea": "given", "Bob": "guessed"}.items():
            house.answer(name, hit.id, lambda _, word=word: word)  # type: ignore[misc]
    house.collect(batch_id)
    assert [hit.max_assignments for hit in hits(house)] == [4, 3]
    committed = house.one("SELECT sum(amount_usd) AS usd FROM payments WHERE kind IN ('reservation', 'release')").usd
    assert committed <= Decimal("0.42")


def test_a_paused_batch_asks_for_nothing_and_its_hits_wait(house: House) -> None:
    batch_id = house.live(rows=1, **ADAPTIVE)
    for name, word in {"Ada": "given", "Bea": "given", "Bob": "guessed"}.items():
        house.answer(name, hits(house)[0].id, lambda _, word=word: word)  # type: ignore[misc]
    with house.database.transaction() as db:
        batches.pause(db, batch_id, by="rita")
    settled(house, batch_id)
    assert house.rows("SELECT 1 FROM operations WHERE kind = 'extend'") == []
    assert (hits(house)[0].status, batch(house).status) == ("live", "paused")
    assert house.one("SELECT count(*) AS n FROM assignments WHERE status = 'approved'").n == 3
    with house.database.transaction() as db:
        batches.resume(db, batch_id, by="rita")
    house.collect(batch_id)
    assert hits(house)[0].max_assignments == 4


def test_a_stopping_batch_asks_for_nothing_and_ends(house: House) -> None:
    funds = funds_of(house)
    batch_id = house.live(rows=1, **ADAPTIVE)
    for name, word in {"Ada": "given", "Bea": "given", "Bob": "guessed"}.items():
        house.answer(name, hits(house)[0].id, lambda _, word=word: word)  # type: ignore[misc]
    with house.database.transaction() as db:
        batches.stop(db, batch_id, by="rita")
    settled(house, batch_id)
    assert house.rows("SELECT 1 FROM operations WHERE kind = 'extend'") == []
    assert batch(house).status == "stopped"
    accounts_agree(house, funds)


@pytest.mark.parametrize("lost", ["CreateAdditionalAssignmentsForHIT", "GetHIT"])
def test_a_reply_lost_while_extending_adds_no_place_twice(house: House, lost: str) -> None:
    batch_id = house.live(rows=1, **ADAPTIVE)
    for name, word in {"Ada": "given", "Bea": "given", "Bob": "guessed"}.items():
        house.answer(name, hits(house)[0].id, lambda _, word=word: word)  # type: ignore[misc]
    house.wire.lose_reply[lost] = 4
    for _ in range(4):
        house.execute("UPDATE operations SET not_before = now()")
        house.collect(batch_id)
    assert on_market(house, hits(house)[0])["MaxAssignments"] == hits(house)[0].max_assignments == 4


def test_a_crash_between_the_extension_and_its_result_adds_no_place_twice(house: House) -> None:
    funds = funds_of(house)
    batch_id = house.live(rows=1, **ADAPTIVE)
    for name, word in {"Ada": "given", "Bea": "given", "Bob": "guessed"}.items():
        house.answer(name, hits(house)[0].id, lambda _, word=word: word)  # type: ignore[misc]
    house.collect(batch_id)
    # As if the result had never been written.
    house.execute("UPDATE hits SET max_assignments = 3, exhausted = true")
    house.execute("UPDATE operations SET status = 'acting', lease_until = now() - interval '1 s' WHERE kind = 'extend'")
    house.collect(batch_id)
    hit = hits(house)[0]
    assert on_market(house, hit)["MaxAssignments"] == hit.max_assignments == 4
    house.answer("Cyd", hit.id, lambda _: "given")
    settled(house, batch_id)
    assert batch(house).status == "done"
    accounts_agree(house, funds)


def test_runners_that_look_at_once_ask_once(house: House) -> None:
    batch_id = house.live(rows=3, **ADAPTIVE)
    for hit in hits(house):
        for name, word in {"Ada": "given", "Bea": "given", "Bob": "guessed"}.items():
            house.answer(name, hit.id, lambda _, word=word: word)  # type: ignore[misc]
    stages.run_collect(house.runtime, "local")
    in_threads(3, lambda: stages.run_review(house.runtime, batch_id))
    assert [hit.max_assignments for hit in hits(house)] == [4, 4, 4]
    assert [on_market(house, hit)["MaxAssignments"] for hit in hits(house)] == [4, 4, 4]


def test_an_extension_that_the_balance_does_not_cover_pauses_and_goes_on_later(house: House) -> None:
    batch_id = house.live(rows=1, **ADAPTIVE)
    for name, word in {"Ada": "given", "Bea": "given", "Bob": "guessed"}.items():
        house.answer(name, hits(house)[0].id, lambda _, word=word: word)  # type: ignore[misc]
    body = {"__type": "RequestError", "Message": "short (1)", "TurkErrorCode": "AWS.MechanicalTurk.InsufficientFunds"}
    house.wire.refuse["CreateAdditionalAssignmentsForHIT"] = (400, json.dumps(body).encode())
    house.collect(batch_id)
    assert (batch(house).status, batch(house).pause_reason) == ("paused", "funds")
    house.wire.refuse.clear()
    with house.database.transaction() as db:
        batches.resume(db, batch_id, by="rita")
    house.execute("UPDATE operations SET not_before = now()")
    house.collect(batch_id)
    assert on_market(house, hits(house)[0])["MaxAssignments"] == 4


def test_a_fresh_hit_takes_the_place_of_one_that_was_deleted_and_keeps_its_workers_out(house: House) -> None:
    batch_id = house.live(rows=1, **ADAPTIVE)
    old = hits(house)[0]
    for name, word in {"Ada": "given", "Bea": "given", "Bob": "guessed"}.items():
        house.answer(name, old.id, lambda _, word=word: word)  # type: ignore[misc]
    with house.database.transaction() as db:
        batches.pause(db, batch_id, by="rita")
    settled(house, batch_id)
    house.marketplace.client.delete_hit(HITId=old.marketplace_hit_id)
    with house.database.transaction() as db:
        batches.resume(db, batch_id, by="rita")
    settled(house, batch_id)
    settled(house, batch_id)
    old, fresh = hits(house)
    assert (old.status, fresh.status, fresh.max_assignments) == ("done", "live", 1)
    kept_out = house.rows(
        "SELECT 1 FROM operations WHERE kind = 'qualify' AND status = 'done' AND group_id = :id", id=fresh.group_id
    )
    assert len(kept_out) == 3
    kind = house.one("SELECT hit_type_id FROM hit_groups WHERE id = :id", id=fresh.group_id).hit_type_id
    refused = house.browser("Ada").post(f"/projects/{kind}/tasks/{fresh.marketplace_hit_id}/accept")
    assert "/assignments/3" not in str(refused.url), refused.url
    house.answer("Cyd", fresh.id, lambda _: "given")
    settled(house, batch_id)
    assert batch(house).status == "done"
    assert house.one("SELECT response_count, category FROM consensus") == (4, "non-error")


def test_more_than_nine_places_are_asked_for_by_a_fresh_hit(house: House) -> None:
    batch_id = house.live(rows=1, assignments_per_item=9, quorum=5, cap_usd=Decimal("5.00"))
    hit = hits(house)[0]
    people = ["Ada", "Bea", "Cyd", "Dan", "Eve", "Fay", "Gus", "Hal"]
    for name in people:
        house.answer(name, hit.id, lambda _: "given")
    rejected = house.answer("Mallory", hit.id, lambda _: "guessed")
    stages.run_collect(house.runtime, "local")
    house.marketplace.client.reject_assignment(AssignmentId=rejected, RequesterFeedback="no")
    settled(house, batch_id)
    old, fresh = hits(house)
    assert (old.max_assignments, fresh.max_assignments, fresh.status) == (9, 1, "live")
    assert old.status == "done"


def test_the_status_counts_what_is_asked_for(house: House) -> None:
    batch_id = house.live(rows=2, **ADAPTIVE)
    with house.database.transaction() as db:
        assert report.progress(db, batch_id).responses_expected == 6
