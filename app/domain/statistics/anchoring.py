"""Whether a Worker's previous answer pulls the next one towards it."""

import math
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from app.domain.consensus.votes import Votes
from app.domain.statistics.intervals import LEVEL, Estimate, Floats, around
from app.domain.statistics.the_others import chances_from_others

# A Worker with fewer answers has nothing to compare successive ones with.
LEAST_ANSWERS = 3


@dataclass(frozen=True, slots=True)
class Anchoring:
    """pull: by how much likelier an answer is right after the same answer, from -1 to 1, None where it cannot be said.

    p: two-sided, of no pull. steps: successive answers looked at; workers: who gave them.
    """

    pull: Estimate | None
    p: float
    steps: int
    workers: int


def anchoring(votes: Votes, sequence: NDArray[np.int64], *, level: float = LEVEL) -> Anchoring:
    """sequence: (N,) any number that rises in the order in which a Worker answered.

    With y_t a Worker's t-th answer and q_t what the others say on its Item, each step adds
    [y_t = y_{t-1}] - q_t(y_{t-1}), less the mean of the same over all pairs of the Worker's answers, near or far: so neither what
    the Items are nor what the Worker likes to say counts as a pull. It takes the order of Items to be drawn independently of
    how they are answered: where they come sorted by class, careful Workers look anchored. The standard error is clustered by
    Worker (Liang & Zeger 1986, doi:10.1093/biomet/73.1.13), with Student's t.
    Anchoring: Tversky & Kahneman 1974, doi:10.1126/science.185.4157.1124.
    """
    order = np.lexsort((np.arange(len(votes)), sequence, votes.worker))
    worker, label = votes.worker[order], votes.label[order]
    answers = np.bincount(worker, minlength=votes.workers)
    step = np.flatnonzero(np.r_[False, worker[1:] == worker[:-1]] & (answers[worker] >= LEAST_ANSWERS))
    who = worker[step]
    steps = np.bincount(who, minlength=votes.workers)
    several = int((steps > 0).sum())
    if several < 2:  # noqa: PLR2004 - one Worker shows no spread between Workers
        return Anchoring(None, math.nan, len(step), several)
    before = label[step - 1]
    excess = (label[step] == before) - chances_from_others(votes, order[step], before)
    usual = _usual_excess(votes, answers)
    gained = np.bincount(who, excess - usual[who], votes.workers)
    pull = float(gained.sum() / len(step))
    error = math.sqrt(float(((gained - steps * pull) ** 2).sum()) * several / (several - 1)) / len(step)
    interval = around(pull, error, degrees=several - 1, level=level)
    return Anchoring(Estimate(pull, error, interval), _two_sided(pull, error, several - 1), len(step), several)


def _usual_excess(votes: Votes, answers: NDArray[np.int64]) -> Floats:
    """(W,): the mean of [y_t = y_s] - q_t(y_s) over all ordered pairs of different answers of a Worker."""
    size = votes.workers, votes.labels
    said = np.bincount(votes.worker * votes.labels + votes.label, minlength=size[0] * size[1]).reshape(size)
    every = np.arange(len(votes))
    own = np.bincount(votes.worker, chances_from_others(votes, every, votes.label), votes.workers)
    expected = np.zeros(votes.workers)
    for label in range(votes.labels):
        chance = chances_from_others(votes, every, np.full(len(votes), label))
        expected += said[:, label] * np.bincount(votes.worker, chance, votes.workers)
    pairs = np.maximum(answers * (answers - 1), 1)
    found: Floats = ((said * (said - 1)).sum(axis=1) - (expected - own)) / pairs
    return found


def _two_sided(value: float, error: float, degrees: float) -> float:
    from scipy.special import stdtr

    if error == 0:
        return 1.0 if value == 0 else 0.0
    return float(2 * stdtr(degrees, -abs(value) / error))
