"""What is believed of a message from a queue, and what is not."""

import contextlib
import json
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from app.mturk.notifications import LONGEST_BODY, MOST_EVENTS, UnreadableMessage, hits_of, region_of


def document(*events: object) -> dict[str, Any]:
    return {"EventDocVersion": "2014-08-15", "EventDocId": "d0c", "CustomerId": "A1", "Events": list(events)}


def submitted(hit_id: object) -> dict[str, object]:
    return {"EventType": "AssignmentSubmitted", "HITTypeId": "3T", "HITId": hit_id, "AssignmentId": "3A"}


def test_each_hit_of_a_document_is_named_once_in_order() -> None:
    assert hits_of(json.dumps(document(submitted("3B"), submitted("3A"), submitted("3B")))) == ["3B", "3A"]


def test_an_envelope_of_sns_is_opened() -> None:
    envelope = {"Type": "Notification", "MessageId": "1", "Message": json.dumps(document(submitted("3A")))}
    assert hits_of(json.dumps(envelope)) == ["3A"]


def test_a_test_event_names_nothing_and_is_no_fault() -> None:
    assert hits_of(json.dumps(document({"EventType": "Ping", "HITId": "12345678901234567890"}))) == []


def test_a_document_of_other_events_that_lacks_some_ids_gives_the_others() -> None:
    assert hits_of(json.dumps(document(submitted(None), "what", submitted("3A"), submitted("no id!")))) == ["3A"]


@pytest.mark.parametrize(
    "body",
    [
        "",
        "hello",
        "[]",
        "null",
        '"3A"',
        "{}",
        '{"Events": {}}',
        '{"Events": "3A"}',
        '{"Events": [{"EventType": "AssignmentSubmitted"}]}',
        '{"Events": [{"EventType": "AssignmentSubmitted", "HITId": {"a": 1}}]}',
        '{"Events": [{"EventType": "HITReviewable", "HITId": "3A; DROP TABLE hits"}]}',
        '{"Type": "Notification", "Message": "not json"}',
        '{"Type": "SubscriptionConfirmation", "SubscribeURL": "https://example.org"}',
        "[" * 100_000,
        '{"Events": [' + "[" * 100_000,
        '{"Events": ' + "1" * 5000 + "}",
        " " * (LONGEST_BODY + 1),
        json.dumps(document(*[submitted("3A")] * (MOST_EVENTS + 1))),
    ],
)
def test_what_is_no_notification_is_said_to_be_none(body: str) -> None:
    with pytest.raises(UnreadableMessage):
        hits_of(body)


@given(st.text() | st.recursive(st.none() | st.text() | st.integers(), st.lists).map(json.dumps))
def test_any_text_is_read_or_refused_and_nothing_else(body: str) -> None:
    with contextlib.suppress(UnreadableMessage):
        assert all(isinstance(hit_id, str) for hit_id in hits_of(body))


@given(
    st.recursive(
        st.none() | st.booleans() | st.text(), lambda inner: st.lists(inner) | st.dictionaries(st.text(), inner)
    )
)
def test_any_events_are_read_or_refused_and_nothing_else(events: object) -> None:
    with contextlib.suppress(UnreadableMessage):
        hits_of(json.dumps({"Events": events}))


@pytest.mark.parametrize(
    ("url", "region"),
    [
        ("https://sqs.eu-west-1.amazonaws.com/123456789012/jury", "eu-west-1"),
        ("https://eu-central-1.queue.amazonaws.com/123456789012/jury", "eu-central-1"),
        ("https://sqs.us-east-2.api.aws/123456789012/jury", "us-east-2"),
        ("http://127.0.0.1:5000/123456789012/jury", "us-east-1"),
    ],
)
def test_the_region_is_read_from_the_queues_url(url: str, region: str) -> None:
    assert region_of(url) == region
