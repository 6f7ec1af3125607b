"""Dawid-Skene: true labels and each Worker's confusion matrix by expectation-maximisation, in log space."""

from dataclasses import dataclass

import numpy as np

from app.domain.consensus.confusion import Shrinkage, worker_matrices
from app.domain.consensus.log_space import largest_move, normalise
from app.domain.consensus.outcome import Floats
from app.domain.consensus.plurality import class_frequencies, smoothed_shares
from app.domain.consensus.tallies import Tallies
from app.domain.consensus.votes import Votes
from app.errors import InvalidInput, Problem

NAME = "dawid-skene"

# Entries of all Workers' matrices together: 400 MB. Beyond it only methods without matrices can be run.
LARGEST = 50_000_000

# On how much of the plurality's shares the Workers are judged at every step: it keeps the classes' names where they were.
ANCHOR = 0.2


@dataclass(frozen=True, slots=True)
class DawidSkene:
    """posterior (I, K), rows sum to 1; confusion (W, K, K) as [worker, true, said]; prior (K,) of the true labels."""

    posterior: Floats
    confusion: Floats
    prior: Floats
    iterations: int


def dawid_skene(
    votes: Votes,
    *,
    shrinkage: Shrinkage | None = None,
    anchor: float = ANCHOR,
    max_iterations: int = 100,
    tolerance: float = 1e-4,
) -> DawidSkene:
    """Fit p(said = l | true = k, Worker w) = C_wkl and p(true = k) = pi_k, and infer p(true | what was said).

    E step: log p(i is k) = log pi_k + sum over i's votes of log C_wkl + const. M step: C_w from the expected counts, shrunk
    as `confusion.worker_matrices` says; pi_k the mean posterior, one Item spread evenly added. The first posterior is
    the plurality's smoothed share; the M step sees (1 - anchor) x posterior + anchor x that share, so that "label 3"
    keeps meaning what most of the crowd means by it (two ways of naming the classes fit the same answers equally well).
    Unsmoothed as in 1979: `shrinkage=NO_SHRINKAGE, anchor=0`. An Item without votes gets pi.
    Ends when no probability moved by `tolerance`. Raises InvalidInput where W x K x K is beyond LARGEST.
    Source: Dawid & Skene 1979, Applied Statistics 28(1):20-28, doi:10.2307/2346806; shrunk to the crowd in the manner of
    Paun et al. 2018, TACL 6:571-585, doi:10.1162/tacl_a_00040 (hierarchical Dawid-Skene).
    """
    if votes.workers * votes.labels**2 > LARGEST:
        size = f"{votes.workers} workers x {votes.labels} x {votes.labels} labels"
        raise InvalidInput([Problem(f"{size} are too many for matrices: use one-coin, wawa or plurality")])
    shrink = shrinkage if shrinkage is not None else Shrinkage()
    tallies, counts = Tallies.of(votes), votes.counts()
    shares = smoothed_shares(counts) if shrink.matrix else _plain_shares(counts)
    posterior, iterations = shares, 0
    while iterations < max_iterations:
        iterations += 1
        seen = (1 - anchor) * posterior + anchor * shares if anchor else posterior
        matrices = worker_matrices(tallies.confusions(seen), shrink)
        prior = _prior(seen, tallies)
        scores = tallies.evidence(np.log(matrices))
        scores += np.log(prior)
        before, posterior = posterior, normalise(scores)
        if largest_move(before, posterior) < tolerance:
            break
    return DawidSkene(posterior, matrices, prior, iterations)


def _prior(posterior: Floats, tallies: Tallies) -> Floats:
    answered = np.count_nonzero(tallies.answered)
    total = tallies.answered.astype(np.float64) @ posterior
    return np.asarray((total + 1 / tallies.labels) / (answered + 1))


def _plain_shares(counts: np.ndarray[tuple[int, ...], np.dtype[np.int64]]) -> Floats:
    totals = counts.sum(axis=1, keepdims=True)
    return np.where(totals > 0, counts / np.maximum(totals, 1), class_frequencies(counts))
