"""What an hour of work earns: a reward proposed from measured working time, and what is missing once the work is done.

Times come from two clocks: the page's own, which a Worker could forge, and the marketplace's from acceptance to
submission, which nobody can. The page's time counts as long as the marketplace's allows it.
"""

from collections.abc import Iterable, Iterator, Sequence
from dataclasses import dataclass
from decimal import ROUND_CEILING, Decimal
from statistics import median

from app.domain.pricing import CENT, MINIMUM_REWARD_USD
from app.errors import Problem

HOUR_S = 3600
LARGEST_HOURLY_USD = Decimal(1000)
# Nobody is paid by the hour for having left the page open: an Assignment counts for at most this many times the median.
LONGEST_IN_MEDIANS = 3
# With fewer measured answers the template's own estimate is the better one.
ENOUGH_ANSWERS = 20


def wage_faults(*, hourly_usd: Decimal | None, top_up: bool) -> Iterator[Problem]:
    """What is wrong with the wage that a Requester asks for."""
    if hourly_usd is None:
        if top_up:
            yield Problem("a top-up needs an hourly wage to top up to", field="hourly_usd")
    elif hourly_usd != hourly_usd.quantize(CENT):
        yield Problem(f"${hourly_usd} has parts of a cent", field="hourly_usd")
    elif not CENT <= hourly_usd <= LARGEST_HOURLY_USD:
        yield Problem(f"is ${hourly_usd} an hour; it must be from ${CENT} to ${LARGEST_HOURLY_USD}", field="hourly_usd")


@dataclass(frozen=True, slots=True)
class WorkTime:
    """One approved Assignment: seconds from acceptance to submission, and what its page measured; None: not known."""

    taken_s: float | None
    measured_s: float | None


@dataclass(frozen=True, slots=True)
class Earned:
    """What a Worker worked in a Batch, in seconds by Assignment, and what they got for it in USD, bonuses included."""

    times_s: Sequence[float]
    got_usd: Decimal


def proposed_reward(hourly_usd: Decimal, seconds: float) -> Decimal:
    """What `seconds` of work earn at `hourly_usd`, up to the next cent: never less than asked for, at least a cent."""
    exact = hourly_usd * Decimal(str(round(seconds, 3))) / HOUR_S
    return max(exact.quantize(CENT, ROUND_CEILING), MINIMUM_REWARD_USD)


def work_time_s(time: WorkTime) -> float | None:
    """The seconds that an Assignment counts for: what its page measured, but not more than passed on the marketplace.

    A page that measured nothing leaves the marketplace's time; None where nothing is known.
    """
    taken = None if time.taken_s is None else max(time.taken_s, 0.0)
    if time.measured_s is None or time.measured_s <= 0:
        return taken
    return time.measured_s if taken is None else min(time.measured_s, taken)


def typical_s(seconds: Iterable[float]) -> float | None:
    """The median: a few who left the page open, or clicked through, do not move it. None for no times."""
    known = [value for value in seconds if value > 0]
    return float(median(known)) if known else None


def paid_time_s(times_s: Iterable[float], *, median_s: float) -> float:
    """The time that is paid for: each Assignment with at most LONGEST_IN_MEDIANS times the Batch's median."""
    return sum(min(value, LONGEST_IN_MEDIANS * median_s) for value in times_s)


def missing_usd(earned: Earned, *, hourly_usd: Decimal, median_s: float) -> Decimal:
    """What a Worker is short of the hourly wage, up to the next cent; 0 for who got it already."""
    worth = hourly_usd * Decimal(str(round(paid_time_s(earned.times_s, median_s=median_s), 3))) / HOUR_S
    return max(worth.quantize(CENT, ROUND_CEILING) - earned.got_usd, Decimal(0))
