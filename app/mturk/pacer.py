"""Holds the endpoint's rate: calls wait for slots that all job runners share, and no more of them are under way than needed.

`call` and `each` make paced calls of whatever the gateway offers. One such act may be several calls to the endpoint, or one
that is repeated because the endpoint throttled it: where the client is governed (`mturk/attempts.py`), each of these attempts
has a slot of its own, and each answer is counted.
"""

import math
import threading
import time
from collections.abc import Callable, Iterable, Iterator
from concurrent.futures import FIRST_COMPLETED, Future, ThreadPoolExecutor, wait
from dataclasses import dataclass, field
from datetime import datetime
from enum import StrEnum
from typing import Protocol, TypeVar

from app.errors import MarketplaceBusy, OutcomeUnknown, ServiceError

Thing = TypeVar("Thing")
Result = TypeVar("Result")

# Slots are taken for so long in advance, and are lost when they were not used until so long after their time.
CHUNK_S, LATE_S = 0.1, 0.25
# Whoever waits looks up this often, so that a pause or the end of the process is noticed.
LOOK_UP_S = 0.25
# For how long a thread may be kept from its next call by the work between two calls.
SLACK_S = 0.05
FIRST_LATENCY_S = 0.25
_LATENCY_WEIGHT = 0.2


class Slots(Protocol):
    """Room for some calls: the first in `wait_s` seconds, each next one `interval_s` later."""

    @property
    def wait_s(self) -> float:
        """Seconds until the first call may start."""
        ...

    @property
    def interval_s(self) -> float:
        """Seconds between two calls."""
        ...

    @property
    def given_at(self) -> datetime:
        """When, by the clock of whoever gave them."""
        ...

    @property
    def calls_per_second(self) -> float:
        """The rate of all runners together."""
        ...

    @property
    def latency_s(self) -> float | None:
        """How long a call takes, where that is known."""
        ...


@dataclass(frozen=True, slots=True)
class Wish:
    """What a process asks for, and what it saw since it last asked: calls let through, and how long one took."""

    calls: int
    urgent: bool
    accepted: int
    latency_s: float | None


class NotCalled(ServiceError):
    """Nothing was called."""


class Stopping(NotCalled):
    """The process is about to end; nothing was called."""


class Halted(NotCalled):
    """The calls are not wanted any more; nothing was called."""


@dataclass(frozen=True, slots=True)
class _Slot:
    start_at: float  # on the monotonic clock
    given_at: datetime


@dataclass(slots=True)
class _Act:
    """What one thread is at. `room`: a slot that it waited for and has not used. `sent`: something may have happened."""

    urgent: bool = True
    halted: Callable[[], bool] = lambda: False
    last_start_at: float = math.inf
    room: _Slot | None = None
    sent: bool = False
    attempts: int = 0


class Answer(StrEnum):
    """What came of one request."""

    GIVEN = "given"  # whatever it says
    THROTTLED = "throttled"
    NOT_SENT = "not_sent"  # there was no connection
    UNKNOWN = "unknown"  # it may have happened


@dataclass(slots=True)
class Attempt:
    """One request to the endpoint: the slot it has, when it was sent, and whether anything was sent before it."""

    slot: _Slot
    sent_at: float
    sent_before: bool


