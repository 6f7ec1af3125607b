"""Stopping to the end: extensions under way, what is waited for, giving up; and at the end nothing is reserved."""

import json
import random
import time
from decimal import Decimal
from typing import Any

import pytest
from sqlalchemy.exc import IntegrityError

from app.db import ledger, ledger_rules, operations
from app.db.operations import Extension, Intent
from app.domain.vocabulary import BatchId, BatchStatus, HITId, OperationKind
from app.errors import Conflict, NotFound, ServiceError
from app.jobs import stages
from app.pipeline import batches, ending, giving_up
from app.pipeline.giving_up import GivenUp
from tests.pipeline.conftest import House
from tests.pipeline.test_stop import committed, on_the_marketplace, paid, plan, settle, status, statuses, stop

PRICE, NOTHING = Decimal("0.06"), Decimal(0)
FIELDS = {"r1-choice": "a", "r1-order": "a,b,both,neither", "r1-ms": "900", "r1-comment": ""}


def intend_extension(house: House, batch_id: BatchId, *, places: int = 7) -> None:
    """Two more places on the first HIT, with their money reserved."""
    hit_id = HITId(house.one("SELECT min(id) AS id FROM hits").id)
    with house.database.transaction() as db:
        intent = Intent(hit_id=hit_id, key="7/0", arguments=Extension(places, None).arguments())
        (intended,) = operations.intend(db, OperationKind.EXTEND, batch_id, [intent])
        ledger.reserve(db, intended.id, 2 * PRICE)


def tried(house: House, *, seconds_ago: int = 600, as_status: str = "acting") -> None:
    """A runner claimed the extension, and died or met an error."""
    house.execute(
        "UPDATE operations SET status = :status, attempts = 1, first_attempt_at = now() - make_interval(secs => :ago),"
        " not_before = now() - make_interval(secs => :ago),"
        " lease_until = CASE WHEN :leased THEN now() - make_interval(secs => :ago) END WHERE kind = 'extend'",
        status=as_status,
        leased=as_status == "acting",
        ago=float(seconds_ago),
    )


def waiting(house: House, batch_id: BatchId) -> ending.Waiting:
    with house.database.transaction() as db:
        return ending.waiting(db, batch_id)


def give_up(house: House, batch_id: BatchId) -> GivenUp:
    with house.database.transaction() as db:
        return giving_up.give_up(db, batch_id, by="rita")


def refuse(house: House, operation: str, code: str = "AWS.MechanicalTurk.NoSuchThing") -> None:
    refusal = {"__type": "RequestError", "TurkErrorCode": code, "Message": "No."}
    house.wire.refuse[operation] = (400, json.dumps(refusal).encode())


def vanish(house: House) -> None:
    """The marketplace answers nothing any more."""
    for operation in ("GetHIT", "ListHITs", "ApproveAssignment", "GetAssignment", "UpdateExpirationForHIT"):
        house.wire.refuse[operation] = (500, b'{"__type": "ServiceFault"}')


# --- extensions -------------------------------------------------------------------------------------------------------


def test_an_extension_that_nobody_tried_is_cancelled_and_its_money_released(house: House) -> None:
    batch_id = house.live(rows=2)
    intend_extension(house, batch_id)
    assert committed(house) == 12 * PRICE
    stop(house, batch_id)
    assert house.one("SELECT status FROM operations WHERE kind = 'extend'").status == "cancelled"
    assert committed(house) == 10 * PRICE
    settle(house, batch_id)
    assert (status(house), committed(house)) == ("stopped", NOTHING)
    assert house.wire.calls["CreateAdditionalAssignmentsForHIT"] == 0


@pytest.mark.parametrize("as_status", ["acting", "intended", "failed"])
def test_an_extension_that_did_not_happen_is_looked_up_and_cancelled(house: House, as_status: str) -> None:
    batch_id = house.live(rows=1)
    stop_with_extension(house, batch_id, as_status=as_status)
    assert house.one("SELECT status FROM operations WHERE kind = 'extend'").status in {"cancelled", "done"}
    settle(house, batch_id)
    assert (status(house), committed(house)) == ("stopped", NOTHING)
    assert {hit["MaxAssignments"] for hit in on_the_marketplace(house)} == {5}


