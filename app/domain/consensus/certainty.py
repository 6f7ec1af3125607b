"""Which Items are settled, which go to an expert, and how many of the settled ones will be wrong."""

from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from app.domain.consensus.outcome import Floats, Labels, Outcome


@dataclass(frozen=True, slots=True)
class Settlement:
    """settled (I,): certain enough. queue: indices of the others, the most uncertain first. certainty (I,): p(the label).

    expected_wrong: how many of the settled Items the posterior itself expects to be wrong.
    """

    settled: NDArray[np.bool_]
    queue: Labels
    certainty: Floats
    expected_wrong: float


def settle(outcome: Outcome, *, threshold: float) -> Settlement:
    """Settle the Items whose label has at least `threshold` of the posterior; queue the rest for an expert.

    Without a winner an Item is never settled, however sure the leader. The queue is ordered by the largest probability of
    each Item, smallest first; of equal ones by the lead over the second, then by index (as the Items were given).
    Raises ValueError for a threshold outside 0 to 1.
    """
    if not 0 <= threshold <= 1:
        raise ValueError("a threshold is a probability")
    rows = np.arange(len(outcome.label))
    won = outcome.label >= 0
    certainty = np.where(won, outcome.posterior[rows, np.maximum(outcome.label, 0)], 0.0)
    settled = won & (certainty >= threshold)
    ranked = np.sort(outcome.posterior, axis=1)
    top = ranked[:, -1]
    lead = top - ranked[:, -2] if ranked.shape[1] > 1 else top
    order = np.lexsort((rows, lead, top))
    queue = order[~settled[order]]
    return Settlement(settled, queue.astype(np.int64), certainty, float((1 - certainty[settled]).sum()))
