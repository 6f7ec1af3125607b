"""When Workers come: a seeded process over a day, which a rehearsal may compress into a minute."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from enum import StrEnum
from types import MappingProxyType

import numpy as np

from app.marketplace.crowd.errors import BadPlan

_HOURS = 24


class DayShape(StrEnum):
    """Shapes of a day. `evening`: people with another job; `office`: from nine to five; `flat`: at any hour."""

    FLAT = "flat"
    EVENING = "evening"
    OFFICE = "office"


# Made up: how busy each hour is, from midnight on; only the proportions count.
SHAPES: Mapping[DayShape, Sequence[float]] = MappingProxyType(
    {
        DayShape.FLAT: (1,) * _HOURS,
        DayShape.EVENING: (3, 2, 1, 1, 1, 1, 2, 3, 4, 5, 5, 5, 6, 6, 5, 5, 6, 7, 9, 11, 12, 11, 8, 5),
        DayShape.OFFICE: (0, 0, 0, 0, 0, 0, 0, 1, 5, 10, 10, 9, 6, 8, 10, 10, 8, 5, 2, 1, 0, 0, 0, 0),
    }
)


@dataclass(frozen=True, slots=True)
class Arrival:
    """Workers come over one day of `day_s` seconds; `hours` says how busy each of its 24 hours is."""

    day_s: float
    hours: Sequence[float] = SHAPES[DayShape.FLAT]


def check(arrival: Arrival) -> None:
    """Raises BadPlan for a day that cannot be."""
    if not 0 <= arrival.day_s <= 7 * 86_400:
        raise BadPlan(f"arrival: day_s must be 0 to {7 * 86_400}, not {arrival.day_s}")
    if len(arrival.hours) != _HOURS:
        raise BadPlan(f"arrival: hours must be {_HOURS} numbers, not {len(arrival.hours)}")
    if not (all(0 <= hour < float("inf") for hour in arrival.hours) and sum(arrival.hours) > 0):
        raise BadPlan("arrival: hours must be numbers from 0, and one of them above it")


def times_s(arrival: Arrival | None, workers: int, seed: int) -> list[float]:
    """When each Worker comes, in seconds after the start, ascending; all at once without an arrival.

    Given their number, the arrivals of a Poisson process whose rate follows the hours are independent draws from them.
    """
    if arrival is None:
        return [0.0] * workers
    rng = np.random.default_rng([seed, workers, _HOURS])
    shares = np.asarray(arrival.hours, dtype=float)
    hours = rng.choice(_HOURS, size=workers, p=shares / shares.sum()) + rng.random(workers)
    return [float(hour) for hour in np.sort(hours) / _HOURS * arrival.day_s]
