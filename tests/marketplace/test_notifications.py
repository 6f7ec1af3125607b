"""What is notified, of what, and how settings are checked; `test_outbox.py` has the ways of delivery."""

import json
from collections.abc import Callable, Iterator
from datetime import timedelta
from typing import TYPE_CHECKING, Any

import psycopg
import pytest
from botocore.exceptions import ClientError

from app.db.engine import Database
from app.marketplace import events
from app.marketplace.events import Event
from app.marketplace.store import EventType, HITType, Requester
from app.settings import Settings
from tests.marketplace.aws import Aws, kinds, running_moto
from tests.marketplace.conftest import MovedClock
from tests.marketplace.people import Browser, expire_now, html_question, publish, turk_code
from tests.marketplace.strangers import second_requester
from tests.ports import free_port

if TYPE_CHECKING:
    from mypy_boto3_mturk import MTurkClient

QUEUE = "http://127.0.0.1:9324/123456789012/notes"
TOPIC = "arn:aws:sns:us-east-1:123456789012:notes"
OF_ASSIGNMENTS = ("Accepted", "Abandoned", "Returned", "Submitted", "Rejected", "Approved")
ALL = [f"Assignment{word}" for word in OF_ASSIGNMENTS] + [
    f"HIT{word}" for word in ("Created", "Extended", "Disposed", "Reviewable", "Expired")
]


def specification(**changed: Any) -> dict[str, Any]:
    return {"Destination": QUEUE, "Transport": "SQS", "Version": "2014-08-15", "EventTypes": ALL, **changed}


def notify(mturk: "MTurkClient", hit_type_id: str, **changed: Any) -> None:
    mturk.update_notification_settings(HITTypeId=hit_type_id, Notification=specification(**changed))  # type: ignore[arg-type]


def send_test(mturk: "MTurkClient", kind: str, **changed: Any) -> None:
    values: Any = {"Notification": specification(**changed), "TestEventType": kind}
    mturk.send_test_event_notification(**values)


def new_type(mturk: "MTurkClient", **changed: Any) -> str:
    values: dict[str, Any] = {"Title": "T", "Description": "D", "Reward": "0.05", "AssignmentDurationInSeconds": 60}
    return mturk.create_hit_type(**{**values, **changed})["HITTypeId"]


def hit_of(mturk: "MTurkClient", hit_type_id: str, **changed: Any) -> str:
    """A HIT of this type, for one, that lives for ten minutes."""
    values: dict[str, Any] = {"LifetimeInSeconds": 600, "MaxAssignments": 1, "Question": html_question(), **changed}
    return str(mturk.create_hit_with_hit_type(HITTypeId=hit_type_id, **values)["HIT"]["HITId"])


class Outbox:
    """What waits to be delivered."""

    def __init__(self, url: str) -> None:
        self._url = url

    def documents(self) -> list[dict[str, Any]]:
        with psycopg.connect(self._url) as connection:
            return [json.loads(row[0]) for row in connection.execute("SELECT body FROM marketplace.outbox ORDER BY id")]

    def kinds(self) -> list[str]:
        return kinds(self.documents())


@pytest.fixture
def outbox(database_url: str) -> Outbox:
    return Outbox(database_url)


@pytest.fixture
def hit_type_id(mturk: "MTurkClient") -> str:
    """A HIT Type whose Requester wants to hear of everything."""
    made = new_type(mturk)
    notify(mturk, made)
    return made


# --- which events there are -------------------------------------------------------------------------------------------


def test_the_whole_life_of_a_hit_is_told(
    mturk: "MTurkClient", hit_type_id: str, worker: Callable[[str], Browser], outbox: Outbox
) -> None:
    hit_id = hit_of(mturk, hit_type_id)
    ada = worker("Ada")
    ada.post(f"/assignments/{ada.accept(hit_type_id)}/return")
    assignment_id = ada.work(hit_type_id)
    mturk.approve_assignment(AssignmentId=assignment_id)
    mturk.create_additional_assignments_for_hit(HITId=hit_id, NumberOfAdditionalAssignments=1)
    mturk.reject_assignment(AssignmentId=worker("Bob").work(hit_type_id), RequesterFeedback="No")
    mturk.delete_hit(HITId=hit_id)
    assert outbox.kinds() == [
        "HITCreated",
        "AssignmentAccepted",
        "AssignmentReturned",
        "AssignmentAccepted",
        "AssignmentSubmitted",
        "HITReviewable",
        "AssignmentApproved",
        "HITExtended",
        "AssignmentAccepted",
        "AssignmentSubmitted",
        "HITReviewable",
        "AssignmentRejected",
        "HITDisposed",
    ]
    events = [event for document in outbox.documents() for event in document["Events"]]
    assert {event["HITTypeId"] for event in events} == {hit_type_id}
    assert {event["HITId"] for event in events} == {hit_id}
    assert events[4]["AssignmentId"] == assignment_id
    assert "AssignmentId" not in events[0]


