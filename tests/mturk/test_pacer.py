import threading
import time
from collections.abc import Callable, Iterator
from dataclasses import dataclass, field

import pytest

from app.errors import MarketplaceBusy, MarketplaceRefused
from app.mturk.pacer import Pacer, Stopping


@dataclass(frozen=True, slots=True)
class Room:
    """Room in the pace that a test sets."""

    wait_s: float = 0.0
    interval_s: float = 0.0


@dataclass(slots=True)
class Endpoint:
    """The shared state, and what was asked of it."""

    room: Room = field(default_factory=Room)
    reserved: list[int] = field(default_factory=list)
    slowed: int = 0

    def reserve(self, calls: int) -> Room:
        self.reserved.append(calls)
        return self.room

    def slow_down(self) -> None:
        self.slowed += 1

    def pacer(self, *, threads: int = 4, chunk: int = 10, stopping: threading.Event | None = None) -> Pacer:
        return Pacer(self.reserve, self.slow_down, threads=threads, chunk=chunk, stopping=stopping)


@pytest.fixture
def endpoint() -> Endpoint:
    return Endpoint()


class Naps(threading.Event):
    """Notes how long each caller would have slept, and lets them go on at once."""

    def __init__(self) -> None:
        super().__init__()
        self.slept: list[float] = []

    def wait(self, timeout: float | None = None) -> bool:
        self.slept.append(timeout or 0.0)
        return False


@pytest.fixture
def naps(monkeypatch: pytest.MonkeyPatch) -> Naps:
    """A clock that stands still."""
    monkeypatch.setattr(time, "monotonic", lambda: 1000.0)
    return Naps()


def double(number: int) -> int:
    return number * 2


def test_room_is_reserved_for_several_calls_at_once(endpoint: Endpoint) -> None:
    pacer = endpoint.pacer(chunk=10)
    for _ in range(21):
        pacer.wait()
    assert endpoint.reserved == [10, 10, 10]


def test_calls_are_spaced_as_they_were_reserved(endpoint: Endpoint, naps: Naps) -> None:
    endpoint.room = Room(wait_s=2.0, interval_s=0.5)
    pacer = endpoint.pacer(chunk=4, stopping=naps)
    for _ in range(4):
        pacer.wait()
    assert naps.slept == pytest.approx([2.0, 2.5, 3.0, 3.5])


def test_a_new_reservation_brings_its_own_pace(endpoint: Endpoint, naps: Naps) -> None:
    pacer = endpoint.pacer(chunk=2, stopping=naps)
    endpoint.room = Room(wait_s=1.0, interval_s=1.0)
    pacer.wait()
    pacer.wait()
    endpoint.room = Room(wait_s=5.0, interval_s=0.1)
    pacer.wait()
    assert naps.slept == pytest.approx([1.0, 2.0, 5.0])


def test_threads_share_the_pace(endpoint: Endpoint, naps: Naps) -> None:
    endpoint.room = Room(wait_s=1.0, interval_s=1.0)
    pacer = endpoint.pacer(threads=8, chunk=40, stopping=naps)

    def wait_five_times() -> None:
        for _ in range(5):
            pacer.wait()

    threads = [threading.Thread(target=wait_five_times) for _ in range(8)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert endpoint.reserved == [40]
    assert sorted(naps.slept) == pytest.approx([float(number) for number in range(1, 41)])


def test_every_thing_comes_back_with_its_result(endpoint: Endpoint) -> None:
    results = dict(endpoint.pacer().each(double, range(50)))
    assert results == {number: number * 2 for number in range(50)}
    assert sum(endpoint.reserved) == 50


def test_nothing_to_do_calls_nothing(endpoint: Endpoint) -> None:
    assert list(endpoint.pacer().each(double, [])) == []
    assert endpoint.reserved == []


def test_an_error_comes_back_with_its_thing_and_the_others_go_on(endpoint: Endpoint) -> None:
    def act(number: int) -> int:
        if number % 3 == 0:
            raise MarketplaceRefused("GetHIT", "No", "no")
        return number

    outcomes = dict(endpoint.pacer().each(act, range(12)))
    assert len(outcomes) == 12
    assert {number for number, outcome in outcomes.items() if isinstance(outcome, MarketplaceRefused)} == {0, 3, 6, 9}
    assert endpoint.slowed == 0


def test_a_throttle_answer_slows_everybody_down(endpoint: Endpoint) -> None:
    def act(number: int) -> int:
        raise MarketplaceBusy("GetHIT", "ThrottlingException", "slow")

    outcomes = list(endpoint.pacer().each(act, range(3)))
    assert endpoint.slowed == 3
    assert all(isinstance(outcome, MarketplaceBusy) for _, outcome in outcomes)


def test_a_throttled_single_call_raises_after_slowing_down(endpoint: Endpoint) -> None:
    def act(number: int) -> int:
        raise MarketplaceBusy("GetHIT", "ThrottlingException", "slow")

    with pytest.raises(MarketplaceBusy):
        endpoint.pacer().call(act, 1)
    assert endpoint.slowed == 1


def test_a_defect_of_ours_is_not_taken_for_an_answer(endpoint: Endpoint) -> None:
    def act(number: int) -> float:
        return 1 / number

    with pytest.raises(ZeroDivisionError):
        list(endpoint.pacer(threads=1).each(act, [1, 0]))


def test_no_more_calls_run_at_once_than_there_are_threads(endpoint: Endpoint) -> None:
    lock, now, most = threading.Lock(), [0], [0]

    def act(number: int) -> None:
        with lock:
            now[0] += 1
            most[0] = max(most[0], now[0])
        time.sleep(0.005)
        with lock:
            now[0] -= 1

    list(endpoint.pacer(threads=3).each(act, range(20)))
    assert most[0] <= 3


def test_a_consumer_that_stops_is_followed_by_no_new_calls(endpoint: Endpoint) -> None:
    called: list[int] = []
    outcomes = endpoint.pacer(threads=2).each(_recording(called), range(1000))
    next(outcomes)
    outcomes.close()  # type: ignore[attr-defined]  # it is a generator
    assert len(called) <= 3


def test_once_the_process_is_stopping_nothing_more_is_called(endpoint: Endpoint) -> None:
    stopping, called = threading.Event(), list[int]()
    pacer = endpoint.pacer(threads=2, stopping=stopping)
    outcomes = pacer.each(_recording(called), range(40))
    next(outcomes)
    stopping.set()
    rest = [outcome for _, outcome in outcomes]
    assert len(rest) == 39
    assert len(called) <= 4
    assert sum(isinstance(outcome, Stopping) for outcome in rest) == 40 - len(called)


def test_who_waits_for_room_is_woken_when_the_process_is_stopping(endpoint: Endpoint) -> None:
    endpoint.room = Room(wait_s=3600)
    stopping = threading.Event()
    pacer = endpoint.pacer(stopping=stopping)
    threading.Timer(0.05, stopping.set).start()
    with pytest.raises(Stopping):
        pacer.call(double, 1)


def test_things_are_taken_only_as_they_are_called(endpoint: Endpoint) -> None:
    taken: list[int] = []

    def things() -> Iterator[int]:
        for number in range(100):
            taken.append(number)
            yield number

    outcomes = endpoint.pacer(threads=2).each(double, things())
    next(outcomes)
    assert len(taken) <= 4
    assert len(list(outcomes)) == 99


def _recording(called: list[int]) -> Callable[[int], int]:
    def act(number: int) -> int:
        called.append(number)
        return number

    return act
