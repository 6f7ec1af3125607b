"""A second Requester of the same marketplace sees and changes nothing of the first one's, whatever the operation."""

from typing import TYPE_CHECKING, Any

import pytest
from botocore.exceptions import ClientError

from app.db.engine import Database
from tests.contract.inputs import EXTERNAL, publish, qualification_type
from tests.marketplace.people import Browser
from tests.marketplace.qualification_tests import ask
from tests.marketplace.strangers import second_requester

if TYPE_CHECKING:
    from mypy_boto3_mturk import MTurkClient

# One process for all of them: they share a marketplace, and the table counts what all of them sent.
pytestmark = pytest.mark.xdist_group("contract")


@pytest.fixture(scope="module")
def mallory(endpoint: str, database: Database) -> "MTurkClient":
    """Another Requester's client."""
    return second_requester(endpoint, database)


def test_a_strangers_things_do_not_exist(mturk: "MTurkClient", mallory: "MTurkClient", ada: Browser) -> None:
    hit = publish(mturk)
    hit_id, type_id = hit["HITId"], hit["HITTypeId"]
    assignment_id = ada.work(type_id, hit_id)
    kind = qualification_type(mturk)
    ask(ada, kind)
    (request,) = mturk.list_qualification_requests(QualificationTypeId=kind)["QualificationRequests"]
    request_id = request["QualificationRequestId"]
    worker_id = ada.worker_id
    notification = {
        "Destination": "arn:aws:sns:us-east-1:123456789012:topic",
        "Transport": "SNS",
        "Version": "2014-08-15",
        "EventTypes": ["HITCreated"],
    }
    bonus = {"WorkerId": worker_id, "AssignmentId": assignment_id, "BonusAmount": "1", "Reason": "x"}
    attempts: list[tuple[str, dict[str, Any], str]] = [
        ("get_hit", {"HITId": hit_id}, "HIT"),
        ("delete_hit", {"HITId": hit_id}, "HIT"),
        ("update_expiration_for_hit", {"HITId": hit_id, "ExpireAt": 0}, "HIT"),
        ("create_additional_assignments_for_hit", {"HITId": hit_id, "NumberOfAdditionalAssignments": 1}, "HIT"),
        ("update_hit_review_status", {"HITId": hit_id}, "HIT"),
        ("update_hit_type_of_hit", {"HITId": hit_id, "HITTypeId": type_id}, "HITType"),
        ("list_assignments_for_hit", {"HITId": hit_id}, "HIT"),
        ("list_review_policy_results_for_hit", {"HITId": hit_id}, "HIT"),
        ("list_bonus_payments", {"HITId": hit_id}, "HIT"),
        ("create_hit_with_hit_type", {"HITTypeId": type_id, "LifetimeInSeconds": 60, "Question": EXTERNAL}, "HITType"),
        ("update_notification_settings", {"HITTypeId": type_id, "Notification": notification}, "HITType"),
        ("get_assignment", {"AssignmentId": assignment_id}, "Assignment"),
        ("approve_assignment", {"AssignmentId": assignment_id}, "Assignment"),
        ("reject_assignment", {"AssignmentId": assignment_id, "RequesterFeedback": ""}, "Assignment"),
        ("send_bonus", bonus, "Assignment"),
        ("list_bonus_payments", {"AssignmentId": assignment_id}, "Assignment"),
        ("get_file_upload_url", {"AssignmentId": assignment_id, "QuestionIdentifier": "q"}, "Assignment"),
        ("get_qualification_score", {"QualificationTypeId": kind, "WorkerId": worker_id}, "QualificationType"),
        ("update_qualification_type", {"QualificationTypeId": kind, "Description": "x"}, "QualificationType"),
        ("delete_qualification_type", {"QualificationTypeId": kind}, "QualificationType"),
        ("associate_qualification_with_worker", {"QualificationTypeId": kind, "WorkerId": worker_id}, "QualificationType"),
        ("disassociate_qualification_from_worker", {"QualificationTypeId": kind, "WorkerId": worker_id}, "QualificationType"),
        ("list_workers_with_qualification_type", {"QualificationTypeId": kind}, "QualificationType"),
        ("list_qualification_requests", {"QualificationTypeId": kind}, "QualificationType"),
        ("accept_qualification_request", {"QualificationRequestId": request_id}, "QualificationRequest"),
        ("reject_qualification_request", {"QualificationRequestId": request_id}, "QualificationRequest"),
    ]  # fmt: skip
    for name, given, what in attempts:
        with pytest.raises(ClientError) as caught:
            getattr(mallory, name)(**given)
        assert dict(caught.value.response).get("TurkErrorCode") == f"AWS.MechanicalTurk.{what}DoesNotExist", name
    assert mturk.get_hit(HITId=hit_id)["HIT"]["HITStatus"] == "Assignable"
    assert mturk.get_assignment(AssignmentId=assignment_id)["Assignment"]["AssignmentStatus"] == "Submitted"
    assert mturk.list_qualification_requests(QualificationTypeId=kind)["NumResults"] == 1


def test_a_strangers_lists_are_empty(mturk: "MTurkClient", mallory: "MTurkClient", ada: Browser) -> None:
    hit = publish(mturk)
    mturk.create_worker_block(WorkerId=ada.worker_id, Reason="x")
    kind = qualification_type(mturk)
    ask(ada, kind)
    assert hit["HITId"] not in {one["HITId"] for one in mallory.list_hits(MaxResults=100)["HITs"]}
    assert mallory.list_reviewable_hits(HITTypeId=hit["HITTypeId"])["HITs"] == []
    assert mallory.list_worker_blocks()["WorkerBlocks"] == []
    assert mallory.list_qualification_requests()["QualificationRequests"] == []
    own = mallory.list_qualification_types(MustBeRequestable=False, MustBeOwnedByCaller=True, MaxResults=100)
    assert kind not in {one["QualificationTypeId"] for one in own["QualificationTypes"]}
    mturk.delete_worker_block(WorkerId=ada.worker_id)


def test_two_requesters_may_use_the_same_token_and_the_same_name(mturk: "MTurkClient", mallory: "MTurkClient") -> None:
    name = f"Both of us {mallory.meta.endpoint_url} {publish(mturk)['HITId']}"
    assert qualification_type(mturk, Name=name) != qualification_type(mallory, Name=name)
    hits = [publish(client, UniqueRequestToken=name[-40:], Title="Both", Reward="0.01") for client in (mturk, mallory)]
    assert hits[0]["HITId"] != hits[1]["HITId"]
    assert hits[0]["HITTypeId"] != hits[1]["HITTypeId"]
