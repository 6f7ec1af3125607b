"""The life of a HIT (mturk-facts §2.1, §3.1, §3.3): its states, its counters, its tokens and what each verb demands."""

from collections.abc import Callable
from datetime import datetime, timedelta
from typing import TYPE_CHECKING, Any

import pytest

from tests.contract.conftest import Post
from tests.contract.inputs import EXTERNAL, NOWHERE, fresh, hit_input, publish, type_input
from tests.contract.refusing import INVALID, refused
from tests.marketplace.people import Browser, expire_now

if TYPE_CHECKING:
    from mypy_boto3_mturk import MTurkClient

# One process for all of them: they share a marketplace, and the table counts what all of them sent.
pytestmark = pytest.mark.xdist_group("contract")

Enrol = Callable[[str], Browser]
LetPass = Callable[..., None]


def state(mturk: "MTurkClient", hit_id: str) -> tuple[str, int, int, int]:
    """HITStatus and the numbers available, pending and completed."""
    hit = mturk.get_hit(HITId=hit_id)["HIT"]
    return (
        hit["HITStatus"],
        hit["NumberOfAssignmentsAvailable"],
        hit["NumberOfAssignmentsPending"],
        hit["NumberOfAssignmentsCompleted"],
    )


def test_a_new_hit_echoes_what_it_was_made_of(mturk: "MTurkClient") -> None:
    given = hit_input(
        Keywords="birds, labels",
        RequesterAnnotation="batch 7",
        AutoApprovalDelayInSeconds=3600,
        MaxAssignments=3,
        Reward="0.5",
        QualificationRequirements=[
            {
                "QualificationTypeId": "00000000000000000071",
                "Comparator": "In",
                "LocaleValues": [{"Country": "US", "Subdivision": "CA"}, {"Country": "DE"}],
                "ActionsGuarded": "DiscoverPreviewAndAccept",
            },
            {"QualificationTypeId": "00000000000000000040", "Comparator": "GreaterThan", "IntegerValues": [5]},
            {
                "QualificationTypeId": "000000000000000000L0",
                "Comparator": "Exists",
                "RequiredToPreview": True,
            },
        ],
    )
    hit = mturk.create_hit(**given)["HIT"]
    for name in ("Title", "Description", "Keywords", "RequesterAnnotation", "AutoApprovalDelayInSeconds", "Question"):
        assert hit.get(name) == given[name]
    assert (hit["Reward"], hit["MaxAssignments"], hit["HITStatus"]) == ("0.50", 3, "Assignable")
    assert hit["HITReviewStatus"] == "NotReviewed"
    assert hit["Expiration"] - hit["CreationTime"] == timedelta(seconds=given["LifetimeInSeconds"])
    assert state(mturk, hit["HITId"]) == ("Assignable", 3, 0, 0)
    guards = [(one.get("ActionsGuarded"), one.get("RequiredToPreview")) for one in hit["QualificationRequirements"]]
    assert guards[:2] == [("DiscoverPreviewAndAccept", True), ("Accept", False)]
    assert guards[2][0] == "PreviewAndAccept"
    assert "HITLayoutId" not in hit
    assert "LifetimeInSeconds" not in hit
    assert mturk.get_hit(HITId=hit["HITId"])["HIT"] == hit


def test_what_is_not_given_has_mturks_defaults_or_is_left_out(mturk: "MTurkClient") -> None:
    given = hit_input()
    del given["MaxAssignments"]
    hit = mturk.create_hit(**given)["HIT"]
    assert (hit["MaxAssignments"], hit["AutoApprovalDelayInSeconds"]) == (1, 2_592_000)
    assert not {"Keywords", "RequesterAnnotation"} & hit.keys()
    assert hit["QualificationRequirements"] == []


@pytest.mark.parametrize(
    "changed",
    [
        {"Title": "Another title"},
        {"Description": "Another description"},
        {"Keywords": "more"},
        {"Reward": "0.06"},
        {"AssignmentDurationInSeconds": 601},
        {"AutoApprovalDelayInSeconds": 1},
        {
            "QualificationRequirements": [
                {"QualificationTypeId": "00000000000000000060", "Comparator": "EqualTo", "IntegerValues": [1]}
            ]
        },
    ],
)
def test_equal_values_are_one_hit_type_and_any_other_value_makes_another(
    mturk: "MTurkClient", changed: dict[str, Any]
) -> None:
    given = type_input()
    first = mturk.create_hit_type(**given)["HITTypeId"]
    assert mturk.create_hit_type(**given)["HITTypeId"] == first
    assert mturk.create_hit_type(**{**given, **changed})["HITTypeId"] != first


