"""Sums and ratios of independent estimates, with intervals put together from theirs.

MOVER, the method of variance estimates recovered: the distance from an estimate to an end of its interval says how uncertain it
is on that side, so that the sum of lopsided intervals is lopsided in the right way; of controls without a single error the lower
end adds nothing and the upper one does.
Source: Zou & Donner 2008, doi:10.1002/sim.3095 (sums); Donner & Zou 2012, doi:10.1177/0962280210383084 (ratios).
"""

import math
from collections.abc import Sequence

from app.domain.statistics.intervals import Estimate, Interval
from app.errors import InvalidInput, Problem


def weighted_sum(parts: Sequence[Estimate], weights: Sequence[float]) -> Estimate:
    """Σ w x of independent estimates x with intervals [l, u] of one level and weights w of 0 and more.

    Its interval is Σ w x ± sqrt(Σ w² d²), d being x - l below and u - x above.
    """
    if not parts or len(parts) != len(weights) or len({part.interval.level for part in parts}) > 1:
        raise InvalidInput([Problem("a sum wants one weight for each estimate, at least one, all of one level")])
    pairs = list(zip(parts, weights, strict=True))
    value = math.fsum(weight * part.value for part, weight in pairs)
    below = math.hypot(*(weight * (part.value - part.interval.low) for part, weight in pairs))
    above = math.hypot(*(weight * (part.interval.high - part.value) for part, weight in pairs))
    error = math.hypot(*(weight * part.standard_error for part, weight in pairs))
    return Estimate(value, error, Interval(value - below, value + above, parts[0].interval.level))


def ratio_interval(top: Estimate, bottom: Estimate) -> Interval:
    """The interval of top / bottom, two independent estimates of figures of 0 and more.

    Where bottom may be 0 it has no upper end; where bottom is estimated as 0 it is undefined (ValueError): ask that first.
    """
    x, y = top.value, bottom.value
    if y <= 0:
        raise ValueError("a ratio to 0 has no value")
    l1, u1, l2, u2 = top.interval.low, top.interval.high, bottom.interval.low, bottom.interval.high
    # The roots of a quadratic in the ratio, the lower one written so that it holds where its leading term is 0.
    under = l1 * (2 * x - l1)
    low = under / (x * y + _root((x * y) ** 2 - under * u2 * (2 * y - u2))) if under else 0.0
    if l2 <= 0:
        return Interval(max(low, 0.0), math.inf, top.interval.level)
    high = (x * y + _root((x * y) ** 2 - u1 * l2 * (2 * x - u1) * (2 * y - l2))) / (l2 * (2 * y - l2))
    return Interval(max(low, 0.0), high, top.interval.level)


def _root(square: float) -> float:
    return math.sqrt(max(square, 0.0))
