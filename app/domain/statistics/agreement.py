"""How far the Responses on an Item agree: percent agreement, Fleiss' kappa and Krippendorff's alpha, each with its interval.

All three look at the Items with at least two Responses; a single answer neither agrees nor disagrees. The intervals respect that
Workers answer many Items (see `shared_workers`).
"""

from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from app.domain.consensus.votes import Counts, Votes
from app.domain.statistics.intervals import LEVEL, Estimate, Floats, Interval, around
from app.domain.statistics.shared_workers import Influence, share_estimate, variance
from app.errors import InvalidInput, Problem

_ROUNDING = 1e-9


@dataclass(frozen=True, slots=True)
class Undefined:
    """A figure that these votes do not have, and why: a sentence that reads after "undefined: "."""

    reason: str


NO_PAIR = Undefined("no Item has two Responses, so none could agree or disagree")
ALL_ALIKE = Undefined(
    "all answers are the same, so chance alone would agree as well; percent agreement says what there is"
)


@dataclass(frozen=True, slots=True)
class Agreement:
    """The three figures and what stands behind them: Items with two Responses or more, and their Responses."""

    items: int
    responses: int
    percent: Estimate | Undefined
    kappa: Estimate | Undefined
    alpha: Estimate | Undefined


@dataclass(frozen=True, slots=True)
class _Part:
    """A figure over Items to first order: its value, what each Item adds, and how each Response moves its Item."""

    value: float
    item: Floats
    response: Floats


@dataclass(frozen=True, slots=True)
class _Paired:
    """The votes of Items with two Responses or more. counts (I, K), total (I,); item, worker, label (N,)."""

    counts: Counts
    total: NDArray[np.int64]
    item: NDArray[np.int64]
    worker: NDArray[np.int64]
    label: NDArray[np.int64]
    workers: int


def agreement(votes: Votes, *, level: float = LEVEL) -> Agreement:
    """Percent agreement, Fleiss' kappa and Krippendorff's nominal alpha of any number of Responses per Item.

    With c_ik answers of label k among the n_i of Item i, and P_i = Σ_k c_ik (c_ik - 1) / (n_i (n_i - 1)):
    percent = mean of P_i, the chance that two answers on an Item are the same. kappa = (percent - p) / (1 - p) with
    p = Σ_k q_k², q_k = mean of c_ik / n_i: Fleiss 1971, doi:10.1037/h0031619, for unequal n_i as in Gwet 2008,
    doi:10.1348/000711006X126600. alpha = 1 - D / E with D = Σ_i n_i (1 - P_i) / N and
    E = 1 - Σ_k m_k (m_k - 1) / (N (N - 1)), m_k the answers of label k: Krippendorff 2011,
    "Computing Krippendorff's alpha-reliability", repository.upenn.edu/asc_papers/43.

    Where no Item has two Responses everything is undefined (one Response, one Worker alone, a Response per Item). Where all
    answers are the same, kappa and alpha are 0/0 and therefore undefined, not 1: nobody has shown that they tell labels apart.
    Where all answers agree within Items of several labels, both are 1 and reach down to where Wilson's interval of percent
    agreement reaches; so they do, to both sides, wherever all Items agree and disagree alike. Of one Item alone kappa and alpha
    have no interval but everything possible.
    Raises InvalidInput where there is no Response.
    """
    if not len(votes):
        raise InvalidInput([Problem("no Responses: there is nothing that could agree")])
    paired = _paired(votes)
    if not len(paired.counts):
        return Agreement(0, 0, NO_PAIR, NO_PAIR, NO_PAIR)
    found = _percent(paired)
    percent = share_estimate(found.value, _influence(found, paired), level=level)
    used = len(paired.counts), len(paired.item)
    if (paired.counts.sum(axis=0) > 0).sum() == 1:
        return Agreement(*used, percent, ALL_ALIKE, ALL_ALIKE)
    kappa, alpha = (
        _coefficient(part, chance, paired, percent, level=level) for part, chance in (_kappa(paired), _alpha(paired))
    )
    return Agreement(*used, percent, kappa, alpha)


def _paired(votes: Votes) -> _Paired:
    counts = votes.counts()
    several = counts.sum(axis=1) > 1
    place = np.cumsum(several) - 1
    kept = several[votes.item]
    counts = counts[several]
    return _Paired(
        counts, counts.sum(axis=1), place[votes.item[kept]], votes.worker[kept], votes.label[kept], votes.workers
    )


