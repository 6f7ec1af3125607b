"""What every consensus method gives back: a posterior for each Item, the label that won, and what was learned of Workers."""

from dataclasses import dataclass
from typing import Self

import numpy as np
from numpy.typing import NDArray

Floats = NDArray[np.float64]
Labels = NDArray[np.int64]

NONE_WON = -1

# Shares and posteriors that differ by less are one and the same: sums in another order must not break a tie.
TIE_TOLERANCE = 1e-9


@dataclass(frozen=True, slots=True)
class Outcome:
    """The consensus of one method on I Items, W Workers and K labels.

    method: the name in `methods.METHODS`. posterior (I, K): rows sum to 1, no entry is exactly 0; the row of an Item
    without votes is the prior that the method found or was given. label (I,): index of the label that won, or NONE_WON
    where nothing did (a tie, no quorum, no votes). worker_accuracy (W,): the estimated share of right answers, NaN for a
    Worker without votes, or None where the method does not judge Workers. confusion (W, K, K) as [worker, true, said],
    rows sum to 1, or None. notes: what a reader of the numbers must know, as sentences; a fall back begins "collapsed:".
    """

    method: str
    posterior: Floats
    label: Labels
    worker_accuracy: Floats | None = None
    confusion: Floats | None = None
    notes: tuple[str, ...] = ()

    @classmethod
    def of(
        cls,
        method: str,
        posterior: Floats,
        answered: NDArray[np.bool_],
        *,
        worker_accuracy: Floats | None = None,
        confusion: Floats | None = None,
        notes: tuple[str, ...] = (),
    ) -> Self:
        """The outcome whose labels are the leaders of the posterior, on Items that were `answered` (I,) at all."""
        label = np.where(answered, leaders(posterior), NONE_WON)
        return cls(method, posterior, label, worker_accuracy, confusion, notes)


def leaders(scores: NDArray[np.float64] | NDArray[np.int64]) -> Labels:
    """The index of each row's largest score, or NONE_WON where two or more share it: no tie is broken by column order."""
    if scores.shape[1] == 0:
        return np.full(len(scores), NONE_WON, dtype=np.int64)
    best = scores.argmax(axis=1)
    top = scores[np.arange(len(scores)), best]
    tied = np.zeros(len(scores), dtype=np.int64)
    for column in scores.T:
        tied += column >= top - TIE_TOLERANCE
    return np.where(tied > 1, NONE_WON, best).astype(np.int64)
