"""How uncertain a figure over Items is when the same Workers answered many of them.

Items are taken as a sample of Items and Workers as a sample of Workers: a careless Worker who answered half of the Batch
moves all of it at once. Resampling Items alone misses that (nominal 95 % then hold the truth in 20 to 80 %); resampling Workers
with replacement (Owen 2007, doi:10.1214/07-AOAS122) gives Items three answers of one person, which no quorum ever saw. So the
variance is put together from two parts, and the coverage is shown by simulation (benchmarks/coverage.py):

    V = s²(z) / I  +  τ Σ_w n_w (n_w - 1) / I²

z: what each of I Items adds to the figure. τ: the variance, over Workers, of how far one of them pulls the Items they answer;
n_w: how many Responses Worker w gave. Pairs of Items share a Worker in n_w (n_w - 1) ways, hence the second part.
τ is estimated from ψ, by how much each Response moved its Item compared with another Worker's answer in its place: the mean
product of two Responses of one Worker, about the mean of all (method of moments). Every pair counts alike, as pairs do in V: so
who answers most counts most, and the busy may be the careless. What another's answer would have been is learned from the same
Responses, and those on one Item move together: that mean's own variance is missing between the Workers and is added back.
Below two dozen Workers no method knows how Workers differ: where some never look, intervals of agreement then cover somewhat
less, others more.
First-order projection on Items and Workers: Hájek 1968, doi:10.1214/aoms/1177698394; the crossed variance: Cameron, Gelbach &
Miller 2011, doi:10.1198/jbes.2010.07136.
"""

import math
from dataclasses import dataclass
from statistics import NormalDist

import numpy as np
from numpy.typing import NDArray

from app.domain.statistics.finite_population import ENDLESS, Population, share_of_items
from app.domain.statistics.intervals import LEVEL, Estimate, Floats, wilson
from app.errors import InvalidInput, Problem

# A crowd this small shows so little of its tails that τ's variance is taken for twice what normal means would give it (more
# below, soon nothing above). Where some Workers never look, one in ten crowds of ten has none of those: simulated, agreement is
# held in 90 % without and in 93 % with it.
_SMALL_CROWD = 10
_FEWEST_DEGREES = 2.0


@dataclass(frozen=True, slots=True)
class Influence:
    """What Items and Responses add to a figure that is, to first order, its value plus the mean of `item`.

    item: (I,), about a mean of 0. response: (N,) by how much each Response moves its Item's part, compared with another
    Worker's answer in its place. place: (N,) the Item that it is on, from 0 on. worker: (N,) whose Response it is, below
    `workers`.
    """

    item: Floats
    response: Floats
    place: NDArray[np.int64]
    worker: NDArray[np.int64]
    workers: int


@dataclass(frozen=True, slots=True)
class Variance:
    """The two parts of a figure's variance and its degrees of freedom (Satterthwaite 1946, doi:10.2307/3002019)."""

    items: float
    workers: float
    degrees: float

    @property
    def total(self) -> float:
        """Of the figure."""
        return self.items + self.workers

    @property
    def standard_error(self) -> float:
        """Of the figure."""
        return math.sqrt(self.total)


def variance(influence: Influence, *, population: Population = ENDLESS) -> Variance:
    """The variance of the figure, see the module. It needs two Items; with Workers of one Response each the second part is 0."""
    count = len(influence.item)
    if count < 2:  # noqa: PLR2004 - one value has no variance
        raise InvalidInput([Problem(f"{count} Items say nothing about how Items differ: wanted 2 or more")])
    items = population.of_items(float(influence.item.var(ddof=1))) / count
    between, error = _between_workers(influence)
    answered = np.bincount(influence.worker, minlength=influence.workers).astype(float)
    shared = float((answered * (answered - 1)).sum()) / count**2
    total = items + between * shared
    # Half the variance of each part. The whole cannot be below the Items' part: so much less do errors of the other weigh.
    spread = items**2 / (count - 1) + (shared**2 * error / (1 + (items / total) ** 2) if total else 0.0)
    degrees = total**2 / spread if spread else float(count - 1)
    return Variance(items, between * shared, max(degrees, _FEWEST_DEGREES))


def _between_workers(influence: Influence) -> tuple[float, float]:
    """τ, and half its variance."""
    answered = np.bincount(influence.worker, minlength=influence.workers)
    several = answered > 1
    if not several.any() or (answered > 0).sum() == 1:
        return 0.0, 0.0
    n = answered[several].astype(float)
    # Only how far Workers differ counts: what moves all alike is an error in what another's answer would have been.
    response = influence.response - influence.response.mean()
    total = np.bincount(influence.worker, response, influence.workers)[several]
    squares = np.bincount(influence.worker, response**2, influence.workers)[several]
    learned = float((np.bincount(influence.place, response) ** 2).sum()) / len(response) ** 2
    pairs = n * (n - 1)
    left = float((pairs * _left_of_one(answered)[several]).sum())
    # Products of two Responses of one Worker: what chance adds to a square is not in them.
    between = max(float((total**2 - squares + pairs * learned).sum()) / left, 0.0)
    within = max(float(squares.sum() / n.sum()) - between, 0.0)
    if within == between == 0:
        return 0.0, 0.0
    # Were the Workers' means normal; one Worker's worth is spent on the mean that they differ from.
    spent = max(1 - 1 / len(n), 1 / len(n))
    error = float(((n * (within + n * between)) ** 2).sum()) / left**2 / spent
    # Cut off at 0, τ is too large on average where it is small: it counts as far as Workers are likely to differ at all.
    between *= NormalDist().cdf(between / math.sqrt(2 * error))
    tails = 1 + (_SMALL_CROWD / len(n)) ** 3
    return between, error * tails * _positive_part(between / math.sqrt(2 * error))


def _positive_part(mean: float) -> float:
    """The variance of max(X, 0), X normal about `mean` with variance 1: cut off at 0, τ varies less where it is small."""
    density = math.exp(-(mean**2) / 2) / math.sqrt(2 * math.pi)
    above = NormalDist().cdf(mean)
    return (mean**2 + 1) * above + mean * density - (mean * above + density) ** 2


def _left_of_one(answered: NDArray[np.int64]) -> Floats:
    """For each Worker, how much of τ is left in the square of their distance from the mean of all, which they are part of."""
    share = answered / answered.sum()
    left: Floats = 1 - 2 * share + float((share**2).sum())
    return left


def share_estimate(
    share: float, influence: Influence, *, population: Population = ENDLESS, level: float = LEVEL
) -> Estimate:
    """A mean over Items of values from 0 to 1, with its interval.

    Wilson's, with as many trials as independent Items would give the same variance, and Student's quantile. A share of 0 or
    1 shows no variance at all: it is taken as `share_of_items` takes it. Of one Item it is as uncertain as one trial.
    """
    count = len(influence.item)
    if count < 2 or share in {0.0, 1.0}:  # noqa: PLR2004 - one value has no variance
        return share_of_items(share, count, population=population, level=level)
    found = variance(influence, population=population)
    if found.total == 0:
        return share_of_items(share, count, population=population, level=level)
    trials = share * (1 - share) / found.total
    interval = wilson(share * trials, trials, degrees=found.degrees, level=level)
    return Estimate(share, found.standard_error, interval)
