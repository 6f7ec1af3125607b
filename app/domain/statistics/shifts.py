"""Whether what is observed now differs from what was observed before: two tests that need only numpy's kin.

Both are looked at again and again while answers come in, so a level that is passed now and then by chance alone must be
small; whoever asks says how large a difference matters at all.
"""

import math
from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

# A cell that is expected to hold fewer makes the chi-square approximation unreliable (Cochran 1954, Biometrics 10:417-451).
SMALLEST_EXPECTED = 5.0


@dataclass(frozen=True, slots=True)
class Shift:
    """How far two samples are apart, and how likely at least that much is where nothing changed."""

    size: float
    p: float


def mean_drop(earlier: NDArray[np.float64], latest: NDArray[np.float64]) -> Shift:
    """One-sided test that the mean of `latest` lies below the mean of `earlier`; `size` is by how much.

    Welch's statistic (1947, Biometrika 34:28-35) against the normal distribution: for samples of 50 and more. Where neither
    sample varies the means themselves decide.
    """
    size = float(earlier.mean() - latest.mean())
    variance = float(earlier.var(ddof=1) / earlier.size + latest.var(ddof=1) / latest.size)
    if variance == 0:
        return Shift(size, 0.0 if size > 0 else 1.0)
    return Shift(size, _normal_tail(size / math.sqrt(variance)))


def shares_move(earlier: Sequence[int], latest: Sequence[int], *, answers_per_item: float = 1.0) -> Shift:
    """Pearson's test of homogeneity of two rows of counts; `size` is the largest change of a share.

    Options that too few chose (an expected count below 5) are counted together. Answers on one Item resemble one another:
    the statistic is divided by `answers_per_item`, the design effect where they are all alike (Rao & Scott 1981, JASA
    76:221-230), so that the test rather misses than invents. Without two options left to compare, nothing moved.
    """
    table = np.array([earlier, latest], dtype=float)
    totals = table.sum(axis=1)
    if (totals == 0).any():
        return Shift(0.0, 1.0)
    shares = table / totals[:, None]
    size = float(np.abs(shares[1] - shares[0]).max())
    pooled = _pooled(table)
    expected = np.outer(pooled.sum(axis=1), pooled.sum(axis=0)) / pooled.sum()
    if pooled.shape[1] < 2 or (expected < SMALLEST_EXPECTED).any():  # noqa: PLR2004 - a comparison needs two
        return Shift(size, 1.0)
    statistic = float(((pooled - expected) ** 2 / expected).sum()) / answers_per_item
    return Shift(size, chi_square_tail(statistic, degrees=pooled.shape[1] - 1))


def _pooled(table: NDArray[np.float64]) -> NDArray[np.float64]:
    """The table with its two rarest options put together, again and again, as long as one of them is too rare."""
    while table.shape[1] > 2 and _rarest(table) < SMALLEST_EXPECTED:  # noqa: PLR2004 - a comparison needs two
        order = np.argsort(table.sum(axis=0), kind="stable")
        table = np.hstack([table[:, order[2:]], table[:, order[:2]].sum(axis=1, keepdims=True)])
    return table[:, table.sum(axis=0) > 0]


def _rarest(table: NDArray[np.float64]) -> float:
    return float(table.sum(axis=1).min() * table.sum(axis=0).min() / table.sum())


def chi_square_tail(statistic: float, *, degrees: int) -> float:
    """The chance that a chi-square variable with `degrees` degrees of freedom exceeds `statistic`.

    In closed form for whole degrees (Abramowitz & Stegun 26.4.4 and 26.4.5).
    """
    half = statistic / 2
    if degrees % 2 == 0:
        term = total = math.exp(-half)
        for k in range(1, degrees // 2):
            term *= half / k
            total += term
        return total
    total = math.erfc(math.sqrt(half))
    term = math.exp(-half) * math.sqrt(half) / math.gamma(1.5)
    for k in range(1, (degrees - 1) // 2 + 1):
        total += term
        term *= half / (k + 0.5)
    return total


def _normal_tail(z: float) -> float:
    return 0.5 * math.erfc(z / math.sqrt(2))
