import json
from dataclasses import replace
from decimal import Decimal
from typing import Any

import pytest

from app.db import heartbeats, known_differences, ledger_rules, our_side
from app.domain.vocabulary import BatchId
from app.errors import Conflict, MarketplaceError
from app.jobs import housekeeping, reconciling, stages
from app.jobs.reconciling import Reconciled
from app.pipeline import collect
from app.settings import MarketplaceProfile
from tests.pipeline.conftest import House

GARBAGE = (200, b"<html>It works!</html>")


def reconcile(house: House, **options: Any) -> Reconciled:
    """As the command does it."""
    return reconciling.reconcile_now(house.runtime, MarketplaceProfile.LOCAL, **options)


def kinds(done: Reconciled) -> list[str]:
    return sorted(difference.kind.value for difference in done.left)


def time_passes(house: House) -> None:
    """What has happened so far was an hour ago, there and here."""
    for column in (
        "marketplace.assignments.submitted_at",
        "marketplace.bonus_payments.granted_at",
        "hits.published_at",
    ):
        table, _, name = column.rpartition(".")
        house.execute(f"UPDATE {table} SET {name} = {name} - interval '1 hour'")
    house.execute(
        "UPDATE assignments SET decided_at = decided_at - interval '1 hour', collected_at = collected_at - interval '1 hour'"
    )
    house.execute("UPDATE payments SET paid_at = paid_at - interval '1 hour'")


def first_hit(house: House) -> Any:
    return house.rows("SELECT * FROM hits ORDER BY id LIMIT 1")[0]


def broken(house: House, **options: Any) -> list[str]:
    with house.database.transaction() as db:
        return [found.rule for found in ledger_rules.broken_rules(db, grace_s=0, **options)]


def spent_there(house: House) -> Decimal:
    balance = house.marketplace.client.get_account_balance()
    opening = house.settings.marketplace_opening_balance_usd
    return opening - Decimal(balance["AvailableBalance"]) - Decimal(balance["OnHoldBalance"])


def paid_here(house: House) -> Decimal:
    return Decimal(house.one("SELECT coalesce(sum(amount_usd), 0) AS usd FROM payments WHERE status = 'paid'").usd)


def work_on(house: House, batch_id: BatchId, rounds: int = 6) -> None:
    """What the runners do until nothing is left to do."""
    for _ in range(rounds):
        house.publish(batch_id)
        house.collect(batch_id)
        house.execute("UPDATE operations SET not_before = now() WHERE status = 'intended'")


def end_lives(house: House) -> None:
    """Every HIT's lifetime is over."""
    for hit in house.rows("SELECT marketplace_hit_id AS id FROM hits WHERE marketplace_hit_id IS NOT NULL"):
        house.marketplace.client.update_expiration_for_hit(HITId=hit.id, ExpireAt=0)


def test_where_nothing_differs_nothing_is_found_for_the_price_of_one_list(house: House) -> None:
    house.live(rows=3)
    before = house.wire.calls.copy()
    done = reconcile(house)
    calls = house.wire.calls - before
    assert (done.left, done.repaired, done.comparison.hits_compared) == ([], [], 3)
    assert dict(calls) == {"ListHITs": calls["ListHITs"], "GetAccountBalance": 1}
    assert calls["ListHITs"] <= 2


def test_a_hit_that_our_row_does_not_know_is_named_then_adopted_and_not_published_again(house: House) -> None:
    batch_id = house.live(rows=2)
    lost = first_hit(house)
    house.execute(
        "UPDATE hits SET status = 'publishing', marketplace_hit_id = NULL, published_at = NULL WHERE id = :id",
        id=lost.id,
    )
    house.execute("UPDATE operations SET status = 'intended' WHERE hit_id = :id AND kind = 'publish'", id=lost.id)
    done = reconcile(house)
    assert kinds(done) == ["hit_not_recorded"]
    assert lost.marketplace_hit_id in done.left[0].details
    assert first_hit(house).marketplace_hit_id is None  # named, not touched
    done = reconcile(house, repair=True)
    assert (kinds(done), len(done.repaired)) == ([], 1)
    assert (first_hit(house).status, first_hit(house).marketplace_hit_id) == ("live", lost.marketplace_hit_id)
    house.publish(batch_id)
    assert house.wire.calls["CreateHITWithHITType"] == 2
    assert house.one("SELECT resolution FROM differences").resolution == "repaired"


