import threading
import time
from collections.abc import Callable, Iterator
from dataclasses import dataclass, field

import pytest

from app.errors import MarketplaceBusy, MarketplaceRefused
from app.mturk.pacer import Pacer


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

    def pacer(self, *, threads: int = 4, chunk: int = 10) -> Pacer:
        return Pacer(self.reserve, self.slow_down, threads=threads, chunk=chunk)


@pytest.fixture
def endpoint() -> Endpoint:
    return Endpoint()


@pytest.fixture
def slept(monkeypatch: pytest.MonkeyPatch) -> list[float]:
    """A clock that stands still; how long each caller would have slept."""
    naps: list[float] = []
    monkeypatch.setattr(time, "monotonic", lambda: 1000.0)
    monkeypatch.setattr(time, "sleep", naps.append)
    return naps


def double(number: int) -> int:
    return number * 2


def test_room_is_reserved_for_several_calls_at_once(endpoint: Endpoint) -> None:
    pacer = endpoint.pacer(chunk=10)
    for _ in range(21):
        pacer.wait()
    assert endpoint.reserved == [10, 10, 10]


def test_calls_are_spaced_as_they_were_reserved(endpoint: Endpoint, slept: list[float]) -> None:
    endpoint.room = Room(wait_s=2.0, interval_s=0.5)
    pacer = endpoint.pacer(chunk=4)
    for _ in range(4):
        pacer.wait()
    assert slept == pytest.approx([2.0, 2.5, 3.0, 3.5])


def test_a_new_reservation_brings_its_own_pace(endpoint: Endpoint, slept: list[float]) -> None:
    pacer = endpoint.pacer(chunk=2)
    endpoint.room = Room(wait_s=1.0, interval_s=1.0)
    pacer.wait()
    pacer.wait()
    endpoint.room = Room(wait_s=5.0, interval_s=0.1)
    pacer.wait()
    assert slept == pytest.approx([1.0, 2.0, 5.0])


def test_threads_share_the_pace(endpoint: Endpoint, slept: list[float]) -> None:
    endpoint.room = Room(wait_s=1.0, interval_s=1.0)
    pacer = endpoint.pacer(threads=8, chunk=40)
    threads = [threading.Thread(target=lambda: [pacer.wait() for _ in range(5)]) for _ in range(8)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert endpoint.reserved == [40]
    assert sorted(slept) == pytest.approx([float(number) for number in range(1, 41)])


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
