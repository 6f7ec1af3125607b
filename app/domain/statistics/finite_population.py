"""Shares of a finite set of Items of which a random part was looked at.

Where verdicts are taken as they are and all are there, the share is known (`share_of_set`). Where another panel of Workers might
have decided otherwise, its part of the variance is left (`Population`).
"""

import math
from collections.abc import Callable
from dataclasses import dataclass

from app.domain.statistics.intervals import LEVEL, Estimate, Interval, wilson
from app.errors import InvalidInput, Problem


@dataclass(frozen=True, slots=True)
class Population:
    """What the Items stand for: `answered`, they as a part (0 to 1) of all there are, drawn at random.

    panel: the variance of one Item's value over panels of Workers that answer alike; it is left where all Items are there.
    """

    answered: float = 0.0
    panel: float = 0.0

    def of_items(self, variance: float) -> float:
        """What an Item's `variance` is worth: whole in a sample of many more, the panel's alone where all are answered."""
        return (1 - self.answered) * variance + self.answered * self.panel


ENDLESS = Population()


def share_of_items(share: float, count: int, *, population: Population = ENDLESS, level: float = LEVEL) -> Estimate:
    """A share of `count` Items whose Workers are not known, with Wilson's interval: as if each Item had Workers of its own.

    Trials are as many as the variance is smaller than that of Items drawn from endlessly many; one more Item on either side
    stands in for a variance that a share of 0 or 1 does not show.
    """
    smoothed = (share * count + 1) / (count + 2)
    own = smoothed * (1 - smoothed)
    left = population.of_items(own)
    if left == 0:
        return Estimate(share, 0.0, Interval(share, share, level))
    trials = count * own / left
    error = math.sqrt(share * (1 - share) / max(trials - 1, 1))
    return Estimate(share, error, wilson(share * trials, trials, level=level))


def share_of_set(errors: int, *, checked: int, size: int, level: float = LEVEL) -> Estimate:
    """`errors` among `checked` Items drawn at random without replacement from `size`: the share in the whole set.

    A number of errors in the set is held possible as long as what was seen, or more extreme, has a chance above half of what the
    level leaves, what was seen itself counting one half (mid-P inversion of the hypergeometric distribution). Without the half
    (Clopper & Pearson) the intervals hold the truth more often than they say.
    Standard error: sqrt((1 - n/N) p (1 - p) / (n - 1)).
    Raises InvalidInput unless 0 <= errors <= checked <= size, 0 < checked and 0 < level < 1.
    Source: Lancaster 1961, doi:10.1080/01621459.1961.10482105; Buonaccorsi 1987, doi:10.1080/00031305.1987.10475482.
    """
    if not (0 <= errors <= checked <= size and checked and 0 < level < 1):
        wanted = "wanted 0 <= errors <= checked <= size, at least one checked"
        raise InvalidInput([Problem(f"{errors} errors among {checked} checked of {size}: {wanted}")])
    share = errors / checked
    if checked == size:
        return Estimate(share, 0.0, Interval(share, share, level))
    from scipy.stats import hypergeom  # half a second at the command line's start

    tail = (1 - level) / 2

    def as_few(wrong: int) -> bool:
        return bool(
            hypergeom.cdf(errors, size, wrong, checked) - hypergeom.pmf(errors, size, wrong, checked) / 2 > tail
        )

    def as_many(wrong: int) -> bool:
        return bool(hypergeom.sf(errors, size, wrong, checked) + hypergeom.pmf(errors, size, wrong, checked) / 2 > tail)

    # What was seen lies within the ends in any case: so small sets do.
    least, most, likely = errors, size - (checked - errors), round(share * size)
    low = _first(least, likely, as_many)
    high = most - _first(0, most - likely, lambda fewer: as_few(most - fewer))
    error = math.sqrt((1 - checked / size) * share * (1 - share) / max(checked - 1, 1))
    return Estimate(share, error, Interval(min(low / size, share), max(high / size, share), level))


def _first(low: int, high: int, holds: Callable[[int], bool]) -> int:
    """The smallest number from `low` on for which a rising condition holds, `high` if none below it."""
    while low < high:
        middle = (low + high) // 2
        if holds(middle):
            high = middle
        else:
            low = middle + 1
    return low
