"""Alerts out of the house: raised and cleared ones are posted as JSON to an address of the operator's own.

At least once, in order for each subject, in a way that survives a kill: the attempt is committed before it is made, and
what was not answered with 2xx is tried again after growing pauses. The receiver tells repetitions by the event's `id`.
"""

import hashlib
import hmac
import json
from dataclasses import dataclass
from datetime import datetime
from typing import Any

import httpx2
from sqlalchemy import Row, text

from app.db.engine import Database
from app.domain.vocabulary import AlertKind
from app.logs import get_logger
from app.settings import Settings

log = get_logger(__name__)

SIGNATURE = "X-LabelJury-Signature"
# Seconds until attempt 2, 3, …; the last value repeats. The first is longer than an attempt may take.
PAUSES_S = (20, 40, 120, 600, 1800, 3600)
_CONNECT_S, _READ_S = 5.0, 10.0
LONGEST_ATTEMPT_S = _CONNECT_S + _READ_S
_OK = range(200, 300)
MOST_A_RUN = 50


@dataclass(frozen=True, slots=True)
class Receiver:
    """Where alerts are told. `secret`: signs the body; None: unsigned. `console_url`: where people read more."""

    url: str
    secret: bytes | None
    console_url: str


def receiver(settings: Settings) -> Receiver | None:
    """The receiver that the settings name, if they do."""
    if settings.alert_webhook_url is None:
        return None
    secret = settings.alert_webhook_secret
    signing = None if secret is None else secret.get_secret_value().encode()
    return Receiver(settings.alert_webhook_url, signing, settings.web_url)


@dataclass(frozen=True, slots=True)
class Told:
    """What one run did."""

    delivered: int
    failed: int


# One event per subject at most: the oldest that was not delivered. Claiming it is the intent: its next attempt is put off
# before this one is made.
_CLAIM = text("""
    WITH events AS (
        SELECT id, subject, 'raised' AS event, raised_at AS at FROM alerts WHERE announce AND delivered_at IS NULL
        UNION ALL
        SELECT id, subject, 'cleared', cleared_at FROM alerts
        WHERE announce AND cleared_at IS NOT NULL AND clear_delivered_at IS NULL
    ), first AS (
        SELECT DISTINCT ON (subject) id, event, at FROM events ORDER BY subject, at, id, event DESC
    ), next AS (
        SELECT a.id, first.event FROM first JOIN alerts AS a ON a.id = first.id
        WHERE a.not_before <= clock_timestamp()
          -- Asked again of the locked row: another sender may have told it since this statement began.
          AND CASE first.event WHEN 'raised' THEN a.delivered_at IS NULL ELSE a.clear_delivered_at IS NULL END
        ORDER BY first.at, a.id LIMIT 1
        FOR UPDATE OF a SKIP LOCKED
    )
    UPDATE alerts AS a SET attempts = a.attempts + 1,
        not_before = clock_timestamp() + make_interval(secs => (CAST(:pauses AS float8[]))
            [least(a.attempts + 1, cardinality(CAST(:pauses AS float8[])))])
    FROM next LEFT JOIN alerts AS own ON own.id = next.id LEFT JOIN batches AS b ON b.id = own.batch_id
    WHERE a.id = next.id
    RETURNING a.id, next.event, a.attempts, a.kind, a.subject, a.batch_id, b.name AS batch_name, b.profile, a.message,
              a.raised_at, a.cleared_at, clock_timestamp() AS sent_at
""")
_DELIVERED = text("""
    UPDATE alerts SET attempts = 0, not_before = clock_timestamp(),
        delivered_at = CASE WHEN :event = 'raised' THEN clock_timestamp() ELSE delivered_at END,
        clear_delivered_at = CASE WHEN :event = 'cleared' THEN clock_timestamp() ELSE clear_delivered_at END
    WHERE id = :id
""")


def pending(database: Database) -> bool:
    """Whether something waits to be told now."""
    with database.reading() as db:
        statement = text("""
            SELECT EXISTS (SELECT 1 FROM alerts WHERE announce AND not_before <= clock_timestamp()
                AND (delivered_at IS NULL OR (cleared_at IS NOT NULL AND clear_delivered_at IS NULL)))
        """)
        return bool(db.execute(statement).scalar_one())


def tell(database: Database, receiver: Receiver) -> Told:
    """Post what waits, MOST_A_RUN events at most. Any number of processes may do it at the same time."""
    delivered = failed = 0
    # No redirects: the operator named one address. Nor a proxy of the environment's.
    timeout = httpx2.Timeout(_READ_S, connect=_CONNECT_S)
    with httpx2.Client(timeout=timeout, follow_redirects=False, trust_env=False) as client:
        for _ in range(MOST_A_RUN):
            with database.transaction() as db:
                event = db.execute(_CLAIM, {"pauses": list(PAUSES_S)}).first()
            if event is None:
                break
            problem = _post(client, receiver, event)
            if problem is not None:
                failed += 1
                log.warning("webhook.failed", alert=_id(event), attempt=event.attempts, problem=problem)
                continue
            with database.transaction() as db:
                db.execute(_DELIVERED, {"id": event.id, "event": event.event})
            delivered += 1
            log.info("webhook.delivered", alert=_id(event), attempt=event.attempts)
    return Told(delivered, failed)


def _post(client: httpx2.Client, receiver: Receiver, event: Row[Any]) -> str | None:
    """One attempt. Why it did not count; None when it did."""
    body = body_of(event, receiver.console_url)
    headers = {"Content-Type": "application/json", "User-Agent": "label-jury"}
    if receiver.secret is not None:
        headers[SIGNATURE] = signature(receiver.secret, body)
    try:
        with client.stream("POST", receiver.url, content=body, headers=headers) as answer:
            status = answer.status_code
            # The status is all that counts: a body that drips for ever is left unread.
    except (httpx2.HTTPError, httpx2.InvalidURL) as error:
        return type(error).__name__
    return None if status in _OK else f"status {status}"


def signature(secret: bytes, body: bytes) -> str:
    """`sha256=` and the HMAC-SHA256 of the body in hex; the time at which it was sent is in the body (`sent_at`)."""
    return "sha256=" + hmac.new(secret, body, hashlib.sha256).hexdigest()


def body_of(event: Row[Any], console_url: str) -> bytes:
    """The JSON of one event. Nothing in it tells of a Worker."""
    where = f"/batches/{event.batch_id}" if event.batch_id is not None else "/alerts"
    said = {
        "id": _id(event),
        "event": f"alert.{event.event}",
        "sent_at": _moment(event.sent_at),
        "attempt": event.attempts,
        "alert": {
            "id": event.id,
            "kind": AlertKind(event.kind).value,
            "subject": event.subject,
            "batch_id": event.batch_id,
            "batch_name": event.batch_name,
            "profile": event.profile,
            "message": event.message,
            "raised_at": _moment(event.raised_at),
            # An alert that ended before its raising could be told: that comes first, as it was.
            "cleared_at": _moment(event.cleared_at) if event.event == "cleared" else None,
            "url": f"{console_url}{where}",
        },
    }
    return json.dumps(said, ensure_ascii=False).encode()


def _id(event: Row[Any]) -> str:
    return f"alert-{event.id}-{event.event}"


def _moment(moment: datetime | None) -> str | None:
    return None if moment is None else moment.isoformat()
