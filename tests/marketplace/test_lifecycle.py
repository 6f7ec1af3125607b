"""The table of mturk-facts.md §3.1, first as rules, then over the wire."""

from collections.abc import Callable
from datetime import UTC, datetime, timedelta
from typing import TYPE_CHECKING

import pytest
from botocore.exceptions import ClientError
from sqlalchemy import update

from app.db.engine import Database
from app.marketplace import bookkeeping
from app.marketplace.lifecycle import Counts, hit_status, slots_to_reserve
from app.marketplace.store import HITStatus, Requester
from tests.marketplace.conftest import MovedClock
from tests.marketplace.people import Browser, expire_now, publish, turk_code

if TYPE_CHECKING:
    from mypy_boto3_mturk import MTurkClient

ASSIGNABLE, UNASSIGNABLE, REVIEWABLE = HITStatus.ASSIGNABLE, HITStatus.UNASSIGNABLE, HITStatus.REVIEWABLE


@pytest.mark.parametrize(
    ("counts", "expired", "status", "slots"),
    [
        (Counts(5, 0, 0, 0, 0), False, ASSIGNABLE, 5),
        (Counts(5, 3, 0, 0, 0), False, ASSIGNABLE, 5),
        (Counts(5, 3, 2, 0, 0), False, UNASSIGNABLE, 5),
        (Counts(5, 2, 2, 0, 0), False, ASSIGNABLE, 5),
        (Counts(5, 0, 5, 0, 0), False, REVIEWABLE, 5),
        (Counts(5, 0, 2, 2, 1), False, REVIEWABLE, 2),
        (Counts(5, 1, 1, 0, 0), True, UNASSIGNABLE, 2),
        (Counts(5, 0, 1, 0, 0), True, REVIEWABLE, 1),
        (Counts(5, 0, 0, 0, 0), True, REVIEWABLE, 0),
    ],
)
def test_counts_and_time_give_the_status_and_what_to_hold(
    counts: Counts, expired: bool, status: HITStatus, slots: int
) -> None:
    assert hit_status(ASSIGNABLE, counts, expired=expired) is status
    assert slots_to_reserve(status, counts, expired=expired) == slots


def test_reviewing_stays_until_there_is_work_again_and_disposed_stays_for_ever() -> None:
    done, opened = Counts(1, 0, 1, 0, 0), Counts(2, 0, 1, 0, 0)
    assert hit_status(HITStatus.REVIEWING, done, expired=False) is HITStatus.REVIEWING
    assert hit_status(HITStatus.REVIEWING, opened, expired=False) is ASSIGNABLE
    assert hit_status(HITStatus.DISPOSED, opened, expired=False) is HITStatus.DISPOSED


def state(mturk: "MTurkClient", hit_id: str) -> tuple[str, int, int, int]:
    """HITStatus, available, pending, completed."""
    hit = mturk.get_hit(HITId=hit_id)["HIT"]
    return (
        hit["HITStatus"],
        hit["NumberOfAssignmentsAvailable"],
        hit["NumberOfAssignmentsPending"],
        hit["NumberOfAssignmentsCompleted"],
    )


def test_the_counters_follow_the_developer_guides_example(
    mturk: "MTurkClient", worker: Callable[[str], Browser]
) -> None:
    hit = publish(mturk, MaxAssignments=5)
    hit_id, hit_type_id = hit["HITId"], hit["HITTypeId"]
    assert state(mturk, hit_id) == ("Assignable", 5, 0, 0)
    workers = [worker(f"Worker {number}") for number in range(5)]
    taken = [one.accept(hit_type_id) for one in workers[:3]]
    assert state(mturk, hit_id) == ("Assignable", 2, 3, 0)
    taken += [one.accept(hit_type_id) for one in workers[3:]]
    for one, assignment_id in zip(workers[:2], taken[:2], strict=True):
        one.submit(assignment_id)
    assert state(mturk, hit_id) == ("Unassignable", 0, 3, 0)
    workers[4].post(f"/assignments/{taken[4]}/return")
    assert state(mturk, hit_id) == ("Assignable", 1, 2, 0)
    taken[4] = workers[4].accept(hit_type_id)
    for one, assignment_id in zip(workers[2:], taken[2:], strict=True):
        one.submit(assignment_id)
    assert state(mturk, hit_id) == ("Reviewable", 0, 0, 0)
    mturk.approve_assignment(AssignmentId=taken[0])
    mturk.reject_assignment(AssignmentId=taken[1], RequesterFeedback="")
    assert state(mturk, hit_id) == ("Reviewable", 0, 0, 2)


