"""Notifications: telling the marketplace where to send them, and reading them from an SQS queue.

A notification is a hint that something happened to a HIT, and nothing else is believed of it: messages may be lost, late,
doubled, out of order or forged, and whoever reads one asks the marketplace what is true. Documents: mturk-facts §7.
"""

from __future__ import annotations

import json
import re
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Any, Protocol
from urllib.parse import urlsplit

import boto3
import botocore.session
from botocore.config import Config

from app.domain.vocabulary import HITTypeId, MarketplaceHITId
from app.errors import MarketplaceRefused, ServiceError
from app.mturk.client import REGION, Marketplace
from app.mturk.translation import translated
from app.secrets import local_credentials
from app.settings import Settings

if TYPE_CHECKING:
    from mypy_boto3_mturk.literals import EventTypeType

# What may bring an answer or end a HIT. That work was accepted brings none, and our own decisions are no news.
EVENT_TYPES: tuple[EventTypeType, ...] = (
    "AssignmentAbandoned",
    "AssignmentReturned",
    "AssignmentSubmitted",
    "HITReviewable",
    "HITExpired",
    "HITDisposed",
)
VERSION = "2014-08-15"
AT_ONCE = 10  # the most messages that SQS hands over or takes back in one call
# SQS carries a mebibyte; MTurk's documents have some kilobytes.
LONGEST_BODY = 1_048_576
MOST_EVENTS = 10_000
_HIT_ID = re.compile(r"[A-Za-z0-9]{1,64}")
_SQS_HOST = re.compile(
    r"(?:sqs|queue)\.([a-z0-9-]+)\.(?:amazonaws\.com|api\.aws)(?:\.cn)?|([a-z0-9-]+)\.queue\.amazonaws\.com"
)


class UnreadableMessage(ServiceError):
    """A message that is no notification of a marketplace. It is counted and thrown away."""


@dataclass(frozen=True, slots=True)
class Message:
    """One message of the queue. `receipt` is what deletes it."""

    receipt: str
    body: str = field(repr=False)


class _Sqs(Protocol):
    def receive_message(self, **kwargs: object) -> Mapping[str, Any]: ...

    def delete_message_batch(self, **kwargs: object) -> Mapping[str, Any]: ...


@dataclass(frozen=True, slots=True)
class Queue:
    """One SQS queue and a client for it. The client is thread-safe."""

    url: str
    client: _Sqs = field(repr=False)


def connect_queue(settings: Settings) -> Queue | None:
    """The queue that the settings name, if they name one. Nothing is called yet.

    Credentials: boto3's usual chain; where there are none (a stand-in for AWS wants some signature, whoever's) our own.
    Raises MarketplaceRefused where AWS's configuration cannot be read.
    """
    if settings.notifications_queue_url is None:
        return None
    # A long poll must end before a read does.
    config = Config(connect_timeout=5, read_timeout=30, retries={"mode": "standard", "total_max_attempts": 2})
    core = botocore.session.get_session()
    endpoint = settings.notifications_sqs_endpoint_url
    if endpoint is not None and not _is_aws(endpoint):
        # The machine's role is nobody's business but AWS's, and off AWS the question for it only times out.
        core.get_component("credential_provider").remove("iam-role")
    with translated("connect"):
        session = boto3.session.Session(botocore_session=core)
        keys: dict[str, str] = {}
        if session.get_credentials() is None:
            own = local_credentials(settings)
            keys = {"aws_access_key_id": own.access_key_id, "aws_secret_access_key": own.secret_access_key}
        make: Any = session.client
        region = region_of(settings.notifications_queue_url)
        client: _Sqs = make("sqs", region_name=region, endpoint_url=endpoint, config=config, **keys)
    return Queue(settings.notifications_queue_url, client)


def region_of(queue_url: str) -> str:
    """The AWS region of a queue's URL; MTurk's own where the URL does not say."""
    found = _SQS_HOST.fullmatch(urlsplit(queue_url).hostname or "")
    return (found[1] or found[2]) if found else REGION


def _is_aws(url: str) -> bool:
    return (urlsplit(url).hostname or "").endswith((".amazonaws.com", ".api.aws", ".amazonaws.com.cn"))


def notify(marketplace: Marketplace, hit_type_id: HITTypeId, queue_url: str) -> None:
    """UpdateNotificationSettings: have the marketplace tell this queue of what happens to HITs of this type.

    Harmless to repeat; a HIT type has one destination.
    """
    with translated("UpdateNotificationSettings"):
        marketplace.client.update_notification_settings(
            HITTypeId=hit_type_id,
            Notification={
                "Destination": queue_url,
                "Transport": "SQS",
                "Version": VERSION,
                "EventTypes": list(EVENT_TYPES),
            },
            Active=True,
        )


def receive(queue: Queue, *, wait_s: int) -> list[Message]:
    """Up to ten messages; waits up to `wait_s` seconds (at most 20) for the first. Raises MarketplaceError.

    A message that is not deleted comes again when its time of invisibility is over.
    """
    with translated("ReceiveMessage"):
        answer = queue.client.receive_message(
            QueueUrl=queue.url, MaxNumberOfMessages=AT_ONCE, WaitTimeSeconds=min(wait_s, 20)
        )
        return [Message(str(one["ReceiptHandle"]), str(one.get("Body", ""))) for one in answer.get("Messages", [])]


def delete(queue: Queue, messages: Sequence[Message]) -> None:
    """Take messages off the queue. One that stays comes again, which harms nobody. Raises MarketplaceError."""
    if not messages:
        return
    with translated("DeleteMessageBatch"):
        answer = queue.client.delete_message_batch(
            QueueUrl=queue.url,
            Entries=[{"Id": str(n), "ReceiptHandle": one.receipt} for n, one in enumerate(messages)],
        )
        if refused := answer.get("Failed"):
            first = refused[0]
            raise MarketplaceRefused("DeleteMessageBatch", str(first.get("Code")), str(first.get("Message", "")))


# --- what a message says ----------------------------------------------------------------------------------------------


def hits_of(body: str) -> list[MarketplaceHITId]:
    """The HITs that a message names, each once. Empty for a test event. Raises UnreadableMessage.

    body: MTurk's document, or SNS's envelope around one, where a topic stands between marketplace and queue.
    """
    document = _document(body)
    if document.get("Type") == "Notification" and isinstance(document.get("Message"), str):
        document = _document(document["Message"])
    events = document.get("Events")
    if not isinstance(events, list) or len(events) > MOST_EVENTS:
        raise UnreadableMessage("no list of Events, or too long a one")
    named = [event.get("HITId") for event in events if isinstance(event, dict) and event.get("EventType") != "Ping"]
    known = [MarketplaceHITId(hit_id) for hit_id in named if isinstance(hit_id, str) and _HIT_ID.fullmatch(hit_id)]
    if events and not known and not _is_ping(events):
        raise UnreadableMessage("Events without the id of a HIT")
    return list(dict.fromkeys(known))


def _is_ping(events: Sequence[Any]) -> bool:
    return all(isinstance(event, dict) and event.get("EventType") == "Ping" for event in events)


def _document(text: str) -> dict[str, Any]:
    if len(text) > LONGEST_BODY:
        raise UnreadableMessage("longer than any notification")
    try:
        found = json.loads(text)
    except (ValueError, RecursionError) as error:
        raise UnreadableMessage("no JSON") from error
    if not isinstance(found, dict):
        raise UnreadableMessage("no JSON object")
    return found
