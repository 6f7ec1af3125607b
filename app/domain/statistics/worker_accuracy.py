"""How often each Worker is right, on gold Items or by what the others say, and what they confuse with what."""

import math
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from app.domain.consensus.votes import Votes
from app.domain.statistics.intervals import LEVEL, Floats, wilson_bounds
from app.domain.statistics.the_others import leader_among_others
from app.errors import InvalidInput, Problem

# A Worker's confusion counts for as much as so many answers of the whole crowd to the same true label.
CROWD_ANSWERS = 4.0

_CELLS = 50_000_000  # Workers × labels²: 800 MB of counts and shares


@dataclass(frozen=True, slots=True)
class WorkerAccuracy:
    """By Worker (W,): `judged` answers of which `right` were right; `share`, NaN where none was judged; Wilson's `low`, `high`.

    shrunk: what to expect of the Worker, drawn towards the crowd's mean `crowd` by `strength` answers' worth.
    """

    judged: NDArray[np.int64]
    right: NDArray[np.int64]
    share: Floats
    low: Floats
    high: Floats
    shrunk: Floats
    crowd: float
    strength: float


@dataclass(frozen=True, slots=True)
class Confusion:
    """counts (W, K, K) as [Worker, true label, label said]; shares likewise, each row summing to 1; crowd (K, K) of all together.

    shares are drawn towards the crowd's, so that a Worker with few answers has no certain habits. A true label that nobody
    met has the crowd's mean row of right answers.
    """

    counts: NDArray[np.int64]
    shares: Floats
    crowd: Floats


def accuracy_on_gold(votes: Votes, truth: NDArray[np.int64], *, level: float = LEVEL) -> WorkerAccuracy:
    """Against known answers: truth (I,), -1 for Items that are no gold."""
    return _accuracy(votes, _known(votes, truth), level)


def accuracy_against_others(votes: Votes, *, level: float = LEVEL) -> WorkerAccuracy:
    """Against what most others say on the same Item, the Worker's own answer left out; see `leader_among_others`."""
    return _accuracy(votes, leader_among_others(votes), level)


def confusion_on_gold(votes: Votes, truth: NDArray[np.int64]) -> Confusion:
    """What Workers say where the answer is known: truth (I,), -1 for Items that are no gold."""
    return _confusion(votes, _known(votes, truth))


def confusion_against_others(votes: Votes) -> Confusion:
    """What Workers say where most of the others say something."""
    return _confusion(votes, leader_among_others(votes))


def _known(votes: Votes, truth: NDArray[np.int64]) -> NDArray[np.int64]:
    if truth.shape != (votes.items,) or (truth.size and (truth.min() < -1 or truth.max() >= votes.labels)):
        raise InvalidInput(
            [Problem(f"truth: wanted a label below {votes.labels}, or -1, for each of {votes.items} Items")]
        )
    return truth[votes.item]


def _accuracy(votes: Votes, expected: NDArray[np.int64], level: float) -> WorkerAccuracy:
    judged = np.bincount(votes.worker[expected >= 0], minlength=votes.workers)
    right = np.bincount(votes.worker[expected == votes.label], minlength=votes.workers)
    share = np.full(votes.workers, np.nan)
    np.divide(right, judged, out=share, where=judged > 0)
    low, high = wilson_bounds(right, judged, level=level)
    crowd, strength = _beta(judged, right)
    if math.isinf(strength):
        shrunk = np.full(votes.workers, crowd)
    else:
        # Without a strength and an answer nothing is known but the crowd.
        shrunk = np.where(judged > 0, (right + strength * crowd) / np.maximum(judged + strength, 1e-12), crowd)
    return WorkerAccuracy(judged, right, share, low, high, shrunk, crowd, strength)


def _beta(judged: NDArray[np.int64], right: NDArray[np.int64]) -> tuple[float, float]:
    """Mean and strength of the beta distribution that Workers' accuracies come from, by moments.

    The mean is over answers. Strength is infinite where Workers differ no more than chance makes them, and NaN mean where no
    answer was judged. Source: Kleinman 1973, JASA 68:46-54, doi:10.1080/01621459.1973.10481332.
    """
    n = judged[judged > 0].astype(float)
    if not n.size:
        return math.nan, math.inf
    share, total = right[judged > 0] / n, n.sum()
    mean = float((n * share).sum() / total)
    spread = float((n * (share - mean) ** 2).sum())
    chance = mean * (1 - mean) * (len(n) - 1)
    # E[spread] = mean (1 - mean) (W - 1 + ρ (Σn - Σn²/Σn - (W - 1))), ρ = 1 / (strength + 1).
    room = mean * (1 - mean) * (total - float((n**2).sum()) / total - (len(n) - 1))
    if room <= 0 or spread <= chance:
        return mean, math.inf
    return mean, max(room / (spread - chance) - 1, 0.0)


def _confusion(votes: Votes, expected: NDArray[np.int64]) -> Confusion:
    known = expected >= 0
    size = votes.labels
    if votes.workers * size**2 > _CELLS:
        raise InvalidInput(
            [
                Problem(
                    f"{votes.workers} Workers × {size}² labels is too much to tabulate: take the four answers or fewer labels"
                )
            ]
        )
    flat = (votes.worker[known] * size + expected[known]) * size + votes.label[known]
    counts = np.bincount(flat, minlength=votes.workers * size * size).reshape(votes.workers, size, size)
    total = counts.sum(axis=0)
    right = float(np.trace(total) / max(total.sum(), 1))
    # One answer's worth of a crowd that is as often right on every label keeps labels that few met from certainty.
    likely = np.full((size, size), (1 - right) / max(size - 1, 1))
    np.fill_diagonal(likely, right if size > 1 else 1.0)
    crowd = (total + likely) / (total.sum(axis=1, keepdims=True) + 1)
    shares = (counts + CROWD_ANSWERS * crowd) / (counts.sum(axis=2, keepdims=True) + CROWD_ANSWERS)
    return Confusion(counts, shares, crowd)
