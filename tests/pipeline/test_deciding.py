"""Review policies and people's decisions, end to end, with the marketplace's own accounting beside the ledger's."""

import csv
import json
from datetime import UTC, datetime, timedelta
from decimal import Decimal
from functools import partial
from typing import Any

import pytest

from app.db.item_sources import ItemFile
from app.domain.decisions import Ruling
from app.domain.review_policy import ReviewRule
from app.domain.vocabulary import BatchId
from app.errors import BudgetExceeded, Conflict, InvalidInput, NotFound
from app.jobs import stages
from app.mturk.client import connect
from app.pipeline import batches, deciding, item_import, review_report, rulings
from app.pipeline.review_report import WorkFilter
from app.questions import catalogue
from app.settings import MarketplaceProfile
from tests.pipeline.conftest import House, in_threads

HELD = ReviewRule.parse("hold")
PRICE = Decimal("0.06")


def now() -> datetime:
    return datetime.now(UTC)


def with_gold(house: House, *, suspects: int, gold: list[str], **settings: Any) -> BatchId:
    """A Batch whose last rows are gold; `gold` names their right answers, empty for the given label."""
    path = house.folder / f"gold-{len(list(house.folder.iterdir()))}.csv"
    with path.open("w", newline="") as file:
        writer = csv.writer(file)
        writer.writerow(["id", "text", "given_label", "guessed_label", "role", "expected_option"])
        writer.writerows([f"s{n}", f"text {n}", "cat", "dog", "suspect", ""] for n in range(suspects))
        writer.writerows([f"g{n}", f"gold {n}", "cat", "dog", "gold", right] for n, right in enumerate(gold))
    values = {"name": "Gold", "reward_usd": Decimal("0.05"), "seed": 7, "repost_limit": 0, **settings}
    new = batches.NewBatch(template=catalogue.load("text"), profile=MarketplaceProfile.LOCAL, **values)
    with house.database.transaction() as db:
        batch = batches.create(db, new, by="rita")
        item_import.import_items(
            db,
            BatchId(batch.id),
            ItemFile.of(path),
            media_root=house.folder,
            media_dir=house.settings.media_path,
            budget=batches.page_budget(new),
        )
    batch_id = BatchId(batch.id)
    house.launch(batch_id)
    house.publish(batch_id)
    return batch_id


def rule(house: House, batch_id: BatchId, ruling: Ruling, *names: object, feedback: str = "") -> int:
    with house.database.transaction() as db:
        return rulings.rule_on(
            db, batch_id, ruling, [str(name) for name in names], by="rita", now=now(), feedback=feedback
        )


def settle(house: House, batch_id: BatchId) -> None:
    """What the job runner does about decisions, without waiting for the pauses between attempts."""
    for _ in range(3):
        house.execute("UPDATE operations SET not_before = now()")
        stages.run_review(house.runtime, batch_id)
        stages.run_consensus(house.runtime, batch_id)


def ledger(house: House) -> tuple[Decimal, Decimal]:
    """What is committed, and what was paid."""
    row = house.one("""
        SELECT coalesce(sum(amount_usd) FILTER (WHERE kind IN ('reservation', 'release')), 0) AS committed,
               coalesce(sum(amount_usd) FILTER (WHERE status = 'paid'), 0) AS paid FROM payments
    """)
    return Decimal(row.committed), Decimal(row.paid)


def balance(house: House) -> Decimal:
    return Decimal(house.marketplace.client.get_account_balance()["AvailableBalance"])


def work(house: House) -> list[Any]:
    return house.rows("SELECT * FROM assignments ORDER BY id")


def told(house: House, marketplace_assignment_id: str) -> Any:
    return house.marketplace.client.get_assignment(AssignmentId=marketplace_assignment_id)["Assignment"]


# --- policies ----------------------------------------------------------------------------------------------------------


