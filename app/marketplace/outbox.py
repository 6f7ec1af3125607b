"""Delivers notifications to Requesters' queues and topics: at least once, in no promised order, beside all requests.

A message is claimed by moving its next attempt ahead (its lease), sent, and then marked. Whoever dies in between leaves it
to be claimed again when the lease ends: it arrives twice, with the same EventDocId. Any number of processes may deliver.
"""

import random
import threading
import time
from collections.abc import Sequence
from dataclasses import dataclass, field
from datetime import datetime, timedelta
from typing import Any

from sqlalchemy import ColumnElement, case, delete, or_, select, update
from sqlalchemy.orm import Session

from app.db.engine import Database
from app.logs import get_logger
from app.marketplace.carrier import TRANSPORTS, Carrier, Undelivered, no_endpoint
from app.marketplace.context import Clock
from app.marketplace.store import AccessKey, OutboxMessage

log = get_logger(__name__)
AT_ONCE = 25
LEASE = timedelta(seconds=60)
# Well within the lease: what is not tried by then is given back.
_LONGEST_ROUND_S = 30.0
LONGEST_PAUSE = timedelta(minutes=15)
LONGEST_REST = timedelta(seconds=60)
# As long as SQS itself keeps a message that nobody fetches.
GIVES_UP_AFTER = timedelta(days=4)
FORGOTTEN_AFTER = timedelta(days=30)


@dataclass(frozen=True, slots=True)
class Mischief:
    """A rehearsal's wishes for one Requester's notifications."""

    duplicate: bool
    shuffle: bool


_NO_MISCHIEF = Mischief(duplicate=False, shuffle=False)


@dataclass(slots=True)
class Rest:
    """An endpoint that was out of reach is left alone for a while, longer each time."""

    failures: int = 0
    until: datetime | None = None

    def is_over(self, now: datetime) -> bool:
        """Whether it may be tried (again)."""
        return self.until is None or now >= self.until

    def failed(self, now: datetime) -> None:
        """It was out of reach (once more)."""
        self.failures += 1
        self.until = now + min(pause_after(self.failures), LONGEST_REST)


@dataclass(frozen=True, slots=True)
class Deliverer:
    """One process's part in the deliveries. rehearsal: whether the faults of the Requesters' access keys apply."""

    database: Database
    carrier: Carrier
    clock: Clock
    rehearsal: bool = False
    stop: threading.Event = field(default_factory=threading.Event)
    rests: dict[str, Rest] = field(default_factory=lambda: {transport: Rest() for transport in TRANSPORTS})


def deliver(by: Deliverer) -> int:
    """Send what is due until nothing is, or `stop` is set; how many messages got there."""
    delivered = 0
    while not by.stop.is_set():
        now, missing = by.clock(), by.carrier.missing()
        tried = [transport for transport, rest in by.rests.items() if transport not in missing and rest.is_over(now)]
        with by.database.transaction() as db:
            hold_back(db, missing, now)
            batch = claim(db, tried, now) if tried else []
            mischiefs = _mischief(db, batch) if by.rehearsal and batch else {}
        if not batch:
            break
        delivered += _send_all(by, batch, mischiefs)
    return delivered


def claim(db: Session, transports: Sequence[str], now: datetime) -> Sequence[OutboxMessage]:
    """Take the next messages that are due, oldest first; nobody else sends them before their lease ends."""
    due = (
        select(OutboxMessage.id)
        .where(_is_due(now), OutboxMessage.transport.in_(transports))
        .order_by(OutboxMessage.next_attempt_at, OutboxMessage.id)
        .limit(AT_ONCE)
        .with_for_update(skip_locked=True)
        .cte("due")  # once and for all: as a subquery it could be run for each row, and take more than a batch
    )
    taken = update(OutboxMessage).where(OutboxMessage.id.in_(select(due.c.id)))
    taken = taken.values(attempts=OutboxMessage.attempts + 1, next_attempt_at=now + LEASE)
    messages = db.scalars(taken.returning(OutboxMessage), execution_options={"synchronize_session": False}).all()
    return sorted(messages, key=lambda message: message.id)


def hold_back(db: Session, transports: Sequence[str], now: datetime) -> None:
    """Keep messages for which there is no endpoint, and say why; look at them again after an hour."""
    for transport in transports:
        old = OutboxMessage.created_at <= now - GIVES_UP_AFTER
        kept = update(OutboxMessage).where(_is_due(now), OutboxMessage.transport == transport)
        kept = kept.values(
            last_error=no_endpoint(transport),
            next_attempt_at=now + timedelta(hours=1),
            given_up_at=case((old, now), else_=None),
        )
        db.execute(kept, execution_options={"synchronize_session": False})


def forget(db: Session, now: datetime) -> None:
    """Drop messages whose fate has been settled for long; the oldest thousand are looked at."""
    oldest = select(OutboxMessage.id).order_by(OutboxMessage.id).limit(1000)
    settled = or_(OutboxMessage.delivered_at.is_not(None), OutboxMessage.given_up_at.is_not(None))
    db.execute(
        delete(OutboxMessage).where(
            OutboxMessage.id.in_(oldest), settled, OutboxMessage.created_at < now - FORGOTTEN_AFTER
        )
    )


