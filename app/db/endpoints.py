"""The state that all job runners share about one marketplace endpoint: its rate, and when it was last polled.

Times are the database's own, so that runners with different clocks agree.
"""

from dataclasses import dataclass
from datetime import datetime

from sqlalchemy import text
from sqlalchemy.orm import Session

# After a throttle answer the rate halves, and creeps back by this factor a reservation once it was quiet for QUIET_S.
CREEP = 1.05
QUIET_S = 5.0
SLOWEST_CALLS_PER_SECOND = 0.5


@dataclass(frozen=True, slots=True)
class Slots:
    """Room for some calls: the first may start in `wait_s` seconds, each next one `interval_s` later."""

    wait_s: float
    interval_s: float


_RESERVE = text("""
    INSERT INTO endpoints AS e (url, calls_per_second, next_call_at, calls)
    VALUES (:url, :ceiling, clock_timestamp() + make_interval(secs => :calls / :ceiling), :calls)
    ON CONFLICT (url) DO UPDATE SET
        calls_per_second = least(:ceiling, CASE
            WHEN e.throttled_at IS NULL OR e.throttled_at < clock_timestamp() - make_interval(secs => :quiet_s)
            THEN e.calls_per_second * :creep ELSE e.calls_per_second END),
        next_call_at = greatest(e.next_call_at, clock_timestamp()) + make_interval(secs => :calls / e.calls_per_second),
        calls = e.calls + :calls
    RETURNING extract(epoch FROM e.next_call_at - clock_timestamp())::float8, e.calls_per_second
""")


def reserve(db: Session, url: str, *, calls: int, ceiling: float) -> Slots:
    """Room for `calls` calls to the endpoint, at no more than `ceiling` calls per second over all runners."""
    parameters = {"url": url, "calls": float(calls), "ceiling": ceiling, "creep": CREEP, "quiet_s": QUIET_S}
    ends_in_s, rate = db.execute(_RESERVE, parameters).one()
    return Slots(wait_s=max(0.0, ends_in_s - calls / rate), interval_s=1 / rate)


def slow_down(db: Session, url: str) -> None:
    """The endpoint throttled: halve the rate, at most once a second however many calls were in flight."""
    db.execute(
        text("""
            UPDATE endpoints SET calls_per_second = greatest(:slowest, calls_per_second / 2), throttled_at = clock_timestamp()
            WHERE url = :url AND (throttled_at IS NULL OR throttled_at < clock_timestamp() - interval '1 second')
        """),
        {"url": url, "slowest": SLOWEST_CALLS_PER_SECOND},
    )


def due_for_poll(db: Session, url: str, *, interval_s: float, ceiling: float) -> bool:
    """Whether the last poll is `interval_s` ago; if so, it is now. Of several runners that ask, one gets True."""
    db.execute(
        text("""
            INSERT INTO endpoints (url, calls_per_second, next_call_at) VALUES (:url, :ceiling, clock_timestamp())
            ON CONFLICT DO NOTHING
        """),
        {"url": url, "ceiling": ceiling},
    )
    won = db.execute(
        text("""
            UPDATE endpoints SET polled_at = clock_timestamp()
            WHERE url = :url
              AND (polled_at IS NULL OR polled_at <= clock_timestamp() - make_interval(secs => :interval_s))
            RETURNING url
        """),
        {"url": url, "interval_s": interval_s},
    )
    return won.first() is not None


# A heartbeat older than this: tokens of that time may be forgotten by the marketplace, or this is a restored backup.
LONGEST_GAP = "1 hour"


def beat(db: Session, url: str, *, ceiling: float) -> bool:
    """Say that this database is in use now. Returns whether it had not been for longer than LONGEST_GAP.

    After such a gap it may be a backup that was restored: what was launched before may have happened without its knowing.
    """
    row = db.execute(
        text("""
            INSERT INTO endpoints AS e (url, calls_per_second, next_call_at, heartbeat_at)
            VALUES (:url, :ceiling, clock_timestamp(), clock_timestamp())
            ON CONFLICT (url) DO UPDATE SET heartbeat_at = clock_timestamp(),
                resumed_at = CASE WHEN e.heartbeat_at < clock_timestamp() - CAST(:gap AS interval)
                                  THEN clock_timestamp() ELSE e.resumed_at END
            RETURNING resumed_at = heartbeat_at AS resumed
        """),
        {"url": url, "ceiling": ceiling, "gap": LONGEST_GAP},
    ).one()
    return bool(row.resumed)


def launched_before_a_gap(db: Session, url: str, launched_at: datetime | None) -> bool:
    """Whether a Batch launched then may have been published further than this database knows."""
    resumed_at = db.execute(
        text("SELECT resumed_at FROM endpoints WHERE url = :url"), {"url": url}
    ).scalar_one_or_none()
    return resumed_at is not None and launched_at is not None and launched_at < resumed_at
