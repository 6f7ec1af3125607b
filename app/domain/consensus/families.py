"""Raters of one family, who share their errors: they count as one voice, and groups that share wrong answers are found."""

from dataclasses import dataclass

import numpy as np

from app.domain.consensus.outcome import NONE_WON, Floats, Labels, leaders
from app.domain.consensus.votes import Votes
from app.errors import InvalidInput, Problem

NO_FAMILY = -1

# Fewer wrong answers in common prove nothing; chance is kept below this over all pairs together.
_LEAST_SHARED = 5
_CHANCE = 0.01
# How many of an Item's other answers a Worker's general leaning is worth when guessing what they would have said.
_LEANING = 2.0


def as_voices(votes: Votes, families: Labels) -> tuple[Votes, Labels]:
    """The votes with each family as one Worker, and the voice (W,) that stands for each Worker.

    families (W,): a number per family, NO_FAMILY for a Worker of their own. A family says of an Item what most of its
    members said; where they are split it says nothing. Raises InvalidInput for another number of Workers.
    """
    if families.shape != (votes.workers,):
        raise InvalidInput([Problem(f"wanted {votes.workers} workers, got {families.shape}", field="families")])
    named, family = np.unique(families[families >= 0], return_inverse=True)
    voice = np.empty(votes.workers, dtype=np.int64)
    voice[families >= 0] = family
    alone = np.flatnonzero(families < 0)
    voice[alone] = len(named) + np.arange(len(alone))
    speaking = families[votes.worker] >= 0
    pairs, place = np.unique(
        votes.item[speaking] * max(len(named), 1) + voice[votes.worker[speaking]], return_inverse=True
    )
    counts = np.bincount(place * votes.labels + votes.label[speaking], minlength=len(pairs) * votes.labels)
    said = leaders(counts.reshape(len(pairs), votes.labels).astype(np.int64))
    spoke = said != NONE_WON
    item, worker = np.divmod(pairs[spoke], max(len(named), 1))
    merged = Votes.of(
        np.concatenate([votes.item[~speaking], item]),
        np.concatenate([voice[votes.worker[~speaking]], worker]),
        np.concatenate([votes.label[~speaking], said[spoke]]),
        items=votes.items,
        workers=len(named) + len(alone),
        labels=votes.labels,
    )
    return merged, voice


@dataclass(frozen=True, slots=True)
class SharedErrors:
    """Two Workers who gave the same wrong answer `shared` times where `expected` were to be expected; chance: p of that."""

    first: int
    second: int
    shared: int
    expected: float
    chance: float


def shared_errors(votes: Votes, label: Labels) -> list[SharedErrors]:
    """Pairs of Workers whose shared wrong answers exceed chance (Bonferroni over all pairs, 1 %), most striking first.

    label (I,): the labels taken for right, or -1: the plurality's rather than a model's, which a family that always
    agrees with itself may have won over. What the family got accepted is not seen. Expected: for each wrong answer of
    one, that the other says the same is (n + 2 b) / (m + 2), n of the m answers of third Workers on that Item being the
    same, b the share of that label in all answers; so an Item on which everybody errs alike accuses nobody. The count
    is compared with a Poisson law.
    """
    from scipy.sparse import csr_array
    from scipy.special import gammainc

    wrong = (label[votes.item] >= 0) & (votes.label != label[votes.item])
    place = votes.item[wrong] * votes.labels + votes.label[wrong]
    used, column = np.unique(place, return_inverse=True)
    said = csr_array((np.ones(len(column)), (votes.worker[wrong], column)), shape=(votes.workers, max(len(used), 1)))
    said.data[:] = 1
    common = (said @ said.T).tocoo()
    pairs = [
        (int(a), int(b), int(n))
        for a, b, n in zip(common.coords[0], common.coords[1], common.data, strict=True)
        if a < b and n >= _LEAST_SHARED
    ]
    expectations = _Expectations(votes, label)
    possible = max(votes.workers * (votes.workers - 1) // 2, 1)
    found = []
    for first, second, shared in pairs:
        expected = expectations.of(first, second)
        chance = float(gammainc(shared, expected))
        if chance * possible < _CHANCE:
            found.append(SharedErrors(first, second, shared, expected, chance))
    return sorted(found, key=lambda pair: (pair.chance, pair.first, pair.second))


def families_of(votes: Votes, label: Labels) -> Labels:
    """A family number per Worker (W,), NO_FAMILY for most: the groups that `shared_errors` ties together, numbered by size."""
    from scipy.sparse import csr_array
    from scipy.sparse.csgraph import connected_components

    pairs = shared_errors(votes, label)
    ends = np.array([(pair.first, pair.second) for pair in pairs], dtype=np.int64).reshape(-1, 2)
    graph = csr_array((np.ones(len(ends)), (ends[:, 0], ends[:, 1])), shape=(votes.workers, votes.workers))
    _, group = connected_components(graph, directed=False)
    sizes = np.bincount(group, minlength=1)
    order = np.argsort(-sizes, kind="stable")
    number = np.empty(len(sizes), dtype=np.int64)
    number[order] = np.arange(len(sizes))
    return np.where(sizes[group] > 1, number[group], NO_FAMILY).astype(np.int64)


class _Expectations:
    """What two Workers would have shared by chance."""

    def __init__(self, votes: Votes, label: Labels) -> None:
        order = np.argsort(votes.worker, kind="stable")
        self._item, self._said = votes.item[order], votes.label[order]
        self._start = np.searchsorted(votes.worker[order], np.arange(votes.workers + 1))
        self._counts, self._label = votes.counts(), label
        self._totals = self._counts.sum(axis=1)
        answers: Floats = self._counts.sum(axis=0).astype(np.float64)
        self._leaning = answers / max(answers.sum(), 1.0)

    def of(self, first: int, second: int) -> float:
        """The mean of both directions."""
        return (self._one_way(first, second) + self._one_way(second, first)) / 2

    def _one_way(self, erring: int, other: int) -> float:
        mine, theirs = self._answers(erring), self._answers(other)
        _, at, beside = np.intersect1d(mine[0], theirs[0], return_indices=True)
        item, said, answer = mine[0][at], mine[1][at], theirs[1][beside]
        wrong = (self._label[item] >= 0) & (said != self._label[item])
        item, said, answer = item[wrong], said[wrong], answer[wrong]
        same = self._counts[item, said] - 1 - (answer == said)
        third = self._totals[item] - 2
        chances = (same + _LEANING * self._leaning[said]) / (third + _LEANING)
        return float(chances.sum())

    def _answers(self, worker: int) -> tuple[Labels, Labels]:
        mine = slice(self._start[worker], self._start[worker + 1])
        return self._item[mine], self._said[mine]
