"""UpdateHITTypeOfHIT: the HIT takes all values of the new type, and the money on hold follows to the cent."""

from collections.abc import Callable
from typing import TYPE_CHECKING, Any

import pytest

from tests.marketplace.people import Browser, expire_now, publish, turk_code
from tests.marketplace.test_reviewing import balance

if TYPE_CHECKING:
    from mypy_boto3_mturk import MTurkClient


def other_type(mturk: "MTurkClient", **changed: Any) -> str:
    values: dict[str, Any] = {
        "Title": "Another title",
        "Description": "Another description",
        "Keywords": "other, words",
        "Reward": "0.05",
        "AssignmentDurationInSeconds": 120,
        "AutoApprovalDelayInSeconds": 60,
        **changed,
    }
    return mturk.create_hit_type(**values)["HITTypeId"]


def change(mturk: "MTurkClient", hit_id: str, hit_type_id: str) -> None:
    mturk.update_hit_type_of_hit(HITId=hit_id, HITTypeId=hit_type_id)


def test_the_hit_takes_every_value_of_its_new_type_and_keeps_its_own(mturk: "MTurkClient") -> None:
    hit = publish(mturk, RequesterAnnotation="mine")
    new = other_type(mturk)
    change(mturk, hit["HITId"], new)
    shown = mturk.get_hit(HITId=hit["HITId"])["HIT"]
    assert (shown["HITTypeId"], shown["Title"], shown["Keywords"]) == (new, "Another title", "other, words")
    assert (shown["AssignmentDurationInSeconds"], shown["AutoApprovalDelayInSeconds"]) == (120, 60)
    assert shown["HITGroupId"] != hit["HITGroupId"]
    for own in ("Question", "MaxAssignments", "Expiration", "RequesterAnnotation", "CreationTime"):
        assert shown[own] == hit[own]


def test_a_new_reward_is_put_on_hold_exactly_and_paid(mturk: "MTurkClient", worker: Callable[[str], Browser]) -> None:
    hit = publish(mturk, MaxAssignments=2)
    assert balance(mturk) == ("9999.88", "0.12")
    dear = other_type(mturk, Reward="1.00")
    change(mturk, hit["HITId"], dear)
    assert mturk.get_hit(HITId=hit["HITId"])["HIT"]["Reward"] == "1.00"
    assert balance(mturk) == ("9997.60", "2.40")
    mturk.approve_assignment(AssignmentId=worker("Ada").work(dear))
    assert balance(mturk) == ("9997.60", "1.20")
    expire_now(mturk, hit["HITId"])
    assert balance(mturk) == ("9998.80", "0.00")


def test_a_reward_that_the_balance_does_not_cover_changes_nothing(mturk: "MTurkClient") -> None:
    hit = publish(mturk, MaxAssignments=5)
    with pytest.raises(mturk.exceptions.RequestError, match="insufficient funds"):
        change(mturk, hit["HITId"], other_type(mturk, Reward="5000.00"))
    assert mturk.get_hit(HITId=hit["HITId"])["HIT"]["HITTypeId"] == hit["HITTypeId"]
    assert balance(mturk) == ("9999.70", "0.30")


def test_the_reward_stands_once_somebody_works_for_it_but_other_values_change(
    mturk: "MTurkClient", worker: Callable[[str], Browser]
) -> None:
    hit = publish(mturk)
    ada = worker("Ada")
    assignment_id = ada.accept(hit["HITTypeId"])
    with pytest.raises(mturk.exceptions.RequestError, match="reward") as refused:
        change(mturk, hit["HITId"], other_type(mturk, Reward="0.04"))
    assert turk_code(refused.value) == "AWS.MechanicalTurk.InvalidHITState"
    change(mturk, hit["HITId"], other_type(mturk))
    assert ada.submit(assignment_id).status_code == 200
    work = mturk.get_assignment(AssignmentId=assignment_id)
    assert work["HIT"]["Title"] == "Another title"
    assert (work["Assignment"]["AutoApprovalTime"] - work["Assignment"]["SubmitTime"]).total_seconds() == 60
    assert balance(mturk) == ("9999.70", "0.30")


def test_what_does_not_exist_or_is_deleted_is_not_changed(mturk: "MTurkClient") -> None:
    hit = publish(mturk)
    with pytest.raises(mturk.exceptions.RequestError) as unknown:
        change(mturk, hit["HITId"], "3UNKNOWN")
    assert turk_code(unknown.value) == "AWS.MechanicalTurk.HITTypeDoesNotExist"
    with pytest.raises(mturk.exceptions.RequestError) as unknown:
        change(mturk, "3UNKNOWN", hit["HITTypeId"])
    assert turk_code(unknown.value) == "AWS.MechanicalTurk.HITDoesNotExist"
    expire_now(mturk, hit["HITId"])
    change(mturk, hit["HITId"], other_type(mturk))
    assert mturk.get_hit(HITId=hit["HITId"])["HIT"]["HITStatus"] == "Reviewable"
    mturk.delete_hit(HITId=hit["HITId"])
    with pytest.raises(mturk.exceptions.RequestError, match="'Disposed'"):
        change(mturk, hit["HITId"], hit["HITTypeId"])