def test_a_hit_that_a_runner_is_publishing_now_is_no_difference(house: House) -> None:
    house.live(rows=1)
    house.execute("UPDATE hits SET status = 'publishing', marketplace_hit_id = NULL")
    house.execute(
        "UPDATE operations SET status = 'acting', lease_until = now() + interval '1 minute' WHERE kind = 'publish'"
    )
    assert reconcile(house, repair=True).left == []
    assert first_hit(house).status == "publishing"


def test_a_hit_published_twice_is_named_and_expired_only_when_asked(house: House) -> None:
    house.live(rows=1)
    hit = first_hit(house)
    seen = house.marketplace.client.get_hit(HITId=hit.marketplace_hit_id)["HIT"]
    twin = house.marketplace.client.create_hit_with_hit_type(
        HITTypeId=seen["HITTypeId"],
        Question=seen["Question"],
        MaxAssignments=1,
        LifetimeInSeconds=3600,
        RequesterAnnotation=hit.annotation,
    )["HIT"]["HITId"]
    done = reconcile(house, repair=True)
    assert kinds(done) == ["hit_of_no_batch"]
    assert twin in done.left[0].details
    assert [stray.hit_id for stray in done.comparison.strays] == [twin]
    assert house.marketplace.client.get_hit(HITId=twin)["HIT"]["HITStatus"] == "Assignable"
    assert reconciling.expire_strays(house.runtime, MarketplaceProfile.LOCAL, done.comparison) == 1
    assert house.marketplace.client.get_hit(HITId=twin)["HIT"]["HITStatus"] == "Reviewable"
    assert house.marketplace.client.get_hit(HITId=hit.marketplace_hit_id)["HIT"]["HITStatus"] == "Assignable"


def test_hits_of_a_batch_that_is_not_here_are_one_difference_that_a_person_may_accept(house: House) -> None:
    house.live(rows=1)
    seen = house.marketplace.client.get_hit(HITId=first_hit(house).marketplace_hit_id)["HIT"]
    for number in range(2):
        house.marketplace.client.create_hit_with_hit_type(
            HITTypeId=seen["HITTypeId"],
            Question=seen["Question"],
            MaxAssignments=1,
            LifetimeInSeconds=3600,
            RequesterAnnotation=f"label-jury batch=77 token=00000000-0000-4000-8000-00000000000{number}",
        )
    house.marketplace.client.create_hit_with_hit_type(
        HITTypeId=seen["HITTypeId"],
        Question=seen["Question"],
        LifetimeInSeconds=3600,
        RequesterAnnotation="somebody else's",
    )
    done = reconcile(house, repair=True)
    assert [(d.kind, d.subject, d.batch_id) for d in done.left] == [("hit_of_no_batch", "batch 77", 77)]
    assert "2 HITs" in done.left[0].details
    with house.database.transaction() as db:
        known_differences.accept(db, done.left[0].id, by="rita")
    assert reconcile(house, repair=True).left == []


def test_a_hit_that_another_program_deleted_is_missing(house: House) -> None:
    house.live(rows=2)
    hit = first_hit(house)
    house.marketplace.client.update_expiration_for_hit(HITId=hit.marketplace_hit_id, ExpireAt=0)
    house.marketplace.client.delete_hit(HITId=hit.marketplace_hit_id)
    assert reconcile(house).left == []  # published just now: the list may lag
    time_passes(house)
    done = reconcile(house)
    assert [(d.kind, d.subject) for d in done.left] == [("hit_missing", hit.marketplace_hit_id)]


def test_when_every_hit_of_a_batch_is_missing_the_credentials_are_doubted_first(house: House) -> None:
    batch_id = house.live(rows=5)
    for hit in house.rows("SELECT marketplace_hit_id AS id FROM hits"):
        house.marketplace.client.update_expiration_for_hit(HITId=hit.id, ExpireAt=0)
        house.marketplace.client.delete_hit(HITId=hit.id)
    time_passes(house)
    done = reconcile(house, repair=True)
    assert [(d.kind, d.subject) for d in done.left] == [("hit_missing", f"batch {batch_id}")]
    assert "another AWS account" in done.left[0].details
    assert house.wire.calls["GetHIT"] <= 3