class Pacer:
    """Spaces the calls of one process. `reserve` takes room from the state that all runners share, `slow_down` lowers its pace.

    threads: the most calls under way for one `each`. Once `stopping` is set nothing more is called.
    longest_act_s: an act's last attempt starts before so many seconds are over.
    """

    def __init__(
        self,
        reserve: Callable[[Wish], Slots],
        slow_down: Callable[[datetime], None],
        *,
        threads: int,
        stopping: threading.Event | None = None,
        longest_act_s: float = math.inf,
    ) -> None:
        self.threads = threads
        self.stopping = stopping or threading.Event()
        self._reserve = reserve
        self._slow_down = slow_down
        self._longest_act_s = longest_act_s
        self._lock = threading.Lock()
        self._ready: dict[bool, list[_Slot]] = {True: [], False: []}  # by urgency, the next one last
        self._callers = {True: 0, False: 0}
        self._pace: Slots | None = None
        self._seen = _Seen()
        self._threads = threading.local()

    # --- waiting ------------------------------------------------------------------------------------------------------

    def wait(self) -> None:
        """Block until the next call of this thread may start. Raises Stopping, Halted, MarketplaceBusy."""
        act = self._act()
        act.room = self._slot_when_due(act)

    def before_attempt(self) -> Attempt:
        """The slot for a request that is about to be sent: the one that was waited for, or the next. Raises like `wait`."""
        act = self._act()
        slot, act.room = act.room or self._slot_when_due(act), None
        attempt = Attempt(slot, time.monotonic(), act.sent)
        act.sent, act.attempts = True, act.attempts + 1
        return attempt

    def after_attempt(self, attempt: Attempt, answer: Answer) -> None:
        """What came of a request; a throttle answer lowers the pace of all."""
        if answer in (Answer.THROTTLED, Answer.NOT_SENT):
            self._act().sent = attempt.sent_before
        if answer is Answer.THROTTLED:
            self._slow_down(attempt.slot.given_at)
        elif answer is Answer.GIVEN:
            with self._lock:
                self._seen.note(time.monotonic() - attempt.sent_at)

    def has_time(self) -> bool:
        """Whether the act that this thread is at may go on with another attempt now."""
        return time.monotonic() < self._act().last_start_at

    # --- calling ------------------------------------------------------------------------------------------------------

    def call(
        self,
        act: Callable[[Thing], Result],
        thing: Thing,
        *,
        urgent: bool = True,
        halted: Callable[[], bool] = lambda: False,
    ) -> Result:
        """One paced act. Raises Stopping or Halted where nothing was called, and what `act` raises.

        A throttle answer that no governed client has counted lowers the pace of all before it is raised.
        """
        mine = _Act(urgent, halted)
        mine.room = slot = self._slot_when_due(mine)
        mine.last_start_at = time.monotonic() + self._longest_act_s
        self._threads.act = mine
        try:
            return act(thing)
        except MarketplaceBusy:
            if not mine.attempts:
                self._slow_down(slot.given_at)
            raise
        finally:
            self._threads.act = _Act()

    def each(
        self,
        act: Callable[[Thing], Result],
        things: Iterable[Thing],
        *,
        urgent: bool = True,
        halted: Callable[[], bool] = lambda: False,
        idle: Callable[[], None] = lambda: None,
    ) -> Iterator[tuple[Thing, Result | ServiceError]]:
        """Paced acts side by side; yields each thing with its result, or with the error it met, as they end.

        No further thing is taken once `halted` or the process is stopping; those taken before meet Halted or Stopping.
        idle: called in the caller's thread every LOOK_UP_S at least.
        """
        with ThreadPoolExecutor(self.threads, thread_name_prefix="marketplace") as pool:
            waiting = iter(things)
            running: dict[Future[Result], Thing] = {}
            exhausted = False
            while running or not exhausted:
                exhausted = exhausted or halted() or self.stopping.is_set()
                while not exhausted and len(running) < self.width():
                    try:
                        thing = next(waiting)
                    except StopIteration:
                        exhausted = True
                    else:
                        running[pool.submit(self._counted, act, thing, urgent, halted)] = thing
                done = wait(running, LOOK_UP_S, return_when=FIRST_COMPLETED).done if running else set()
                idle()
                for future in done:
                    outcome: Result | ServiceError = _outcome(future)
                    yield running.pop(future), outcome

    def width(self) -> int:
        """How many calls of one `each` may be under way: what the rate and the latency need, with slots to wait for."""
        pace = self._pace
        if pace is None:
            return min(self.threads, 4)
        latency_s = pace.latency_s or self._seen.latency_s or FIRST_LATENCY_S
        return min(self.threads, math.ceil(pace.calls_per_second * (latency_s + SLACK_S)) + 1)

    # --- slots --------------------------------------------------------------------------------------------------------

    def _act(self) -> _Act:
        """What this thread is at; a thread that was not given an act reads lists."""
        if not hasattr(self._threads, "act"):
            self._threads.act = _Act()
        act: _Act = self._threads.act
        return act

    def _counted(
        self, act: Callable[[Thing], Result], thing: Thing, urgent: bool, halted: Callable[[], bool]
    ) -> Result:
        with self._lock:
            self._callers[urgent] += 1
        try:
            return self.call(act, thing, urgent=urgent, halted=halted)
        finally:
            with self._lock:
                self._callers[urgent] -= 1

    def _slot_when_due(self, act: _Act) -> _Slot:
        """The next slot, once it is time. An act of which something was sent is finished, or its outcome is not known."""
        self._check(act)
        slot = self._take(urgent=act.urgent)
        if slot.start_at > act.last_start_at:
            raise MarketplaceBusy("wait", "NoRoom", "there is no room for the call in good time")
        while (delay_s := slot.start_at - time.monotonic()) > 0:
            self.stopping.wait(min(delay_s, LOOK_UP_S))
            self._check(act)
        return slot

    def _check(self, act: _Act) -> None:
        if self.stopping.is_set():
            if act.sent:
                raise OutcomeUnknown("wait", "Stopping", "the job runner is stopping in the middle of several calls")
            raise Stopping("the job runner is stopping")
        if not act.sent and act.halted():
            raise Halted("the calls were called off")

    def _take(self, *, urgent: bool) -> _Slot:
        with self._lock:
            ready, now = self._ready[urgent], time.monotonic()
            while ready and ready[-1].start_at < now - LATE_S:
                ready.pop()
            if not ready:
                ready += reversed(self._more(urgent=urgent))
            return ready.pop()

    def _more(self, *, urgent: bool) -> list[_Slot]:
        """As many slots as the callers of this process can use within CHUNK_S: asking for each alone would cost too much."""
        rate = self._pace.calls_per_second if self._pace else 0.0
        wanted = max(1, min(int(rate * CHUNK_S), self._callers[urgent]))
        pace = self._reserve(Wish(wanted, urgent, *self._seen.report()))
        self._pace = pace
        first_at = time.monotonic() + pace.wait_s
        return [_Slot(first_at + number * pace.interval_s, pace.given_at) for number in range(wanted)]


@dataclass(slots=True)
class _Seen:
    """What this process saw of the endpoint. latency_s: a moving average."""

    accepted: int = 0
    latency_s: float | None = None
    _reported: bool = field(default=True)

    def note(self, latency_s: float) -> None:
        """A call was let through."""
        self.accepted += 1
        known = latency_s if self.latency_s is None else self.latency_s
        self.latency_s = known + _LATENCY_WEIGHT * (latency_s - known)
        self._reported = False

    def report(self) -> tuple[int, float | None]:
        """What is new since the last report."""
        accepted, self.accepted = self.accepted, 0
        latency_s = None if self._reported else self.latency_s
        self._reported = True
        return accepted, latency_s


def _outcome(future: Future[Result]) -> Result | ServiceError:
    try:
        return future.result()
    except ServiceError as error:
        return error