def test_an_expired_hit_takes_the_answers_of_those_who_had_accepted(
    mturk: "MTurkClient", worker: Callable[[str], Browser], clock: MovedClock
) -> None:
    hit = publish(mturk, LifetimeInSeconds=60, AssignmentDurationInSeconds=600)
    ada, bob = worker("Ada"), worker("Bob")
    ada_has = ada.accept(hit["HITTypeId"])
    bob_has = bob.accept(hit["HITTypeId"])
    clock.advance(seconds=120)
    assert state(mturk, hit["HITId"]) == ("Unassignable", 3, 2, 0)
    assert ada.submit(ada_has).status_code == 200
    clock.advance(seconds=600)
    late = bob.submit(bob_has)
    assert late.status_code == 409
    assert "time for this assignment is over" in late.text
    assert state(mturk, hit["HITId"]) == ("Reviewable", 4, 0, 0)
    assert len(mturk.list_assignments_for_hit(HITId=hit["HITId"])["Assignments"]) == 1


def test_an_expired_hit_does_not_come_to_life_when_a_clock_is_behind(
    mturk: "MTurkClient", worker: Callable[[str], Browser], clock: MovedClock, database: Database
) -> None:
    hit = publish(mturk, LifetimeInSeconds=60, AssignmentDurationInSeconds=600)
    ada = worker("Ada")
    assignment_id = ada.accept(hit["HITTypeId"])
    clock.advance(seconds=61)
    assert state(mturk, hit["HITId"])[0] == "Unassignable"
    with database.transaction() as db:
        # What was released by it has been spent since.
        db.execute(update(Requester).values(available_usd=0))
    clock.advance(seconds=-61)
    assert ada.submit(assignment_id).status_code == 200
    assert state(mturk, hit["HITId"])[0] == "Reviewable"
    assert mturk.get_account_balance()["AvailableBalance"] == "0.00"


def test_an_abandoned_assignment_is_offered_again(
    mturk: "MTurkClient", worker: Callable[[str], Browser], clock: MovedClock
) -> None:
    hit = publish(mturk, MaxAssignments=1, AssignmentDurationInSeconds=60)
    ada, bob = worker("Ada"), worker("Bob")
    ada.accept(hit["HITTypeId"])
    assert state(mturk, hit["HITId"]) == ("Unassignable", 0, 1, 0)
    clock.advance(seconds=61)
    assert state(mturk, hit["HITId"]) == ("Assignable", 1, 0, 0)
    bob.work(hit["HITTypeId"])
    assert state(mturk, hit["HITId"]) == ("Reviewable", 0, 0, 0)


def test_expire_at_zero_ends_the_lifetime_and_a_future_time_extends_it(mturk: "MTurkClient") -> None:
    hit = publish(mturk)
    expire_now(mturk, hit["HITId"])
    assert state(mturk, hit["HITId"])[0] == "Reviewable"
    expire_now(mturk, hit["HITId"])
    mturk.update_expiration_for_hit(HITId=hit["HITId"], ExpireAt=datetime.now(UTC) + timedelta(hours=2))
    assert state(mturk, hit["HITId"])[0] == "Assignable"


def test_a_naive_expiry_is_read_as_utc(mturk: "MTurkClient") -> None:
    hit = publish(mturk)
    at = (datetime.now(UTC) + timedelta(days=800)).replace(tzinfo=None)  # what many scripts send
    with pytest.raises(ClientError, match="ExpirationIncrementInSeconds"):
        mturk.update_expiration_for_hit(HITId=hit["HITId"], ExpireAt=at)
    soon = (datetime.now(UTC) + timedelta(days=3)).replace(tzinfo=None)
    mturk.update_expiration_for_hit(HITId=hit["HITId"], ExpireAt=soon)
    assert abs(mturk.get_hit(HITId=hit["HITId"])["HIT"]["Expiration"] - soon.replace(tzinfo=UTC)) < timedelta(seconds=1)


def test_an_expiry_is_never_brought_forward_to_a_future_time(mturk: "MTurkClient") -> None:
    hit = publish(mturk, LifetimeInSeconds=3600)
    with pytest.raises(ClientError, match="ExpirationIncrementInSeconds") as refused:
        mturk.update_expiration_for_hit(HITId=hit["HITId"], ExpireAt=datetime.now(UTC) + timedelta(minutes=10))
    assert refused.value.response["Error"]["Code"] == "ParameterValidationError"


