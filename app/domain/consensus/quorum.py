"""The quorum on any labels: a label wins when enough Workers said it."""

import numpy as np

from app.domain.consensus.outcome import NONE_WON, Outcome
from app.domain.consensus.plurality import smoothed_shares
from app.domain.consensus.votes import Votes

NAME = "quorum"


def quorum_of_labels(votes: Votes, *, quorum: int) -> Outcome:
    """Decide each Item by the one label that has at least `quorum` Responses; by none where several have or none has.

    No label has a right of way here: that `given` is tested first belongs to the study's four answers
    (`majority.quorum`). The posterior is the plurality's smoothed share. Raises ValueError for a quorum below 1.
    Source: Northcutt, Athalye & Mueller 2021, arXiv:2103.14749, section 4.
    """
    if quorum < 1:
        raise ValueError("a quorum is at least 1")
    counts = votes.counts()
    reached = counts >= quorum
    label = np.where(reached.sum(axis=1) == 1, reached.argmax(axis=1), NONE_WON)
    return Outcome(NAME, smoothed_shares(counts), label.astype(np.int64))