@pytest.mark.parametrize(
    ("given", "echoed"),
    [
        ({}, ("Accept", False)),
        ({"RequiredToPreview": False}, ("Accept", False)),
        ({"RequiredToPreview": True}, ("PreviewAndAccept", True)),
        ({"ActionsGuarded": "PreviewAndAccept"}, ("PreviewAndAccept", True)),
        ({"ActionsGuarded": "DiscoverPreviewAndAccept"}, ("DiscoverPreviewAndAccept", True)),
    ],
)
def test_the_old_word_and_the_new_word_for_a_guard_are_both_echoed(
    given: dict[str, Any], echoed: tuple[str, bool], mturk: "MTurkClient"
) -> None:
    required: Any = {"QualificationTypeId": "00000000000000000060", "Comparator": "Exists", **given}
    type_id = mturk.create_hit_type(**type_input(QualificationRequirements=[required]))["HITTypeId"]
    hit = mturk.create_hit_with_hit_type(HITTypeId=type_id, LifetimeInSeconds=60, Question=EXTERNAL)["HIT"]
    (shown,) = hit["QualificationRequirements"]
    assert (shown.get("ActionsGuarded"), shown.get("RequiredToPreview")) == echoed


def test_hits_of_one_type_share_a_group_whatever_their_annotation(mturk: "MTurkClient") -> None:
    given = hit_input()
    one = mturk.create_hit(**given, RequesterAnnotation="one")["HIT"]
    two = mturk.create_hit(**{**given, "MaxAssignments": 1}, RequesterAnnotation="two")["HIT"]
    type_id = one["HITTypeId"]
    three = mturk.create_hit_with_hit_type(
        HITTypeId=type_id,
        LifetimeInSeconds=60,
        Question=EXTERNAL,
        MaxAssignments=2,
        RequesterAnnotation="three",
        UniqueRequestToken=fresh(),
    )["HIT"]
    assert len({(hit["HITTypeId"], hit["HITGroupId"]) for hit in (one, two, three)}) == 1
    assert len({hit["HITId"] for hit in (one, two, three)}) == 3
    assert (three["Title"], three["Reward"]) == (one["Title"], one["Reward"])
    with refused("HITTypeDoesNotExist", "does not exist"):
        mturk.create_hit_with_hit_type(HITTypeId=NOWHERE, LifetimeInSeconds=60, Question=EXTERNAL)


def test_a_hit_needs_a_question_and_not_two(mturk: "MTurkClient") -> None:
    given = hit_input()
    with refused(INVALID):
        mturk.create_hit(**given, HITLayoutId=NOWHERE)
    del given["Question"]
    with refused(INVALID):
        mturk.create_hit(**given)


@pytest.mark.parametrize("operation", ["create_hit", "create_hit_with_hit_type"])
def test_a_token_makes_one_hit_for_a_day(operation: str, mturk: "MTurkClient", let_pass: LetPass, post: Post) -> None:
    token = fresh()
    given = hit_input()
    if operation == "create_hit_with_hit_type":
        given = {
            "HITTypeId": mturk.create_hit_type(**type_input())["HITTypeId"],
            "LifetimeInSeconds": 60,
            "Question": EXTERNAL,
        }
    create: Callable[..., Any] = getattr(mturk, operation)
    hit_id = create(**given, UniqueRequestToken=token)["HIT"]["HITId"]
    with refused("HitAlreadyExists", hit_id):
        create(**given, UniqueRequestToken=token)
    let_pass(hours=23)
    with refused("HitAlreadyExists", hit_id):
        create(**given, UniqueRequestToken=token)
    let_pass(hours=2)
    assert create(**given, UniqueRequestToken=token)["HIT"]["HITId"] != hit_id


def test_a_hit_that_is_not_there_does_not_exist_for_any_operation(mturk: "MTurkClient", post: Post) -> None:
    for operation, more in (
        ("GetHIT", {}),
        ("DeleteHIT", {}),
        ("UpdateExpirationForHIT", {"ExpireAt": 0}),
        ("CreateAdditionalAssignmentsForHIT", {"NumberOfAdditionalAssignments": 1}),
        ("UpdateHITReviewStatus", {"Revert": True}),
        ("ListAssignmentsForHIT", {}),
        ("ListReviewPolicyResultsForHIT", {}),
        ("ListBonusPayments", {}),
    ):
        for id in (NOWHERE, "A", "3" * 64):
            answer = post(operation, {"HITId": id, **more})
            assert (answer.type, answer.code) == ("RequestError", "HITDoesNotExist"), (operation, answer)
            assert answer.message.startswith(f"Hit {id} does not exist.")