def test_a_poll_with_the_credentials_of_another_account_lets_no_hit_go(house: House) -> None:
    batch_id = house.live(rows=2)
    for hit in house.rows("SELECT marketplace_hit_id AS id FROM hits"):
        house.marketplace.client.update_expiration_for_hit(HITId=hit.id, ExpireAt=0)
        house.marketplace.client.delete_hit(HITId=hit.id)
    time_passes(house)
    elsewhere = replace(house.marketplace, profile=MarketplaceProfile.SANDBOX)
    house.execute("UPDATE batches SET profile = 'sandbox', endpoint_url = :url", url=elsewhere.endpoint_url)
    collect.collect(house.database, elsewhere, house.pacer, secret=b"x" * 32)
    assert {row.exhausted for row in house.rows("SELECT exhausted FROM hits")} == {False}
    house.execute("UPDATE batches SET status = 'stopping' WHERE id = :id", id=batch_id)  # a person has looked
    collect.collect(house.database, elsewhere, house.pacer, secret=b"x" * 32)
    assert {row.exhausted for row in house.rows("SELECT exhausted FROM hits")} == {True}


def test_places_that_somebody_added_are_taken_over_with_their_cost_reserved(house: House) -> None:
    batch_id = house.live(rows=2, assignments_per_item=3, quorum=2, cap_usd=Decimal("5.00"))
    hit = first_hit(house)
    house.marketplace.client.create_additional_assignments_for_hit(
        HITId=hit.marketplace_hit_id, NumberOfAdditionalAssignments=2
    )
    assert kinds(reconcile(house)) == ["places_differ"]
    assert kinds(reconcile(house, repair=True)) == []
    reserved = house.one("SELECT sum(amount_usd) AS usd FROM payments WHERE hit_id = :id", id=hit.id).usd
    assert (first_hit(house).max_assignments, reserved) == (5, 5 * Decimal("0.06"))
    assert (broken(house), house.one("SELECT status FROM batches").status) == ([], "live")
    house.answer_all(batch_id, dict.fromkeys(["Ada", "Bob", "Mallory"], "given"))
    for name in ("Victor", "Rita"):
        house.answer(name, hit.id, lambda _: "given")
    work_on(house, batch_id)
    assert (broken(house), house.one("SELECT status FROM batches").status) == ([], "done")
    assert paid_here(house) == spent_there(house) == 8 * Decimal("0.06")


def test_places_beyond_the_cap_are_booked_all_the_same_and_the_batch_pauses(house: House) -> None:
    house.live(rows=1, assignments_per_item=3, quorum=2)  # the cap is the exact cost
    house.marketplace.client.create_additional_assignments_for_hit(
        HITId=first_hit(house).marketplace_hit_id, NumberOfAdditionalAssignments=2
    )
    done = reconcile(house, repair=True)
    batch = house.one("SELECT * FROM batches")
    assert (batch.status, batch.pause_reason) == ("paused", "cap")
    assert "set-cap" in batch.attention
    assert kinds(done) == ["ledger_wrong"]
    house.execute("UPDATE batches SET cap_usd = 1")
    assert reconcile(house).left == []


def test_answers_of_a_closed_hit_are_collected_and_paid_for(house: House) -> None:
    batch_id = house.live(rows=1, assignments_per_item=3, quorum=2, repost_limit=0)
    hit = first_hit(house)
    house.answer("Ada", hit.id, lambda _: "given")
    end_lives(house)
    work_on(house, batch_id)
    assert (first_hit(house).status, house.one("SELECT status FROM batches").status) == ("done", "done")
    # Another program opens it again, and somebody answers.
    later = house.one("SELECT floor(extract(epoch FROM now() + interval '1 day')) AS at").at
    house.marketplace.client.update_expiration_for_hit(HITId=hit.marketplace_hit_id, ExpireAt=int(later))
    house.answer("Bob", hit.id, lambda _: "guessed")
    time_passes(house)
    assert kinds(reconcile(house)) == ["assignment_not_collected", "hit_should_be_over"]
    done = reconcile(house, repair=True)
    assert kinds(done) == []
    assert house.marketplace.client.get_hit(HITId=hit.marketplace_hit_id)["HIT"]["HITStatus"] == "Reviewable"
    work_on(house, batch_id)
    assert house.one("SELECT count(*) AS n FROM responses").n == 2
    assert (broken(house), house.one("SELECT status FROM batches").status) == ([], "done")
    assert paid_here(house) == spent_there(house) == 2 * Decimal("0.06")


