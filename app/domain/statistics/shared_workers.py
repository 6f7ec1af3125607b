"""How uncertain a figure over Items is when the same Workers answered many of them.

Items are taken as a sample of Items and Workers as a sample of Workers: a careless Worker who answered half of the Batch
moves all of it at once. Resampling Items alone misses that (nominal 95 % then hold the truth in 20 to 80 %); resampling Workers
with replacement (Owen 2007, doi:10.1214/07-AOAS122) gives Items three answers of one person, which no quorum ever saw. So the
variance is put together from two parts, and the coverage is shown by simulation (benchmarks/coverage.py):

    V = s²(z) / I  +  τ Σ_w n_w (n_w - 1) / I²

z: what each of I Items adds to the figure. τ: the variance, over Workers, of how far one of them pulls the Items they answer;
n_w: how many Responses Worker w gave. Pairs of Items share a Worker in n_w (n_w - 1) ways, hence the second part.
τ is estimated from ψ, by how much each Response moved its Item compared with another Worker's answer in its place: the
variance of the Workers' means beyond what chance within a Worker gives (method of moments, Workers weighted by how well
their mean is known). Below a dozen Workers no method knows how Workers differ: intervals then cover somewhat less.
First-order projection on Items and Workers: Hájek 1968, doi:10.1214/aoms/1177698394; the crossed variance: Cameron, Gelbach &
Miller 2011, doi:10.1198/jbes.2010.07136; the moments: DerSimonian & Laird 1986, doi:10.1016/0197-2456(86)90046-2.
"""

import math
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from app.domain.statistics.intervals import LEVEL, Estimate, Floats, wilson
from app.errors import InvalidInput, Problem

_ROUNDS = 8  # of weighting the Workers' means anew; two suffice for three digits
_LEAST = 1e-3  # between Workers, as a share of the variance within: bounds the weight of one who answered a lot


@dataclass(frozen=True, slots=True)
class Influence:
    """What Items and Responses add to a figure that is, to first order, its value plus the mean of `item`.

    item: (I,), about a mean of 0. response: (N,) by how much each Response moves its Item's part, compared with another
    Worker's answer in its place. worker: (N,) whose Response it is, below `workers`.
    """

    item: Floats
    response: Floats
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


def variance(influence: Influence) -> Variance:
    """The variance of the figure, see the module. It needs two Items; with Workers of one Response each the second part is 0."""
    count = len(influence.item)
    if count < 2:  # noqa: PLR2004 - one value has no variance
        raise InvalidInput([Problem(f"{count} Items say nothing about how Items differ: wanted 2 or more")])
    items = float(influence.item.var(ddof=1)) / count
    between, error, known = _between_workers(influence)
    answered = np.bincount(influence.worker, minlength=influence.workers).astype(float)
    shared = float((answered * (answered - 1)).sum()) / count**2
    total = items + between * shared
    # Half the variance of each part. τ's own error in full would cover too much, since τ cannot come out below 0; as if τ were
    # known but for the number of Workers, too little: two parts of the one and one of the other hold the level
    # (chosen on the crowds of benchmarks/coverage.py).
    spread = items**2 / (count - 1) + shared**2 * (2 * error + between**2 / known) / 3
    return Variance(items, between * shared, total**2 / spread if spread else float(count - 1))


def _between_workers(influence: Influence) -> tuple[float, float, float]:
    """τ, half its variance were the Workers' means normal, and by how many Workers less one it is known, of equal weight."""
    answered = np.bincount(influence.worker, minlength=influence.workers)
    several = answered > 1
    if not several.any():
        return 0.0, 0.0, 1.0
    n = answered[several].astype(float)
    total = np.bincount(influence.worker, influence.response, influence.workers)[several]
    squares = np.bincount(influence.worker, influence.response**2, influence.workers)[several]
    # Products of two Responses of one Worker: what chance adds to a square is not in them.
    between = max(float((total**2 - squares).sum() / (n * (n - 1)).sum()), 0.0)
    within = max(float(squares.sum() / n.sum()) - between, 0.0)
    if within == between == 0:
        return 0.0, 0.0, 1.0
    for _ in range(_ROUNDS):
        weight = (within / n + max(between, _LEAST * within)) ** -2
        chance = (squares / n - between) / n
        between = max(float((weight * ((total / n) ** 2 - chance)).sum() / weight.sum()), 0.0)
    # One Worker's worth is spent on the mean that they differ from.
    error = 1 / (float(weight.sum()) * max(1 - 1 / len(n), 1 / len(n)))
    return between, error, max(float(weight.sum() ** 2 / (weight**2).sum()) - 1, 1.0)


def share_estimate(share: float, influence: Influence, *, level: float = LEVEL) -> Estimate:
    """A mean over Items of values from 0 to 1, with its interval.

    Wilson's, with as many trials as independent Items would give the same variance, and Student's quantile. A share of 0 or
    1 shows no variance at all: its trials are the Items. Of one Item it is as uncertain as one trial.
    """
    count = len(influence.item)
    found = variance(influence) if count > 1 else Variance(share * (1 - share), 0.0, math.inf)
    if found.total == 0 or share in {0.0, 1.0}:
        return Estimate(share, found.standard_error, wilson(share * count, count, level=level))
    trials = share * (1 - share) / found.total
    interval = wilson(share * trials, trials, degrees=found.degrees, level=level)
    return Estimate(share, found.standard_error, interval)
