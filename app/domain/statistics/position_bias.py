"""Whether what is shown first wins because it is shown first: for each Worker and for the crowd."""

from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from app.domain.consensus.votes import Votes
from app.domain.statistics.intervals import LEVEL, Estimate, Floats, wilson_bounds
from app.domain.statistics.shared_workers import Influence, share_estimate
from app.domain.statistics.significance import adjusted, binomial_either_way
from app.errors import InvalidInput, Problem

FAIR = 0.5


@dataclass(frozen=True, slots=True)
class PositionBias:
    """By Worker (W,): `chosen` answers of one of the two claims, `first` of which were the one shown first.

    share with Wilson's low and high, NaN and 0 to 1 without such answers; p: two-sided, exact, against a fair draw of the order;
    adjusted_p: over the Workers. crowd: the share among all answers, with an interval over Workers, None without any; crowd_p: of
    nobody being swayed, exact, from all answers together.
    """

    chosen: NDArray[np.int64]
    first: NDArray[np.int64]
    share: Floats
    low: Floats
    high: Floats
    p: Floats
    adjusted_p: Floats
    crowd: Estimate | None
    crowd_p: float


def position_bias(
    votes: Votes, shown_first: NDArray[np.int64], shown_second: NDArray[np.int64], *, level: float = LEVEL
) -> PositionBias:
    """shown_first, shown_second: (N,) the labels of the two claims in the order in which the Response's Worker saw them.

    Labels as in `votes.label`: any two that change places. Answers that are neither of them say nothing here ("both" has no
    place that changes). Because the order is drawn by a fair coin for each Assignment, whoever does not look at the order picks
    the first one with chance 1/2, whatever the Item and however often the first claim is right: no model of the Items is
    needed. The crowd's share treats Responses as draws and Workers as clusters (see `shared_workers`).
    Order effects: Krosnick & Alwin 1987, doi:10.1086/269029.
    """
    if shown_first.shape != votes.label.shape or shown_second.shape != votes.label.shape:
        raise InvalidInput([Problem(f"wanted the two claims shown with each of {len(votes)} Responses")])
    is_first = votes.label == shown_first
    counted = is_first != (votes.label == shown_second)
    who, won = votes.worker[counted], is_first[counted]
    chosen, first = np.bincount(who, minlength=votes.workers), np.bincount(who[won], minlength=votes.workers)
    share = np.full(votes.workers, np.nan)
    np.divide(first, chosen, out=share, where=chosen > 0)
    low, high = wilson_bounds(first, chosen, level=level)
    p = np.where(chosen > 0, binomial_either_way(first, chosen, FAIR), np.nan)
    crowd_p = float(binomial_either_way(first.sum(), chosen.sum(), FAIR)) if won.size else float("nan")
    crowd = _crowd(won, who, votes.workers, level=level)
    return PositionBias(chosen, first, share, low, high, p, adjusted(p), crowd, crowd_p)


def _crowd(won: NDArray[np.bool_], who: NDArray[np.int64], workers: int, *, level: float) -> Estimate | None:
    if not won.size:
        return None
    mean = float(won.mean())
    away = won.astype(np.float64) - mean
    return share_estimate(mean, Influence(away, away, np.arange(len(away)), who, workers), level=level)
