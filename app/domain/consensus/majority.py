"""The study's rule: an option wins when it reaches the quorum."""

from dataclasses import dataclass
from functools import reduce

import numpy as np
from numpy.typing import NDArray

from app.domain.consensus.votes import OPTIONS, VoteCounts
from app.domain.vocabulary import Category, Option

NAME = "quorum"

CATEGORY_OF: dict[Option, Category] = {
    Option.GIVEN: Category.NON_ERROR,
    Option.GUESSED: Category.CORRECTABLE,
    Option.BOTH: Category.MULTI_LABEL,
    Option.NEITHER: Category.NEITHER,
}


@dataclass(frozen=True, slots=True)
class QuorumConsensus:
    """Per Item: `winner` (items,) is an index into OPTIONS or -1; `agreement` (items,) the leader's share, NaN without votes."""

    winner: NDArray[np.int64]
    agreement: NDArray[np.float64]

    def option(self, item: int) -> Option | None:
        """The option that won on `item`, if one did."""
        index = int(self.winner[item])
        return OPTIONS[index] if index >= 0 else None

    def category(self, item: int) -> Category:
        """What that means."""
        option = self.option(item)
        return CATEGORY_OF[option] if option is not None else Category.NON_AGREEMENT


def quorum(votes: VoteCounts, *, quorum: int) -> QuorumConsensus:
    """Decide each Item by the option that has at least `quorum` Responses.

    Tie rule: `given` is tested first, as the study did, since an Item whose given label was confirmed is no error; of the
    other options the one that reaches the quorum wins, and where several do (possible only where the quorum is at most
    half of the Responses) nothing does: the Item is in non-agreement. Raises ValueError for a quorum below 1.
    Source: Northcutt, Athalye & Mueller 2021, arXiv:2103.14749, section 4.
    """
    if quorum < 1:
        raise ValueError("a quorum is at least 1")
    # Column by column: numpy's sums along rows of four take four times as long.
    given, *others = np.ascontiguousarray(votes.counts.T)
    winner = np.full(len(given), -1, dtype=np.int64)
    winners = np.zeros(len(given), dtype=np.int8)
    for index, column in enumerate(others, start=1):
        reached = column >= quorum
        winners += reached
        winner[reached] = index
    winner[winners > 1] = -1
    winner[given >= quorum] = 0
    totals, leader = sum(others, given), reduce(np.maximum, others, given)
    agreement = np.divide(leader, totals, out=np.full(len(totals), np.nan), where=totals > 0)
    return QuorumConsensus(winner, agreement)