def test_an_abandoned_assignment_and_what_follows_from_it_are_told(
    mturk: "MTurkClient", hit_type_id: str, worker: Callable[[str], Browser], clock: MovedClock, outbox: Outbox
) -> None:
    hit_of(mturk, hit_type_id)
    worker("Ada").accept(hit_type_id)
    clock.advance(seconds=61)
    mturk.list_hits()
    assert outbox.kinds()[2:] == ["AssignmentAbandoned"]


def test_work_approved_by_itself_is_told_with_the_time_when_it_was_due(
    mturk: "MTurkClient", worker: Callable[[str], Browser], clock: MovedClock, outbox: Outbox
) -> None:
    hit_type_id = new_type(mturk, AutoApprovalDelayInSeconds=3600)
    notify(mturk, hit_type_id, EventTypes=["AssignmentApproved"])
    hit_of(mturk, hit_type_id, LifetimeInSeconds=30_000)
    assignment_id = worker("Ada").work(hit_type_id)
    clock.advance(hours=2)
    shown = mturk.get_assignment(AssignmentId=assignment_id)["Assignment"]
    (document,) = outbox.documents()
    (event,) = document["Events"]
    assert event["EventTimestamp"] == f"{shown['ApprovalTime']:%Y-%m-%dT%H:%M:%SZ}"


def test_a_hit_with_free_places_expires_and_is_reviewable_at_once(
    mturk: "MTurkClient", hit_type_id: str, clock: MovedClock, outbox: Outbox
) -> None:
    hit_of(mturk, hit_type_id)
    clock.advance(seconds=601)
    mturk.list_hits()
    assert outbox.kinds() == ["HITCreated", "HITExpired", "HITReviewable"]


def test_a_hit_whose_places_are_all_taken_expires_too_and_only_once(
    mturk: "MTurkClient", worker: Callable[[str], Browser], clock: MovedClock, outbox: Outbox
) -> None:
    hit_type_id = new_type(mturk, AssignmentDurationInSeconds=3600)
    notify(mturk, hit_type_id)
    hit_id = hit_of(mturk, hit_type_id)
    ada = worker("Ada")
    assignment_id = ada.accept(hit_type_id)
    clock.advance(seconds=601)
    assert mturk.get_hit(HITId=hit_id)["HIT"]["HITStatus"] == "Unassignable"
    mturk.list_hits()
    ada.submit(assignment_id)
    mturk.list_hits()
    assert outbox.kinds() == [
        "HITCreated",
        "AssignmentAccepted",
        "HITExpired",
        "AssignmentSubmitted",
        "HITReviewable",
    ]


def test_a_complete_hit_does_not_expire(
    mturk: "MTurkClient", hit_type_id: str, worker: Callable[[str], Browser], clock: MovedClock, outbox: Outbox
) -> None:
    hit_of(mturk, hit_type_id)
    worker("Ada").work(hit_type_id)
    clock.advance(seconds=601)
    mturk.list_hits()
    assert "HITExpired" not in outbox.kinds()


def test_an_expired_hit_that_was_extended_expires_again(
    mturk: "MTurkClient", hit_type_id: str, clock: MovedClock, outbox: Outbox
) -> None:
    hit_id = hit_of(mturk, hit_type_id)
    expire_now(mturk, hit_id)
    mturk.update_expiration_for_hit(HITId=hit_id, ExpireAt=clock() + timedelta(days=1))
    expire_now(mturk, hit_id)
    assert outbox.kinds().count("HITExpired") == 2


# --- messages ---------------------------------------------------------------------------------------------------------


def test_events_of_one_moment_share_a_message(
    mturk: "MTurkClient", hit_type_id: str, worker: Callable[[str], Browser], outbox: Outbox
) -> None:
    hit_of(mturk, hit_type_id)
    worker("Ada").work(hit_type_id)
    documents = outbox.documents()
    assert [kinds([document]) for document in documents] == [
        ["HITCreated"],
        ["AssignmentAccepted"],
        ["AssignmentSubmitted", "HITReviewable"],
    ]
    assert len({document["EventDocId"] for document in documents}) == 3
    assert {document["EventDocVersion"] for document in documents} == {"2014-08-15"}
    assert len({document["CustomerId"] for document in documents}) == 1


