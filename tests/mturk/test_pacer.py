import itertools
import threading
import time
from collections.abc import Callable, Iterator
from dataclasses import dataclass, field
from datetime import UTC, datetime

import pytest

from app.errors import MarketplaceBusy, MarketplaceRefused, OutcomeUnknown
from app.mturk.pacer import LATE_S, LOOK_UP_S, Answer, Halted, Pacer, Stopping, Wish

GIVEN_AT = datetime(2026, 11, 24, tzinfo=UTC)


@dataclass(frozen=True, slots=True)
class Room:
    """Room in the pace that a test sets."""

    wait_s: float = 0.0
    interval_s: float = 0.0
    given_at: datetime = GIVEN_AT
    calls_per_second: float = 1000.0
    latency_s: float | None = None


@dataclass(slots=True)
class Endpoint:
    """The shared state, and what was asked of it."""

    room: Room = field(default_factory=Room)
    wishes: list[Wish] = field(default_factory=list)
    slowed: list[datetime] = field(default_factory=list)

    @property
    def reserved(self) -> list[int]:
        return [wish.calls for wish in self.wishes]

    def reserve(self, wish: Wish) -> Room:
        self.wishes.append(wish)
        return self.room

    def pacer(self, *, threads: int = 4, stopping: threading.Event | None = None, longest_act_s: float = 60.0) -> Pacer:
        return Pacer(self.reserve, self.slowed.append, threads=threads, stopping=stopping, longest_act_s=longest_act_s)


@pytest.fixture
def endpoint() -> Endpoint:
    return Endpoint()


def double(number: int) -> int:
    return number * 2


def test_a_single_call_takes_room_for_one(endpoint: Endpoint) -> None:
    assert endpoint.pacer().call(double, 4) == 8
    assert endpoint.reserved == [1]


def test_calls_side_by_side_take_room_together_and_no_more_than_they_use(endpoint: Endpoint) -> None:
    pacer = endpoint.pacer(threads=8)
    assert len(list(pacer.each(_slowly, range(80)))) == 80
    assert sum(endpoint.reserved) >= 80
    assert max(endpoint.reserved) <= 8
    assert len(endpoint.reserved) < 60


def test_calls_are_spaced_as_their_room_was_given(endpoint: Endpoint) -> None:
    endpoint.room = Room(wait_s=0.1, interval_s=0.05, calls_per_second=20)
    started = time.monotonic()
    at: list[float] = []
    list(endpoint.pacer(threads=1).each(lambda _: at.append(time.monotonic() - started), range(3)))
    assert all(after - before >= 0.09 for before, after in zip([0.0, *at], at, strict=False))


def test_room_that_nobody_used_in_time_is_lost(endpoint: Endpoint) -> None:
    pacer = endpoint.pacer(threads=8)
    list(pacer.each(_slowly, range(8)))
    time.sleep(LATE_S + 0.05)
    before = len(endpoint.wishes)
    list(pacer.each(double, range(1)))
    assert len(endpoint.wishes) > before


def test_what_goes_first_asks_for_room_of_its_own(endpoint: Endpoint) -> None:
    pacer = endpoint.pacer()
    list(pacer.each(double, range(3), urgent=False))
    pacer.call(double, 1)
    assert [wish.urgent for wish in endpoint.wishes][-1] is True
    assert not endpoint.wishes[0].urgent


def test_as_many_calls_are_under_way_as_rate_and_latency_need(endpoint: Endpoint) -> None:
    pacer = endpoint.pacer(threads=24)
    endpoint.room = Room(calls_per_second=50, latency_s=0.06)
    pacer.call(double, 1)
    assert 50 * 0.06 < pacer.width() <= 8
    endpoint.room = Room(calls_per_second=0.5, latency_s=0.06)
    pacer.call(double, 1)
    assert pacer.width() == 2
    endpoint.room = Room(calls_per_second=500, latency_s=0.06)
    pacer.call(double, 1)
    assert pacer.width() == 24


def test_what_was_seen_is_told_with_the_next_wish(endpoint: Endpoint) -> None:
    pacer = endpoint.pacer()

    def attempt(answer: Answer) -> None:
        made = pacer.before_attempt()
        pacer.after_attempt(made, answer)

    for answer in (Answer.GIVEN, Answer.GIVEN, Answer.THROTTLED, Answer.UNKNOWN, Answer.NOT_SENT):
        pacer.call(attempt, answer)
    pacer.call(double, 1)
    assert sum(wish.accepted for wish in endpoint.wishes) == 2
    seen = [wish.latency_s for wish in endpoint.wishes]
    assert seen[0] is None
    assert any(latency_s is not None for latency_s in seen)
    assert endpoint.slowed == [GIVEN_AT]


def test_each_attempt_of_an_act_has_room_of_its_own(endpoint: Endpoint) -> None:
    pacer = endpoint.pacer()

    def three_calls(_: int) -> None:
        for _ in range(3):
            pacer.after_attempt(pacer.before_attempt(), Answer.GIVEN)

    pacer.call(three_calls, 1)
    assert endpoint.reserved == [1, 1, 1]


