"""Blocks and messages (mturk-facts §2.3), and notification settings (§2.5, §7)."""

from collections.abc import Callable
from typing import TYPE_CHECKING, Any

import pytest

from tests.contract.conftest import Post
from tests.contract.inputs import NOWHERE, publish, type_input
from tests.contract.refusing import INVALID, refused
from tests.marketplace.people import Browser

if TYPE_CHECKING:
    from mypy_boto3_mturk import MTurkClient

# One process for all of them: they share a marketplace, and the table counts what all of them sent.
pytestmark = pytest.mark.xdist_group("contract")

Enrol = Callable[[str], Browser]
EVENTS = [
    "AssignmentAccepted", "AssignmentAbandoned", "AssignmentReturned", "AssignmentSubmitted", "AssignmentRejected",
    "AssignmentApproved", "HITCreated", "HITExpired", "HITReviewable", "HITExtended", "HITDisposed",
]  # fmt: skip


def blocked(mturk: "MTurkClient") -> dict[str, str]:
    """The reasons by Worker."""
    pages = mturk.get_paginator("list_worker_blocks").paginate(PaginationConfig={"PageSize": 100})
    return {one["WorkerId"]: one["Reason"] for page in pages for one in page["WorkerBlocks"]}


def test_a_blocked_worker_sees_the_work_and_cannot_accept_it(mturk: "MTurkClient", ada: Browser) -> None:
    hit = publish(mturk)
    mturk.create_worker_block(WorkerId=ada.worker_id, Reason="Copies")
    assert blocked(mturk)[ada.worker_id] == "Copies"
    assert ada.http.get(f"/projects/{hit['HITTypeId']}/tasks").status_code == 200
    shown = ada.post(f"/projects/{hit['HITTypeId']}/tasks/{hit['HITId']}/accept")
    assert "/assignments/" not in str(shown.url)
    assert "Copies" not in shown.text
    mturk.create_worker_block(WorkerId=ada.worker_id, Reason="Copies again")
    assert blocked(mturk)[ada.worker_id] == "Copies again"
    mturk.delete_worker_block(WorkerId=ada.worker_id, Reason="Not any more")
    assert ada.worker_id not in blocked(mturk)
    ada.accept(hit["HITTypeId"], hit["HITId"])


def test_a_block_needs_a_worker_and_ending_one_that_is_not_there_is_no_error(
    mturk: "MTurkClient", ada: Browser
) -> None:
    with refused(INVALID):
        mturk.create_worker_block(WorkerId="A2NOBODY", Reason="x")
    mturk.delete_worker_block(WorkerId=ada.worker_id)
    with refused(INVALID, "WorkerId is invalid."):
        mturk.delete_worker_block(WorkerId="A2NOBODY")


def test_a_message_reaches_those_whose_work_was_decided_and_the_others_are_named(
    mturk: "MTurkClient", ada: Browser, worker: Enrol
) -> None:
    bob = worker("Bob")
    hit = publish(mturk)
    mturk.approve_assignment(AssignmentId=ada.work(hit["HITTypeId"], hit["HITId"]))
    bob.work(hit["HITTypeId"], hit["HITId"])
    told = mturk.notify_workers(
        Subject="Thank you", MessageText="More birds tomorrow", WorkerIds=[ada.worker_id, bob.worker_id, "A2NOBODY"]
    )
    failed = {one["WorkerId"]: one["NotifyWorkersFailureCode"] for one in told["NotifyWorkersFailureStatuses"]}
    assert failed == {bob.worker_id: "HardFailure", "A2NOBODY": "HardFailure"}
    assert "Thank you" in ada.http.get("/worker/messages").text
    assert "Thank you" not in bob.http.get("/worker/messages").text


@pytest.mark.parametrize(
    ("parameter", "taken", "wrong"),
    [
        ("Subject", ["s", "ü" * 200], ["", "s" * 201]),
        ("MessageText", ["t", "ü" * 4096], ["", "t" * 4097]),
        ("WorkerIds", [["A2NOBODY"], [f"A2NOBODY{n}" for n in range(100)]], [[], [f"A2NOBODY{n}" for n in range(101)]]),
    ],
)
def test_a_message_has_its_limits(parameter: str, taken: list[Any], wrong: list[Any], post: Post) -> None:
    proper = {"Subject": "s", "MessageText": "t", "WorkerIds": ["A2NOBODY"]}
    for value in taken:
        assert post("NotifyWorkers", {**proper, parameter: value}).status == 200
    for value in wrong:
        assert post("NotifyWorkers", {**proper, parameter: value}, about=parameter).type == "ParameterValidationError"


def settings(**changed: Any) -> Any:
    """A notification specification."""
    return {
        "Destination": "arn:aws:sns:us-east-1:123456789012:topic",
        "Transport": "SNS",
        "Version": "2014-08-15",
        "EventTypes": ["AssignmentSubmitted"],
        **changed,
    }


def test_a_hit_type_has_one_specification_that_is_replaced_switched_off_and_on(mturk: "MTurkClient") -> None:
    id = mturk.create_hit_type(**type_input())["HITTypeId"]
    with refused(INVALID):
        mturk.update_notification_settings(HITTypeId=id, Active=True)
    with refused(INVALID):
        mturk.update_notification_settings(HITTypeId=id)
    with refused("HITTypeDoesNotExist"):
        mturk.update_notification_settings(HITTypeId=NOWHERE, Notification=settings())
    mturk.update_notification_settings(HITTypeId=id, Notification=settings(EventTypes=EVENTS))
    queue = "https://sqs.us-east-1.amazonaws.com/123456789012/queue"
    mturk.update_notification_settings(
        HITTypeId=id, Notification=settings(Transport="SQS", Destination=queue, Version="2006-05-05"), Active=True
    )
    for active in (False, True):
        mturk.update_notification_settings(HITTypeId=id, Active=active)


@pytest.mark.parametrize(
    "wrong",
    [
        {"EventTypes": []},
        {"EventTypes": ["Ping"]},
        {"Version": "2017-01-17"},
        {"Destination": ""},
        {"Destination": "https://example.org/hook"},
        {"Transport": "SQS"},
    ],
    ids=["no events", "Ping", "version", "no destination", "a web hook", "a topic for SQS"],
)
def test_a_specification_that_cannot_work_is_refused(wrong: dict[str, Any], post: Post, mturk: "MTurkClient") -> None:
    id = mturk.create_hit_type(**type_input())["HITTypeId"]
    answer = post("UpdateNotificationSettings", {"HITTypeId": id, "Notification": settings(**wrong)})
    assert answer.status == 400
    assert answer.code in {"InvalidParameterValue", "InvalidTransportEndpoint"}


@pytest.mark.parametrize("event", [*EVENTS, "Ping"])
def test_a_test_event_of_any_kind_is_sent_whatever_the_filter(event: Any, mturk: "MTurkClient") -> None:
    mturk.send_test_event_notification(Notification=settings(), TestEventType=event)