def _influence(part: _Part, paired: _Paired) -> Influence:
    return Influence(part.item, part.response, paired.item, paired.worker, paired.workers)


def _agreeing(paired: _Paired) -> tuple[Floats, Floats]:
    """P_i of each Item (I,), and by how much each Response moves it (N,).

    A Response's move is P_i less P_i without it. Of two Responses, without one of which nothing is left, it is less the mean.
    """
    n = paired.total
    alike = (paired.counts * (paired.counts - 1)).sum(axis=1)
    agree = alike / (n * (n - 1))
    same = paired.counts[paired.item, paired.label] - 1
    total = n[paired.item]
    without = (alike[paired.item] - 2 * same) / np.maximum((total - 1) * (total - 2), 1)
    without = np.where(total > 2, without, agree.mean())  # noqa: PLR2004 - a pair
    return agree, 2 / total * (same / (total - 1) - without)


def _percent(paired: _Paired) -> _Part:
    agree, moves = _agreeing(paired)
    mean = min(float(agree.mean()), 1.0)
    return _Part(mean, agree - mean, moves)


def _expected(paired: _Paired, shares: Floats) -> Floats:
    """(N,): by how much each Response moves Σ_k s_k c_ik / n_i of its Item, compared with the Item's other answers."""
    own, total = shares[paired.label], paired.total[paired.item]
    others = ((paired.counts @ shares)[paired.item] - own) / (total - 1)
    moved: Floats = (own - others) / total
    return moved


def _kappa(paired: _Paired) -> tuple[_Part, float]:
    """Kappa, and 1 - p, the disagreement that chance gives."""
    percent = _percent(paired)
    parts = paired.counts / paired.total[:, None]
    shares = parts.mean(axis=0)
    chance = float((shares**2).sum())
    rest = 1 - chance
    slope = (1 - percent.value) / rest**2
    item = percent.item / rest - slope * 2 * (parts @ shares - chance)
    response = percent.response / rest - slope * 2 * _expected(paired, shares)
    return _Part((percent.value - chance) / rest, item, response), rest


def _alpha(paired: _Paired) -> tuple[_Part, float]:
    """Alpha, and E, the disagreement that chance gives."""
    agree, moves = _agreeing(paired)
    n = paired.total
    pool, answers = paired.counts.sum(axis=0), int(n.sum())
    observed = float((n * (1 - agree)).sum()) / answers
    expected = 1 - float((pool * (pool - 1.0)).sum()) / (answers * (answers - 1.0))
    shares, per_item = pool / answers, answers / len(n)
    slope = observed / expected**2
    # Weighted by n_i, because alpha is a mean over answers.
    disagree = (n * (1 - agree) - observed * n) / per_item
    chance = -2 * (paired.counts @ shares - n * float((shares**2).sum())) / per_item
    weight = n[paired.item] / per_item
    response = weight * (moves / expected - slope * 2 * _expected(paired, shares))
    return _Part(1 - observed / expected, -disagree / expected + slope * chance, response), expected


def _coefficient(part: _Part, by_chance: float, paired: _Paired, percent: Estimate, *, level: float) -> Estimate:
    """The figure with its interval, symmetric on the scale from the least that so many answers can give, -1/(n - 1), to 1."""
    least = -1 / (int(paired.total.min()) - 1)
    if len(paired.counts) == 1:
        return Estimate(part.value, float("nan"), Interval(min(least, part.value), 1.0, level))
    if percent.value == 1:
        disagreement = 1 - percent.interval.low
        return Estimate(1.0, 0.0, Interval(max(1 - disagreement / by_chance, least), 1.0, level))
    found = variance(_influence(part, paired))
    if found.standard_error < _ROUNDING:
        # All Items alike: as far off as percent agreement may be.
        scale = (1 - part.value) / (1 - percent.value)
        low, high = (1 - scale * (1 - end) for end in (percent.interval.low, percent.interval.high))
        return Estimate(part.value, 0.0, Interval(min(max(low, least), part.value), max(high, part.value), level))
    interval = around(part.value, found.standard_error, degrees=found.degrees, within=(least, 1.0), level=level)
    return Estimate(part.value, found.standard_error, interval)