def test_only_the_event_types_that_were_asked_for_are_told(
    mturk: "MTurkClient", worker: Callable[[str], Browser], outbox: Outbox
) -> None:
    hit_type_id = new_type(mturk)
    notify(mturk, hit_type_id, EventTypes=["HITReviewable"])
    hit_of(mturk, hit_type_id)
    worker("Ada").work(hit_type_id)
    assert outbox.kinds() == ["HITReviewable"]


def test_notifications_are_switched_off_and_on_and_replaced_whole(
    mturk: "MTurkClient", hit_type_id: str, outbox: Outbox
) -> None:
    mturk.update_notification_settings(HITTypeId=hit_type_id, Active=False)
    hit_of(mturk, hit_type_id)
    assert outbox.kinds() == []
    notify(mturk, hit_type_id, EventTypes=["HITExtended"])
    hit_id = hit_of(mturk, hit_type_id)
    mturk.create_additional_assignments_for_hit(HITId=hit_id, NumberOfAdditionalAssignments=1)
    assert outbox.kinds() == []
    mturk.update_notification_settings(HITTypeId=hit_type_id, Active=True)
    mturk.create_additional_assignments_for_hit(HITId=hit_id, NumberOfAdditionalAssignments=1)
    assert outbox.kinds() == ["HITExtended"]


def test_a_refused_call_tells_nothing(mturk: "MTurkClient", hit_type_id: str, outbox: Outbox) -> None:
    with pytest.raises(mturk.exceptions.RequestError, match="insufficient"):
        hit_of(mturk, hit_type_id, MaxAssignments=1_000_000)
    assert outbox.kinds() == []


# --- what is refused --------------------------------------------------------------------------------------------------


def test_a_status_alone_needs_a_specification(mturk: "MTurkClient") -> None:
    hit_type_id = new_type(mturk)
    with pytest.raises(ClientError, match=r"ParameterValidationError.*no notification specification"):
        mturk.update_notification_settings(HITTypeId=hit_type_id, Active=True)
    with pytest.raises(ClientError, match=r"ParameterValidationError.*Notification or Active"):
        mturk.update_notification_settings(HITTypeId=hit_type_id)


def test_both_versions_are_taken(mturk: "MTurkClient") -> None:
    for version in ("2006-05-05", "2014-08-15"):
        notify(mturk, new_type(mturk), Version=version)


@pytest.mark.parametrize(
    "changed",
    [
        {"Version": "2017-01-17"},
        {"EventTypes": []},
        {"EventTypes": ["HITCreated", "Ping"]},
        {"EventTypes": ["HITBurnt"]},
        {"Transport": "Email", "Destination": "rita@example.org"},
        {"Transport": "Pigeon"},
    ],
)
def test_a_specification_of_the_wrong_form_is_refused(mturk: "MTurkClient", changed: dict[str, Any]) -> None:
    with pytest.raises(ClientError, match="ParameterValidationError"):
        notify(mturk, new_type(mturk), **changed)


@pytest.mark.parametrize(
    ("transport", "destination"),
    [
        ("SQS", "notes"),
        ("SQS", ""),
        ("SQS", TOPIC),
        ("SQS", "file:///etc/passwd"),
        ("SQS", "https://rita:secret@sqs.us-east-1.amazonaws.com/123456789012/notes"),
        ("SQS", "https://sqs.us-east-1.amazonaws.com/"),
        ("SQS", "https://sqs.us-east-1.amazonaws.com:port/123456789012/notes"),
        ("SQS", "https://[sqs/123456789012/notes"),
        ("SQS", "https://sqs.us-east-1.amazonaws.com/123456789012/notes.fifo"),
        ("SQS", "https://sqs.us-east-1.amazonaws.com/123456789012/notes?Action=DeleteQueue"),
        ("SQS", "https://sqs.us-east-1.amazonaws.com/123456789012/no\ntes"),
        ("SQS", "https://sqs.us-east-1.amazonaws.com/123456789012/" + "x" * 1024),
        ("SNS", QUEUE),
        ("SNS", "arn:aws:sns:us-east-1:123456789012:notes.fifo"),
        ("SNS", "arn:aws:sqs:us-east-1:123456789012:notes"),
    ],
)
def test_a_destination_that_can_be_none_is_refused(mturk: "MTurkClient", transport: str, destination: str) -> None:
    with pytest.raises(mturk.exceptions.RequestError, match="destination is not valid") as refused:
        notify(mturk, new_type(mturk), Transport=transport, Destination=destination)
    assert turk_code(refused.value) == "AWS.MechanicalTurk.InvalidTransportEndpoint"


@pytest.mark.parametrize(
    "destination",
    [
        "https://sqs.us-east-1.amazonaws.com/123456789012/notes",
        "https://queue.amazonaws.com/123456789012/notes",
        "http://localhost:4566/queue/us-east-1/000000000000/notes",
        "http://elasticmq:9324/notes",
    ],
)
def test_queues_of_aws_and_of_its_stand_ins_are_taken(mturk: "MTurkClient", destination: str) -> None:
    notify(mturk, new_type(mturk), Destination=destination)


