"""What happened to HITs and Assignments, for Requesters who asked to be notified: written in the same transaction."""

import json
import uuid
from collections import defaultdict
from collections.abc import Iterable
from dataclasses import dataclass
from datetime import UTC, datetime
from typing import Any

from sqlalchemy import insert, select, true
from sqlalchemy.orm import Session

from app.marketplace.store import EventType, HITType, OutboxMessage

DOCUMENT_VERSION = "2014-08-15"


@dataclass(frozen=True, slots=True)
class Event:
    """One thing that happened, for whoever is notified of the HIT Type."""

    kind: EventType
    hit_type_id: str
    hit_id: str
    at: datetime
    assignment_id: str | None = None


def write(db: Session, requester_id: str, events: Iterable[Event], now: datetime) -> None:
    """Put into the outbox what the HIT Types' notification specifications ask for."""
    by_type = defaultdict[str, list[Event]](list)
    for event in events:
        by_type[event.hit_type_id].append(event)
    if not by_type:
        return
    wanted = select(HITType.id, HITType.notification).where(
        HITType.id.in_(by_type), HITType.notification_active == true()
    )
    rows = [
        message(requester_id, specification, [event], now)
        for hit_type_id, specification in db.execute(wanted)
        for event in by_type[hit_type_id]
        if specification is not None and event.kind in specification["EventTypes"]
    ]
    if rows:
        db.execute(insert(OutboxMessage), rows)


def message(requester_id: str, specification: dict[str, Any], events: list[Event], now: datetime) -> dict[str, Any]:
    """A row of the outbox. The body is MTurk's notification document (mturk-facts §7)."""
    document = {
        "EventDocId": uuid.uuid4().hex,
        "EventDocVersion": DOCUMENT_VERSION,
        "CustomerId": requester_id,
        "Events": [_shown(event) for event in events],
    }
    return {
        "requester_id": requester_id,
        "hit_type_id": events[0].hit_type_id or None,
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