def test_gold_approves_who_knows_holds_who_does_not_and_rejects_only_where_asked(house: House) -> None:
    rule_text = "gold:0.75,after=4,reject_below=0.3"
    batch_id = with_gold(
        house,
        suspects=1,
        gold=["", "guessed", "Both", "given"],
        review=ReviewRule.parse(rule_text),
        items_per_hit=5,
        assignments_per_item=3,
        quorum=2,
    )
    before = balance(house)
    hit = house.one("SELECT id FROM hits").id
    places = {
        row.position: row.external_id
        for row in house.rows("SELECT hi.position, i.external_id FROM hit_items hi JOIN items i ON i.id = hi.item_id")
    }
    right = {"s0": "given", "g0": "given", "g1": "guessed", "g2": "both", "g3": "given"}
    house.answer("Ada", hit, lambda position: right[places[position]])
    house.answer("Bob", hit, lambda position: "given")
    house.answer("Mallory", hit, lambda position: "neither")
    house.collect(batch_id)
    settle(house, batch_id)
    ada, bob, mallory = work(house)
    assert (ada.status, bob.status, mallory.status) == ("approved", "submitted", "rejected")
    assert "2 of 4 answers on gold Items are right, which is less than 75%" in bob.held_because
    assert "0 of your 4 answers" in told(house, mallory.marketplace_assignment_id)["RequesterFeedback"]
    rule(house, batch_id, Ruling.APPROVE, bob.id)
    settle(house, batch_id)
    assert house.one("SELECT status FROM batches").status == "done"
    assert ledger(house) == (2 * PRICE, 2 * PRICE)
    # The marketplace held 3 places back before; what it did not pay came back.
    assert before + 3 * PRICE - balance(house) == 2 * PRICE


def test_who_answered_too_few_gold_items_is_held_only_once_nothing_more_can_come(house: House) -> None:
    batch_id = with_gold(
        house,
        suspects=0,
        gold=["", "", ""],
        review=ReviewRule.parse("gold:0.8,after=2"),
        assignments_per_item=2,
        quorum=1,
    )
    first, second, third = (row.id for row in house.rows("SELECT id FROM hits ORDER BY id"))
    house.answer("Ada", first, lambda _: "given")
    house.collect(batch_id)
    (waiting,) = work(house)
    assert (waiting.status, waiting.held_at) == ("submitted", None)
    house.answer("Ada", second, lambda _: "given")
    house.collect(batch_id)
    settle(house, batch_id)
    assert {row.status for row in work(house)} == {"approved"}
    house.answer("Bob", first, lambda _: "given")
    for hit in (second, third):
        house.answer("Cyd", hit, lambda _: "given")
    house.answer("Dee", third, lambda _: "given")
    house.collect(batch_id)
    settle(house, batch_id)
    held = {row.held_because for row in work(house) if row.held_at}
    assert held == {"1 of 1 answers on gold Items are right; 2 are needed to judge the Worker, and no more are to come"}
    assert len([row for row in work(house) if row.status == "approved"]) == 4


def test_what_waits_is_held_at_once_when_a_pilot_is_stopped_though_items_were_never_published(house: House) -> None:
    policy = ReviewRule.parse("agreement:0.7,after=4")
    batch_id = house.live(rows=6, review=policy, assignments_per_item=3, quorum=2, pilot_items=2)
    house.answer_all(batch_id, {"Ada": "given", "Bea": "given", "Cyd": "guessed"})
    house.collect(batch_id)
    house.collect(batch_id)
    assert house.one("SELECT status, pause_reason FROM batches") == ("paused", "pilot")
    assert house.one("SELECT count(held_at) AS held FROM assignments").held == 0  # it may be released yet
    with house.database.transaction() as db:
        batches.stop(db, batch_id, by="rita")
    house.publish(batch_id)
    settle(house, batch_id)
    assert house.one("SELECT count(held_at) AS held FROM assignments").held == 6