def stop_with_extension(house: House, batch_id: BatchId, *, as_status: str) -> None:
    intend_extension(house, batch_id)
    tried(house, as_status=as_status)
    stop(house, batch_id)


def test_an_extension_that_happened_unseen_is_found_and_its_late_work_paid(house: House) -> None:
    batch_id = house.live(rows=1)
    hit = house.one("SELECT h.*, g.hit_type_id FROM hits AS h JOIN hit_groups AS g ON g.id = h.group_id")
    intend_extension(house, batch_id)
    house.marketplace.client.create_additional_assignments_for_hit(
        HITId=hit.marketplace_hit_id, NumberOfAdditionalAssignments=2
    )
    tried(house)
    people = ["Ada", "Bob", "Cleo", "Dan", "Eve", "Fay", "Gus"]
    late = [house.browser(name).accept(hit.hit_type_id, hit.marketplace_hit_id) for name in people]
    stop(house, batch_id)
    assert house.one("SELECT max_assignments FROM hits").max_assignments == 7
    for name, assignment in zip(people, late, strict=True):
        assert house.browser(name).submit(assignment, **FIELDS).status_code == 200
    settle(house, batch_id)
    assert status(house) == "stopped"
    assert committed(house) == paid(house) == 7 * PRICE


def test_a_hit_that_an_extension_opened_again_after_it_was_expired_is_expired_again(house: House) -> None:
    batch_id = house.live(rows=1)
    stop(house, batch_id)
    assert house.wire.calls["UpdateExpirationForHIT"] == 1
    # Its call was under way when the Batch was stopped, and is written down now.
    intend_extension(house, batch_id)
    house.execute("UPDATE operations SET status = 'done', finished_at = now() WHERE kind = 'extend'")
    house.publish(batch_id)
    assert house.wire.calls["UpdateExpirationForHIT"] == 2
    house.publish(batch_id)
    assert house.wire.calls["UpdateExpirationForHIT"] == 2
    settle(house, batch_id)
    assert (status(house), committed(house)) == ("stopped", NOTHING)


def test_an_extension_tried_a_moment_ago_is_waited_for(house: House) -> None:
    batch_id = house.live(rows=1)
    intend_extension(house, batch_id)
    tried(house, seconds_ago=5)
    stop(house, batch_id)
    assert house.one("SELECT status FROM operations WHERE kind = 'extend'").status == "acting"
    assert committed(house) == 7 * PRICE


def test_where_the_marketplace_does_not_answer_an_extension_is_asked_about_again(house: House) -> None:
    batch_id = house.live(rows=1)
    house.wire.refuse["GetHIT"] = (500, b'{"__type": "ServiceFault"}')
    stop_with_extension(house, batch_id, as_status="acting")
    assert house.one("SELECT status FROM operations WHERE kind = 'extend'").status == "acting"
    house.wire.refuse.clear()
    house.publish(batch_id)
    settle(house, batch_id)
    assert (status(house), committed(house)) == ("stopped", NOTHING)


def test_qualifications_that_only_prepare_publishing_are_cancelled(house: House) -> None:
    batch_id = house.draft(rows=1)
    plan(house, batch_id)
    house.execute("INSERT INTO workers (profile, marketplace_worker_id, pseudonym) VALUES ('local', 'A1', 'W-1')")
    for state in ("intended", "failed"):
        house.execute("DELETE FROM operations WHERE kind = 'qualify'")
        house.execute(
            "INSERT INTO operations (batch_id, kind, group_id, worker_id, status)"
            " SELECT batch_id, 'qualify', id, (SELECT id FROM workers), :state FROM hit_groups",
            state=state,
        )
    stop(house, batch_id)
    settle(house, batch_id)
    assert status(house) == "stopped"


# --- what is waited for -----------------------------------------------------------------------------------------------


