"""The bootstrap for figures that have no ready formula: over Items, or over Items and Workers at once.

Replicates weigh what is there instead of drawing it anew: each Item or Worker gets an exponential weight of mean 1 (Bayesian
bootstrap: Rubin 1981, doi:10.1214/aos/1176345338), so that no Item is ever without its Responses. Statistics are given whole
blocks of weights, one row a replicate: `lambda weights: weights @ right / weights.sum(axis=1)`.

For shares of Items by a rule of their counts, a quorum say, use `item_shares`: with reweighted Workers an Item has 1.7 votes for
an option, which no rule knows.
"""

import math
from collections.abc import Callable

import numpy as np
from numpy.typing import NDArray

from app.domain.consensus.votes import Votes
from app.domain.statistics.intervals import LEVEL, Estimate, Floats, around
from app.errors import InvalidInput, Problem

Statistic = Callable[[Floats], Floats]
"""Weights (B, n) of n Items or Responses → the figure in each of B replicates, (B,) or (B, C)."""

REPLICATES = 1000

_CELLS = 4_000_000  # weights at a time: 32 MB


def item_bootstrap(
    items: int, statistic: Statistic, *, rng: np.random.Generator, replicates: int = REPLICATES
) -> Floats:
    """The figure in each replicate, (R,) or (R, C), for `percentile` or `bca`: Items are a sample, Workers are as they are."""
    if items < 1:
        raise InvalidInput([Problem("no Items: there is nothing to resample")])
    return _replicates(statistic, np.arange(items), rng, replicates)


def crossed_bootstrap(
    votes: Votes,
    statistic: Statistic,
    *,
    rng: np.random.Generator,
    replicates: int = REPLICATES,
    within: tuple[float, float] | None = None,
    level: float = LEVEL,
) -> list[Estimate]:
    """A figure of weighted Responses, (B, N) weights → (B,) or (B, C), with its interval over Items and Workers.

    Weighing Items and Workers at once counts the chance within each Response three times, so that plain product weights give
    intervals that are too wide (Owen 2007, doi:10.1214/07-AOAS122). Three bootstraps apart, over Items, Workers and Responses,
    give V = V_items + V_workers - V_responses (Cameron, Gelbach & Miller 2011, doi:10.1198/jbes.2010.07136), never less than
    the larger of the first two. Intervals are Student's, on the scale of `within` where given, the degrees of freedom by
    Satterthwaite's rule from the effective numbers of Items and Workers.
    Raises InvalidInput where there is no Response or the figure is no number.
    """
    if not len(votes):
        raise InvalidInput([Problem("no Responses: there is nothing to resample")])
    value = np.atleast_1d(statistic(np.ones((1, len(votes))))[0]).astype(float)
    by_item, by_worker, by_response = (
        _variances(statistic, unit, rng, replicates) for unit in (votes.item, votes.worker, np.arange(len(votes)))
    )
    if not np.isfinite([*value, *by_item, *by_worker, *by_response]).all():
        raise InvalidInput([Problem("the figure is not a number in some replicates; too few Items or Workers?")])
    total = np.maximum(by_item + by_worker - by_response, np.maximum(by_item, by_worker))
    spread = by_item**2 / _degrees(votes.item) + by_worker**2 / _degrees(votes.worker)
    return [
        Estimate(
            v, math.sqrt(t), around(v, math.sqrt(t), degrees=t**2 / s if s else math.inf, within=within, level=level)
        )
        for v, t, s in zip(value.tolist(), total.tolist(), spread.tolist(), strict=True)
    ]


def _degrees(unit: NDArray[np.int64]) -> float:
    """As many as that number of units of equal weight would have."""
    times = np.bincount(unit).astype(float)
    return max(float(times.sum() ** 2 / (times**2).sum()) - 1, 1.0)


def _variances(statistic: Statistic, unit: NDArray[np.int64], rng: np.random.Generator, replicates: int) -> Floats:
    drawn = np.atleast_1d(_replicates(statistic, unit, rng, replicates).var(axis=0, ddof=1))
    found: Floats = drawn * _shortfall(unit)
    return found


def _shortfall(unit: NDArray[np.int64]) -> float:
    """By how much the variance over replicates falls short, for units that answered n_u of N times.

    Units are compared with a mean that they are part of: 1 - 2 Σn³ / (N Σn²) + Σn² / N², for n alike 1 - 1/U; and exponential
    weights of U units vary by U / (U + 1) of what they should.
    """
    share = np.bincount(unit) / len(unit)
    square = float((share**2).sum())
    left = 1 - 2 * float((share**3).sum()) / square + square
    return (1 + square) / left if left > 0 else 1.0


def _replicates(statistic: Statistic, unit: NDArray[np.int64], rng: np.random.Generator, replicates: int) -> Floats:
    """The figure with all rows of one unit weighed alike; unit: (n,) which one each row of the data belongs to."""
    units = int(unit.max()) + 1
    block = max(1, _CELLS // max(len(unit), units))
    sizes = [min(block, replicates - start) for start in range(0, replicates, block)]
    return np.concatenate([statistic(rng.standard_exponential((size, units))[:, unit]) for size in sizes])