def test_what_waits_is_held_before_it_is_paid_unseen(house: House) -> None:
    batch_id = with_gold(house, suspects=2, gold=[""] * 5, review=ReviewRule.parse("gold:0.8"))
    hit = house.one("SELECT min(id) AS id FROM hits").id
    house.answer("Ada", hit, lambda _: "given")
    house.collect(batch_id)
    assert work(house)[0].held_at is None
    with house.database.transaction() as db:
        deadlines = review_report.review_deadlines(db, batch_id)
    assert (deadlines.undecided, deadlines.held, deadlines.first_paid_at) == (1, 0, work(house)[0].auto_approval_at)
    deciding.decide(house.database, batch_id, now=work(house)[0].auto_approval_at - timedelta(hours=23))
    assert "paid by itself soon" in work(house)[0].held_because


def test_agreement_approves_who_says_what_the_others_say_and_holds_who_does_not(house: House) -> None:
    batch_id = house.live(rows=4, review=ReviewRule.parse("agreement:0.7,after=4"), repost_limit=0)
    for name in ("Ada", "Bea", "Cyd", "Dee"):
        house.answer_all(batch_id, {name: "given"})
    house.answer_all(batch_id, {"Mallory": "neither"})
    house.collect(batch_id)
    settle(house, batch_id)
    status = house.rows("SELECT a.status, a.held_because FROM assignments a ORDER BY a.worker_id, a.id")
    assert sorted(row.status for row in status) == ["approved"] * 16 + ["submitted"] * 4
    assert {row.held_because for row in status if row.held_because} == {
        "0 of 4 answers are what most of the others say, which is less than 70%"
    }


def test_hold_leaves_every_decision_to_a_person(house: House) -> None:
    batch_id = house.live(rows=1, review=HELD, repost_limit=0)
    house.answer_all(batch_id, dict.fromkeys(("Ada", "Bea", "Cyd", "Dee", "Eve"), "given"))
    house.collect(batch_id)
    settle(house, batch_id)
    assert {row.status for row in work(house)} == {"submitted"}
    assert house.wire.calls["ApproveAssignment"] == 0
    assert house.one("SELECT status FROM batches").status == "live"
    with house.database.transaction() as db:
        assert rulings.rule_on_held(db, batch_id, Ruling.APPROVE, by="rita", now=now()) == 5
    settle(house, batch_id)
    assert house.one("SELECT status FROM batches").status == "done"
    assert ledger(house) == (5 * PRICE, 5 * PRICE)


def test_work_that_cannot_be_read_is_paid_whatever_the_policy_judges(house: House) -> None:
    batch_id = with_gold(house, suspects=0, gold=[""], review=ReviewRule.parse("gold:0.8,after=1"))
    hit = house.one("SELECT id FROM hits").id
    house.answer("Ada", hit, lambda _: "neither")
    stages.run_collect(house.runtime, "local")
    house.execute("UPDATE assignments SET raw_answer = 'nonsense'")
    stages.run_review(house.runtime, batch_id)
    assert [row.status for row in work(house)] == ["approved"]


def test_a_batch_without_enough_gold_items_is_not_launched_under_the_gold_policy(house: House) -> None:
    batch_id = house.draft(rows=2, review=ReviewRule.parse("gold:0.8,after=3"))
    with pytest.raises(Conflict, match="has 0 of them"):
        batches.launch(house.database, partial(connect, house.settings), batch_id, by="rita", settings=house.settings)


def test_a_wrong_answer_of_a_gold_row_is_named_by_its_line(house: House) -> None:
    with pytest.raises(InvalidInput) as refused:
        with_gold(house, suspects=1, gold=["", "maybe"])
    assert [(problem.line, problem.field) for problem in refused.value.problems] == [(4, "expected_option")]


# --- a person ----------------------------------------------------------------------------------------------------------


def held(house: House, **settings: Any) -> BatchId:
    """A Batch of one Item whose five answers are held: Ada, Bea and Cyd say given, Bob guessed, Mallory neither."""
    batch_id = house.live(rows=1, **{"review": HELD, "repost_limit": 0, **settings})
    votes = {"Ada": "given", "Bea": "given", "Cyd": "given", "Bob": "guessed", "Mallory": "neither"}
    house.answer_all(batch_id, votes)
    house.collect(batch_id)
    return batch_id


