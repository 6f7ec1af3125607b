"""How likely chance alone gives as much: exact tails for arrays of counts, and the correction for looking at many at once."""

import numpy as np
from numpy.typing import NDArray

from app.domain.statistics.intervals import Floats


def binomial_at_least(successes: NDArray[np.int64], trials: NDArray[np.int64], chance: float | Floats) -> Floats:
    """P(X >= successes) of `trials` with `chance` each; 1 for no success. Arrays broadcast."""
    from scipy.special import betainc

    some = np.maximum(successes, 1)
    tail = betainc(some, np.maximum(trials - some + 1, 0.5), chance)
    found: Floats = np.where(successes <= 0, 1.0, np.where(successes > trials, 0.0, tail))
    return found


def binomial_either_way(successes: NDArray[np.int64], trials: NDArray[np.int64], chance: float = 0.5) -> Floats:
    """Twice the smaller tail, at most 1: exact and, for a chance of 1/2, the usual two-sided binomial test."""
    above = binomial_at_least(successes, trials, chance)
    below = binomial_at_least(trials - successes, trials, 1 - chance)
    found: Floats = np.minimum(1.0, 2 * np.minimum(above, below))
    return found


def poisson_at_least(count: NDArray[np.int64], mean: Floats) -> Floats:
    """P(X >= count) of a Poisson variable; it bounds the tail of rare independent events of unequal chances from above."""
    from scipy.special import gammainc

    found: Floats = np.where(count <= 0, 1.0, gammainc(np.maximum(count, 1), mean))
    return found


def adjusted(p: Floats, *, tested: int | None = None) -> Floats:
    """p-values (M,) adjusted so that among those below q a share of q at most is expected to be chance.

    tested: how many tests there were, where those with a p-value of 1 were left out of `p`; by default M. NaN, no test, stays.
    Source: Benjamini & Hochberg 1995, JRSS B 57:289-300, doi:10.1111/j.2517-6161.1995.tb02031.x.
    """
    found = np.full(p.shape, np.nan)
    known = np.flatnonzero(~np.isnan(p))
    order = known[np.argsort(p[known], kind="stable")]
    count = len(order) if tested is None else tested
    raised = p[order] * count / np.arange(1, len(order) + 1)
    found[order] = np.minimum(1.0, np.minimum.accumulate(raised[::-1])[::-1])
    return found
