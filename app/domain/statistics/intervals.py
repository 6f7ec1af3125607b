"""An interval around a figure: how it is written down, and the ways to get one from counts, standard errors or replicates.

How the standard error comes about when Workers answer many Items is the business of `shared_workers` and `resampling`.
"""

import math
from dataclasses import dataclass
from statistics import NormalDist

import numpy as np
from numpy.typing import NDArray

from app.errors import InvalidInput, Problem

LEVEL = 0.95

_FARTHEST = 700.0  # exp overflows at 709; long before that a share is 0 or 1 to all digits

Floats = NDArray[np.float64]


@dataclass(frozen=True, slots=True)
class Interval:
    """From `low` to `high`, meant to hold the true figure in a share `level` of all studies done alike."""

    low: float
    high: float
    level: float = LEVEL

    def __contains__(self, value: float) -> bool:
        return self.low <= value <= self.high

    @property
    def width(self) -> float:
        """`high` minus `low`."""
        return self.high - self.low


@dataclass(frozen=True, slots=True)
class Estimate:
    """A figure, its standard error and its interval."""

    value: float
    standard_error: float
    interval: Interval


def quantile(level: float, *, degrees: float = math.inf) -> float:
    """How many standard errors an interval of `level` reaches to either side: Student's t, or the normal without `degrees`."""
    _checked(level)
    if math.isinf(degrees):
        return NormalDist().inv_cdf((1 + level) / 2)
    # Imported late: a command that asks for no interval need not wait for it.
    from scipy.special import stdtrit

    return float(stdtrit(max(degrees, 1.0), (1 + level) / 2))


def around(
    value: float,
    standard_error: float,
    *,
    degrees: float = math.inf,
    within: tuple[float, float] | None = None,
    level: float = LEVEL,
) -> Interval:
    """The interval of `value` that reaches equally far to either side.

    within: the ends of what is possible, (0, 1) for a share; then it reaches equally far on the scale
    log((x - low) / (high - x)) and never leaves it, the standard error carried over by the slope (delta method).
    degrees: of freedom of the standard error. A value at or beyond an end is taken as it is, without a scale. A standard
    error of 0 gives the value alone: whoever knows better (`wilson`) asks that first.
    """
    reach = quantile(level, degrees=degrees) * standard_error
    if within is None or not within[0] < value < within[1] or reach == 0:
        return Interval(value - reach, value + reach, level)
    low, high = within
    middle = math.log((value - low) / (high - value))
    half = reach * (high - low) / ((value - low) * (high - value))

    def back(at: float) -> float:
        return low + (high - low) / (1 + math.exp(-max(min(at, _FARTHEST), -_FARTHEST)))

    return Interval(back(middle - half), back(middle + half), level)


def wilson(successes: float, trials: float, *, degrees: float = math.inf, level: float = LEVEL) -> Interval:
    """Wilson's score interval of a share; good for few trials and for shares of 0 and 1. Without trials it is 0 to 1.

    trials may be an effective number, p (1 - p) / variance, and `degrees` that variance's: so it serves shares whose
    trials are not independent (Korn & Graubard 1998, Survey Methodology 24:193-201, do the same to Clopper and Pearson).
    Source: Wilson 1927, JASA 22:209-212, doi:10.1080/01621459.1927.10502953.
    """
    if not 0 <= successes <= trials or math.isinf(trials):
        raise InvalidInput([Problem(f"{successes} successes of {trials} trials: wanted 0 <= successes <= trials")])
    if trials == 0:
        return Interval(0.0, 1.0, _checked(level))
    z2 = quantile(level, degrees=degrees) ** 2
    share = successes / trials
    middle = (share + z2 / (2 * trials)) / (1 + z2 / trials)
    half = math.sqrt(z2 * (share * (1 - share) / trials + z2 / (4 * trials**2))) / (1 + z2 / trials)
    # Rounding must not push an end past what was seen.
    low = 0.0 if share == 0 else min(max(middle - half, 0.0), share)
    return Interval(low, 1.0 if share == 1 else max(min(middle + half, 1.0), share), level)


def wilson_bounds(
    successes: NDArray[np.int64], trials: NDArray[np.int64], *, level: float = LEVEL
) -> tuple[Floats, Floats]:
    """Low and high ends of `wilson` for arrays of equal shape."""
    z2 = quantile(level) ** 2
    n = np.maximum(trials, 1)
    share = successes / n
    middle = (share + z2 / (2 * n)) / (1 + z2 / n)
    half = np.sqrt(z2 * (share * (1 - share) / n + z2 / (4 * n**2))) / (1 + z2 / n)
    low = np.where(successes == 0, 0.0, np.clip(middle - half, 0.0, share))
    high = np.where(successes == trials, 1.0, np.clip(middle + half, share, 1.0))
    return low, np.where(trials == 0, 1.0, high)


def percentile(replicates: Floats, *, level: float = LEVEL) -> Interval:
    """The middle share `level` of bootstrap replicates (R,). Replicates that are not a number are refused."""
    low, high = np.quantile(_finite(replicates), [(1 - level) / 2, (1 + level) / 2])
    return Interval(float(low), float(high), _checked(level))


def bca(value: float, replicates: Floats, influence: Floats, *, level: float = LEVEL) -> Interval:
    """Bias-corrected and accelerated interval from bootstrap replicates (R,).

    value: the figure itself. influence: (n,) what each independent unit adds to it (jackknife or infinitesimal); its
    skewness is the acceleration. Where all replicates lie on one side of the value it is the percentile interval.
    Source: Efron 1987, JASA 82:171-185, doi:10.1080/01621459.1987.10478410.
    """
    normal = NormalDist()
    below = float((_finite(replicates) < value).mean() + (replicates == value).mean() / 2)
    if not 0 < below < 1:
        return percentile(replicates, level=level)
    centred = influence - influence.mean()
    spread = float((centred**2).sum())
    speed = float((centred**3).sum()) / (6 * spread**1.5) if spread > 0 else 0.0
    bias = normal.inv_cdf(below)

    def share(tail: float) -> float:
        moved = bias + normal.inv_cdf(tail)
        return normal.cdf(bias + moved / (1 - speed * moved))

    low, high = np.quantile(replicates, [share((1 - _checked(level)) / 2), share((1 + level) / 2)])
    return Interval(float(low), float(high), level)


def _finite(replicates: Floats) -> Floats:
    if replicates.size == 0 or not np.isfinite(replicates).all():
        raise InvalidInput(
            [Problem("bootstrap replicates: wanted at least one, all finite; too few Items or Workers?")]
        )
    return replicates


def _checked(level: float) -> float:
    if not 0 < level < 1:
        raise InvalidInput([Problem(f"{level}: wanted a level between 0 and 1, such as 0.95", field="level")])
    return level