def test_the_same_extension_is_refused_the_second_time(mturk: "MTurkClient") -> None:
    hit = publish(mturk)
    at = datetime.now(UTC) + timedelta(hours=3)
    mturk.update_expiration_for_hit(HITId=hit["HITId"], ExpireAt=at)
    with pytest.raises(mturk.exceptions.RequestError, match="has already been processed"):
        mturk.update_expiration_for_hit(HITId=hit["HITId"], ExpireAt=at)


def test_more_assignments_reopen_a_finished_hit_but_never_cross_ten(
    mturk: "MTurkClient", worker: Callable[[str], Browser]
) -> None:
    hit = publish(mturk, MaxAssignments=1)
    worker("Ada").work(hit["HITTypeId"])
    assert state(mturk, hit["HITId"])[0] == "Reviewable"
    with pytest.raises(mturk.exceptions.RequestError) as refused:
        mturk.create_additional_assignments_for_hit(HITId=hit["HITId"], NumberOfAdditionalAssignments=9)
    assert turk_code(refused.value) == "AWS.MechanicalTurk.InvalidMaximumAssignmentsIncrease"
    mturk.create_additional_assignments_for_hit(
        HITId=hit["HITId"], NumberOfAdditionalAssignments=8, UniqueRequestToken="more"
    )
    assert state(mturk, hit["HITId"]) == ("Assignable", 8, 0, 0)
    with pytest.raises(mturk.exceptions.RequestError, match="already been processed"):
        mturk.create_additional_assignments_for_hit(
            HITId=hit["HITId"], NumberOfAdditionalAssignments=8, UniqueRequestToken="more"
        )
    assert state(mturk, hit["HITId"]) == ("Assignable", 8, 0, 0)


def test_a_reviewable_hit_is_marked_reviewing_and_back_and_nothing_else(mturk: "MTurkClient") -> None:
    hit_id = publish(mturk)["HITId"]
    with pytest.raises(mturk.exceptions.RequestError, match="currently in the state 'Assignable'"):
        mturk.update_hit_review_status(HITId=hit_id)
    expire_now(mturk, hit_id)
    mturk.update_hit_review_status(HITId=hit_id)
    assert [hit["HITId"] for hit in mturk.list_reviewable_hits(Status="Reviewing")["HITs"]] == [hit_id]
    assert mturk.list_reviewable_hits()["HITs"] == []
    with pytest.raises(mturk.exceptions.RequestError):
        mturk.update_hit_review_status(HITId=hit_id)
    mturk.update_hit_review_status(HITId=hit_id, Revert=True)
    assert [hit["HITId"] for hit in mturk.list_reviewable_hits()["HITs"]] == [hit_id]


def test_only_a_reviewable_hit_with_all_work_decided_is_deleted(
    mturk: "MTurkClient", worker: Callable[[str], Browser]
) -> None:
    hit = publish(mturk, MaxAssignments=1)
    with pytest.raises(mturk.exceptions.RequestError, match="currently in the state 'Assignable'") as refused:
        mturk.delete_hit(HITId=hit["HITId"])
    assert turk_code(refused.value) == "AWS.MechanicalTurk.InvalidHITState"
    assignment_id = worker("Ada").work(hit["HITTypeId"])
    with pytest.raises(mturk.exceptions.RequestError, match="neither approved nor rejected"):
        mturk.delete_hit(HITId=hit["HITId"])
    mturk.reject_assignment(AssignmentId=assignment_id, RequesterFeedback="Empty")
    mturk.delete_hit(HITId=hit["HITId"])
    assert mturk.list_hits()["HITs"] == []
    with pytest.raises(mturk.exceptions.RequestError, match="'Disposed'"):
        mturk.delete_hit(HITId=hit["HITId"])
    with pytest.raises(mturk.exceptions.RequestError, match="Disposed"):
        mturk.approve_assignment(AssignmentId=assignment_id, OverrideRejection=True)


def test_a_request_settles_a_part_of_a_pile_and_the_timer_the_rest(
    mturk: "MTurkClient", database: Database, clock: MovedClock
) -> None:
    for number in range(5):
        publish(mturk, Title=f"number {number}")
    # The marketplace's own clock stays, or its timer might come first.
    now = clock() + timedelta(hours=2)
    assert bookkeeping.settle(database, now, rounds=2, at_once=2) == 4
    assert bookkeeping.settle(database, now, rounds=None, at_once=2) == 1
    assert bookkeeping.settle(database, now, rounds=None) == 0