def test_rejected_work_costs_nothing_counts_nothing_and_its_worker_reads_why(house: House) -> None:
    before = balance(house)
    batch_id = held(house)
    *others, mallory = work(house)
    rule(house, batch_id, Ruling.REJECT, mallory.marketplace_assignment_id, feedback="Nothing fits?\nIt does.")
    rule(house, batch_id, Ruling.APPROVE, *(row.id for row in others))
    settle(house, batch_id)
    assert told(house, mallory.marketplace_assignment_id)["RequesterFeedback"] == "Nothing fits?\nIt does."
    assert house.one("SELECT count(*) AS n FROM responses WHERE NOT counted").n == 1
    assert house.one("SELECT response_count FROM consensus").response_count == 4
    assert house.one("SELECT status FROM batches").status == "done"
    assert ledger(house) == (4 * PRICE, 4 * PRICE)
    assert before - balance(house) == 4 * PRICE


def test_a_rejection_gives_its_money_back_at_once_while_the_hit_is_open(house: House) -> None:
    batch_id = house.live(rows=1, review=HELD)
    hit = house.one("SELECT id FROM hits").id
    house.answer("Mallory", hit, lambda _: "neither")
    house.collect(batch_id)
    rule(house, batch_id, Ruling.REJECT, work(house)[0].id, feedback="no")
    stages.run_review(house.runtime, batch_id)
    assert house.one("SELECT sum(amount_usd) AS usd FROM payments WHERE kind = 'release'").usd == -PRICE


def test_soft_rejected_work_is_paid_and_not_counted_and_reads_thanks(house: House) -> None:
    batch_id = held(house)
    mallory = work(house)[4]
    rule(house, batch_id, Ruling.SOFT_REJECT, mallory.id)
    settle(house, batch_id)
    row = work(house)[4]
    assert (row.status, row.counted) == ("approved", False)
    assert "Thank you" in told(house, row.marketplace_assignment_id)["RequesterFeedback"]
    assert house.one("SELECT response_count FROM consensus").response_count == 4
    # Paid work can be left out later, too: that takes no call.
    with house.database.transaction() as db:
        rulings.rule_on_held(db, batch_id, Ruling.APPROVE, by="rita", now=now())
    settle(house, batch_id)
    rule(house, batch_id, Ruling.SOFT_REJECT, work(house)[3].id)
    settle(house, batch_id)
    assert house.one("SELECT response_count FROM consensus").response_count == 3
    assert ledger(house) == (5 * PRICE, 5 * PRICE)


def test_an_overridden_rejection_is_paid_and_counted_after_all(house: House) -> None:
    before = balance(house)
    batch_id = held(house)
    *others, mallory = work(house)
    rule(house, batch_id, Ruling.REJECT, mallory.id, feedback="no")
    rule(house, batch_id, Ruling.APPROVE, *(row.id for row in others))
    settle(house, batch_id)
    assert house.one("SELECT status FROM batches").status == "done"
    rule(house, batch_id, Ruling.OVERRIDE, mallory.id, feedback="Sorry, you were right.")
    settle(house, batch_id)
    row = work(house)[4]
    assert (row.status, row.counted) == ("approved", True)
    assert told(house, row.marketplace_assignment_id)["AssignmentStatus"] == "Approved"
    assert house.one("SELECT response_count FROM consensus").response_count == 5
    assert ledger(house) == (5 * PRICE, 5 * PRICE)
    assert before - balance(house) == 5 * PRICE


def test_an_override_needs_room_under_the_cap(house: House) -> None:
    batch_id = held(house)
    rule(house, batch_id, Ruling.REJECT, work(house)[4].id, feedback="no")
    rule(house, batch_id, Ruling.APPROVE, *(row.id for row in work(house)[:4]))
    settle(house, batch_id)
    house.execute("UPDATE batches SET cap_usd = 0.24")
    with pytest.raises(BudgetExceeded):
        rule(house, batch_id, Ruling.OVERRIDE, work(house)[4].id)
    assert house.rows("SELECT 1 FROM operations WHERE kind = 'override'") == []


