"""The pace against endpoints that enforce a limit, in simulated time: many calls under way, answers that come late."""

import heapq
import random
from collections.abc import Callable
from dataclasses import dataclass, field

import pytest

from app.domain import pace
from app.domain.pace import KEPT, PROBED, SLOWEST_CALLS_PER_SECOND, Pace

LATENCY_S, JITTER_S = 0.060, 0.005


@dataclass(slots=True)
class Bucket:
    """What an endpoint enforces: `per_s` calls a second, `burst` at once after a rest."""

    per_s: Callable[[float], float]
    burst: float
    left: float = 0.0
    filled_at: float = 0.0

    def takes(self, now: float) -> bool:
        self.left = min(self.burst, self.left + (now - self.filled_at) * self.per_s(now))
        self.filled_at = now
        if self.left < 1:
            return False
        self.left -= 1
        return True


@dataclass(slots=True)
class Simulation:
    """Callers without end on one time line, as the job runners are."""

    bucket: Bucket
    callers: int
    ceiling: float = 100.0
    pace: Pace = field(init=False)
    accepted: list[float] = field(default_factory=list)
    throttled: list[float] = field(default_factory=list)
    _free_at: float = 0.0
    _slowed_at: float = -1.0
    _answered_at: float = 0.0

    def run(self, seconds: float) -> "Simulation":
        self.pace = pace.first(self.ceiling)
        dice = random.Random(7)
        events = [self._ask(0.0, dice) for _ in range(self.callers)]
        heapq.heapify(events)
        while events[0][0] < seconds:
            arrives_at, given_at = heapq.heappop(events)
            answered_at = arrives_at + LATENCY_S / 2
            # Answers come in the order of their calls: the latency is the same for all of them.
            if self.bucket.takes(arrives_at):
                self.accepted.append(answered_at)
                self._note(1, answered_at)
            else:
                self.throttled.append(answered_at)
                self._note(0, answered_at)
                if given_at > self._slowed_at:
                    self.pace, self._slowed_at = pace.slowed(self.pace), answered_at
            heapq.heappush(events, self._ask(answered_at, dice))
        return self

    def rate(self, since: float, until: float) -> float:
        return sum(since <= at < until for at in self.accepted) / (until - since)

    def throttled_share(self, since: float) -> float:
        count = sum(at >= since for at in self.throttled)
        return count / (count + sum(at >= since for at in self.accepted))

    def _ask(self, now: float, dice: random.Random) -> tuple[float, float]:
        starts_at = max(now, self._free_at)
        self.pace = pace.after(self.pace, 1, ceiling=self.ceiling)
        self._free_at = starts_at + 1 / self.pace.calls_per_second
        return starts_at + LATENCY_S / 2 + dice.expovariate(1 / JITTER_S), now

    def _note(self, calls: int, now: float) -> None:
        self.pace = pace.answered(self.pace, calls, elapsed_s=now - self._answered_at)
        self._answered_at = now


def against(limit: float, burst: float, *, callers: int = 24, ceiling: float = 100.0) -> Simulation:
    return Simulation(Bucket(lambda _: limit, burst), callers, ceiling)


@pytest.mark.parametrize("burst", [100, 50, 10, 5])
@pytest.mark.parametrize("callers", [8, 24, 80])
def test_an_endpoints_rate_is_found_and_held_whatever_burst_it_allows(burst: float, callers: int) -> None:
    found = against(50, burst, callers=callers).run(120)
    assert found.rate(10, 120) >= 0.95 * 50
    assert found.throttled_share(10) < 0.1


@pytest.mark.parametrize("limit", [2, 5, 20, 400])
def test_slow_and_fast_endpoints_are_found_alike(limit: float) -> None:
    found = against(limit, limit, callers=4 + int(limit * 0.2), ceiling=1000).run(120)
    assert found.rate(20, 120) >= 0.9 * limit


def test_without_any_burst_half_of_the_limit_is_reached_in_spite_of_jitter() -> None:
    assert against(50, 1).run(120).rate(10, 120) >= 0.4 * 50


def test_a_limit_that_falls_to_a_tenth_is_followed_within_seconds_and_left_within_seconds() -> None:
    bucket = Bucket(lambda now: 5.0 if 60 <= now < 80 else 50.0, 50)
    found = Simulation(bucket, callers=24).run(140)
    assert sum(66 <= at < 80 for at in found.throttled) < 60  # of the 700 calls that a pace of 50 would have made
    assert found.rate(66, 80) >= 4
    assert found.rate(95, 140) >= 0.9 * 50


def test_a_limit_that_rises_is_found_out() -> None:
    bucket = Bucket(lambda now: 20.0 if now < 40 else 80.0, 20)
    found = Simulation(bucket, callers=40).run(100)
    assert found.rate(10, 40) >= 0.9 * 20
    assert found.rate(60, 100) >= 0.9 * 80


def test_the_ceiling_is_never_passed() -> None:
    found = against(1000, 1000, callers=100, ceiling=30).run(30)
    assert found.rate(5, 30) == pytest.approx(30, rel=0.05)
    assert found.throttled == []


def test_an_unknown_endpoint_is_begun_with_gently_and_the_pace_doubles_with_each_second_of_use() -> None:
    known = pace.first(10_000)
    rates = []
    for _ in range(3):
        known = pace.after(known, int(known.calls_per_second), ceiling=10_000)
        rates.append(known.calls_per_second)
    assert rates == pytest.approx([100, 200, 400], rel=0.05)


def test_a_pace_that_nobody_needs_does_not_grow() -> None:
    known = Pace(50.0, throttled_rate=50.0, quiet_s=3.0)
    for _ in range(10):
        known = pace.after(known, 1, ceiling=1000)  # ten calls, however long they take
    assert known.quiet_s == pytest.approx(3.2, abs=0.01)


def test_after_a_throttle_answer_the_pace_falls_below_what_was_let_through_and_comes_back_to_it() -> None:
    known = pace.slowed(Pace(55.0, accepted_rate=50.0))
    assert known.throttled_rate == 50.0
    assert known.calls_per_second == pytest.approx(KEPT * 50)
    for _ in range(110):
        known = pace.after(known, 1, ceiling=1000)
    assert known.calls_per_second == pytest.approx(50, rel=0.01)
    for _ in range(180):
        known = pace.after(known, 1, ceiling=1000)
    assert 50 < known.calls_per_second < 50 * (1 + PROBED)


def test_the_pace_never_stands_still() -> None:
    known = Pace(1.0)
    for _ in range(20):
        known = pace.slowed(known)
    assert known.calls_per_second == SLOWEST_CALLS_PER_SECOND


def test_a_very_long_quiet_does_not_overflow() -> None:
    known = Pace(10.0, throttled_rate=10.0, quiet_s=50.0)
    for _ in range(1000):
        known = pace.after(known, 1_000_000, ceiling=10_000)
    assert known.calls_per_second == 10_000