def pause_after(attempts: int) -> timedelta:
    """How long to wait after so many failed attempts: 1, 2, 4 … seconds, a quarter of an hour at most."""
    return min(timedelta(seconds=2 ** min(attempts - 1, 20)), LONGEST_PAUSE)


def _is_due(now: datetime) -> ColumnElement[bool]:
    undecided = OutboxMessage.delivered_at.is_(None) & OutboxMessage.given_up_at.is_(None)
    return undecided & (OutboxMessage.next_attempt_at <= now)


def _send_all(by: Deliverer, batch: Sequence[OutboxMessage], mischiefs: dict[str, Mischief]) -> int:
    started = time.monotonic()
    delivered = 0
    untried: list[int] = []
    for message in batch:
        rest, mischief = by.rests[message.transport], mischiefs.get(message.requester_id, _NO_MISCHIEF)
        is_late = by.stop.is_set() or time.monotonic() - started > _LONGEST_ROUND_S
        if is_late or not rest.is_over(by.clock()):
            untried.append(message.id)
        elif mischief.shuffle and message.attempts == 1 and random.random() < 0.5:  # noqa: S311, PLR2004 - a rehearsal's coin
            _postpone(by, message)
        else:
            failed = _attempt(by.carrier, message, mischief)
            by.rests[message.transport] = _after(rest, failed, by.clock())
            _record(by, message, failed)
            delivered += failed is None
    _give_back(by, untried)
    return delivered


def _after(rest: Rest, failed: Undelivered | None, now: datetime) -> Rest:
    if failed is None or not failed.out_of_reach:
        return Rest()
    rest.failed(now)
    return rest


def _give_back(by: Deliverer, message_ids: Sequence[int]) -> None:
    """Leave to the next round what was claimed and not tried."""
    if message_ids:
        untried = update(OutboxMessage).where(OutboxMessage.id.in_(message_ids))
        untried = untried.values(attempts=OutboxMessage.attempts - 1, next_attempt_at=by.clock())
        with by.database.transaction() as db:
            db.execute(untried, execution_options={"synchronize_session": False})


def _attempt(carrier: Carrier, message: OutboxMessage, mischief: Mischief) -> Undelivered | None:
    try:
        for _ in range(2 if mischief.duplicate else 1):
            carrier.send(message)
    except Undelivered as failed:
        return failed
    return None


def _record(by: Deliverer, message: OutboxMessage, failed: Undelivered | None) -> None:
    """Write down how the attempt went, unless another process has delivered the message meanwhile."""
    now = by.clock()
    if failed is None:
        values: dict[str, Any] = {"delivered_at": now, "last_error": None}
        log.debug("notification.delivered", message_id=message.id, attempts=message.attempts)
    elif now - message.created_at >= GIVES_UP_AFTER:
        values = {"given_up_at": now, "last_error": failed.reason}
        log.warning("notification.given_up", message_id=message.id, attempts=message.attempts)
    else:
        values = {"next_attempt_at": now + pause_after(message.attempts), "last_error": failed.reason}
        log.info("notification.undelivered", message_id=message.id, attempts=message.attempts, error=failed.reason)
    mine = update(OutboxMessage).where(OutboxMessage.id == message.id, OutboxMessage.delivered_at.is_(None))
    if failed is not None:
        mine = mine.where(OutboxMessage.attempts == message.attempts)
    with by.database.transaction() as db:
        db.execute(mine.values(**values), execution_options={"synchronize_session": False})


def _postpone(by: Deliverer, message: OutboxMessage) -> None:
    """Let later messages overtake this one."""
    later = by.clock() + timedelta(seconds=random.uniform(1, 3))  # noqa: S311 - a rehearsal's dice
    with by.database.transaction() as db:
        db.execute(
            update(OutboxMessage).where(OutboxMessage.id == message.id).values(next_attempt_at=later),
            execution_options={"synchronize_session": False},
        )


def _mischief(db: Session, batch: Sequence[OutboxMessage]) -> dict[str, Mischief]:
    """What the Requesters' access keys ask to go wrong; one key's wish counts for all notifications of its Requester."""
    statement = select(AccessKey.requester_id, AccessKey.faults).where(
        AccessKey.requester_id.in_({message.requester_id for message in batch}),
        AccessKey.faults.is_not(None),
        AccessKey.revoked_at.is_(None),
    )
    wished: dict[str, list[dict[str, Any]]] = {}
    for requester_id, faults in db.execute(statement):
        wished.setdefault(requester_id, []).append(faults or {})
    return {
        requester_id: Mischief(
            duplicate=any(one.get("duplicate_notifications") for one in faults),
            shuffle=any(one.get("shuffle_notifications") for one in faults),
        )
        for requester_id, faults in wished.items()
    }