def test_a_stopping_batch_says_who_is_still_at_work_and_until_when(house: House) -> None:
    batch_id = house.live(rows=2, assignment_duration_s=600)
    hit = house.one("SELECT h.*, g.hit_type_id FROM hits AS h JOIN hit_groups AS g ON g.id = h.group_id LIMIT 1")
    late = house.browser("Bob").accept(hit.hit_type_id, hit.marketplace_hit_id)
    stop(house, batch_id)
    house.collect(batch_id)
    found = waiting(house, batch_id)
    assert (found.working, found.status) == (1, BatchStatus.STOPPING)
    until = house.one("SELECT max(finished_at) + interval '10 min' AS at FROM operations WHERE kind = 'expire'").at
    assert found.working_until is not None
    assert abs((found.working_until - until).total_seconds()) < 5
    assert found.sentences[0].startswith("1 Worker still at work, until 20")
    assert found.unspent_usd > 0
    house.browser("Bob").submit(late, **FIELDS)
    settle(house, batch_id)
    over = waiting(house, batch_id)
    assert (over.sentences, over.unspent_usd, over.can_be_given_up) == ([], NOTHING, False)


def test_calls_that_do_not_succeed_are_named_with_their_error(house: House) -> None:
    batch_id = house.live(rows=2)
    refuse(house, "UpdateExpirationForHIT")
    stop(house, batch_id)
    found = waiting(house, batch_id)
    assert found.still_offered == 2
    assert any(
        "2 calls to expire did not succeed yet" in sentence and "No." in sentence for sentence in found.sentences
    )
    assert "could not be taken back" in house.one("SELECT attention FROM batches").attention
    house.wire.refuse.clear()
    settle(house, batch_id)
    assert (status(house), house.one("SELECT attention FROM batches").attention) == ("stopped", None)


def test_a_hit_that_may_have_been_published_and_held_work_are_named(house: House) -> None:
    batch_id = house.live(rows=2)
    house.answer_all(batch_id, {"Ada": "given"})
    stages.run_collect(house.runtime, "local")
    first = house.one("SELECT min(id) AS id FROM hits").id
    house.execute("UPDATE hits SET status = 'publishing' WHERE id = :id", id=first)
    house.execute("UPDATE assignments SET held_at = now(), held_because = 'odd'")
    found = waiting(house, batch_id)
    assert (found.perhaps_published, found.held, found.undecided) == (1, 2, 2)
    assert "1 HIT may have been published and will be looked up" in found.sentences
    assert any(
        line.startswith("2 Assignments held for your decision; the first is approved") for line in found.sentences
    )


def test_a_batch_that_is_not_there_waits_for_nothing(house: House) -> None:
    with pytest.raises(NotFound):
        waiting(house, BatchId(99))


# --- giving up --------------------------------------------------------------------------------------------------------


def test_a_batch_whose_marketplace_is_gone_can_be_given_up_and_ends(house: House) -> None:
    batch_id = house.live(rows=3)
    house.answer_all(batch_id, {"Ada": "given"})
    house.collect(batch_id)
    assert paid(house) == 3 * PRICE
    house.answer_all(batch_id, {"Bob": "given"})
    stages.run_collect(house.runtime, "local")
    vanish(house)
    stop(house, batch_id)
    house.execute("UPDATE assignments SET auto_approval_at = now() - interval '1 min'")
    house.execute("UPDATE operations SET lease_until = now() - interval '1 s' WHERE status = 'acting'")
    done = give_up(house, batch_id)
    assert (done.live_hits, done.assumed_paid, done.perhaps_published) == (3, 3, 0)
    stages.run_consensus(house.runtime, batch_id)
    assert status(house) == "stopped"
    assert committed(house) == paid(house) == 6 * PRICE
    assert house.one("SELECT count(*) AS n FROM responses").n == 6
    assert house.one("SELECT count(*) AS n FROM audit WHERE action = 'batch.given_up'").n == 1
    assert waiting(house, batch_id).sentences == []


def test_work_that_came_as_approved_is_booked_when_its_batch_is_given_up(house: House) -> None:
    batch_id = house.live(rows=1)
    assignment = house.answer("Ada", house.one("SELECT id FROM hits").id, lambda _: "given")
    house.marketplace.client.approve_assignment(AssignmentId=assignment)
    stages.run_collect(house.runtime, "local")  # and the review job has not had its turn
    vanish(house)
    stop(house, batch_id)
    house.execute("UPDATE operations SET lease_until = now() - interval '1 s' WHERE status = 'acting'")
    assert give_up(house, batch_id).assumed_paid == 0
    stages.run_consensus(house.runtime, batch_id)
    assert (status(house), committed(house), paid(house)) == ("stopped", PRICE, PRICE)