def test_decisions_that_another_program_made_reach_status_and_ledger(house: House) -> None:
    batch_id = house.live(rows=1, assignments_per_item=2, quorum=1)
    ids = [house.answer(name, first_hit(house).id, lambda _: "given") for name in ("Ada", "Bob")]
    stages.run_collect(house.runtime, MarketplaceProfile.LOCAL)
    house.marketplace.client.approve_assignment(AssignmentId=ids[0])
    house.marketplace.client.reject_assignment(AssignmentId=ids[1], RequesterFeedback="no")
    time_passes(house)
    assert kinds(reconcile(house)) == ["decision_not_recorded"]
    assert kinds(reconcile(house, repair=True)) == []
    statuses = house.rows("SELECT marketplace_assignment_id AS id, status FROM assignments")
    assert {row.id: row.status for row in statuses} == {ids[0]: "approved", ids[1]: "rejected"}
    end_lives(house)
    work_on(house, batch_id)
    assert broken(house) == []
    assert paid_here(house) == spent_there(house) == Decimal("0.06")


def test_what_was_decided_otherwise_there_is_asked_about(house: House) -> None:
    batch_id = house.live(rows=1, assignments_per_item=1, quorum=1)
    assignment_id = house.answer("Ada", first_hit(house).id, lambda _: "given")
    house.collect(batch_id)
    house.execute("UPDATE marketplace.assignments SET status = 'Rejected'")  # no program of ours can do that
    time_passes(house)
    assert "decision_differs" in kinds(reconcile(house, deep=True, repair=True))
    assert "decision_differs" in kinds(reconcile(house))  # it is looked at again without being deep
    assert assignment_id in house.one("SELECT details FROM differences WHERE kind = 'decision_differs'").details


def over_with_a_rejection(house: House, **settings: Any) -> BatchId:
    """A Batch that is over, its HIT closed, whose one Assignment was rejected: nothing was paid and nothing is held."""
    wanted = {"assignments_per_item": 1, "quorum": 1, "repost_limit": 0} | settings
    batch_id = house.live(rows=1, **wanted)
    assignment_id = house.answer("Ada", first_hit(house).id, lambda _: "given")
    house.marketplace.client.reject_assignment(AssignmentId=assignment_id, RequesterFeedback="no")
    work_on(house, batch_id)
    end_lives(house)
    work_on(house, batch_id)
    assert (first_hit(house).status, house.one("SELECT status FROM batches").status) == ("done", "done")
    assert paid_here(house) == spent_there(house) == 0
    return batch_id


def test_a_rejection_taken_back_after_the_hit_was_closed_is_found_by_the_timetable_booked_and_counted(
    house: House,
) -> None:
    batch_id = over_with_a_rejection(house)
    name = house.one("SELECT marketplace_assignment_id AS name FROM assignments").name
    house.marketplace.client.approve_assignment(AssignmentId=name, OverrideRejection=True)
    time_passes(house)
    done = reconcile(house)
    assert kinds(done) == ["decision_differs"]
    assert "A repair books and counts it" in done.left[0].details
    reconciling.run_reconcile(house.runtime, MarketplaceProfile.LOCAL)
    work_on(house, batch_id)
    assert house.one("SELECT status FROM assignments").status == "approved"
    assert house.one("SELECT status FROM batches").status == "done"
    assert house.one("SELECT response_count FROM consensus").response_count == 1
    assert paid_here(house) == spent_there(house) == Decimal("0.06")
    assert broken(house) == []
    assert reconcile(house, deep=True, repair=True).repaired == []
    assert paid_here(house) == Decimal("0.06")


