"""What the other Workers say about the Item of each Response: the yardstick where no answer is known."""

import numpy as np
from numpy.typing import NDArray

from app.domain.consensus.votes import Votes
from app.domain.statistics.intervals import Floats
from app.domain.worker_quality import OTHERS

NONE = -1
"""In place of a label: nothing can be said."""

_ROWS = 200_000  # at a time: (rows, labels) arrays of a million Responses need not stand in memory at once


def leader_among_others(votes: Votes, *, least: int = OTHERS) -> NDArray[np.int64]:
    """(N,): the label that most of the others gave on the Response's Item; NONE where two lead or fewer than `least` answered."""
    counts = votes.counts()
    found = np.full(len(votes), NONE)
    for start in range(0, len(votes), _ROWS):
        rows = slice(start, start + _ROWS)
        others = counts[votes.item[rows]]
        others[np.arange(len(others)), votes.label[rows]] -= 1
        found[rows] = _leaders(others, least)
    return found


def leaders(votes: Votes, *, least: int = 1) -> NDArray[np.int64]:
    """(I,): the label that most gave on the Item; NONE where two lead or fewer than `least` answered."""
    return _leaders(votes.counts(), least)


def _leaders(counts: NDArray[np.int64], least: int) -> NDArray[np.int64]:
    if not counts.shape[1]:
        return np.full(len(counts), NONE)
    clear = (counts == counts.max(axis=1, keepdims=True)).sum(axis=1) == 1
    return np.where(clear & (counts.sum(axis=1) >= least), counts.argmax(axis=1), NONE)


def chances_from_others(
    votes: Votes, rows: NDArray[np.intp], labels: NDArray[np.int64], *, crowd: float = 1.0
) -> Floats:
    """For Responses `rows` (M,): how likely another Worker would say `labels` (M,) on their Items, as the others show it.

    (c_k + crowd π_k) / (n + crowd): c the others' answers on the Item, π the shares of labels over all Items.
    """
    counts = votes.counts()
    item = votes.item[rows]
    pool = counts.sum(axis=0) / max(len(votes), 1)
    same = counts[item, labels] - (votes.label[rows] == labels)
    found: Floats = (same + crowd * pool[labels]) / (counts.sum(axis=1)[item] - 1 + crowd)
    return found
