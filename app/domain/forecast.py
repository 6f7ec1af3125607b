"""How many Assignments a Batch will take where more are asked only while an outcome is open: expected, with an interval.

An Item's answers are drawn from shares of its own, and those from a Dirichlet distribution (Polya's urn: each answer makes
its like more probable). Before a Batch has answers the distribution is one of four, each fitted by maximum likelihood to the
published votes of one data set of the study (MNIST, CIFAR-10, 20news, IMDB; Northcutt, Athalye & Mueller 2021,
arXiv:2103.14749), and nobody knows which: the interval spans them. In mid-batch the Batch's own Items tell which fits, those
that began are continued from where they stand, and what is still to begin is expected to go as they do, so Items should come
in no particular order. Answers that are lost and asked for again are not in it.
"""

from collections.abc import Sequence
from dataclasses import dataclass
from functools import lru_cache
from math import ceil, lgamma

import numpy as np
from numpy.typing import NDArray

from app.domain.redundancy import Asking, needed_by

# given, guessed, both, neither, cannot tell; the study offered no "cannot tell", so that a little of it is supposed.
Shares = tuple[float, float, float, float, float]
State = tuple[int, int, int, int, int]
PRIORS: tuple[Shares, ...] = (
    (1.27, 0.23, 0.02, 0.10, 0.03),  # MNIST, 87 Items
    (5.85, 1.04, 0.74, 0.53, 0.15),  # CIFAR-10, 275 Items
    (5.45, 7.30, 5.17, 2.81, 0.40),  # 20news, 93 Items
    (4.07, 2.12, 2.66, 0.37, 0.18),  # IMDB, 1,310 Items
)
# What is believed before the Batch's own Items count: as much as these many of them.
PRIOR_ITEMS = 20
_needed = lru_cache(maxsize=50_000)(needed_by)
DRAWS = 400
LOW, HIGH = 0.05, 0.95
_START: State = (0, 0, 0, 0, 0)

Pmf = NDArray[np.float64]


@dataclass(frozen=True, slots=True)
class Alike:
    """How many Items stand so: answers given, guessed, both, neither, cannot tell."""

    state: State
    items: int


@dataclass(frozen=True, slots=True)
class Interval:
    """Between `low` and `high` in nine of ten cases; `expected` on average."""

    low: int
    expected: int
    high: int


def assignments(
    asking: Asking, *, begun: Sequence[Alike], not_begun: int, items_per_hit: float, rng: np.random.Generator
) -> Interval:
    """How many Assignments all HITs of the Batch will take in all.

    begun: Items that have answers. A HIT of several Items takes as many Assignments as the one that needs most; the Items of
    a HIT are taken to be independent.
    """
    weights = _weights(begun)
    draws: list[Pmf] = []
    for prior, times in zip(PRIORS, rng.multinomial(DRAWS, weights), strict=True):
        if times:
            finals = [(_totals(alike.state, prior, asking), alike.items) for alike in begun]
            start = _totals(_START, prior, asking)
            draws.append(_draw(finals, start, _Rest(not_begun, items_per_hit), int(times), rng))
    totals = np.concatenate(draws)
    low, high = np.quantile(totals, [LOW, HIGH])
    return Interval(int(np.floor(low)), round(float(totals.mean())), int(np.ceil(high)))


@dataclass(frozen=True, slots=True)
class _Rest:
    """Items that are still to begin, and how many share a HIT."""

    items: int
    items_per_hit: float

    @property
    def hits(self) -> int:
        return ceil(self.items / self.items_per_hit)


def _draw(finals: Sequence[tuple[Pmf, int]], start: Pmf, rest: _Rest, times: int, rng: np.random.Generator) -> Pmf:
    """Totals of `times` imagined Batches, of Items whose shares come from one prior.

    finals: how many answers Items that began will have, and how many Items do so; start: the same of one that did not begin.
    """
    values = np.arange(len(start))
    seen = sum((pmf * items for pmf, items in finals), np.zeros(len(start)))
    totals = np.zeros(times)
    if rest.items_per_hit > 1 and finals:
        # Which of the Items that began share a HIT is not looked up: they are mixed.
        hits = max(1, round(seen.sum() / rest.items_per_hit))
        finals = [(_of_most(seen / seen.sum(), rest.items_per_hit), hits)]
    for pmf, count in finals:
        totals += rng.multinomial(count, pmf, size=times) @ values
    if rest.hits:
        # The shares themselves are uncertain: drawn anew for each imagined Batch.
        for i, shares in enumerate(rng.dirichlet(PRIOR_ITEMS * start + seen + 1e-9, size=times)):
            totals[i] += rng.multinomial(rest.hits, _of_most(shares, rest.items_per_hit)) @ values
    return totals


def _whole(pmf: Pmf) -> Pmf:
    """Summing to 1 with nothing above it: what adding up leaves over in the last digit, numpy refuses as a probability."""
    total: float = pmf.sum()
    whole: Pmf = np.minimum(pmf / total, 1.0)
    return whole


def _of_most(pmf: Pmf, items: float) -> Pmf:
    """The distribution of the largest of `items` independent numbers."""
    cumulated: Pmf = np.minimum(np.cumsum(pmf), 1.0)
    cumulated[-1] = 1.0
    raised = cumulated**items
    return _whole(np.diff(raised, prepend=0.0))


def _weights(begun: Sequence[Alike]) -> Pmf:
    """How well each prior explains the Items that began; all alike before."""
    logs = np.array([sum(alike.items * _log_likelihood(alike.state, prior) for alike in begun) for prior in PRIORS])
    return _whole(np.exp(logs - logs.max()))


def _log_likelihood(state: State, shares: Shares) -> float:
    """Of this Item's answers under the urn, up to what all priors share."""
    total, seen = sum(shares), sum(state)
    found = lgamma(total) - lgamma(total + seen)
    return found + sum(lgamma(share + count) - lgamma(share) for share, count in zip(shares, state, strict=True))


def _totals(state: State, shares: Shares, asking: Asking) -> Pmf:
    """The distribution of the Item's number of answers in the end (asking.most + 1,); more than that count as that many."""
    if sum(state) >= asking.most:
        return _certain(asking.most, asking)
    return _ends(state, 0, shares, asking)


def _certain(answers: int, asking: Asking) -> Pmf:
    pmf = np.zeros(asking.most + 1)
    pmf[answers] = 1.0
    return pmf


@lru_cache(maxsize=50_000)
def _ends(state: State, asked: int, shares: Shares, asking: Asking) -> Pmf:
    """The same where `asked` answers are under way: when they are in, `redundancy.needed` says how many are asked next."""
    given, guessed, both, neither, cannot_tell = state
    asked = asked or _needed((given, guessed, both, neither), cannot_tell, asking)
    if not asked:
        return _certain(sum(state), asking)
    total = sum(shares) + sum(state)
    pmf = np.zeros(asking.most + 1)
    for option, (share, count) in enumerate(zip(shares, state, strict=True)):
        pmf += (share + count) / total * _ends(_grown(state, option), asked - 1, shares, asking)
    return _whole(pmf)


def _grown(state: State, option: int) -> State:
    """The state after one more answer."""
    given, guessed, both, neither, cannot_tell = (count + (place == option) for place, count in enumerate(state))
    return given, guessed, both, neither, cannot_tell