@pytest.mark.parametrize("ruling", [Ruling.REJECT, Ruling.OVERRIDE])
def test_a_reply_lost_after_a_decision_is_looked_up(house: House, ruling: Ruling) -> None:
    batch_id = held(house)
    *others, mallory = work(house)
    rule(house, batch_id, Ruling.APPROVE, *(row.id for row in others))
    if ruling is Ruling.REJECT:
        house.wire.lose_reply["RejectAssignment"] = 1
    rule(house, batch_id, Ruling.REJECT, mallory.id, feedback="no")
    settle(house, batch_id)
    if ruling is Ruling.OVERRIDE:
        house.wire.lose_reply["ApproveAssignment"] = 1
        rule(house, batch_id, Ruling.OVERRIDE, mallory.id)
        settle(house, batch_id)
    paid = 4 if ruling is Ruling.REJECT else 5
    assert work(house)[4].status == ("rejected" if ruling is Ruling.REJECT else "approved")
    assert ledger(house) == (paid * PRICE, paid * PRICE)


@pytest.mark.parametrize("kind", ["reject", "override"])
def test_a_crash_between_call_and_result_changes_nothing_twice(house: House, kind: str) -> None:
    batch_id = held(house)
    *others, mallory = work(house)
    rule(house, batch_id, Ruling.APPROVE, *(row.id for row in others))
    rule(house, batch_id, Ruling.REJECT, mallory.id, feedback="no")
    if kind == "override":
        settle(house, batch_id)
        rule(house, batch_id, Ruling.OVERRIDE, mallory.id)
    # Called, and then the runner died: our tables know nothing of it.
    if kind == "reject":
        house.marketplace.client.reject_assignment(
            AssignmentId=mallory.marketplace_assignment_id, RequesterFeedback="no"
        )
    else:
        house.marketplace.client.approve_assignment(
            AssignmentId=mallory.marketplace_assignment_id, OverrideRejection=True
        )
    house.execute(
        "UPDATE operations SET status = 'acting', attempts = 1, lease_until = now() - interval '1 s' WHERE kind = :kind",
        kind=kind,
    )
    in_threads(2, lambda: settle(house, batch_id))
    paid = 4 if kind == "reject" else 5
    assert ledger(house) == (paid * PRICE, paid * PRICE)
    assert house.one("SELECT status FROM batches").status == "done"


def test_a_rejection_that_comes_too_late_is_paid_and_said(house: House) -> None:
    batch_id = held(house)
    mallory = work(house)[4]
    house.marketplace.client.approve_assignment(AssignmentId=mallory.marketplace_assignment_id)
    rule(house, batch_id, Ruling.REJECT, mallory.id, feedback="no")
    settle(house, batch_id)
    assert (work(house)[4].status, work(house)[4].counted) == ("approved", True)
    with house.database.transaction() as db:
        assert review_report.review_deadlines(db, batch_id).too_late == 1
        rulings.rule_on_held(db, batch_id, Ruling.APPROVE, by="rita", now=now())
    settle(house, batch_id)
    assert ledger(house) == (5 * PRICE, 5 * PRICE)


def test_an_approval_of_what_another_program_rejected_costs_nothing(house: House) -> None:
    batch_id = held(house)
    house.marketplace.client.reject_assignment(
        AssignmentId=work(house)[0].marketplace_assignment_id, RequesterFeedback="no"
    )
    with house.database.transaction() as db:
        rulings.rule_on_held(db, batch_id, Ruling.APPROVE, by="rita", now=now())
    settle(house, batch_id)
    first = work(house)[0]
    assert (first.status, first.counted) == ("rejected", False)
    assert ledger(house) == (4 * PRICE, 4 * PRICE)
    assert house.one("SELECT response_count FROM consensus").response_count == 4


