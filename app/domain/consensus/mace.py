"""MACE: a Worker either knows the label or says something of their own, whatever the Item."""

from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from app.domain.consensus.log_space import largest_move, normalised
from app.domain.consensus.outcome import Floats
from app.domain.consensus.plurality import smoothed_shares
from app.domain.consensus.votes import Votes

NAME = "mace"


@dataclass(frozen=True, slots=True)
class Mace:
    """posterior (I, K); competence (W,): p(the Worker knows); habit (W, K): what one says who does not. Rows sum to 1."""

    posterior: Floats
    competence: Floats
    habit: Floats


def mace(votes: Votes, *, smoothing: float = 1.0, max_iterations: int = 100, tolerance: float = 1e-4) -> Mace:
    """Fit p(said = l | true = k, Worker w) = theta_w [l = k] + (1 - theta_w) xi_wl, all labels as likely beforehand.

    E step: p(i is k) from the sum over votes for k of log((theta_w + (1 - theta_w) xi_wk) / ((1 - theta_w) xi_wk)).
    M step: a vote for l was known with probability p(i is l) theta_w / (theta_w + (1 - theta_w) xi_wl); theta_w is the mean
    of these, xi_w the share of the labels among the others. Few answers stand behind each Worker, so theta_w has
    4 x `smoothing` Responses of the crowd's mean beside it and xi_w `smoothing` Responses of the crowd's habit
    (the paper's priors are even: beta(.5, .5)). One start, at the plurality's smoothed share, in place of the
    paper's ten random ones: the same result every time. Source: Hovy et al. 2013, NAACL-HLT, aclanthology.org/N13-1132.
    """
    labels, place = votes.labels, votes.item * votes.labels + votes.label
    said = votes.worker * labels + votes.label
    answers = np.bincount(votes.worker, minlength=votes.workers)
    posterior = smoothed_shares(votes.counts())
    competence = np.full(votes.workers, 0.5)
    habit = np.full((votes.workers, labels), 1 / labels)
    for _ in range(max_iterations):
        guess = ((1 - competence)[:, None] * habit).ravel()[said]
        known = posterior.ravel()[place] * competence[votes.worker] / (competence[votes.worker] + guess)
        mean = (known.sum() + 1) / (len(votes) + 2)
        competence = _shrunk(_sums(votes.worker, known, votes.workers), answers, mean, 4 * smoothing)
        habit = _habits(_sums(said, 1 - known, votes.workers * labels).reshape(-1, labels), smoothing)
        guess = ((1 - competence)[:, None] * habit).ravel()[said]
        evidence = _sums(place, np.log1p(competence[votes.worker] / guess), votes.items * labels)
        before, posterior = posterior, normalised(evidence.reshape(-1, labels))
        if largest_move(before, posterior) < tolerance:
            break
    return Mace(posterior, competence, habit)


def matrices_of(fitted: Mace) -> Floats:
    """The same as confusion matrices (W, K, K) as [worker, true, said]."""
    labels = fitted.habit.shape[1]
    spoken = (1 - fitted.competence)[:, None] * fitted.habit
    matrices = np.repeat(spoken[:, None, :], labels, axis=1)
    matrices[:, np.arange(labels), np.arange(labels)] += fitted.competence[:, None]
    return matrices


def _sums(place: NDArray[np.int64], weights: Floats, size: int) -> Floats:
    return np.asarray(np.bincount(place, weights, size), dtype=np.float64)


def _shrunk(known: Floats, answers: NDArray[np.intp], mean: float, weight: float) -> Floats:
    return np.asarray(np.clip((known + weight * mean) / (answers + weight), 1e-3, 1 - 1e-3))


def _habits(guessed: Floats, smoothing: float) -> Floats:
    """What Workers say who do not know (W, K), each shrunk to the crowd's habit, which is shrunk to an even one."""
    crowd = guessed.sum(axis=0) + 1 / guessed.shape[1]
    habits = guessed + smoothing * crowd / crowd.sum()
    return np.asarray(habits / habits.sum(axis=1, keepdims=True))