def test_room_that_a_list_waited_for_is_the_next_pages(endpoint: Endpoint) -> None:
    pacer = endpoint.pacer()
    pacer.wait()
    pacer.before_attempt()
    assert endpoint.reserved == [1]
    pacer.before_attempt()
    assert endpoint.reserved == [1, 1]


def test_an_act_does_not_wait_for_room_that_comes_too_late_for_it(endpoint: Endpoint) -> None:
    pacer = endpoint.pacer(longest_act_s=5)

    def repeated(_: int) -> None:
        pacer.after_attempt(pacer.before_attempt(), Answer.THROTTLED)
        assert pacer.has_time()
        endpoint.room = Room(wait_s=60)
        pacer.before_attempt()

    with pytest.raises(MarketplaceBusy, match="no room"):
        pacer.call(repeated, 1)


def test_a_call_that_is_called_off_while_it_waits_is_not_made(endpoint: Endpoint) -> None:
    endpoint.room = Room(wait_s=3600)
    looks = iter([False, False, True])
    started = time.monotonic()
    with pytest.raises(Halted):
        endpoint.pacer().call(double, 1, halted=lambda: next(looks))
    assert time.monotonic() - started < 100 * LOOK_UP_S


def test_a_throttled_call_that_is_called_off_has_not_happened(endpoint: Endpoint) -> None:
    pacer, off = endpoint.pacer(), threading.Event()

    def throttled(_: int) -> None:
        pacer.after_attempt(pacer.before_attempt(), Answer.THROTTLED)
        off.set()
        pacer.before_attempt()

    with pytest.raises(Halted):
        pacer.call(throttled, 1, halted=off.is_set)


def test_an_act_that_has_begun_is_finished_when_it_is_called_off(endpoint: Endpoint) -> None:
    pacer, off = endpoint.pacer(), threading.Event()

    def two_calls(_: int) -> str:
        pacer.after_attempt(pacer.before_attempt(), Answer.GIVEN)
        off.set()
        pacer.before_attempt()
        return "both"

    assert pacer.call(two_calls, 1, halted=off.is_set) == "both"


def test_an_act_that_had_begun_when_the_process_was_stopped_may_have_happened(endpoint: Endpoint) -> None:
    stopping = threading.Event()
    pacer = endpoint.pacer(stopping=stopping)

    def two_calls(_: int) -> None:
        pacer.after_attempt(pacer.before_attempt(), Answer.UNKNOWN)
        stopping.set()
        pacer.before_attempt()

    with pytest.raises(OutcomeUnknown):
        pacer.call(two_calls, 1)


def test_things_that_were_not_taken_stay_where_they_are_once_the_calls_are_off(endpoint: Endpoint) -> None:
    off, things = threading.Event(), iter(range(100))
    outcomes = endpoint.pacer(threads=2).each(double, things, halted=off.is_set)
    next(outcomes)
    off.set()
    assert len(list(outcomes)) <= 4
    assert len(list(things)) >= 90


def test_a_caller_with_nothing_to_do_is_told_of_it_while_calls_are_slow(endpoint: Endpoint) -> None:
    told, enough = itertools.count(1), threading.Event()

    def slow(_: int) -> bool:
        return enough.wait(100 * LOOK_UP_S)

    def idle() -> None:
        if next(told) == 3:
            enough.set()

    assert list(endpoint.pacer().each(slow, range(1), idle=idle)) == [(0, True)]


def test_every_thing_comes_back_with_its_result(endpoint: Endpoint) -> None:
    results = dict(endpoint.pacer().each(double, range(50)))
    assert results == {number: number * 2 for number in range(50)}
    assert sum(endpoint.reserved) >= 50


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
    assert endpoint.slowed == []


def test_a_throttle_answer_slows_everybody_down(endpoint: Endpoint) -> None:
    def act(number: int) -> int:
        raise MarketplaceBusy("GetHIT", "ThrottlingException", "slow")

    outcomes = list(endpoint.pacer().each(act, range(3)))
    assert endpoint.slowed == [GIVEN_AT] * 3
    assert all(isinstance(outcome, MarketplaceBusy) for _, outcome in outcomes)


def test_a_throttled_single_call_raises_after_slowing_down(endpoint: Endpoint) -> None:
    def act(number: int) -> int:
        raise MarketplaceBusy("GetHIT", "ThrottlingException", "slow")

    with pytest.raises(MarketplaceBusy):
        endpoint.pacer().call(act, 1)
    assert endpoint.slowed == [GIVEN_AT]


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
    assert len(rest) <= 4
    assert len(called) <= 5
    assert all(isinstance(outcome, Stopping) for outcome in rest if outcome not in called)


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


def _slowly(number: int) -> int:
    time.sleep(0.01)
    return number


def _recording(called: list[int]) -> Callable[[int], int]:
    def act(number: int) -> int:
        called.append(number)
        return number

    return act