def test_a_rejection_taken_back_beyond_the_cap_is_booked_all_the_same_and_the_batch_says_so(house: House) -> None:
    batch_id = over_with_a_rejection(house, cap_usd=Decimal("0.06"))
    house.execute("UPDATE batches SET cap_usd = 0.05")
    name = house.one("SELECT marketplace_assignment_id AS name FROM assignments").name
    house.marketplace.client.approve_assignment(AssignmentId=name, OverrideRejection=True)
    time_passes(house)
    reconcile(house, repair=True)
    work_on(house, batch_id)
    assert paid_here(house) == spent_there(house) == Decimal("0.06")
    batch = house.one("SELECT * FROM batches")
    assert f"set-cap {batch_id} 0.06" in batch.attention
    assert broken(house) == ["cap_kept"]
    house.execute("UPDATE batches SET cap_usd = 0.06")
    assert broken(house) == []


def test_of_many_rejections_some_are_looked_into_each_time(house: House) -> None:
    over_with_a_rejection(house)
    with house.database.transaction() as db:
        assert our_side.lately_rejected(db, most=200) == {first_hit(house).id}
        assert our_side.lately_rejected(db, most=0) == set()
    house.execute("UPDATE assignments SET submitted_at = now() - interval '31 days'")  # too late to take it back
    with house.database.transaction() as db:
        assert our_side.lately_rejected(db, most=200) == set()


def test_a_bonus_that_the_ledger_lacks_is_booked_once_with_its_fee(house: House) -> None:
    batch_id = house.live(rows=1, assignments_per_item=1, quorum=1, cap_usd=Decimal("9.00"))
    assignment_id = house.answer("Ada", first_hit(house).id, lambda _: "given")
    work_on(house, batch_id)
    worker_id = house.one("SELECT marketplace_worker_id AS id FROM workers").id
    for _ in range(2):
        house.marketplace.client.send_bonus(
            WorkerId=worker_id, AssignmentId=assignment_id, BonusAmount="0.50", Reason="Thank you!"
        )
    time_passes(house)
    assert reconcile(house).left == []  # not looked into
    done = reconcile(house, deep=True)
    assert kinds(done) == ["bonus_not_recorded"]
    assert reconcile(house, repair=True).left == []
    assert reconcile(house, deep=True, repair=True).repaired == []
    assert house.one("SELECT count(*) AS n FROM payments WHERE kind = 'bonus' AND status = 'paid'").n == 2
    assert broken(house) == []
    assert paid_here(house) == spent_there(house) == Decimal("0.06") + 2 * Decimal("0.60")


def test_repairing_the_same_findings_twice_changes_nothing_more(house: House) -> None:
    from app.pipeline import reconcile as comparing
    from app.pipeline import repairs

    batch_id = house.live(rows=1, assignments_per_item=3, quorum=2, cap_usd=Decimal("9.00"))
    hit = first_hit(house)
    assignment_id = house.answer("Ada", hit.id, lambda _: "given")
    house.collect(batch_id)
    worker_id = house.one("SELECT marketplace_worker_id AS id FROM workers").id
    house.marketplace.client.send_bonus(
        WorkerId=worker_id, AssignmentId=assignment_id, BonusAmount="0.50", Reason="Thank you!"
    )
    house.marketplace.client.create_additional_assignments_for_hit(
        HITId=hit.marketplace_hit_id, NumberOfAdditionalAssignments=2
    )
    house.answer("Bob", hit.id, lambda _: "given")
    time_passes(house)
    found = comparing.compare(house.database, house.marketplace, house.pacer, deep=True).findings
    assert sorted(f.kind.value for f in found) == ["assignment_not_collected", "bonus_not_recorded", "places_differ"]
    repairs.repair(house.database, found)
    once = house.rows("SELECT kind, amount_usd FROM payments ORDER BY id")
    repairs.repair(house.database, found)
    assert house.rows("SELECT kind, amount_usd FROM payments ORDER BY id") == once


