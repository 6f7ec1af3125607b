"""Votes as one sparse table, so that each step of an expectation-maximisation is one sparse product."""

from dataclasses import dataclass
from typing import TYPE_CHECKING, Self

import numpy as np
from numpy.typing import NDArray

from app.domain.consensus.outcome import Floats
from app.domain.consensus.votes import Votes

if TYPE_CHECKING:
    from scipy.sparse import csr_array


@dataclass(frozen=True, slots=True)
class Tallies:
    """How often each Worker said each label of each Item: `table` is (I, W x K), sparse; column worker x K + label.

    answered (I,): the Item has a vote. Sorted once here; the order of the rows of a file plays no part afterwards.
    """

    table: "csr_array"
    answered: NDArray[np.bool_]
    workers: int
    labels: int

    @classmethod
    def of(cls, votes: Votes) -> Self:
        """The table of these votes; a vote given twice counts twice."""
        from scipy.sparse import csr_array  # late: the command line starts without it

        shape = (votes.items, votes.workers * votes.labels)
        place = votes.item, votes.worker * votes.labels + votes.label
        table = csr_array((np.ones(len(votes)), place), shape=shape)
        return cls(table, np.diff(table.indptr) > 0, votes.workers, votes.labels)

    def evidence(self, log_likelihood: Floats) -> Floats:
        """Sum over each Item's votes: from log p(said | true) as [worker, true, said] to (I, K true labels)."""
        by_answer = np.ascontiguousarray(log_likelihood.transpose(0, 2, 1)).reshape(-1, self.labels)
        found: Floats = self.table @ by_answer
        return found

    def confusions(self, posterior: Floats) -> Floats:
        """Expected counts (W, K, K) as [worker, true, said] when the Items' true labels are distributed so (I, K)."""
        counts = (self.table.T @ posterior).reshape(self.workers, self.labels, self.labels)
        return np.ascontiguousarray(counts.transpose(0, 2, 1))
