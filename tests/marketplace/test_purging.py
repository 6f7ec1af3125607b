"""120 days after it has become Reviewable a HIT is gone for its Requester; Workers keep their history, the books stay."""

from collections.abc import Callable
from datetime import timedelta
from typing import TYPE_CHECKING, Any

import psycopg
import pytest

from tests.marketplace.conftest import MovedClock
from tests.marketplace.people import Browser, expire_now, publish, turk_code
from tests.marketplace.test_plurality import parameters
from tests.marketplace.test_reviewing import balance

if TYPE_CHECKING:
    from mypy_boto3_mturk import MTurkClient

PLURALITY = {
    **parameters(QuestionIds="choice", QuestionAgreementThreshold=50),
    "PolicyName": "SimplePlurality/2011-09-01",
}


def gone(call: Callable[..., Any], mturk: "MTurkClient", **values: Any) -> str:
    with pytest.raises(mturk.exceptions.RequestError) as refused:
        call(**values)
    return turk_code(refused.value).removeprefix("AWS.MechanicalTurk.")


def test_after_120_days_hit_and_answers_do_not_exist_any_more(
    mturk: "MTurkClient", worker: Callable[[str], Browser], clock: MovedClock, database_url: str
) -> None:
    hit = publish(mturk, MaxAssignments=1, HITReviewPolicy=PLURALITY)
    hit_id, ada = hit["HITId"], worker("Ada")
    assignment_id = ada.work(hit["HITTypeId"], choice="secret-answer")
    clock.advance(days=119, hours=23)
    assert mturk.get_hit(HITId=hit_id)["HIT"]["HITStatus"] == "Reviewable"
    assert "secret-answer" in mturk.get_assignment(AssignmentId=assignment_id)["Assignment"]["Answer"]
    clock.advance(hours=1)
    assert gone(mturk.get_hit, mturk, HITId=hit_id) == "HITDoesNotExist"
    assert gone(mturk.delete_hit, mturk, HITId=hit_id) == "HITDoesNotExist"
    assert gone(mturk.list_assignments_for_hit, mturk, HITId=hit_id) == "HITDoesNotExist"
    assert gone(mturk.list_review_policy_results_for_hit, mturk, HITId=hit_id) == "HITDoesNotExist"
    assert gone(mturk.update_hit_type_of_hit, mturk, HITId=hit_id, HITTypeId=hit["HITTypeId"]) == "HITDoesNotExist"
    assert gone(mturk.get_assignment, mturk, AssignmentId=assignment_id) == "AssignmentDoesNotExist"
    assert gone(mturk.approve_assignment, mturk, AssignmentId=assignment_id) == "AssignmentDoesNotExist"
    assert mturk.list_hits()["NumResults"] == 0
    assert balance(mturk) == ("9999.94", "0.00")
    with psycopg.connect(database_url) as connection:
        row = connection.execute(
            "SELECT question, status, purged_at IS NOT NULL, (SELECT count(*) FROM marketplace.assignments"
            " WHERE answer IS NOT NULL), (SELECT count(*) FROM marketplace.review_results) FROM marketplace.hits"
        ).fetchone()
    assert row == ("", "Disposed", True, 0, 0)


def test_the_pages_of_a_purged_hit_say_that_it_is_over(
    mturk: "MTurkClient", worker: Callable[[str], Browser], clock: MovedClock
) -> None:
    hit = publish(mturk, MaxAssignments=1)
    worker("Ada").work(hit["HITTypeId"])
    clock.advance(days=121)
    mturk.get_account_balance()
    bob = worker("Bob")
    for path in (f"/frame/{hit['HITId']}", f"/projects/{hit['HITTypeId']}/tasks/{hit['HITId']}"):
        assert bob.http.get(path).status_code in {200, 404}


def test_a_deleted_hit_is_still_shown_as_disposed_and_purged_like_the_others(
    mturk: "MTurkClient", worker: Callable[[str], Browser], clock: MovedClock
) -> None:
    hit = publish(mturk, MaxAssignments=1)
    mturk.approve_assignment(AssignmentId=worker("Ada").work(hit["HITTypeId"]))
    mturk.delete_hit(HITId=hit["HITId"])
    assert mturk.get_hit(HITId=hit["HITId"])["HIT"]["HITStatus"] == "Disposed"
    clock.advance(days=120)
    assert gone(mturk.get_hit, mturk, HITId=hit["HITId"]) == "HITDoesNotExist"


def test_a_hit_that_was_opened_again_starts_its_120_days_anew(mturk: "MTurkClient", clock: MovedClock) -> None:
    hit = publish(mturk)
    expire_now(mturk, hit["HITId"])
    clock.advance(days=100)
    mturk.update_expiration_for_hit(HITId=hit["HITId"], ExpireAt=hit["Expiration"] + timedelta(days=300))
    clock.advance(days=100)
    assert mturk.get_hit(HITId=hit["HITId"])["HIT"]["HITStatus"] == "Assignable"
    expire_now(mturk, hit["HITId"])
    clock.advance(days=119)
    assert mturk.get_hit(HITId=hit["HITId"])["HIT"]["HITStatus"] == "Reviewable"
    clock.advance(days=1)
    assert gone(mturk.get_hit, mturk, HITId=hit["HITId"]) == "HITDoesNotExist"


def test_a_reviewing_hit_is_purged_too(mturk: "MTurkClient", clock: MovedClock) -> None:
    hit_id = publish(mturk)["HITId"]
    expire_now(mturk, hit_id)
    mturk.update_hit_review_status(HITId=hit_id)
    clock.advance(days=120)
    assert gone(mturk.get_hit, mturk, HITId=hit_id) == "HITDoesNotExist"
    assert mturk.list_reviewable_hits(Status="Reviewing")["NumResults"] == 0