def test_a_bonus_that_is_not_there_is_asked_about(house: House) -> None:
    batch_id = house.live(rows=1, assignments_per_item=1, quorum=1, cap_usd=Decimal("9.00"))
    assignment_id = house.answer("Ada", first_hit(house).id, lambda _: "given")
    work_on(house, batch_id)
    worker_id = house.one("SELECT marketplace_worker_id AS id FROM workers").id
    house.marketplace.client.send_bonus(
        WorkerId=worker_id, AssignmentId=assignment_id, BonusAmount="0.50", Reason="Thank you!"
    )
    time_passes(house)
    reconcile(house, deep=True, repair=True)
    house.execute("DELETE FROM marketplace.bonus_payments")
    time_passes(house)
    assert kinds(reconcile(house, deep=True, repair=True)) == ["bonus_missing"]


def test_a_hit_that_a_stop_gave_up_and_that_exists_is_expired_and_what_it_brought_is_paid(house: House) -> None:
    batch_id = house.live(rows=1, assignments_per_item=2, quorum=1)
    hit = first_hit(house)
    house.answer("Ada", hit.id, lambda _: "given")
    house.execute("UPDATE hits SET status = 'cancelled', marketplace_hit_id = NULL, published_at = NULL")
    house.execute(
        "INSERT INTO payments (batch_id, hit_id, kind, status, amount_usd)"
        " SELECT batch_id, hit_id, 'release', 'booked', -amount_usd FROM payments"
    )
    house.execute("UPDATE batches SET status = 'stopped', finished_at = now()")
    time_passes(house)
    assert kinds(reconcile(house)) == ["hit_should_be_over"]
    assert kinds(reconcile(house, repair=True)) == []
    assert house.marketplace.client.get_hit(HITId=hit.marketplace_hit_id)["HIT"]["HITStatus"] == "Reviewable"
    work_on(house, batch_id)
    assert (house.one("SELECT status FROM batches").status, broken(house)) == ("stopped", [])
    assert paid_here(house) == spent_there(house) == Decimal("0.06")


@pytest.mark.parametrize("operation", ["ListHITs", "ListAssignmentsForHIT", "ListBonusPayments", "GetAccountBalance"])
def test_garbage_from_the_endpoint_changes_nothing(house: House, operation: str) -> None:
    batch_id = house.live(rows=2, assignments_per_item=2, quorum=1)
    house.answer_all(batch_id, {"Ada": "given"})
    time_passes(house)
    reconcile(house, deep=True)
    tables = "SELECT (SELECT json_agg(h) FROM hits h) AS h, (SELECT json_agg(p) FROM payments p) AS p,"
    state = f"{tables} (SELECT count(*) FROM assignments) AS a, (SELECT count(*) FROM differences WHERE resolved_at IS NULL) AS d"
    before = house.one(state)
    house.wire.refuse[operation] = GARBAGE
    if operation == "ListHITs":
        with pytest.raises(MarketplaceError):
            reconcile(house, deep=True, repair=True)
    else:
        done = reconcile(house, deep=True)
        assert (done.comparison.money is None) == (operation == "GetAccountBalance")
        assert bool(done.comparison.not_looked_into) == (operation != "GetAccountBalance")
    assert house.one(state) == before


def test_an_entry_of_the_ledger_that_breaks_a_rule_is_named(house: House) -> None:
    house.live(rows=1)
    house.execute("UPDATE payments SET amount_usd = amount_usd - 0.01 WHERE kind = 'reservation'")
    done = reconcile(house, repair=True)
    assert kinds(done) == ["ledger_wrong"]
    assert "every place is reserved" in done.left[0].details


def test_the_balance_is_explained(house: House) -> None:
    house.live(rows=2)
    seen = house.marketplace.client.get_hit(HITId=first_hit(house).marketplace_hit_id)["HIT"]
    house.marketplace.client.create_hit_with_hit_type(
        HITTypeId=seen["HITTypeId"], Question=seen["Question"], LifetimeInSeconds=3600, MaxAssignments=1
    )
    money = reconcile(house).comparison.money
    assert money is not None
    assert (money.ours_on_hold_usd, money.others_on_hold_usd) == (Decimal("0.60"), Decimal("0.06"))