@pytest.mark.parametrize("ours", [True, False])
def test_a_rejection_overridden_by_another_program_is_paid_and_counted_here_too(house: House, ours: bool) -> None:
    batch_id = house.live(rows=1, review=HELD, repost_limit=0)
    hit = house.one("SELECT id FROM hits").id
    house.answer("Ada", hit, lambda _: "given")
    house.collect(batch_id)
    ada = work(house)[0].marketplace_assignment_id
    if ours:
        rule(house, batch_id, Ruling.REJECT, ada, feedback="no")
        settle(house, batch_id)
    else:
        house.marketplace.client.reject_assignment(AssignmentId=ada, RequesterFeedback="no")
        house.collect(batch_id)
    assert (work(house)[0].status, house.one("SELECT counted FROM responses").counted) == ("rejected", False)
    house.marketplace.client.approve_assignment(AssignmentId=ada, OverrideRejection=True)
    for name in ("Bea", "Cyd", "Dee", "Eve"):
        house.answer(name, hit, lambda _: "given")
    house.collect(batch_id)
    assert (work(house)[0].status, work(house)[0].counted) == ("approved", True)
    with house.database.transaction() as db:
        rulings.rule_on_held(db, batch_id, Ruling.APPROVE, by="rita", now=now())
    settle(house, batch_id)
    assert house.one("SELECT response_count FROM consensus").response_count == 5
    assert house.one("SELECT status FROM batches").status == "done"
    assert ledger(house) == (5 * PRICE, 5 * PRICE)


def test_an_override_that_the_marketplace_refuses_for_good_leaves_the_rejection_and_no_money_behind(
    house: House,
) -> None:
    batch_id = held(house)
    *others, mallory = work(house)
    rule(house, batch_id, Ruling.APPROVE, *(row.id for row in others))
    rule(house, batch_id, Ruling.REJECT, mallory.id, feedback="no")
    settle(house, batch_id)
    house.execute("UPDATE operations SET not_before = now() + interval '1 h'")
    rule(house, batch_id, Ruling.OVERRIDE, mallory.id)
    body = {
        "__type": "RequestError",
        "Message": "30 days",
        "TurkErrorCode": "AWS.MechanicalTurk.InvalidAssignmentState",
    }
    house.wire.refuse["ApproveAssignment"] = (400, json.dumps(body).encode())
    settle(house, batch_id)
    house.wire.refuse.clear()
    assert work(house)[4].status == "rejected"
    assert "could not be overridden" in house.one("SELECT attention FROM batches").attention
    assert ledger(house) == (4 * PRICE, 4 * PRICE)
    with pytest.raises(Conflict, match="the marketplace refused it"):
        rule(house, batch_id, Ruling.OVERRIDE, mallory.id)


def test_decisions_that_cannot_be_made_are_refused_as_a_whole_and_each_named(house: House) -> None:
    batch_id = held(house)
    first, second, third, *_ = work(house)
    rule(house, batch_id, Ruling.APPROVE, first.id)
    with pytest.raises(Conflict, match="under way already") as refused:
        rule(house, batch_id, Ruling.REJECT, first.id, second.id, feedback="no")
    assert first.marketplace_assignment_id in str(refused.value)
    assert house.rows("SELECT 1 FROM operations WHERE kind = 'reject'") == []
    settle(house, batch_id)
    with pytest.raises(Conflict, match="approved already"):
        rule(house, batch_id, Ruling.REJECT, first.id, feedback="no")
    with pytest.raises(InvalidInput, match="say why"):
        rule(house, batch_id, Ruling.REJECT, third.id)
    with pytest.raises(NotFound):
        rule(house, batch_id, Ruling.APPROVE, third.id, "3NOSUCHASSIGNMENT")
    other = house.draft(rows=1)
    with pytest.raises(NotFound):
        rule(house, other, Ruling.APPROVE, third.id)