def test_counters_and_states_follow_the_assignments(mturk: "MTurkClient", worker: Enrol) -> None:
    # The example of mturk-facts §3.1, to the number.
    hit = publish(mturk, MaxAssignments=5)
    people = [worker(f"Worker {number}") for number in range(6)]
    hit_id, type_id = hit["HITId"], hit["HITTypeId"]
    held = [one.accept(type_id, hit_id) for one in people[:3]]
    assert state(mturk, hit_id) == ("Assignable", 2, 3, 0)
    held += [one.accept(type_id, hit_id) for one in people[3:5]]
    assert state(mturk, hit_id) == ("Unassignable", 0, 5, 0)
    for one, assignment_id in zip(people[:2], held[:2], strict=True):
        one.submit(assignment_id)
    assert state(mturk, hit_id) == ("Unassignable", 0, 3, 0)
    people[2].post(f"/assignments/{held[2]}/return")
    assert state(mturk, hit_id) == ("Assignable", 1, 2, 0)
    people[3].submit(held[3])
    people[4].submit(held[4])
    people[5].work(type_id, hit_id)
    assert state(mturk, hit_id) == ("Reviewable", 0, 0, 0)
    mturk.approve_assignment(AssignmentId=held[0])
    mturk.reject_assignment(AssignmentId=held[1], RequesterFeedback="No bird")
    assert state(mturk, hit_id) == ("Reviewable", 0, 0, 2)


def test_abandoned_work_opens_its_place_again(mturk: "MTurkClient", ada: Browser, let_pass: LetPass) -> None:
    hit = publish(mturk, MaxAssignments=1, AssignmentDurationInSeconds=60)
    ada.accept(hit["HITTypeId"], hit["HITId"])
    assert state(mturk, hit["HITId"]) == ("Unassignable", 0, 1, 0)
    let_pass(seconds=90)
    assert state(mturk, hit["HITId"]) == ("Assignable", 1, 0, 0)


def test_an_expired_hit_is_reviewable_once_nothing_is_pending_and_keeps_its_free_places(
    mturk: "MTurkClient", ada: Browser, let_pass: LetPass
) -> None:
    hit = publish(mturk, MaxAssignments=3, LifetimeInSeconds=60, AssignmentDurationInSeconds=600)
    assignment_id = ada.accept(hit["HITTypeId"], hit["HITId"])
    let_pass(seconds=90)
    assert state(mturk, hit["HITId"])[0] == "Unassignable"
    assert ada.submit(assignment_id).status_code == 200
    assert state(mturk, hit["HITId"]) == ("Reviewable", 2, 0, 0)


def test_work_is_refused_after_its_own_deadline(mturk: "MTurkClient", ada: Browser, let_pass: LetPass) -> None:
    hit = publish(mturk, MaxAssignments=1, AssignmentDurationInSeconds=60)
    assignment_id = ada.accept(hit["HITTypeId"], hit["HITId"])
    let_pass(seconds=90)
    assert 400 <= ada.submit(assignment_id).status_code < 500
    assert mturk.list_assignments_for_hit(HITId=hit["HITId"])["NumResults"] == 0
    assert state(mturk, hit["HITId"]) == ("Assignable", 1, 0, 0)


def test_a_worker_answers_a_hit_once(mturk: "MTurkClient", ada: Browser) -> None:
    hit = publish(mturk)
    assignment_id = ada.work(hit["HITTypeId"], hit["HITId"])
    shown = ada.post(f"/projects/{hit['HITTypeId']}/tasks/{hit['HITId']}/accept")
    assert "/assignments/" not in str(shown.url)
    assert 400 <= ada.submit(assignment_id).status_code < 500
    assert state(mturk, hit["HITId"]) == ("Assignable", 4, 0, 0)


def test_a_place_that_is_returned_after_the_end_is_lost(mturk: "MTurkClient", ada: Browser, let_pass: LetPass) -> None:
    hit = publish(mturk, MaxAssignments=1, LifetimeInSeconds=60)
    assignment_id = ada.accept(hit["HITTypeId"], hit["HITId"])
    let_pass(seconds=90)
    ada.post(f"/assignments/{assignment_id}/return")
    assert state(mturk, hit["HITId"]) == ("Reviewable", 1, 0, 0)


