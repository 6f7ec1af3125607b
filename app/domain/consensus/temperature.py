"""How much more doubt a posterior should admit: fitted on Gold items where there are some, else on held-out votes."""

from collections.abc import Callable

import numpy as np
from numpy.typing import NDArray

from app.domain.consensus.log_space import floored, normalised, tempered
from app.domain.consensus.outcome import Floats, Labels
from app.domain.consensus.votes import Votes

# Fewer Gold items than this say too little (a temperature from 50 is within about a tenth of one from thousands).
ENOUGH_GOLD = 50

_FROM_GOLD = np.geomspace(1 / 4, 16, 49)
# The spread of log temperatures taken for granted: fifty Gold items that are all right must not make a posterior certain.
_SPREAD = 0.5
# Without Gold items doubt is only ever added.
_FROM_VOTES = np.geomspace(1, 16, 25)
# Held-out votes looked at, and their probabilities: many labels, few votes.
_VOTES_USED, _CELLS_USED = 50_000, 4_000_000


def gold_temperature(posterior: Floats, gold: Labels) -> float | None:
    """The T that makes posterior ** (1 / T) fit the known labels (I,; -1: unknown) best; None with too few of them.

    log T has a normal prior about 0, standard deviation 0.5; T is between 1/4 and 16.
    Source: Guo et al. 2017, ICML, arXiv:1706.04599 (temperature scaling).
    """
    known = np.flatnonzero(gold >= 0)
    if len(known) < ENOUGH_GOLD:
        return None
    rows, true = posterior[known], gold[known]

    def loss(temperature: float) -> float:
        fit = np.log(floored(tempered(rows, temperature))[np.arange(len(rows)), true]).sum()
        return float((np.log(temperature) / _SPREAD) ** 2 / 2 - fit)

    return _least(loss, _FROM_GOLD)


def held_out_temperature(votes: Votes, posterior: Floats, likelihood: Callable[[NDArray[np.intp]], Floats]) -> float:
    """The T at which the posterior of all other votes predicts each held-out vote best, 1 where there is none to hold out.

    likelihood: for indices of votes (n,), p(said | true = k) of each, (n, K). A vote is held out by dividing its
    likelihood out of the posterior; what predicts it is sum over k of p_T(k) p(said | k). Models that count dependent
    votes as independent are too sure, and then predict too surely. It sees what shows in the votes alone: an error that
    all Workers share does not. Of many votes it looks at about 50,000, of more than 80 labels at fewer (see `_sampled`).
    """
    per_item = np.bincount(votes.item, minlength=votes.items)
    step = max(1, len(votes) // _VOTES_USED, len(votes) * votes.labels // _CELLS_USED)
    chosen = np.flatnonzero((per_item > 1)[votes.item] & _sampled(posterior, step)[votes.item])
    if not len(chosen):
        return 1.0
    rows = likelihood(chosen)
    others = np.log(np.maximum(posterior[votes.item[chosen]], np.finfo(np.float64).tiny)) - np.log(rows)

    def loss(temperature: float) -> float:
        return -float(np.log((normalised(others / temperature) * rows).sum(axis=1)).mean())

    return _least(loss, _FROM_VOTES)


def _sampled(posterior: Floats, step: int) -> NDArray[np.bool_]:
    """Every `step`-th Item (I,), from the least to the most certain: so the numbers that Items have play no part."""
    used = np.ones(len(posterior), dtype=bool)
    if step > 1:
        used[:] = False
        used[np.argsort(np.einsum("ik,ik->i", posterior, posterior))[step // 2 :: step]] = True
    return used


def _least(loss: Callable[[float], float], temperatures: Floats) -> float:
    """The temperature of least loss; of equal ones that nearest to 1, so that nothing changes without a reason."""
    by_distance = sorted((float(value) for value in temperatures), key=lambda value: abs(np.log(value)))
    losses = np.array([loss(value) for value in by_distance])
    return by_distance[int(np.flatnonzero(losses <= losses.min() + 1e-12)[0])]
