"""Workers who share answers that the others do not give: pairs, and the groups that such pairs form."""

from dataclasses import dataclass
from typing import Any

import numpy as np
from numpy.typing import NDArray

from app.domain.consensus.votes import Votes
from app.domain.statistics.intervals import Floats
from app.domain.statistics.significance import adjusted, poisson_at_least
from app.domain.statistics.the_others import leaders
from app.errors import InvalidInput, Problem

# Two Workers with fewer Items in common cannot be told from strangers.
SHARED_ITEMS = 5

# Pairs with a larger p-value are counted and not listed: among ten thousand Workers there may be fifty million.
KEPT = 0.05

# How many of an Item's other answers the crowd's general leaning is worth when guessing what a Worker would have said.
LEANING = 2.0

_ROWS = 500  # Workers at a time: all pairs of ten thousand need not stand in memory at once


@dataclass(frozen=True, slots=True)
class CopyPairs:
    """Pairs of Workers who share more wrong answers than a share KEPT of strangers do, most telling first; parallel arrays (M,).

    first < second: Workers. shared: Items that both answered; same: on how many both gave the same wrong answer; expected: on
    how many by chance. p: of so many or more; adjusted_p: over all `tested` pairs with SHARED_ITEMS Items in common or more.
    What is left out has an adjusted p above KEPT, and changes none below.
    """

    first: NDArray[np.int64]
    second: NDArray[np.int64]
    shared: NDArray[np.int64]
    same: NDArray[np.int64]
    expected: Floats
    p: Floats
    adjusted_p: Floats
    tested: int


@dataclass(frozen=True, slots=True)
class CopyGroup:
    """Workers linked by significant pairs, lowest first; `items`: on how many Items two of them or more share a wrong answer."""

    workers: tuple[int, ...]
    items: int


def copy_pairs(votes: Votes, right: NDArray[np.int64] | None = None) -> CopyPairs:
    """Pairs that give the same wrong answer more often than their own carelessness and the Items' difficulty explain.

    right: (I,) the right label, -1 where it is not known; by default what most say. Where the majority itself is the group, only
    gold answers show it. A wrong answer that nobody shares, however often, is no sign; a right answer neither.

    Chance is reckoned in two ways, and `expected` is what gives more: each alone accuses honest Workers of some crowd.
    Crowd: given that an Item has m_k answers of wrong label k, which Workers hold them is chance: the pair (v, w) is expected
    among them Σ_k m_k (m_k - 1) r_v r_w / ((Σ r)² - Σ r²) times, r the Workers' shares of wrong answers and the sums over the
    Item's Workers. Alone it accuses honest Workers who share a right answer that a family outvoted on a few Items.
    Others: for each wrong answer k of v on an Item that w answered too, w says the same with (n_k + LEANING b_k) / (m + LEANING),
    n_k of the m answers of third Workers there being k, b_k the share of k in all answers; the mean of v to w and w to v. Alone
    it accuses those whom a family outvotes throughout.
    The count is tested as Poisson. Counting is by sparse products, so it costs what there is in common, not all pairs there are.
    Source of the idea: Wesolowsky 2000, doi:10.1080/02664760050120588.
    """
    truth = leaders(votes, least=3) if right is None else right
    if truth.shape != (votes.items,):
        raise InvalidInput([Problem(f"right: wanted a label, or -1, for each of {votes.items} Items")])
    judged = truth[votes.item] >= 0
    # Whoever answered too little is in no pair; that also keeps an Item which thousands answered from filling the memory.
    often = np.bincount(votes.worker[judged], minlength=votes.workers) >= SHARED_ITEMS
    kept = judged & often[votes.worker]
    item, worker, label = votes.item[kept], votes.worker[kept], votes.label[kept]
    wrong = label != truth[item]
    return _tested(_Kept(item, worker, label, wrong, votes.items, votes.workers, votes.labels))


@dataclass(frozen=True, slots=True)
class _Kept:
    """The Responses that count: item, worker, label and whether it is wrong (N,)."""

    item: NDArray[np.int64]
    worker: NDArray[np.int64]
    label: NDArray[np.int64]
    wrong: NDArray[np.bool_]
    items: int
    workers: int
    labels: int


def _tested(of: _Kept) -> CopyPairs:
    wrong = of.wrong
    answered = _matrix(np.ones(len(of.item)), of.worker, of.item, of.workers, of.items)
    claim = of.item[wrong] * of.labels + of.label[wrong]
    held = _matrix(np.ones(len(claim)), of.worker[wrong], claim, of.workers, of.items * of.labels)
    weight, rates = _expectation(of)
    likely = _matrix(np.sqrt(weight[of.item]) * rates[of.worker], of.worker, of.item, of.workers, of.items)
    wrongs = _Wrongs(held, likely, *_chances(of, claim))
    blocks = [_block(slice(start, start + _ROWS), answered, wrongs) for start in range(0, max(of.workers, 1), _ROWS)]
    first, second, shared, same, expected, p = (
        np.concatenate(column) for column in zip(*(found for found, _ in blocks), strict=True)
    )
    tested = sum(count for _, count in blocks)
    at = np.lexsort((second, first, -same, p))
    return CopyPairs(
        first=first[at].astype(np.int64),
        second=second[at].astype(np.int64),
        shared=shared[at].astype(np.int64),
        same=same[at].astype(np.int64),
        expected=expected[at],
        p=p[at],
        adjusted_p=adjusted(p[at], tested=tested),
        tested=tested,
    )


