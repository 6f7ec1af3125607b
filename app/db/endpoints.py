"""The state that all job runners share about one marketplace endpoint: its pace, and when it was last polled.

Calls start at slots on one time line a endpoint: whoever wants to call takes the next ones. Times are the database's own, so
that runners with different clocks agree. How fast the slots follow each other is decided in `domain/pace.py`.
"""

from dataclasses import asdict, dataclass
from datetime import datetime, timedelta
from typing import Any

from sqlalchemy import text
from sqlalchemy.orm import Session

from app.domain import pace
from app.domain.pace import Pace

# Calls that go first have up to this share of the rate, before all others; beyond it they wait in line like them.
URGENT_SHARE = 0.5
# A poll of many HITs takes many calls. While other calls wait in line it may take this share of the rate in the long run.
POLLING_SHARE = 0.05
_LATENCY_WEIGHT = 0.2


@dataclass(frozen=True, slots=True)
class Slots:
    """Room for some calls: the first may start in `wait_s` seconds, each next one `interval_s` later.

    given_at: when, by the database's clock. latency_s: of a call to the endpoint, averaged over all runners, where known.
    """

    wait_s: float
    interval_s: float
    given_at: datetime
    calls_per_second: float
    latency_s: float | None


_LOCKED = text("""
    SELECT calls_per_second, throttled_rate, throttled_at, quiet_s, accepted_rate, accepted_at, calls, latency_s,
        next_call_at, urgent_at, clock_timestamp() AS now
    FROM endpoints WHERE url = :url FOR UPDATE
""")
# A reservation or a pace that is lost with the database's power is no loss: nobody waits for the disk here.
_UPDATE = text("""
    UPDATE endpoints SET calls_per_second = :calls_per_second, throttled_rate = :throttled_rate, quiet_s = :quiet_s,
        accepted_rate = :accepted_rate, accepted_at = :now, latency_s = :latency_s, calls = calls + :calls,
        next_call_at = :next_call_at, urgent_at = :urgent_at
    WHERE url = :url RETURNING set_config('synchronous_commit', 'off', true)
""")


def reserve(
    db: Session,
    url: str,
    *,
    calls: int,
    ceiling: float,
    urgent: bool = False,
    accepted: int = 0,
    latency_s: float | None = None,
) -> Slots:
    """Room for `calls` calls to the endpoint, at no more than `ceiling` calls per second over all runners.

    urgent: before calls of others that wait in line, up to URGENT_SHARE of the rate.
    accepted, latency_s: what the caller saw since it last asked: calls that were not throttled, and how long one took.
    """
    row = _locked(db, url, ceiling)
    known = _pace_of(row) if row.calls else pace.first(ceiling)
    known = pace.after(pace.answered(known, accepted, elapsed_s=_elapsed_s(row)), calls, ceiling=ceiling)
    interval = timedelta(seconds=1 / known.calls_per_second)
    free_at, urgent_at = max(row.now, row.next_call_at), max(row.now, row.urgent_at or row.now)
    goes_first = urgent and urgent_at < free_at
    starts_at, spacing = (urgent_at, interval / URGENT_SHARE) if goes_first else (free_at, interval)
    latency_s = _blended(row.latency_s, latency_s)
    _update(
        db,
        url,
        known,
        now=row.now,
        calls=calls,
        latency_s=latency_s,
        # Whoever goes first moves the end of the line back all the same: over time no more calls are made.
        next_call_at=free_at + calls * interval,
        urgent_at=urgent_at + calls * spacing if goes_first else urgent_at,
    )
    wait_s = (starts_at - row.now).total_seconds()
    return Slots(wait_s, spacing.total_seconds(), row.now, known.calls_per_second, latency_s)


def slow_down(db: Session, url: str, *, given_at: datetime) -> None:
    """The endpoint throttled a call that had its room `given_at`.

    Calls that got theirs before the pace was last lowered tell nothing new, however many of them were on their way.
    """
    db.execute(text("UPDATE endpoints SET throttles = throttles + 1 WHERE url = :url"), {"url": url})
    row = db.execute(_LOCKED, {"url": url}).one()
    if row.throttled_at is not None and given_at <= row.throttled_at:
        return
    _update(
        db,
        url,
        pace.slowed(pace.answered(_pace_of(row), 0, elapsed_s=_elapsed_s(row))),
        now=row.now,
        calls=0,
        latency_s=row.latency_s,
        next_call_at=row.next_call_at,
        urgent_at=row.urgent_at,
    )
    db.execute(text("UPDATE endpoints SET throttled_at = :now WHERE url = :url"), {"url": url, "now": row.now})


def due_for_poll(db: Session, url: str, *, interval_s: float, ceiling: float, calls: int = 1) -> bool:
    """Whether the last poll is `interval_s` ago; if so, it is now. Of several runners that ask, one gets True.

    calls: how many calls a poll takes, about. While others wait in line polls keep to POLLING_SHARE of the rate.
    """
    _ensure(db, url, ceiling)
    won = db.execute(
        text("""
            UPDATE endpoints SET polled_at = clock_timestamp()
            WHERE url = :url
              AND (polled_at IS NULL OR polled_at <= clock_timestamp() - make_interval(secs => CASE
                  WHEN next_call_at > clock_timestamp() THEN greatest(:interval_s, :calls / (:share * calls_per_second))
                  ELSE :interval_s END))
            RETURNING url
        """),
        {"url": url, "interval_s": interval_s, "calls": float(calls), "share": POLLING_SHARE},
    )
    return won.first() is not None


def _ensure(db: Session, url: str, ceiling: float) -> None:
    db.execute(
        text("""
            INSERT INTO endpoints (url, calls_per_second, next_call_at) VALUES (:url, :rate, clock_timestamp())
            ON CONFLICT DO NOTHING
        """),
        {"url": url, "rate": pace.first(ceiling).calls_per_second},
    )


def _locked(db: Session, url: str, ceiling: float) -> Any:
    """The endpoint's row, locked; made if there is none."""
    row = db.execute(_LOCKED, {"url": url}).one_or_none()
    if row is None:
        _ensure(db, url, ceiling)
        row = db.execute(_LOCKED, {"url": url}).one()
    return row


def _pace_of(row: Any) -> Pace:
    return Pace(row.calls_per_second, row.throttled_rate, row.quiet_s, row.accepted_rate)


def _elapsed_s(row: Any) -> float:
    return 0.0 if row.accepted_at is None else float((row.now - row.accepted_at).total_seconds())


def _update(
    db: Session,
    url: str,
    known: Pace,
    *,
    now: datetime,
    calls: int,
    latency_s: float | None,
    next_call_at: datetime,
    urgent_at: datetime | None,
) -> None:
    line = {"now": now, "next_call_at": next_call_at, "urgent_at": urgent_at, "calls": calls, "latency_s": latency_s}
    db.execute(_UPDATE, {"url": url, **line, **asdict(known)})


def _blended(known: float | None, seen: float | None) -> float | None:
    if known is None or seen is None:
        return known if seen is None else seen
    return known + _LATENCY_WEIGHT * (seen - known)
