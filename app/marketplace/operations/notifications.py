"""Operations on notifications: what a Requester is told of, and where; delivery is the outbox's."""

import re
from collections.abc import Mapping
from datetime import datetime
from typing import Any
from urllib.parse import urlsplit

from sqlalchemy import insert
from sqlalchemy.orm import Session

from app.marketplace import events
from app.marketplace.events import Event
from app.marketplace.operations import hit_types
from app.marketplace.store import EventType, OutboxMessage
from app.marketplace.wire_errors import ParameterValidationError, RequestError, not_valid, out_of_range

# The service model names the first one, the documentation the second; the document is the same for both.
_VERSIONS = {"2006-05-05", "2014-08-15"}
_LONGEST_DESTINATION = 1024
# FIFO queues and topics want a group with each message, which MTurk never sends.
_TOPIC = re.compile(r"arn:[a-z-]{1,20}:sns:[a-z0-9-]{0,40}:[0-9]{1,20}:[A-Za-z0-9_-]{1,256}")
_QUEUE_PATH = re.compile(r"(/[A-Za-z0-9_.~-]{1,80}){1,6}")
# What a test event is about: nothing that exists. The ids are those of MTurk's documentation.
_TEST_HIT_TYPE, _TEST_HIT = "09876543210987654321", "12345678901234567890"
_TEST_ASSIGNMENT = "1234567890123456789012345678900987654321"


def update_notification_settings(
    db: Session, requester_id: str, params: Mapping[str, Any], now: datetime
) -> Mapping[str, Any]:
    """Replace the HIT Type's specification, or switch it on or off.

    A HIT Type's first specification is active unless `Active` says otherwise; a later one keeps what was set.
    """
    specification, active = params.get("Notification"), params.get("Active")
    if specification is None and active is None:
        raise ParameterValidationError("Either Notification or Active must be given.")
    if specification is not None:
        _check(specification)
        if EventType.PING in specification["EventTypes"]:
            raise not_valid("Notification.EventTypes", EventType.PING)
    hit_type = hit_types.owned(db, requester_id, params["HITTypeId"])
    db.refresh(hit_type, with_for_update={"key_share": True})
    if hit_type.notification is None and specification is None:
        raise ParameterValidationError(
            f"HITType {hit_type.id} has no notification specification: give Notification together with Active."
        )
    if active is None:
        active = hit_type.notification is None or hit_type.notification_active
    hit_type.notification_active = active
    if specification is not None:
        hit_type.notification = dict(specification)
    return {}


def send_test_event_notification(
    db: Session, requester_id: str, params: Mapping[str, Any], now: datetime
) -> Mapping[str, Any]:
    """Send one made-up event to this destination at once, whatever its EventTypes."""
    _check(params["Notification"])
    kind = EventType(params["TestEventType"])
    assignment_id = _TEST_ASSIGNMENT if kind.startswith("Assignment") else None
    event = Event(kind, _TEST_HIT_TYPE, _TEST_HIT, now, assignment_id)
    db.execute(insert(OutboxMessage), [events.message(requester_id, params["Notification"], [event], now)])
    return {}


def _check(specification: Mapping[str, Any]) -> None:
    """Raise ParameterValidationError or RequestError InvalidTransportEndpoint."""
    if specification["Version"] not in _VERSIONS:
        raise not_valid("Notification.Version", specification["Version"])
    if not specification["EventTypes"]:
        raise out_of_range("the number of Notification.EventTypes", 0, 1, len(EventType))
    if specification["Transport"] == "Email":
        raise ParameterValidationError(
            'The value "Email" is not valid for the parameter Notification.Transport. Use SQS or SNS:'
            " MTurk's documentation knows no other, and this marketplace sends no mail."
        )
    destination = specification["Destination"]
    fits = _is_queue(destination) if specification["Transport"] == "SQS" else _is_topic(destination)
    if not fits:
        wanted = "the URL of a standard queue" if specification["Transport"] == "SQS" else "the ARN of a standard topic"
        raise RequestError(
            "InvalidTransportEndpoint",
            f"The destination is not valid for the transport {specification['Transport']}: it must be {wanted}.",
        )


def _is_topic(destination: str) -> bool:
    return _TOPIC.fullmatch(destination) is not None


def _is_queue(destination: str) -> bool:
    """Whether this can be a queue's URL. Its host is never contacted: only the configured endpoint is."""
    if len(destination) > _LONGEST_DESTINATION or not destination.isascii() or not destination.isprintable():
        return False
    try:
        url = urlsplit(destination)
        _ = url.port  # raises ValueError where it is no number
    except ValueError:
        return False
    if url.scheme not in {"http", "https"} or not url.hostname or url.username or url.query or url.fragment:
        return False
    return _QUEUE_PATH.fullmatch(url.path) is not None and not url.path.endswith(".fifo")
