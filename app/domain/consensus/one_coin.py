"""One-coin Dawid-Skene: a Worker is right with one probability, and wrong labels are all as likely."""

from dataclasses import dataclass

import numpy as np

from app.domain.consensus.log_space import largest_move, normalised
from app.domain.consensus.outcome import Floats
from app.domain.consensus.plurality import smoothed_shares
from app.domain.consensus.votes import Votes

NAME = "one-coin"


@dataclass(frozen=True, slots=True)
class OneCoin:
    """posterior (I, K), rows sum to 1; accuracy (W,): p(right) of each Worker; prior (K,) of the true labels."""

    posterior: Floats
    accuracy: Floats
    prior: Floats


def one_coin(
    votes: Votes,
    *,
    ability: float = 4.0,
    anchor: float = 0.2,
    even_prior: bool = True,
    max_iterations: int = 100,
    tolerance: float = 1e-4,
) -> OneCoin:
    """Fit p(said = true | Worker w) = a_w, p(said = another | w) = (1 - a_w) / (K - 1), and infer the true labels.

    E step: a vote adds log(a_w (K - 1) / (1 - a_w)) to its label. M step: a_w = (right_w + ability x a) / (n_w + ability),
    shrunk to the crowd's mean a; `anchor` as in `dawid_skene`. With `even_prior` all labels are as likely beforehand: one
    coin has nowhere else to put a crowd's leaning to one label, and a fitted prior then swallows the others
    (measured: accuracy .26 on a set where the majority has .54). Source: Zhang et al. 2016, JMLR 17(102):1-44
    (spectral methods meet EM), after Dawid & Skene 1979, doi:10.2307/2346806.
    """
    labels = votes.labels
    shares = smoothed_shares(votes.counts())
    answered = np.bincount(votes.item, minlength=votes.items) > 0
    answers = np.bincount(votes.worker, minlength=votes.workers)
    posterior, prior = shares, np.full(labels, 1 / labels)
    place = votes.item * labels + votes.label
    for _ in range(max_iterations):
        seen = (1 - anchor) * posterior + anchor * shares
        if not even_prior:
            prior = (seen[answered].sum(axis=0) + 1 / labels) / (np.count_nonzero(answered) + 1)
        right = seen.ravel()[place]
        mean = (right.sum() + 1) / (len(votes) + 2)
        accuracy = (np.bincount(votes.worker, right, votes.workers) + ability * mean) / np.maximum(
            answers + ability, 1e-9
        )
        accuracy = np.clip(accuracy, 1e-3, 1 - 1e-3)
        weight = np.log(accuracy * max(labels - 1, 1) / (1 - accuracy))
        evidence = np.bincount(place, weight[votes.worker], votes.items * labels).reshape(-1, labels)
        before, posterior = posterior, normalised(np.log(prior) + evidence)
        if largest_move(before, posterior) < tolerance:
            break
    return OneCoin(posterior, accuracy, prior)


def matrices_of(accuracy: Floats, labels: int) -> Floats:
    """The same as confusion matrices (W, K, K): a on the diagonal, (1 - a) / (K - 1) elsewhere."""
    wrong = (1 - accuracy) / max(labels - 1, 1)
    matrices = np.repeat(wrong, labels * labels).reshape(len(accuracy), labels, labels)
    matrices[:, np.arange(labels), np.arange(labels)] = accuracy[:, None] if labels > 1 else 1.0
    return matrices
