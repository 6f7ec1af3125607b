"""Workers who give the same answer again and again, whatever the Item."""

from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from app.domain.consensus.votes import Votes
from app.domain.statistics.intervals import Floats
from app.domain.statistics.significance import adjusted, binomial_at_least
from app.domain.statistics.the_others import NONE, chances_from_others, leader_among_others


@dataclass(frozen=True, slots=True)
class StraightLining:
    """By Worker (W,). Entropies in bits; NaN and a p-value of NaN where there is nothing to compare.

    longest: the longest run of one answer. entropy: of the Worker's answers; expected_entropy: of what most others say on the
    same Items. compared: pairs of successive answers on Items that others answer differently; repeats: how many of these
    pairs the Worker answered alike; expected_repeats: how many another Worker would. p: of so many repeats or more.
    """

    answers: NDArray[np.int64]
    longest: NDArray[np.int64]
    entropy: Floats
    expected_entropy: Floats
    compared: NDArray[np.int64]
    repeats: NDArray[np.int64]
    expected_repeats: Floats
    p: Floats
    adjusted_p: Floats


def straight_lining(votes: Votes, sequence: NDArray[np.int64]) -> StraightLining:
    """Runs of one answer against what the Items would give.

    sequence: (N,) any number that rises in the order in which a Worker answered; equal numbers stay in the order of rows.

    Where most Items are alike a careful Worker repeats one answer too. So only successive Items count whose other Workers
    lead with different answers: there a repeat needs at least one answer against the others. Its chance is that another
    Worker gives the one answer twice. The pairs do not overlap; repeats are tested as binomial with their mean chance, which
    bounds the tail of unequal chances (Hoeffding 1956, doi:10.1214/aoms/1177728178), adjusted over Workers.
    Runs as a sign of careless answers: Johnson 2005, doi:10.1016/j.jrp.2004.09.009; Curran 2016, doi:10.1016/j.jesp.2015.07.006.
    """
    order = np.lexsort((np.arange(len(votes)), sequence, votes.worker))
    answers = np.bincount(votes.worker, minlength=votes.workers)
    leader = leader_among_others(votes)
    first, second = _pairs(votes.worker[order], answers)
    first, second = order[first], order[second]
    tells = (leader[first] != NONE) & (leader[second] != NONE) & (leader[first] != leader[second])
    first, second = first[tells], second[tells]
    who, alike = votes.worker[first], votes.label[first] == votes.label[second]
    compared = np.bincount(who, minlength=votes.workers)
    repeats = np.bincount(who[alike], minlength=votes.workers)
    expected = np.bincount(who, _repeat_chance(votes, first, second), votes.workers).astype(np.float64)
    mean = np.clip(expected / np.maximum(compared, 1), 0.0, 1.0)
    p = np.where(compared > 0, binomial_at_least(repeats, compared, mean), np.nan)
    said, led = leader != NONE, np.maximum(leader, 0)
    return StraightLining(
        answers,
        _longest(votes.worker[order], votes.label[order], votes.workers),
        _entropy(votes.worker, votes.label, votes),
        _entropy(votes.worker[said], led[said], votes),
        compared,
        repeats,
        expected,
        p,
        adjusted(p),
    )


def _pairs(worker: NDArray[np.int64], answers: NDArray[np.int64]) -> tuple[NDArray[np.intp], NDArray[np.intp]]:
    """First with second, third with fourth, … answer of each Worker: rows of answers sorted by Worker."""
    start = np.cumsum(answers) - answers
    place = np.arange(len(worker)) - start[worker]
    first = np.flatnonzero((place % 2 == 0) & (place + 1 < answers[worker]))
    return first, first + 1


def _repeat_chance(votes: Votes, first: NDArray[np.intp], second: NDArray[np.intp]) -> Floats:
    """(M,): that another Worker says the same on both Items, whatever it is."""
    total = np.zeros(len(first))
    for label in range(votes.labels):
        same = np.full(len(first), label)
        total += chances_from_others(votes, first, same) * chances_from_others(votes, second, same)
    return total


def _longest(worker: NDArray[np.int64], label: NDArray[np.int64], workers: int) -> NDArray[np.int64]:
    """Of answers sorted by Worker and sequence."""
    found = np.zeros(workers, dtype=np.int64)
    if not len(worker):
        return found
    start = np.flatnonzero(np.r_[True, (worker[1:] != worker[:-1]) | (label[1:] != label[:-1])])
    np.maximum.at(found, worker[start], np.diff(np.r_[start, len(worker)]))
    return found


def _entropy(worker: NDArray[np.int64], label: NDArray[np.int64], votes: Votes) -> Floats:
    counts = np.bincount(worker * votes.labels + label, minlength=votes.workers * votes.labels)
    counts = counts.reshape(votes.workers, votes.labels)
    total = counts.sum(axis=1)
    share = counts / np.maximum(total, 1)[:, None]
    bits = -(share * np.log2(np.where(share > 0, share, 1.0))).sum(axis=1)
    found: Floats = np.where(total > 0, np.abs(bits), np.nan)
    return found
