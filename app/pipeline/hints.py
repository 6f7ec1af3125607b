"""Notifications → hints: which HITs something happened to. Everything here may be repeated, lost, late or forged.

A hint marks a HIT that we know and that may still bring something (`hits.hinted_at`); whatever else a message says is
counted and thrown away. Polling goes on, only less often while notifications arrive.
"""

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import datetime, timedelta

from sqlalchemy import text
from sqlalchemy.orm import Session

from app.db.engine import Database
from app.domain.vocabulary import BatchId, HitGroupId, HITTypeId, MarketplaceHITId
from app.errors import MarketplaceError, MarketplaceRefused
from app.logs import get_logger
from app.mturk import notifications
from app.mturk.client import Marketplace
from app.mturk.notifications import Message, UnreadableMessage
from app.mturk.pacer import Pacer

log = get_logger(__name__)

# A marketplace that refused to notify is told again, since its operator may have put right what was wrong.
TOLD_AGAIN = timedelta(hours=1)
# Notifications arrive as long as the last one about a HIT of ours is no older than this.
ARRIVING_WITHIN_S = 600
_ATTENTION = "Notifications could not be switched on, so answers are collected by polling"


@dataclass(frozen=True, slots=True)
class Taken:
    """What some messages said: HITs now marked, HITs that are not ours or are over, messages that say nothing."""

    hints: int
    strangers: int
    unreadable: int


def switch_on(database: Database, marketplace: Marketplace, pacer: Pacer, queue_url: str) -> None:
    """Have the marketplace notify `queue_url` of each HIT type of an active Batch that it does not notify it of yet.

    A refusal is told on the Batch and keeps nothing from its work.
    """
    with database.transaction() as db:
        groups = _untold(db, marketplace, queue_url)
    for group_id, (batch_id, hit_type_id) in groups.items():
        refused: MarketplaceError | None = None
        try:
            pacer.call(lambda kind: notifications.notify(marketplace, kind, queue_url), hit_type_id)
        except MarketplaceError as error:
            refused = error
        with database.transaction() as db:
            _write_told(db, group_id, batch_id, queue_url, refused)


def _untold(db: Session, marketplace: Marketplace, queue_url: str) -> dict[HitGroupId, tuple[BatchId, HITTypeId]]:
    rows = db.execute(
        text("""
            SELECT g.id, g.batch_id, g.hit_type_id FROM hit_groups AS g JOIN batches AS b ON b.id = g.batch_id
            WHERE b.status IN ('live', 'paused', 'stopping') AND b.profile = :profile
              AND (b.endpoint_url = :url OR b.profile = 'local') AND g.hit_type_id IS NOT NULL
              AND g.notified_queue IS DISTINCT FROM :queue AND (g.notify_after IS NULL OR g.notify_after <= now())
            ORDER BY g.id
        """),
        {"profile": marketplace.profile, "url": marketplace.endpoint_url, "queue": queue_url},
    )
    return {HitGroupId(row.id): (BatchId(row.batch_id), HITTypeId(row.hit_type_id)) for row in rows}


def _write_told(
    db: Session, group_id: HitGroupId, batch_id: BatchId, queue_url: str, refused: MarketplaceError | None
) -> None:
    """What came of it. Only a refusal is worth a person's attention; whatever else happened is tried again in a minute."""
    wait = (
        timedelta(0)
        if refused is None
        else TOLD_AGAIN
        if isinstance(refused, MarketplaceRefused)
        else timedelta(minutes=1)
    )
    db.execute(
        text("""
            UPDATE hit_groups SET notified_queue = CASE WHEN :told THEN :queue ELSE notified_queue END,
                notify_after = CASE WHEN :told THEN NULL ELSE now() + :wait END
            WHERE id = :id
        """),
        {"id": group_id, "told": refused is None, "queue": queue_url, "wait": wait},
    )
    if refused is None:
        _clear_attention(db, batch_id)
        log.info("notifications.on", batch_id=batch_id)
    else:
        _raise_attention(db, batch_id, refused)
        log.warning("notifications.refused", batch_id=batch_id, error=str(refused))


def _raise_attention(db: Session, batch_id: BatchId, refused: MarketplaceError) -> None:
    """Unless something more urgent is said there already."""
    if isinstance(refused, MarketplaceRefused):
        why = f"{_ATTENTION}: {refused}"
        db.execute(
            text("UPDATE batches SET attention = :why WHERE id = :id AND attention IS NULL"),
            {"id": batch_id, "why": why},
        )


def _clear_attention(db: Session, batch_id: BatchId) -> None:
    db.execute(
        text("UPDATE batches SET attention = NULL WHERE id = :id AND starts_with(attention, :ours)"),
        {"id": batch_id, "ours": _ATTENTION},
    )