@dataclass(frozen=True, slots=True)
class _Wrongs:
    """Wrong answers as sparse matrices. held (W, I x K): by answer, 1 each. likely (W, I): of a pair, the product is what the
    crowd leads one to expect. chances (W, I): how likely another says the same, as the others show it; weights (W, I x K): what
    of that is the pair's own second copy.
    """

    held: Any
    likely: Any
    chances: Any
    weights: Any

    def expected(self, rows: slice, answered: Any) -> Any:
        """Of the pairs of these Workers with all: the larger of both expectations."""
        both_ways = (self.chances[rows] @ answered.T + answered[rows] @ self.chances.T) / 2
        of_others = both_ways - self.weights[rows] @ self.held.T
        return of_others.maximum(self.likely[rows] @ self.likely.T)


def _block(rows: slice, answered: Any, wrongs: _Wrongs) -> tuple[tuple[Floats, ...], int]:
    """Of the pairs of these Workers with later ones: how many were tested, and the columns of CopyPairs."""
    together = _later(answered[rows] @ answered.T, rows.start)
    together.data[together.data < SHARED_ITEMS] = 0
    together.eliminate_zeros()
    # Each of the three has an element wherever `same` has one, so that cut down to it they stand in the same order.
    same = _later(wrongs.held[rows] @ wrongs.held.T, rows.start).multiply(together > 0).tocsr()
    found = same > 0
    columns = [_sorted(matrix.multiply(found)) for matrix in (same, together, wrongs.expected(rows, answered))]
    at, expected = columns[0], columns[2].data
    p = poisson_at_least(at.data.astype(np.int64), expected)
    kept = p <= KEPT
    listed = (at.row + rows.start, at.col, columns[1].data, at.data, expected, p)
    return tuple(column[kept] for column in listed), int(together.nnz)


def _expectation(of: _Kept) -> tuple[Floats, Floats]:
    """By Item, Σ_k m_k (m_k - 1) / ((Σ r)² - Σ r²); by Worker, r. Half an answer keeps r from 0."""
    answers = np.bincount(of.worker, minlength=of.workers)
    rates = (np.bincount(of.worker[of.wrong], minlength=of.workers) + 0.5) / (answers + 1)
    claims, times = np.unique(of.item[of.wrong] * of.labels + of.label[of.wrong], return_counts=True)
    pairs = np.bincount(claims // of.labels, times * (times - 1.0), of.items) if len(claims) else np.zeros(of.items)
    rate = rates[of.worker]
    room = np.bincount(of.item, rate, of.items) ** 2 - np.bincount(of.item, rate**2, of.items)
    weight = np.zeros(of.items)
    np.divide(pairs, room, out=weight, where=(pairs > 0) & (room > 0))
    return weight, rates


def _chances(of: _Kept, claim: NDArray[np.int64]) -> tuple[Any, Any]:
    """`_Wrongs.chances` and `_Wrongs.weights`; claim: Item x K + label of each wrong answer."""
    worker, item, label = of.worker[of.wrong], of.item[of.wrong], of.label[of.wrong]
    _, place, times = np.unique(claim, return_inverse=True, return_counts=True)
    leaning = np.bincount(of.label, minlength=of.labels) / max(len(of.label), 1)
    others = np.bincount(of.item, minlength=of.items)[item] - 2 + LEANING
    chance = (times[place] - 1 + LEANING * leaning[label]) / others
    chances = _matrix(chance, worker, item, of.workers, of.items)
    return chances, _matrix(1 / others, worker, claim, of.workers, of.items * of.labels)


# scipy brings no types: its matrices are Any within this module and never leave it.
def _matrix(values: Floats, row: NDArray[np.int64], column: NDArray[np.int64], rows: int, columns: int) -> Any:
    from scipy.sparse import csr_array

    return csr_array((values, (row, column)), shape=(rows, columns))


def _later(matrix: Any, start: int) -> Any:
    """Of rows `start`, `start` + 1, …, what lies right of the diagonal."""
    from scipy.sparse import triu

    return triu(matrix, k=start + 1, format="csr")


def _sorted(matrix: Any) -> Any:
    found = matrix.tocsr()
    found.sort_indices()
    return found.tocoo()


def copy_groups(
    votes: Votes, pairs: CopyPairs, *, right: NDArray[np.int64] | None = None, at: float = 0.01
) -> list[CopyGroup]:
    """Workers linked by pairs with an adjusted p of at most `at`, directly or through others; largest group first.

    Equally large ones in the order of their lowest Worker. Connected components: see `copy_pairs` for `right`.
    """
    from scipy.sparse.csgraph import connected_components

    linked = pairs.adjusted_p <= at
    first, second = pairs.first[linked], pairs.second[linked]
    graph = _matrix(np.ones(len(first)), first, second, votes.workers, votes.workers)
    _, group = connected_components(graph, directed=False)
    members = np.unique(np.r_[first, second])
    truth = leaders(votes, least=3) if right is None else right
    wrong = (truth[votes.item] >= 0) & (votes.label != truth[votes.item])
    found = []
    for of in np.unique(group[members]):
        within = members[group[members] == of]
        rows = wrong & np.isin(votes.worker, within)
        claims, times = np.unique(votes.item[rows] * votes.labels + votes.label[rows], return_counts=True)
        found.append(CopyGroup(tuple(within.tolist()), len(np.unique(claims[times > 1] // votes.labels))))
    return sorted(found, key=lambda group: (-len(group.workers), group.workers))
