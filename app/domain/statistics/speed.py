"""How fast each Worker answers, and which share of the answers came faster than anybody can read."""

from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from app.domain.statistics.intervals import LEVEL, Floats, wilson_bounds
from app.errors import InvalidInput, Problem

_SIGMAS = 3.0
_MAD = 1.4826  # of the median absolute deviation to a normal's standard deviation
_HALF = 0.5  # nothing slower than half the usual time is called implausible, however alike the crowd's times are


@dataclass(frozen=True, slots=True)
class Speed:
    """By Worker (W,): `timed` answers, their median in ms (NaN without), how many were `fast`, their share with Wilson's ends.

    Fast is below `cut_ms`; `crowd_ms` is the median over all answers. Both NaN where no answer was timed.
    """

    timed: NDArray[np.int64]
    median_ms: Floats
    fast: NDArray[np.int64]
    share: Floats
    low: Floats
    high: Floats
    crowd_ms: float
    cut_ms: float


def speed(worker: NDArray[np.int64], elapsed_ms: Floats, *, workers: int, level: float = LEVEL) -> Speed:
    """Of N Responses: worker (N,) below `workers`, elapsed_ms (N,), NaN where it was not measured.

    Times are compared as logarithms, which are about normal (van der Linden 2006, doi:10.3102/10769986031002181). An answer is
    implausibly fast below the crowd's median less 3 robust standard deviations (1.4826 MAD: Leys et al. 2013,
    doi:10.1016/j.jesp.2013.03.013), and below half the median in any case. Raises InvalidInput for times below 0.
    """
    if (elapsed_ms < 0).any():
        raise InvalidInput([Problem("times below 0 ms: give NaN for an answer that was not timed", field="elapsed_ms")])
    known = ~np.isnan(elapsed_ms)
    who, took = worker[known], elapsed_ms[known]
    timed = np.bincount(who, minlength=workers)
    crowd, cut = _cut(took)
    fast = np.bincount(who[took < cut], minlength=workers)
    share = np.full(workers, np.nan)
    np.divide(fast, timed, out=share, where=timed > 0)
    low, high = wilson_bounds(fast, timed, level=level)
    return Speed(timed, _medians(who, took, timed), fast, share, low, high, crowd, cut)


def _cut(took: Floats) -> tuple[float, float]:
    """The crowd's median and the time below which an answer is implausible."""
    if not took.size:
        return float("nan"), float("nan")
    logs = np.log(np.maximum(took, 1.0))
    middle = float(np.median(logs))
    spread = _MAD * float(np.median(np.abs(logs - middle)))
    return float(np.median(took)), min(float(np.exp(middle - _SIGMAS * spread)), _HALF * float(np.exp(middle)))


def _medians(who: NDArray[np.int64], took: Floats, timed: NDArray[np.int64]) -> Floats:
    ordered = took[np.lexsort((took, who))]
    first = np.cumsum(timed) - timed
    found = np.full(len(timed), np.nan)
    some = timed > 0
    lower, upper = (timed - 1) // 2, timed // 2
    found[some] = (ordered[(first + lower)[some]] + ordered[(first + upper)[some]]) / 2
    return found
