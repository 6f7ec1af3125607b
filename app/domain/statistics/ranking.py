"""How precise a ranking of suspects is along its length, and where checking further is not worth it.

A suspect-finder puts the Items it doubts most first. If it is any good, the chance of an error falls with the rank; that it never
rises is all that is assumed here.
"""

from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from app.domain.statistics.error_rate import Stratum
from app.domain.statistics.finite_population import share_of_set
from app.domain.statistics.intervals import LEVEL, Estimate, Floats, Interval, wilson_bounds
from app.errors import InvalidInput, Problem

WINDOW = 50


@dataclass(frozen=True, slots=True)
class PrecisionCurve:
    """Precision along `suspects` ranked Items, at each of c checked ones, best rank first; all arrays (c,).

    rank: counts from 1 · wrong: whether it was an error · so_far: precision of the checked Items up to here · running: of the
    `window` checked Items around it, with the ends `low` and `high` of Wilson's interval · fitted: precision at this rank, the
    closest to the answers that never rises (isotonic regression).
    """

    suspects: int
    window: int
    rank: NDArray[np.int64]
    wrong: NDArray[np.bool_]
    so_far: Floats
    running: Floats
    low: Floats
    high: Floats
    fitted: Floats


@dataclass(frozen=True, slots=True)
class StoppingPoint:
    """Where to stop: check the first `rank` suspects and no more.

    reached: the rule asks for no more; where false, all that was checked was worth it and `rank` is how far that goes ·
    next_precision: of the suspect that follows, at most · found: errors seen up to here · left_suspects: errors to expect behind,
    at most · overlooked: errors among the Items not suspected, by the controls; None without them.
    """

    rank: int
    reached: bool
    next_precision: float
    found: int
    left_suspects: float
    overlooked: Estimate | None

    @property
    def left(self) -> float:
        """Errors that stay in the dataset when checking stops here, as far as is known."""
        return self.left_suspects + (self.overlooked.value if self.overlooked else 0.0)