def test_expiring_takes_zero_the_past_and_a_reviewable_hit(mturk: "MTurkClient", post: Post) -> None:
    hit = publish(mturk)
    expire_now(mturk, hit["HITId"])
    assert state(mturk, hit["HITId"]) == ("Reviewable", 5, 0, 0)
    mturk.update_expiration_for_hit(HITId=hit["HITId"], ExpireAt=datetime(2001, 1, 1))  # noqa: DTZ001 - scripts send it so
    assert post("UpdateExpirationForHIT", {"HITId": hit["HITId"], "ExpireAt": 1.5}).status == 200


def test_a_lifetime_is_extended_by_a_minute_to_a_year_and_never_shortened(mturk: "MTurkClient") -> None:
    hit = publish(mturk)
    ends = hit["Expiration"]
    for change in (timedelta(seconds=-60), timedelta(seconds=59), timedelta(days=365, seconds=1)):
        with refused(INVALID, "ExpirationIncrementInSeconds"):
            mturk.update_expiration_for_hit(HITId=hit["HITId"], ExpireAt=ends + change)
    mturk.update_expiration_for_hit(HITId=hit["HITId"], ExpireAt=ends + timedelta(seconds=61))
    with pytest.raises(mturk.exceptions.RequestError, match="has already been processed"):
        mturk.update_expiration_for_hit(HITId=hit["HITId"], ExpireAt=ends + timedelta(seconds=61))
    longest = mturk.get_hit(HITId=hit["HITId"])["HIT"]["Expiration"] + timedelta(days=365)
    mturk.update_expiration_for_hit(HITId=hit["HITId"], ExpireAt=longest)
    assert mturk.get_hit(HITId=hit["HITId"])["HIT"]["Expiration"] == longest


def test_extending_an_expired_hit_opens_it_again(mturk: "MTurkClient", ada: Browser) -> None:
    hit = publish(mturk)
    expire_now(mturk, hit["HITId"])
    mturk.update_expiration_for_hit(HITId=hit["HITId"], ExpireAt=hit["Expiration"] + timedelta(days=2))
    assert state(mturk, hit["HITId"]) == ("Assignable", 5, 0, 0)
    ada.work(hit["HITTypeId"], hit["HITId"])


def test_more_assignments_open_a_full_hit_again(mturk: "MTurkClient", ada: Browser) -> None:
    hit = publish(mturk, MaxAssignments=1)
    ada.work(hit["HITTypeId"], hit["HITId"])
    assert state(mturk, hit["HITId"])[0] == "Reviewable"
    token = fresh()
    mturk.create_additional_assignments_for_hit(
        HITId=hit["HITId"], NumberOfAdditionalAssignments=2, UniqueRequestToken=token
    )
    assert state(mturk, hit["HITId"]) == ("Assignable", 2, 0, 0)
    with pytest.raises(mturk.exceptions.RequestError, match="has already been processed"):
        mturk.create_additional_assignments_for_hit(
            HITId=hit["HITId"], NumberOfAdditionalAssignments=2, UniqueRequestToken=token
        )
    assert mturk.get_hit(HITId=hit["HITId"])["HIT"]["MaxAssignments"] == 3


@pytest.mark.parametrize(("first", "more", "works"), [(9, 1, False), (1, 9, False), (8, 1, True), (10, 5, True)])
def test_a_hit_of_fewer_than_ten_may_not_reach_ten(first: int, more: int, works: bool, mturk: "MTurkClient") -> None:
    hit = publish(mturk, MaxAssignments=first)
    if works:
        mturk.create_additional_assignments_for_hit(HITId=hit["HITId"], NumberOfAdditionalAssignments=more)
        assert mturk.get_hit(HITId=hit["HITId"])["HIT"]["MaxAssignments"] == first + more
        return
    with refused("InvalidMaximumAssignmentsIncrease"):
        mturk.create_additional_assignments_for_hit(HITId=hit["HITId"], NumberOfAdditionalAssignments=more)


def test_additional_assignments_are_at_least_one(post: Post, mturk: "MTurkClient") -> None:
    hit_id = publish(mturk)["HITId"]
    for wrong in (0, -1, 1_000_000_001):
        answer = post("CreateAdditionalAssignmentsForHIT", {"HITId": hit_id, "NumberOfAdditionalAssignments": wrong})
        assert answer.status == 400
        assert answer.type == "ParameterValidationError"