def test_a_strangers_hit_type_does_not_exist(marketplace: str, database: Database, mturk: "MTurkClient") -> None:
    mallory = second_requester(marketplace, database)
    with pytest.raises(mallory.exceptions.RequestError, match="does not exist") as refused:
        notify(mallory, new_type(mturk))
    assert turk_code(refused.value) == "AWS.MechanicalTurk.HITTypeDoesNotExist"


def test_a_requester_hears_of_their_own_hits_alone(
    marketplace: str, database: Database, mturk: "MTurkClient", outbox: Outbox
) -> None:
    mallory = second_requester(marketplace, database)
    notify(mallory, new_type(mallory))
    hit_of(mturk, new_type(mturk))
    assert outbox.kinds() == []


# --- tests of a destination -------------------------------------------------------------------------------------------


def test_a_test_event_is_sent_whatever_the_filter_says(mturk: "MTurkClient", outbox: Outbox) -> None:
    for kind in ("Ping", "AssignmentSubmitted"):
        send_test(mturk, kind, EventTypes=["HITExpired"])
    first, second = (document["Events"] for document in outbox.documents())
    assert (first[0]["EventType"], second[0]["EventType"]) == ("Ping", "AssignmentSubmitted")
    assert "AssignmentId" not in first[0]
    assert second[0]["AssignmentId"]


def test_a_test_event_checks_its_destination(mturk: "MTurkClient", outbox: Outbox) -> None:
    with pytest.raises(mturk.exceptions.RequestError, match="destination is not valid"):
        send_test(mturk, "Ping", Destination="notes")
    assert outbox.kinds() == []


# --- all the way ------------------------------------------------------------------------------------------------------


@pytest.fixture(scope="module")
def aws() -> Iterator[Aws]:
    with running_moto(free_port()) as url:
        yield Aws(url)


class TestTheWholeWay:
    @pytest.fixture
    def settings(self, settings: Settings, aws: Aws) -> Settings:
        return settings.model_copy(
            update={"marketplace_sqs_endpoint_url": aws.url, "marketplace_sns_endpoint_url": aws.url}
        )

    def test_what_happens_arrives_in_the_queue(
        self, mturk: "MTurkClient", aws: Aws, worker: Callable[[str], Browser]
    ) -> None:
        queue = aws.queue("whole-way")
        hit_type_id = new_type(mturk)
        notify(mturk, hit_type_id, Destination=queue)
        hit_of(mturk, hit_type_id)
        assert kinds(aws.received(queue, 1)) == ["HITCreated"]
        worker("Ada").work(hit_type_id)
        told = kinds(aws.received(queue, 2))
        assert sorted(told) == ["AssignmentAccepted", "AssignmentSubmitted", "HITReviewable"]

    def test_a_topic_gets_the_document_as_its_message_and_the_time_as_its_subject(
        self, mturk: "MTurkClient", aws: Aws
    ) -> None:
        queue = aws.queue("of-topic")
        topic = aws.topic("notes", "of-topic")
        send_test(mturk, "Ping", Transport="SNS", Destination=topic)
        (envelope,) = aws.received(queue, 1)
        assert kinds([json.loads(envelope["Message"])]) == ["Ping"]
        assert envelope["Subject"].isdecimal()
        assert len(envelope["Subject"]) == 13


def test_an_ordinary_hit_without_a_specification_tells_nobody(mturk: "MTurkClient", outbox: Outbox) -> None:
    publish(mturk)
    assert outbox.kinds() == []


def test_very_many_events_are_told_in_several_messages(database: Database, clock: MovedClock, outbox: Outbox) -> None:
    with database.transaction() as db:
        db.add(Requester(id="AMANY", name="Many", available_usd=0, on_hold_usd=0, created_at=clock()))
        db.flush()
        values = {
            "title": "T",
            "description": "D",
            "reward_usd": 1,
            "created_at": clock(),
            "digest": "",
            "group_id": "3G",
        }
        spans = {"assignment_duration_s": 60, "auto_approval_delay_s": 60, "qualification_requirements": []}
        notified = {"notification": specification(), "notification_active": True}
        db.add(HITType(id="3TYPE", requester_id="AMANY", **values, **spans, **notified))
        db.flush()
        happened = [Event(EventType.HIT_EXPIRED, "3TYPE", f"3HIT{number}", clock()) for number in range(250)]
        events.write(db, "AMANY", happened, clock())
    assert [len(document["Events"]) for document in outbox.documents()] == [100, 100, 50]