def precision_curve(
    wrong: NDArray[np.generic], *, checked: NDArray[np.bool_] | None = None, window: int = WINDOW, level: float = LEVEL
) -> PrecisionCurve:
    """The curve of `wrong` (suspects,), 1 where an Item is an error, in the order of the ranking; unchecked ones are passed over.

    At either end the window holds the first or the last `window` checked Items; with fewer in all it holds all. What the running
    interval covers is the mean precision of the Items in the window.
    Raises InvalidInput for a checked Item that is neither right nor wrong (NaN), a window below 1, and where none is checked.
    Source: isotonic regression, Ayer et al. 1955, doi:10.1214/aoms/1177728423 (pool adjacent violators).
    """
    from scipy.optimize import isotonic_regression  # slow to import

    values, at = _verdicts(wrong, checked, window)
    count = len(values)
    width = min(window, count)
    sums = np.concatenate([[0], np.cumsum(values)])
    start = np.clip(np.arange(count) - (width - 1) // 2, 0, count - width)
    within = sums[start + width] - sums[start]
    low, high = wilson_bounds(within, np.full(count, width), level=level)
    return PrecisionCurve(
        suspects=len(wrong),
        window=width,
        rank=at + 1,
        wrong=values.astype(bool),
        so_far=sums[1:] / np.arange(1, count + 1),
        running=within / width,
        low=low,
        high=high,
        fitted=np.asarray(isotonic_regression(values.astype(np.float64), increasing=False).x),
    )


def stop_by_precision(
    curve: PrecisionCurve,
    *,
    at_least: float,
    certain: bool = False,
    controls: Stratum | None = None,
    level: float = LEVEL,
) -> StoppingPoint:
    """Stop before the first rank whose precision lies below `at_least`, which is what one more check must be worth.

    By the fit, with a window of checked Items or more from there on: the fit falls to 0 at its end by a few right ones. Or, where
    `certain`, behind a window of checked Items whose upper limit lies below it: as precision never rises, it then lies below
    for all that follow, with confidence `level` over all windows together (limits of Clopper & Pearson, which hold for Items of
    unequal chance as well; the level is shared out over the windows, none of which overlaps another: Bonferroni).
    """
    if not 0 < at_least <= 1:
        raise InvalidInput([Problem(f"{at_least}: wanted a precision above 0 and at most 1", field="at_least")])
    kept = _certainly_below(curve, at_least, level) if certain else _fitted_below(curve, at_least)
    return _point(curve, kept, _overlooked(controls, level) if controls else None)


def stop_by_errors_left(
    curve: PrecisionCurve, *, at_most: float, controls: Stratum, level: float = LEVEL
) -> StoppingPoint:
    """Stop at the first rank behind which no more than `at_most` errors are to be expected in the whole dataset.

    Expected are those among the suspects behind and those among the Items not suspected, by the controls. Where the latter alone
    are more, no rank will do: other suspects must be found.
    """
    if at_most < 0:
        raise InvalidInput([Problem(f"{at_most}: wanted a number of errors from 0 on", field="at_most")])
    overlooked = _overlooked(controls, level)
    few = np.flatnonzero(_behind(curve) + overlooked.value <= at_most)
    return _point(curve, int(few[0]) if few.size else None, overlooked)


def _verdicts(
    wrong: NDArray[np.generic], checked: NDArray[np.bool_] | None, window: int
) -> tuple[NDArray[np.int64], NDArray[np.int64]]:
    seen = np.ones(len(wrong), bool) if checked is None else np.asarray(checked, dtype=bool)
    if window < 1 or seen.shape != wrong.shape or wrong.ndim != 1:
        got = f"got {wrong.shape}, {seen.shape}, {window}"
        message = f"wanted one verdict and one mark per suspect and a window of 1 or more; {got}"
        raise InvalidInput([Problem(message)])
    at = np.flatnonzero(seen)
    if not len(at):
        raise InvalidInput([Problem("none of the suspects is checked: nothing says how precise the ranking is")])
    values = np.asarray(wrong)[at].astype(np.float64)
    if not np.isin(values, (0.0, 1.0)).all():
        row = int(at[~np.isin(values, (0.0, 1.0))][0])
        raise InvalidInput([Problem(f"rank {row + 1} is checked and neither right (0) nor wrong (1): {wrong[row]}")])
    return values.astype(np.int64), at


def _fitted_below(curve: PrecisionCurve, at_least: float) -> int | None:
    """How many checked Items come before the fit falls below."""
    below = int((curve.fitted >= at_least).sum())
    return below if below <= len(curve.rank) - curve.window else None


def _certainly_below(curve: PrecisionCurve, at_least: float, level: float) -> int | None:
    """How many checked Items there are up to the end of the first window whose upper limit lies below."""
    from scipy.special import betaincinv  # slow to import

    looks = len(curve.rank) // curve.window
    wrong = curve.wrong[: looks * curve.window].reshape(looks, -1).sum(axis=1)
    right = curve.window - wrong
    high = np.where(right == 0, 1.0, betaincinv(wrong + 1, np.maximum(right, 1), 1 - (1 - level) / looks))
    low = np.flatnonzero(high < at_least)
    return (int(low[0]) + 1) * curve.window if low.size else None


def _point(curve: PrecisionCurve, kept: int | None, overlooked: Estimate | None) -> StoppingPoint:
    """The point behind `kept` checked Items; None is behind all of them, with no reason to stop."""
    upto = len(curve.rank) if kept is None else kept
    return StoppingPoint(
        rank=int(curve.rank[upto - 1]) if upto else 0,
        reached=kept is not None,
        next_precision=float(curve.fitted[upto] if upto < len(curve.rank) else curve.running[-1]),
        found=int(curve.wrong[:upto].sum()),
        left_suspects=float(_behind(curve)[upto]),
        overlooked=overlooked,
    )


def _behind(curve: PrecisionCurve) -> Floats:
    """(c + 1,): errors to expect among the suspects ranked after the first 0, 1, …, c checked ones.

    An unchecked one counts as much as the checked one before it (at the front: the first); behind all, as the last window.
    """
    unchecked = np.diff(np.concatenate([[0], curve.rank, [curve.suspects + 1]])) - 1
    each = unchecked * np.concatenate([curve.fitted[:1], curve.fitted[:-1], curve.running[-1:]])
    before = each[:-1] + curve.fitted
    return np.asarray(np.append(np.cumsum(before[::-1])[::-1], 0.0) + each[-1])


def _overlooked(controls: Stratum, level: float) -> Estimate:
    share = share_of_set(controls.errors, checked=controls.checked, size=controls.size, level=level)
    interval = Interval(share.interval.low * controls.size, share.interval.high * controls.size, level)
    return Estimate(share.value * controls.size, share.standard_error * controls.size, interval)