def test_a_rejection_taken_back_elsewhere_has_its_money_again_when_its_batch_is_given_up(house: House) -> None:
    batch_id = house.live(rows=1)
    house.answer("Ada", house.one("SELECT id FROM hits").id, lambda _: "given")
    stages.run_collect(house.runtime, "local")
    stop(house, batch_id)
    # Its money was given back with the rejection; then it was collected as approved.
    house.execute("""
        INSERT INTO payments (batch_id, hit_id, kind, status, amount_usd)
        SELECT batch_id, hit_id, 'release', 'booked', -amount_usd FROM payments
    """)
    house.execute("UPDATE assignments SET status = 'approved', marketplace_status = 'Approved'")
    vanish(house)
    house.execute("UPDATE operations SET lease_until = now() - interval '1 s' WHERE status = 'acting'")
    give_up(house, batch_id)
    stages.run_consensus(house.runtime, batch_id)
    assert paid(house) == PRICE
    with house.database.transaction() as db:
        assert ledger_rules.broken_rules(db, batch_id, grace_s=0) == []


def test_what_may_have_been_published_is_written_off(house: House) -> None:
    batch_id = house.draft(rows=2)
    plan(house, batch_id)
    house.execute("UPDATE hits SET status = 'publishing'")
    house.execute(
        "UPDATE operations SET status = 'acting', attempts = 1, first_attempt_at = now(),"
        " lease_until = now() - interval '1 s' WHERE kind = 'publish'"
    )
    vanish(house)
    stop(house, batch_id)
    assert give_up(house, batch_id).perhaps_published == 2
    stages.run_consensus(house.runtime, batch_id)
    assert (status(house), committed(house), statuses(house)) == ("stopped", NOTHING, ["cancelled", "cancelled"])


def test_nobody_gives_up_while_work_may_still_be_rejected(house: House) -> None:
    batch_id = house.live(rows=1)
    house.answer_all(batch_id, {"Ada": "given"})
    stages.run_collect(house.runtime, "local")
    vanish(house)
    stop(house, batch_id)
    with pytest.raises(Conflict, match=r"approves the last by itself at 20\d\d"):
        give_up(house, batch_id)


def test_nobody_gives_up_while_a_runner_may_be_calling(house: House) -> None:
    batch_id = house.live(rows=1)
    vanish(house)
    stop(house, batch_id)
    house.execute(
        "UPDATE operations SET status = 'acting', lease_until = now() + interval '300 s' WHERE kind = 'expire'"
    )
    with pytest.raises(Conflict, match=r"try again in (2\d\d|300|301) s"):
        give_up(house, batch_id)


@pytest.mark.parametrize("state", ["draft", "live", "done"])
def test_only_a_batch_that_was_stopped_is_given_up(house: House, state: str) -> None:
    batch_id = house.draft()
    house.execute("UPDATE batches SET status = :state", state=state)
    with pytest.raises(Conflict, match="only a Batch that was stopped"):
        give_up(house, batch_id)


def test_a_bonus_that_may_have_been_paid_is_booked_as_paid_and_one_that_was_not_tried_is_not(house: House) -> None:
    batch_id = house.live(rows=2)
    house.answer_all(batch_id, {"Ada": "given"})
    house.collect(batch_id)
    for key, attempts, state in (("tried", 2, "intended"), ("new", 0, "intended"), ("refused", 1, "failed")):
        house.execute(
            "INSERT INTO operations (batch_id, kind, hit_id, assignment_id, key, arguments, attempts, status)"
            " SELECT :id, 'bonus', hit_id, id, :key, '{}', :attempts, :state FROM assignments ORDER BY id LIMIT 1",
            id=batch_id,
            key=key,
            attempts=attempts,
            state=state,
        )
    house.execute(
        "INSERT INTO payments (batch_id, hit_id, assignment_id, operation_id, kind, status, amount_usd)"
        " SELECT batch_id, hit_id, assignment_id, id, 'bonus', 'owed', 0.50 FROM operations WHERE kind = 'bonus'"
    )
    house.execute("UPDATE batches SET status = 'stopping'")
    assert give_up(house, batch_id).bonuses_assumed_paid == 1
    stages.run_consensus(house.runtime, batch_id)
    assert status(house) == "stopped"
    assert paid(house) == 2 * PRICE + Decimal("0.50")
    assert waiting(house, batch_id).unspent_usd == 0


