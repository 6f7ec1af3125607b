"""The marketplace's clock, which a rehearsal may move ahead: 30 days until auto-approval pass at once.

How far it is ahead stands in the database, so that all processes agree. It moves only forward, but for a reset to the
real time; what has happened by then (expiries, approvals, purges) stays, and what was made ahead keeps its dates.
"""

import re
import threading
import time
from collections.abc import Callable
from datetime import datetime, timedelta

from sqlalchemy import delete, select
from sqlalchemy.dialects.postgresql import insert
from sqlalchemy.exc import OperationalError
from sqlalchemy.exc import TimeoutError as PoolTimeout
from sqlalchemy.orm import Session

from app.db.engine import Database
from app.errors import InvalidInput, Problem
from app.logs import get_logger
from app.marketplace.context import Clock, utc_now
from app.marketplace.store import MarketplaceClock
from app.settings import Settings

log = get_logger(__name__)
FURTHEST = timedelta(days=3650)
_READ_EVERY_S = 1.0
_SECONDS = {"d": 86_400, "h": 3600, "m": 60, "s": 1}
_SPAN = re.compile(r"(?:(\d{1,8})d)?(?:(\d{1,8})h)?(?:(\d{1,8})m)?(?:(\d{1,9})s)?")


class RehearsalClock:
    """The real time plus what is stored, read at most once a second: other processes follow within that."""

    def __init__(self, database: Database, clock: Clock = utc_now, tick: Callable[[], float] = time.monotonic) -> None:
        self._database, self._clock, self._tick = database, clock, tick
        self._ahead = timedelta()
        self._read_at = float("-inf")
        self._reading = threading.Lock()

    def __call__(self) -> datetime:
        """The marketplace's time."""
        # Whoever comes while another reads goes by what is known: no two connections wait for each other here.
        if self._tick() - self._read_at >= _READ_EVERY_S and self._reading.acquire(blocking=False):
            try:
                self._read()
            finally:
                self._reading.release()
        return self._clock() + self._ahead

    def _read(self) -> None:
        try:
            with self._database.transaction() as db:
                self._ahead = ahead(db)
        except (OperationalError, PoolTimeout) as error:
            log.warning("marketplace.clock_unread", error=type(error).__name__)
        self._read_at = self._tick()


def time_of(db: Session, settings: Settings) -> datetime:
    """The marketplace's time as its servers have it, for who opens the database beside them."""
    return utc_now() + (ahead(db) if settings.marketplace_rehearsal else timedelta())


def ahead(db: Session) -> timedelta:
    """How far the marketplace's clock is ahead of the real time."""
    return timedelta(seconds=db.scalar(select(MarketplaceClock.ahead_s)) or 0.0)


def advance(db: Session, by: timedelta) -> timedelta:
    """Move the clock ahead; how far it is now. Raises InvalidInput for what is not ahead, or beyond ten years."""
    if not timedelta() < by <= FURTHEST:
        raise InvalidInput([Problem("move the clock ahead, by ten years at most", field="by")])
    moved = insert(MarketplaceClock).values(id=1, ahead_s=by.total_seconds())
    total_s = db.scalar(
        moved.on_conflict_do_update(
            index_elements=["id"], set_={"ahead_s": MarketplaceClock.ahead_s + moved.excluded.ahead_s}
        ).returning(MarketplaceClock.ahead_s)
    )
    total = timedelta(seconds=total_s or 0.0)
    if total > FURTHEST:
        raise InvalidInput([Problem(f"the clock would be {total.days} days ahead; ten years is the most", field="by")])
    return total


def reset(db: Session) -> None:
    """Back to the real time."""
    db.execute(delete(MarketplaceClock))


def span(text: str) -> timedelta:
    """`30d`, `12h`, `1d12h`, `90m`, `45s`. Raises InvalidInput."""
    found = _SPAN.fullmatch(text.strip().lower())
    if found is None or not any(found.groups()):
        raise InvalidInput([Problem("write a time such as 30d, 12h, 1d12h, 90m or 45s", field="by")])
    parts = zip(_SECONDS.values(), found.groups(), strict=True)
    return timedelta(seconds=sum(seconds * int(number or 0) for seconds, number in parts))
