"""Weighted by Worker: each Worker's votes weigh as much as they agree with the aggregate (Worker Agreement With Aggregate)."""

from dataclasses import dataclass

import numpy as np

from app.domain.consensus.outcome import Floats
from app.domain.consensus.plurality import class_frequencies
from app.domain.consensus.votes import Counts, Votes

NAME = "wawa"

# Shares that differ by less are a tie, as in outcome.leaders.
_TINY = 1e-12


@dataclass(frozen=True, slots=True)
class Wawa:
    """skill (W,): share of a Worker's votes that agree with the plurality, NaN without votes; weighted (I, K): their sums."""

    skill: Floats
    weighted: Floats

    def posterior(self, smoothing: float = 1.0) -> Floats:
        """(weighted + smoothing / K) / (sum + smoothing); rows without votes get the class frequencies of all."""
        labels = self.weighted.shape[1]
        total = self.weighted.sum(axis=1, keepdims=True)
        shares = (self.weighted + smoothing / labels) / np.maximum(total + smoothing, _TINY)
        return np.where(total > 0, shares, class_frequencies(self.weighted))


def wawa(votes: Votes) -> Wawa:
    """Weigh the votes by each Worker's agreement with the plurality.

    A vote for one of m tied leaders agrees by 1 / m: the tie is not broken by column order.
    Source: Appen's documentation ("calculating worker agreement with aggregate"), as in crowd-kit's Wawa.
    """
    counts = votes.counts()
    agreement = _leading(counts).ravel()[votes.item * votes.labels + votes.label]
    answers = np.bincount(votes.worker, minlength=votes.workers)
    agreed = np.bincount(votes.worker, agreement, votes.workers)
    skill = np.divide(agreed, answers, out=np.full(votes.workers, np.nan), where=answers > 0)
    place = votes.item * votes.labels + votes.label
    weighted = np.bincount(place, skill[votes.worker], votes.items * votes.labels)
    return Wawa(skill, np.asarray(weighted, dtype=np.float64).reshape(votes.items, votes.labels))


def _leading(counts: Counts) -> Floats:
    """1 / m at each of the m labels that share an Item's lead, else 0: (I, K)."""
    top = np.maximum.reduce(list(counts.T))[:, None]
    leads = (counts == top) & (top > 0)
    return np.asarray(leads / np.maximum(leads.sum(axis=1, keepdims=True), 1))