# --- at the end -------------------------------------------------------------------------------------------------------


def one_step(house: House, batch_id: BatchId, rng: random.Random) -> None:
    """Something that happens to a Batch. What cannot happen now does not."""
    try:
        match rng.choice(
            ["answer", "answer", "answer", "accept", "collect", "review", "publish", "trouble", "pause", "resume"]
        ):
            case "answer":
                house.answer(
                    rng.choice("ABCDEF") + "nn",
                    some_hit(house, rng),
                    lambda _: rng.choice(["given", "guessed", "both"]),
                )
            case "accept":
                hit = house.one(
                    "SELECT h.*, g.hit_type_id FROM hits AS h JOIN hit_groups AS g ON g.id = h.group_id WHERE h.id = :id",
                    id=some_hit(house, rng),
                )
                house.browser(rng.choice("ABCDEF") + "nn").accept(hit.hit_type_id, hit.marketplace_hit_id)
            case "collect":
                house.collect(batch_id)
            case "review":
                stages.run_review(house.runtime, batch_id)
            case "publish":
                house.publish(batch_id)
            case "trouble":
                operation = rng.choice(["ApproveAssignment", "CreateHITWithHITType", "UpdateExpirationForHIT"])
                house.wire.lose_reply[operation] += 1
            case "pause":
                with house.database.transaction() as db:
                    batches.pause(db, batch_id, by="rita")
            case "resume":
                with house.database.transaction() as db:
                    batches.resume(db, batch_id, by="rita")
    except (ServiceError, AssertionError, LookupError, IntegrityError, ValueError, AttributeError):
        """A Worker who has no HIT left, a page that is gone: part of the day."""


def some_hit(house: House, rng: random.Random) -> int:
    hits: list[Any] = house.rows("SELECT id FROM hits WHERE status = 'live' ORDER BY id")
    return int(rng.choice(hits).id) if hits else 0


@pytest.mark.timeout(600)
@pytest.mark.parametrize("seed", range(5))
def test_whatever_happened_before_a_batch_that_is_over_has_nothing_reserved(house: House, seed: int) -> None:
    rng = random.Random(seed)
    batch_id = house.draft(
        rows=rng.randint(1, 4),
        assignments_per_item=rng.randint(1, 4),
        quorum=1,
        items_per_hit=rng.randint(1, 2),
        assignment_duration_s=30,
        lifetime_s=60,
    )
    house.launch(batch_id)
    for _ in range(rng.randint(3, 14)):
        one_step(house, batch_id, rng)
    try:
        stop(house, batch_id)
    except ServiceError:
        assert status(house) == "done"  # everything was answered before
    deadline = time.monotonic() + 300
    while status(house) not in {"stopped", "done"} and time.monotonic() < deadline:
        minutes_pass(house)
        house.publish(batch_id)
        house.collect(batch_id)
        time.sleep(0.2)
    assert status(house) in {"stopped", "done"}, waiting(house, batch_id).sentences
    assert committed(house) == paid(house)
    assert house.rows("SELECT 1 FROM operations WHERE status IN ('intended', 'acting', 'failed')") == []
    balance = house.marketplace.client.get_account_balance()
    assert Decimal("10000.00") - Decimal(balance["AvailableBalance"]) == paid(house)
    assert Decimal(balance["OnHoldBalance"]) == 0


def minutes_pass(house: House) -> None:
    """For operations: leases and pauses are over, and what was called long ago is listed."""
    house.execute(
        "UPDATE operations SET first_attempt_at = first_attempt_at - interval '9 min',"
        " not_before = not_before - interval '9 min', lease_until = lease_until - interval '9 min'"
        " WHERE status IN ('intended', 'acting')"
    )