def test_two_people_who_decide_at_once_decide_once(house: House) -> None:
    batch_id = held(house)
    outcomes: list[str] = []

    def decide(ruling: Ruling) -> None:
        try:
            rule(house, batch_id, ruling, work(house)[0].id, feedback="because")
            outcomes.append(ruling)
        except Conflict:
            outcomes.append("conflict")

    rulings = iter([Ruling.APPROVE, Ruling.REJECT])
    in_threads(2, lambda: decide(next(rulings)))
    assert sorted(outcomes).count("conflict") == 1


def test_every_decision_is_audited_with_who_made_it(house: House) -> None:
    batch_id = held(house)
    first = work(house)[0]
    rule(house, batch_id, Ruling.REJECT, first.id, feedback="Too fast.")
    entry = house.one("SELECT actor, details FROM audit WHERE action = 'assignments.reject'")
    assert (entry.actor, entry.details["assignments"]) == ("rita", {first.marketplace_assignment_id: "Too fast."})


def test_held_work_is_shown_with_what_the_others_say(house: House) -> None:
    batch_id = held(house)
    with house.database.transaction() as db:
        shown = review_report.work(db, batch_id)
        rejected = review_report.work(db, batch_id, only=WorkFilter.REJECTED)
        workers = review_report.workers(db, batch_id)
    assert len(shown) == 5
    assert rejected == []
    (evidence,) = shown[4].answers
    assert (evidence.option, dict(evidence.others), evidence.disagrees) == ("neither", {"given": 3, "guessed": 1}, True)
    assert sorted(row.quality.agreement.matched for row in workers) == [0, 0, 1, 1, 1]
    assert {row.answers for row in workers} == {1}


def test_what_a_round_has_reserved_anew_is_not_given_back_with_a_rejection(house: House) -> None:
    batch_id = held(house, repost_limit=3)
    ada = work(house)[0].marketplace_assignment_id
    rule(house, batch_id, Ruling.REJECT, ada, feedback="no")
    rule(house, batch_id, Ruling.APPROVE, *(row.id for row in work(house)[1:]))
    # Called, and the runner died; before its lease ends a poll sees the rejection, and a round asks for another answer.
    house.marketplace.client.reject_assignment(AssignmentId=ada, RequesterFeedback="no")
    leased = "UPDATE operations SET status = 'acting', attempts = 1, lease_until = now() + interval '1 h' WHERE kind = 'reject'"
    house.execute(leased)
    house.collect(batch_id)
    house.collect(batch_id)
    assert house.one("SELECT max_assignments FROM hits").max_assignments == 6
    house.execute("UPDATE operations SET lease_until = now() WHERE kind = 'reject'")
    settle(house, batch_id)
    house.answer("Dee", house.one("SELECT id FROM hits").id, lambda _: "given")
    house.collect(batch_id)
    with house.database.transaction() as db:
        rulings.rule_on_held(db, batch_id, Ruling.APPROVE, by="rita", now=now())
    settle(house, batch_id)
    assert house.one("SELECT status FROM batches").status == "done"
    assert ledger(house) == (5 * PRICE, 5 * PRICE)


def test_a_rejection_that_is_not_made_yet_frees_no_money_for_another_place(house: House) -> None:
    settings: dict[str, Any] = {"first_assignments": 3, "assignments_per_item": 5, "cap_usd": 3 * PRICE}
    batch_id = house.live(rows=1, review=HELD, **settings)
    hit = house.one("SELECT id FROM hits").id
    for name, word in {"Ada": "given", "Bea": "given", "Bob": "guessed"}.items():
        house.answer(name, hit, lambda _, word=word: word)  # type: ignore[misc]
    house.collect(batch_id)
    bob = work(house)[2].marketplace_assignment_id
    # It comes too late: the work is approved, and paid, by then.
    house.marketplace.client.approve_assignment(AssignmentId=bob)
    rule(house, batch_id, Ruling.REJECT, bob, feedback="no")
    settle(house, batch_id)
    house.collect(batch_id)
    assert house.one("SELECT max_assignments FROM hits").max_assignments == 3
    assert ledger(house) == (3 * PRICE, PRICE)
