"""How many more answers an Item still needs under the quorum rule, when more are asked only while the outcome is open.

An Item's outcome is closed when no further answers, up to the most that may be asked, can change its category. Up to
`first` answers are wanted whatever they say; after that, while the outcome is open, the fewest that could close it. So the
category is that of all `most` answers in whatever order they come: asking ends only where the rest could change nothing.
"""

from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from app.domain.consensus.votes import Counts, VoteCounts

Flags = NDArray[np.bool_]

_NEVER = np.iinfo(np.int64).max // 4


@dataclass(frozen=True, slots=True)
class Asking:
    """The rule of a Batch: `quorum` equal answers decide, `first` are asked for at once, `most` in all."""

    quorum: int
    first: int
    most: int


def is_closed(votes: VoteCounts, cannot_tell: Counts, asking: Asking) -> Flags:
    """Per Item (items,), whether no continuation up to `most` answers can change its category.

    cannot_tell (items,): answers that name no option; they count towards `most`. The rule is that of
    `consensus/majority.py`: `given` is tested first; of the others one alone must reach the quorum.
    """
    return _closed_after(votes.counts, _left(votes, cannot_tell, asking), 0, asking.quorum)


def needed(votes: VoteCounts, cannot_tell: Counts, asking: Asking) -> Counts:
    """How many more answers to ask for now, per Item (items,): 0 where the outcome is closed and `first` came."""
    left = _left(votes, cannot_tell, asking)
    fewest = np.full(len(left), _NEVER, dtype=np.int64)
    for more in range(asking.most, -1, -1):
        could = (more <= left) & _closed_after(votes.counts, left, more, asking.quorum)
        fewest[could] = more
    missing_first: Counts = asking.first - (asking.most - left)
    more_now: Counts = np.where(missing_first > 0, np.minimum(missing_first, left), fewest)
    return more_now


def needed_by(counts: tuple[int, int, int, int], cannot_tell: int, asking: Asking) -> int:
    """The same for one Item: its answers as given, guessed, both, neither."""
    votes = VoteCounts(np.array([counts], dtype=np.int64))
    return int(needed(votes, np.array([cannot_tell], dtype=np.int64), asking)[0])


def _left(votes: VoteCounts, cannot_tell: Counts, asking: Asking) -> Counts:
    """How many answers may still be asked for."""
    left: Counts = np.maximum(asking.most - votes.counts.sum(axis=1) - cannot_tell, 0)
    return left


def _closed_after(counts: Counts, left: Counts, more: int, quorum: int) -> Flags:
    """Whether `more` answers, the best for it, could close each Item; with 0, whether it is closed.

    Either `given` reaches the quorum. Or it cannot any more with what is left then, and of the others, those that still
    could (or did) are none; or one, which has; or more, two of which have: that is non-agreement for good.
    """
    given, others = counts[:, 0], counts[:, 1:]
    after = (left - more)[:, np.newaxis]
    lacking = np.maximum(quorum - others, 0)
    in_play = lacking <= after
    # Of those still in play the cheapest first; an answer spent on one brings none of the others nearer.
    cheapest = np.sort(np.where(in_play, lacking, _NEVER), axis=1)
    playing = in_play.sum(axis=1)
    settled = np.where(playing == 0, 0, np.where(playing == 1, cheapest[:, 0], cheapest[:, 0] + cheapest[:, 1]))
    given_lost = quorum - given > after[:, 0]
    confirmed: Flags = quorum - given <= more
    return confirmed | (given_lost & (settled <= more))
