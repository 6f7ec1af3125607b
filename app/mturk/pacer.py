"""Holds the endpoint's rate: calls wait for slots that all job runners share."""

import threading
import time
from collections.abc import Callable, Iterable, Iterator
from concurrent.futures import FIRST_COMPLETED, Future, ThreadPoolExecutor, wait
from typing import Protocol, TypeVar

from app.errors import MarketplaceBusy, ServiceError

Thing = TypeVar("Thing")
Result = TypeVar("Result")


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


class Stopping(ServiceError):
    """The process is about to end; nothing was called."""


class Pacer:
    """Spaces the calls of one process. `reserve(n)` takes room for n calls from the state that all runners share.

    Once `stopping` is set, whoever waits or comes later meets Stopping instead of a call.
    """

    def __init__(
        self,
        reserve: Callable[[int], Slots],
        slow_down: Callable[[], None],
        *,
        threads: int,
        chunk: int = 10,
        stopping: threading.Event | None = None,
    ) -> None:
        self.threads = threads
        self.stopping = stopping or threading.Event()
        self._reserve = reserve
        self._slow_down = slow_down
        self._chunk = chunk
        self._lock = threading.Lock()
        self._left = 0
        self._next_at = 0.0
        self._interval_s = 0.0

    def wait(self) -> None:
        """Block until the next call may start. Raises Stopping."""
        if self.stopping.is_set():
            raise Stopping("the job runner is stopping")
        with self._lock:
            if self._left == 0:
                slots = self._reserve(self._chunk)
                self._left = self._chunk
                self._next_at = time.monotonic() + slots.wait_s
                self._interval_s = slots.interval_s
            start_at = self._next_at
            self._next_at += self._interval_s
            self._left -= 1
        delay = start_at - time.monotonic()
        if delay > 0 and self.stopping.wait(delay):
            raise Stopping("the job runner is stopping")

    def throttled(self) -> None:
        """The endpoint asked for fewer calls."""
        self._slow_down()

    def call(self, act: Callable[[Thing], Result], thing: Thing) -> Result:
        """One paced call; a throttle answer slows everybody down before it is raised."""
        self.wait()
        try:
            return act(thing)
        except MarketplaceBusy:
            self.throttled()
            raise

    def each(
        self, act: Callable[[Thing], Result], things: Iterable[Thing]
    ) -> Iterator[tuple[Thing, Result | ServiceError]]:
        """Paced calls in `threads` threads; yields each thing with its result, or with the error it met, as they end."""
        with ThreadPoolExecutor(self.threads, thread_name_prefix="marketplace") as pool:
            waiting = iter(things)
            running: dict[Future[Result], Thing] = {}
            exhausted = False
            while running or not exhausted:
                while not exhausted and len(running) < self.threads:
                    try:
                        thing = next(waiting)
                    except StopIteration:
                        exhausted = True
                    else:
                        running[pool.submit(self.call, act, thing)] = thing
                done, _ = wait(running, return_when=FIRST_COMPLETED) if running else (set(), set())
                for future in done:
                    outcome: Result | ServiceError = _outcome(future)
                    yield running.pop(future), outcome


def _outcome(future: Future[Result]) -> Result | ServiceError:
    try:
        return future.result()
    except ServiceError as error:
        return error
