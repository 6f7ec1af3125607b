"""The label with the most Responses; a shared lead is a tie and stays one."""

import numpy as np
from numpy.typing import NDArray

from app.domain.consensus.outcome import NONE_WON, Floats, Outcome, leaders
from app.domain.consensus.votes import Votes

NAME = "plurality"


def plurality(votes: Votes) -> Outcome:
    """Decide each Item by the label with the most Responses; where two or more share the lead, by none.

    The posterior is each label's smoothed share, (n_ik + 1/K) / (n_i + 1): one further Response spread evenly over the
    labels, so that no label is impossible and tied labels share the tie. An Item without votes has the class frequencies.
    Source: the smoothing is the Dirichlet prior of Perks 1947, J. Inst. Actuaries 73(2):285-334.
    """
    counts = votes.counts()
    # Where there is but one label it leads even where nobody answered.
    label = np.where(counts.sum(axis=1) > 0, leaders(counts), NONE_WON)
    return Outcome(NAME, smoothed_shares(counts), label)


def smoothed_shares(counts: NDArray[np.int64] | Floats) -> Floats:
    """(n_ik + 1/K) / (n_i + 1) for counts (I, K); rows without any get the class frequencies."""
    labels = counts.shape[1]
    totals = counts.sum(axis=1, keepdims=True)
    shares = (counts + 1 / labels) / (totals + 1)
    return np.where(totals > 0, shares, class_frequencies(counts))


def class_frequencies(counts: NDArray[np.int64] | Floats) -> Floats:
    """The share of each label (K,) in all Responses, smoothed alike; even where there are none."""
    total = counts.sum(axis=0)
    frequencies: Floats = (total + 1 / len(total)) / (total.sum() + 1)
    return frequencies