def take(db: Session, queue_url: str, messages: Sequence[Message]) -> Taken:
    """Mark the HITs that `messages` name, and count. Delete the messages only once this is committed."""
    named: set[MarketplaceHITId] = set()
    unreadable = 0
    for message in messages:
        try:
            named.update(notifications.hits_of(message.body))
        except UnreadableMessage as error:
            unreadable += 1
            log.info("notification.unreadable", why=str(error), size=len(message.body))
    marked = _mark(db, sorted(named))
    taken = Taken(hints=marked, strangers=len(named) - marked, unreadable=unreadable)
    _count(db, queue_url, len(messages), taken)
    return taken


def _mark(db: Session, named: Sequence[MarketplaceHITId]) -> int:
    """How many of the HITs are ours and may still bring something: those are marked now."""
    if not named:
        return 0
    # Locked by ascending id: two runners may hold the same messages, and a poll may be writing the same HITs.
    found = db.scalars(
        text("""
            SELECT id FROM hits WHERE marketplace_hit_id = ANY(:named) AND status = 'live'
            ORDER BY id FOR NO KEY UPDATE
        """),
        {"named": list(named)},
    ).all()
    db.execute(text("UPDATE hits SET hinted_at = now() WHERE id = ANY(:ids)"), {"ids": list(found)})
    return len(found)


def _count(db: Session, queue_url: str, messages: int, taken: Taken) -> None:
    db.execute(
        text("""
            INSERT INTO notification_queues AS q (url, messages, unreadable, hints, strangers, received_at, hinted_at)
            VALUES (:url, :messages, :unreadable, :hints, :strangers,
                    CASE WHEN :messages > 0 THEN now() END, CASE WHEN :hints > 0 THEN now() END)
            ON CONFLICT (url) DO UPDATE SET messages = q.messages + excluded.messages,
                unreadable = q.unreadable + excluded.unreadable, hints = q.hints + excluded.hints,
                strangers = q.strangers + excluded.strangers, error = NULL,
                received_at = coalesce(excluded.received_at, q.received_at),
                hinted_at = coalesce(excluded.hinted_at, q.hinted_at)
        """),
        {
            "url": queue_url,
            "messages": messages,
            "unreadable": taken.unreadable,
            "hints": taken.hints,
            "strangers": taken.strangers,
        },
    )


def note_trouble(db: Session, queue_url: str, error: str) -> None:
    """The queue could not be read; the next message that is read clears this."""
    db.execute(
        text("""
            INSERT INTO notification_queues (url, error) VALUES (:url, :error)
            ON CONFLICT (url) DO UPDATE SET error = excluded.error
        """),
        {"url": queue_url, "error": error},
    )


def hinted_profiles(db: Session) -> list[str]:
    """Marketplace profiles of which HITs wait to be looked at."""
    statement = """
        SELECT DISTINCT b.profile FROM hits AS h JOIN batches AS b ON b.id = h.batch_id
        WHERE h.hinted_at IS NOT NULL AND h.status = 'live'
    """
    return list(db.scalars(text(statement)))


def poll_interval_s(db: Session, profile: str, *, queue_url: str | None, usual_s: int, notified_s: int) -> int:
    """Seconds between two polls of the profile's marketplace: longer while notifications arrive for all that is live there."""
    if queue_url is None:
        return usual_s
    arriving = db.execute(
        text("""
            SELECT EXISTS (SELECT 1 FROM notification_queues
                           WHERE url = :queue AND error IS NULL AND hinted_at > now() - make_interval(secs => :within_s))
               AND NOT EXISTS (SELECT 1 FROM hit_groups AS g JOIN batches AS b ON b.id = g.batch_id
                               WHERE b.profile = :profile AND b.status IN ('live', 'paused', 'stopping')
                                 AND g.hit_type_id IS NOT NULL AND g.notified_queue IS DISTINCT FROM :queue)
        """),
        {"queue": queue_url, "profile": profile, "within_s": ARRIVING_WITHIN_S},
    ).scalar_one()
    return max(usual_s, notified_s) if arriving else usual_s


@dataclass(frozen=True, slots=True)
class QueueReport:
    """What came out of the queue so far, and of how many HIT types of active Batches the marketplace notifies it."""

    messages: int
    hints: int
    strangers: int
    unreadable: int
    received_at: datetime | None
    hinted_at: datetime | None
    error: str | None
    switched_on: int
    hit_types: int


def report(db: Session, queue_url: str) -> QueueReport:
    """How listening goes. All zero before the first message."""
    row = db.execute(
        text("""
            SELECT coalesce(q.messages, 0) AS messages, coalesce(q.hints, 0) AS hints, coalesce(q.strangers, 0) AS strangers,
                   coalesce(q.unreadable, 0) AS unreadable, q.received_at, q.hinted_at, q.error,
                   g.switched_on, g.hit_types
            FROM (SELECT count(*) AS hit_types, count(*) FILTER (WHERE g.notified_queue = :queue) AS switched_on
                  FROM hit_groups AS g JOIN batches AS b ON b.id = g.batch_id
                  WHERE b.status IN ('live', 'paused', 'stopping') AND g.hit_type_id IS NOT NULL) AS g
            LEFT JOIN notification_queues AS q ON q.url = :queue
        """),
        {"queue": queue_url},
    ).one()
    return QueueReport(**row._asdict())
