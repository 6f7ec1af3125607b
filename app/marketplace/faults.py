"""What goes wrong on purpose, for rehearsals and tests: per access key, and never unless the settings say so.

`Faults` is what an operator asks for (kept with the access key), `Trouble` what it means for one call. Which calls fail
follows from the seed and the call's number alone. Rate and numbers are counted in each process for itself.
"""

import random
import threading
import time
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from enum import StrEnum
from typing import Any, Self

from pydantic import ConfigDict, Field, TypeAdapter, ValidationError, model_validator
from pydantic.dataclasses import dataclass as validated
from sqlalchemy import select

from app.db.engine import Database
from app.errors import InvalidInput, Problem
from app.logs import get_logger
from app.marketplace.store import AccessKey

log = get_logger(__name__)
_READ_EVERY_S = 1.0
_LONGEST_S = 120


@validated(frozen=True, slots=True, kw_only=True, config=ConfigDict(extra="forbid"))
class Faults:
    """What goes wrong for calls with one access key. The shares are of its calls, and add up to 1 at most."""

    # More calls than this a second: ThrottlingException.
    throttle_per_s: float | None = Field(default=None, ge=0.1, le=10_000)
    # It happened, but the connection ends before the answer does.
    reply_lost_share: float = Field(default=0.0, ge=0, le=1)
    # A ServiceFault, and nothing happened.
    server_error_share: float = Field(default=0.0, ge=0, le=1)
    # A ServiceFault, but it happened.
    late_error_share: float = Field(default=0.0, ge=0, le=1)
    # Every answer takes this much longer.
    slow_ms: int = Field(default=0, ge=0, le=1000 * _LONGEST_S)
    # Lists do not show what is younger than this.
    list_lag_s: float = Field(default=0.0, ge=0, le=86_400)
    # Of the Requester's notifications.
    duplicate_notifications: bool = False
    shuffle_notifications: bool = False
    seed: int = 0

    @model_validator(mode="after")
    def _shares_fit(self) -> Self:
        if self.reply_lost_share + self.server_error_share + self.late_error_share > 1:
            raise ValueError("the shares of lost replies and errors add up to more than 1")
        return self


_FAULTS = TypeAdapter(Faults)


class Mishap(StrEnum):
    """How one call ends, if not as it should."""

    NONE = "none"
    THROTTLED = "throttled"
    ERROR_BEFORE = "error_before"
    ERROR_AFTER = "error_after"
    REPLY_LOST = "reply_lost"


@dataclass(frozen=True, slots=True)
class Trouble:
    """What one call meets."""

    mishap: Mishap = Mishap.NONE
    delay_s: float = 0.0
    list_lag_s: float = 0.0


NO_TROUBLE = Trouble()


def parse(values: Mapping[str, Any]) -> Faults:
    """The faults as they were asked for or are stored. Raises InvalidInput."""
    try:
        return _FAULTS.validate_python(dict(values))
    except ValidationError as error:
        problems = [
            Problem(str(fault["msg"]).removeprefix("Value error, "), field=".".join(map(str, fault["loc"])) or "faults")
            for fault in error.errors()
        ]
        raise InvalidInput(problems) from None


def stored(faults: Faults) -> dict[str, Any]:
    """The faults as they are kept with an access key."""
    kept: dict[str, Any] = _FAULTS.dump_python(faults, mode="json")
    return kept


def mishap_of(faults: Faults, number: int) -> Mishap:
    """How the key's call of this number ends. Pure."""
    drawn = random.Random(f"{faults.seed}/{number}").random()  # noqa: S311 - a rehearsal's dice
    for share, mishap in (
        (faults.server_error_share, Mishap.ERROR_BEFORE),
        (faults.late_error_share, Mishap.ERROR_AFTER),
        (faults.reply_lost_share, Mishap.REPLY_LOST),
    ):
        if drawn < share:
            return mishap
        drawn -= share
    return Mishap.NONE


class TroubleMaker:
    """One process's memory of the keys' faults: what is stored, read once a second, and how much each has called."""

    def __init__(self, database: Database, tick: Callable[[], float] = time.monotonic) -> None:
        self._database, self._tick = database, tick
        self._keys: dict[str, KeyTrouble] = {}
        self._lock = threading.Lock()

    def next_call(self, access_key_id: str) -> Trouble:
        """What the next call with this key meets. The key must exist, so that the memory cannot be made to grow."""
        with self._lock:
            key = self._keys.setdefault(access_key_id, KeyTrouble())
            stale = self._tick() - key.read_at >= _READ_EVERY_S
        found = self._stored(access_key_id) if stale else None
        with self._lock:
            if stale:
                key.faults, key.read_at = found, self._tick()
            return key.next_call(self._tick())

    def _stored(self, access_key_id: str) -> Faults | None:
        with self._database.transaction() as db:
            kept = db.scalar(select(AccessKey.faults).where(AccessKey.access_key_id == access_key_id))
        try:
            return None if kept is None else parse(kept)
        except InvalidInput as error:
            log.warning("faults.not_understood", access_key_id=access_key_id, error=str(error))
            return None


@dataclass(slots=True)
class KeyTrouble:
    """The faults of one key, its calls so far, and how many more it may make at once (a bucket that fills)."""

    faults: Faults | None = None
    read_at: float = float("-inf")
    calls: int = 0
    allowed: float = float("inf")
    filled_at: float = 0.0

    def next_call(self, now: float) -> Trouble:
        """What the next call meets, at `now` on a clock of seconds."""
        if self.faults is None:
            return NO_TROUBLE
        delay_s, list_lag_s = self.faults.slow_ms / 1000, self.faults.list_lag_s
        if self._throttled(self.faults.throttle_per_s, now):
            return Trouble(Mishap.THROTTLED, delay_s)
        self.calls += 1
        return Trouble(mishap_of(self.faults, self.calls), delay_s, list_lag_s)

    def _throttled(self, per_s: float | None, now: float) -> bool:
        if per_s is None:
            self.allowed = float("inf")
            return False
        # A second's worth at once, at least one call.
        self.allowed = min(max(per_s, 1.0), self.allowed + (now - self.filled_at) * per_s)
        self.filled_at = now
        if self.allowed < 1:
            return True
        self.allowed -= 1
        return False