def test_one_batch_alone_is_compared_when_asked(house: House) -> None:
    first, second = house.live(rows=1), house.live(rows=1)
    for hit in house.rows("SELECT marketplace_hit_id AS id FROM hits"):
        house.marketplace.client.create_additional_assignments_for_hit(HITId=hit.id, NumberOfAdditionalAssignments=1)
    assert [d.batch_id for d in reconcile(house, batch_id=second).left] == [second]
    assert [d.batch_id for d in reconcile(house).left] == [second, first]


# --- breaks, and the timetable ----------------------------------------------------------------------------------------


def waiting_jobs(house: House) -> list[str]:
    return [
        row.name
        for row in house.rows("SELECT task_name AS name FROM procrastinate_jobs WHERE status = 'todo' ORDER BY id")
    ]


def test_the_timetable_compares_once_in_a_while(house: House) -> None:
    house.live(rows=1)
    housekeeping.tick(house.runtime)
    assert "reconcile" not in waiting_jobs(house)
    house.execute("UPDATE endpoints SET reconcile_at = now()")
    housekeeping.tick(house.runtime)
    housekeeping.tick(house.runtime)
    assert waiting_jobs(house).count("reconcile") == 1
    reconciling.run_reconcile(house.runtime, MarketplaceProfile.LOCAL)
    row = house.one(
        "SELECT reconciled_at IS NOT NULL AS done, reconcile_at > now() + interval '50 min' AS later FROM endpoints"
    )
    assert (row.done, row.later) == (True, True)


@pytest.mark.parametrize("sign", ["heartbeat_at = heartbeat_at - interval '61 minutes'", "heartbeat_in = 'elsewhere'"])
def test_after_a_break_nothing_is_published_or_paid_before_a_comparison(house: House, sign: str) -> None:
    batch_id = house.live(rows=1)
    housekeeping.tick(house.runtime)
    house.execute(f"UPDATE endpoints SET {sign}")
    for stage in (stages.run_publish, stages.run_review):
        with pytest.raises(Conflict, match="restored backup"):
            stage(house.runtime, batch_id)
    housekeeping.tick(house.runtime)
    with pytest.raises(Conflict, match="restored backup"):
        stages.run_publish(house.runtime, batch_id)
    assert "reconcile" in waiting_jobs(house)
    before = house.wire.calls["ListBonusPayments"]
    reconciling.run_reconcile(house.runtime, MarketplaceProfile.LOCAL)
    assert house.wire.calls["ListBonusPayments"] == before + 1  # deep
    stages.run_publish(house.runtime, batch_id)
    stages.run_review(house.runtime, batch_id)
    with house.database.transaction() as db:
        assert not heartbeats.must_reconcile(db, house.settings.endpoint_url(MarketplaceProfile.LOCAL))


def test_an_endpoint_that_answers_nonsense_after_a_break_keeps_everything_waiting(house: House) -> None:
    batch_id = house.live(rows=1)
    housekeeping.tick(house.runtime)
    house.execute("UPDATE endpoints SET heartbeat_in = 'elsewhere'")
    house.wire.refuse["ListAssignmentsForHIT"] = (500, json.dumps({"__type": "ServiceFault"}).encode())
    reconciling.run_reconcile(house.runtime, MarketplaceProfile.LOCAL)
    with pytest.raises(Conflict):
        stages.run_publish(house.runtime, batch_id)
    house.wire.refuse.clear()
    housekeeping.tick(house.runtime)
    reconciling.run_reconcile(house.runtime, MarketplaceProfile.LOCAL)
    stages.run_publish(house.runtime, batch_id)


def test_a_person_may_go_on_although_some_work_cannot_be_read(house: House) -> None:
    batch_id = house.live(rows=1)
    housekeeping.tick(house.runtime)
    house.execute("UPDATE endpoints SET heartbeat_in = 'elsewhere'")
    housekeeping.tick(house.runtime)
    house.wire.refuse["ListAssignmentsForHIT"] = GARBAGE
    assert reconcile(house, repair=True, even_so=True).comparison.not_looked_into
    stages.run_publish(house.runtime, batch_id)