def test_only_a_reviewable_hit_whose_work_is_decided_is_deleted(mturk: "MTurkClient", ada: Browser) -> None:
    hit = publish(mturk, MaxAssignments=2)
    hit_id = hit["HITId"]
    with refused("InvalidHITState", "This HIT is currently in the state 'Assignable'."):
        mturk.delete_hit(HITId=hit_id)
    assignment_id = ada.accept(hit["HITTypeId"], hit_id)
    expire_now(mturk, hit_id)
    with refused("InvalidHITState", "This HIT is currently in the state 'Unassignable'."):
        mturk.delete_hit(HITId=hit_id)
    ada.submit(assignment_id)
    with refused("InvalidHITState"):
        mturk.delete_hit(HITId=hit_id)
    mturk.reject_assignment(AssignmentId=assignment_id, RequesterFeedback="")
    mturk.delete_hit(HITId=hit_id)
    with refused("InvalidHITState", "This HIT is currently in the state 'Disposed'."):
        mturk.delete_hit(HITId=hit_id)
    pages = mturk.get_paginator("list_hits").paginate(PaginationConfig={"PageSize": 100})
    assert hit_id not in {one["HITId"] for page in pages for one in page["HITs"]}
    with refused("InvalidHITState"):
        mturk.approve_assignment(AssignmentId=assignment_id, OverrideRejection=True)


def test_reviewing_is_entered_from_reviewable_and_left_by_revert_alone(mturk: "MTurkClient") -> None:
    hit_id = publish(mturk)["HITId"]
    for revert in (False, True):
        with refused("InvalidHITState"):
            mturk.update_hit_review_status(HITId=hit_id, Revert=revert)
    expire_now(mturk, hit_id)
    with refused("InvalidHITState"):
        mturk.update_hit_review_status(HITId=hit_id, Revert=True)
    mturk.update_hit_review_status(HITId=hit_id)
    assert state(mturk, hit_id)[0] == "Reviewing"
    with refused("InvalidHITState"):
        mturk.update_hit_review_status(HITId=hit_id)
    mturk.update_hit_review_status(HITId=hit_id, Revert=True)
    assert state(mturk, hit_id)[0] == "Reviewable"
    mturk.update_hit_review_status(HITId=hit_id, Revert=False)
    # Out of Reviewing too, says the text of the real service's own error.
    mturk.delete_hit(HITId=hit_id)


def test_reviewable_hits_are_listed_by_type_and_status(mturk: "MTurkClient") -> None:
    given = hit_input()
    reviewable, reviewing, open_one = (mturk.create_hit(**given)["HIT"] for _ in range(3))
    for hit in (reviewable, reviewing):
        expire_now(mturk, hit["HITId"])
    mturk.update_hit_review_status(HITId=reviewing["HITId"])
    type_id = open_one["HITTypeId"]

    def listed(**given: Any) -> list[str]:
        return [one["HITId"] for one in mturk.list_reviewable_hits(HITTypeId=type_id, **given)["HITs"]]

    assert listed() == listed(Status="Reviewable") == [reviewable["HITId"]]
    assert listed(Status="Reviewing") == [reviewing["HITId"]]


def test_a_hit_takes_all_values_of_another_type(mturk: "MTurkClient") -> None:
    hit = publish(mturk, Keywords="old")
    other = mturk.create_hit_type(**type_input(Keywords="new", AssignmentDurationInSeconds=77))["HITTypeId"]
    mturk.update_hit_type_of_hit(HITId=hit["HITId"], HITTypeId=other)
    moved = mturk.get_hit(HITId=hit["HITId"])["HIT"]
    assert (moved["HITTypeId"], moved["Keywords"], moved["AssignmentDurationInSeconds"]) == (other, "new", 77)
    assert moved["HITGroupId"] != hit["HITGroupId"]
    assert moved["Question"] == hit["Question"]
    with refused("HITTypeDoesNotExist"):
        mturk.update_hit_type_of_hit(HITId=hit["HITId"], HITTypeId=NOWHERE)
    with refused("HITDoesNotExist"):
        mturk.update_hit_type_of_hit(HITId=NOWHERE, HITTypeId=other)


def test_after_120_days_a_hit_and_its_work_are_gone(mturk: "MTurkClient", ada: Browser, let_pass: LetPass) -> None:
    hit = publish(mturk, MaxAssignments=1)
    assignment_id = ada.work(hit["HITTypeId"], hit["HITId"])
    mturk.approve_assignment(AssignmentId=assignment_id)
    let_pass(days=121)
    with refused("HITDoesNotExist"):
        mturk.get_hit(HITId=hit["HITId"])
    with refused("AssignmentDoesNotExist"):
        mturk.get_assignment(AssignmentId=assignment_id)
