"""What happened to HITs and Assignments, for Requesters who asked to be notified: written in the same transaction."""

import json
import uuid
from collections import defaultdict
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from datetime import UTC, datetime
from typing import Any

from sqlalchemy import insert, select, true
from sqlalchemy.orm import Session

from app.marketplace.store import EventType, HITType, OutboxMessage

# The one form of the document, whichever version a specification asks for.
DOCUMENT_VERSION = "2014-08-15"
# About 20 kB. Queues take 256, and thousands of HITs may expire in one transaction.
MOST_A_MESSAGE = 100


@dataclass(frozen=True, slots=True)
class Event:
    """One thing that happened, for whoever is notified of the HIT Type."""

    kind: EventType
    hit_type_id: str
    hit_id: str
    at: datetime
    assignment_id: str | None = None


def write(db: Session, requester_id: str, events: Iterable[Event], now: datetime) -> None:
    """Put into the outbox what the HIT Types' notification specifications ask for: one message a HIT Type."""
    by_type = defaultdict[str, list[Event]](list)
    for event in events:
        by_type[event.hit_type_id].append(event)
    if not by_type:
        return
    notified = select(HITType.id, HITType.notification).where(
        HITType.id.in_(sorted(by_type)), HITType.notification_active == true(), HITType.notification.is_not(None)
    )
    rows = []
    for hit_type_id, specification in db.execute(notified):
        wanted = [event for event in by_type[hit_type_id] if event.kind in (specification or {}).get("EventTypes", ())]
        rows += [
            message(requester_id, specification, wanted[first : first + MOST_A_MESSAGE], now, hit_type_id=hit_type_id)
            for first in range(0, len(wanted), MOST_A_MESSAGE)
        ]
    if rows:
        db.execute(insert(OutboxMessage), rows)


def message(
    requester_id: str,
    specification: Mapping[str, Any],
    events: Sequence[Event],
    now: datetime,
    *,
    hit_type_id: str | None = None,
) -> dict[str, Any]:
    """A row of the outbox. The body is MTurk's notification document (mturk-facts §7), the same at every attempt.

    hit_type_id: whose specification it is; None for a test.
    """
    document = {
        "EventDocId": uuid.uuid4().hex,
        "EventDocVersion": DOCUMENT_VERSION,
        "CustomerId": requester_id,
        "Events": [_shown(event) for event in events],
    }
    return {
        "requester_id": requester_id,
        "hit_type_id": hit_type_id,
        "transport": specification["Transport"],
        "destination": specification["Destination"],
        "body": json.dumps(document),
        "created_at": now,
        "next_attempt_at": now,
    }


def _shown(event: Event) -> dict[str, str]:
    shown = {
        "EventType": event.kind.value,
        "EventTimestamp": f"{event.at.astimezone(UTC):%Y-%m-%dT%H:%M:%SZ}",
        "HITTypeId": event.hit_type_id,
        "HITId": event.hit_id,
    }
    return shown if event.assignment_id is None else {**shown, "AssignmentId": event.assignment_id}
