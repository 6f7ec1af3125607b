"""Would another panel decide the same? How much of an Item's category is the Item's, and how much the luck of who answered.

Model: an Item has its own shares p of answers, drawn from a distribution G common to all Items, and each Worker answers by them.
G is given no form: real Batches mix Items that nobody doubts with Items that divide the Workers, which no single Dirichlet
distribution describes (it takes the panel's variance for up to nine times what it is). It is fitted on a grid of shares in
steps of a tenth by expectation-maximisation.
Source: Kiefer & Wolfowitz 1956, doi:10.1214/aoms/1177728066; Laird 1978, doi:10.1080/01621459.1978.10480103.
"""

from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from app.domain.consensus.majority import quorum
from app.domain.consensus.votes import OPTIONS, Counts, VoteCounts
from app.domain.statistics.intervals import Floats
from app.domain.statistics.patterns import patterns_of
from app.domain.statistics.readings import CATEGORIES
from app.errors import InvalidInput, Problem

_STEPS = 10
# Stopped early: the likelihood's very maximum is a few spikes, which say less of new answers.
_ROUNDS = 100
# Nobody is infallible: shares of 0 become about 0.01.
_SLIP = 0.01


@dataclass(frozen=True, slots=True)
class Repeatability:
    """What another panel would say.

    chance: (items, 5) to put the Item into each of CATEGORIES · same: the share of Items that it would put where they are ·
    noise: (5,) of each category, the mean over Items of the variance that is the panel's alone.
    """

    chance: Floats
    same: float
    noise: Floats


@dataclass(frozen=True, slots=True)
class AnswerShares:
    """The fitted G: `points` (p, options) are shares of answers that Items may have, `weights` (p,) how many Items have them."""

    points: Floats
    weights: Floats


def answer_shares(counts: Counts) -> AnswerShares:
    """G of counts (items, 4 or more), as in `repeatability`. Raises InvalidInput where no Item has an answer."""
    rows, place = patterns_of(_four_and_others(counts[_answered(counts)]))
    sizes = np.bincount(place, minlength=len(rows))
    grid = _grid(rows.shape[1])
    return AnswerShares(grid, _fitted(rows, sizes, grid)[0])


def repeatability(counts: Counts, *, quorum_size: int, most: int = 0) -> Repeatability:
    """What another panel of as many Workers an Item would say, from the answers of this one.

    most: an Item with fewer answers was left as soon as others could not change its category, so that it stands for a panel of
    `most` (when one stops asking changes nothing of the likelihood, and so nothing of G).

    counts: (items, 4 or more), columns as in OPTIONS and then other answers, which are taken together. Items are decided by the
    study's rule: given first. With π the chance of a category given p, the panel's variance of an Item is π (1 - π), and
    `noise` its mean over G. Exact where the quorum is more than half of the answers; below that two options may reach it, and
    that they do is taken as independent.
    Raises InvalidInput where no Item has an answer; Items without one have the chances of an Item that nobody knows.
    """
    _answered(counts)
    rows, place = patterns_of(_four_and_others(counts))
    sizes = np.bincount(place, minlength=len(rows))
    totals = rows.sum(axis=1)
    grid = _grid(rows.shape[1])
    common, own = _fitted(rows, np.where(totals > 0, sizes, 0), grid)
    winner = quorum(VoteCounts(rows[:, : len(OPTIONS)]), quorum=quorum_size).winner
    chance = np.zeros((len(rows), len(CATEGORIES)))
    noise = np.zeros(len(CATEGORIES))
    panels = np.where(totals > 0, np.maximum(totals, most), 0)
    for size in np.unique(panels[panels > 0]):
        pi, here = _chances(grid, int(size), quorum_size), panels == size
        chance[here] = own[here] @ pi
        noise += (sizes[here].sum() / sizes[totals > 0].sum()) * (common @ (pi * (1 - pi)))
    chance[totals == 0] = common @ _chances(grid, int(np.median(panels[panels > 0])), quorum_size)
    # Index -1, no winner, is the last category: non-agreement.
    kept = chance[np.arange(len(rows)), winner]
    answered = np.where(totals > 0, sizes, 0)
    return Repeatability(chance[place], float(kept @ answered / answered.sum()), noise)


def _answered(counts: Counts) -> NDArray[np.bool_]:
    answered = np.asarray(counts.sum(axis=1) > 0)
    if not answered.any():
        raise InvalidInput([Problem("no Responses: nothing says what another panel would")])
    return answered


def _four_and_others(counts: Counts) -> Counts:
    others = counts[:, len(OPTIONS) :].sum(axis=1, keepdims=True)
    four = counts[:, : len(OPTIONS)]
    return np.hstack([four, others]) if others.any() else four


def _grid(options: int) -> Floats:
    """Shares of answers (points, options), all in steps of a tenth, none of them 0."""
    steps = np.indices((_STEPS + 1,) * (options - 1)).reshape(options - 1, -1).T
    steps = steps[steps.sum(axis=1) <= _STEPS]
    shares = np.column_stack([steps, _STEPS - steps.sum(axis=1)]) / _STEPS
    return np.asarray((shares + _SLIP) / (1 + _SLIP * options))


def _fitted(rows: Counts, sizes: Counts, grid: Floats) -> tuple[Floats, Floats]:
    """G (points,) and each row's own distribution given its answers (rows, points)."""
    log_likelihood = rows @ np.log(grid).T
    # Only ratios within a row count: so that Items with hundreds of answers do not underflow.
    likelihood = np.exp(log_likelihood - log_likelihood.max(axis=1, keepdims=True))
    common = np.full(len(grid), 1 / len(grid))
    for _ in range(_ROUNDS):
        own = likelihood * common
        own /= own.sum(axis=1, keepdims=True)
        common = sizes @ own / sizes.sum()
    return common, own


def _chances(grid: Floats, size: int, quorum_size: int) -> Floats:
    """(points, 5): the chance of each category when `size` Workers answer by the shares."""
    from scipy.special import bdtrc  # not worth its time where nobody asks

    reached = (
        bdtrc(quorum_size - 1, size, grid[:, : len(OPTIONS)])
        if quorum_size <= size
        else np.zeros((len(grid), len(OPTIONS)))
    )
    given, others = reached[:, :1], reached[:, 1:]
    if 2 * quorum_size <= size:
        rest = [np.prod(1 - np.delete(reached, k, axis=1), axis=1) for k in range(1, len(OPTIONS))]
        others *= np.column_stack(rest)
    found = np.hstack([given, others])
    return np.hstack([found, np.clip(1 - found.sum(axis=1, keepdims=True), 0.0, 1.0)])
