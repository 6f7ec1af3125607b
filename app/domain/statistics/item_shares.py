"""Which share of the Items falls into a class that a rule makes of their counts, such as the study's categories."""

from collections.abc import Callable, Sequence

import numpy as np
from numpy.typing import NDArray

from app.domain.consensus.votes import Counts, Votes
from app.domain.statistics.finite_population import ENDLESS, Population
from app.domain.statistics.intervals import LEVEL, Estimate, Floats
from app.domain.statistics.patterns import patterns_of
from app.domain.statistics.shared_workers import Influence, share_estimate
from app.errors import InvalidInput, Problem

Rule = Callable[[Counts], Floats]
"""Rows of counts (M, K) → for each row its part in each of C classes (M, C), from 0 to 1. No row may depend on another."""

_STRONGEST = 1e-9  # concentration where all answers on an Item are alike: keeps the division below defined
# So many answers is Pólya's urn worth beside those seen on Items that look the same (simulated: 5 and 15 do alike; 60 is too
# sure where clear Items are mixed with doubtful ones, which no one urn describes).
_URN = 15


def shares(
    votes: Votes,
    rule: Rule,
    *,
    most: int = 0,
    populations: Sequence[Population] | None = None,
    level: float = LEVEL,
) -> list[Estimate]:
    """For each class of `rule` the share of Items in it, with an interval over Items and Workers (see `shared_workers`).

    How far a Worker pulls the Items is read from each Response: the Item's class as it is, less what it would be on average
    with another Worker's answer in its place. What that would be, given the Item's other answers, is learned from the other
    Items with the same others, and from Pólya's urn where they are few (`_another`).
    most: an Item with fewer answers was left as soon as others could not change its class any more; had one been another, more
    would have been asked for, up to `most`. populations: what the Items stand for, one for each class (a panel's variance differs
    from class to class); None: for endlessly many. Items without Responses are left out. Raises InvalidInput where there is no
    Response.
    """
    if not len(votes):
        raise InvalidInput([Problem("no Responses: there is nothing to take a share of")])
    counts = votes.counts()
    answered = np.flatnonzero(counts.sum(axis=1))
    patterns, pattern = patterns_of(counts[answered])
    place = np.zeros(votes.items, dtype=np.int64)
    place[answered] = pattern
    values = rule(patterns)
    moves = _moves(patterns, np.bincount(pattern), rule, most)
    return [
        # One class after the other, so that memory stays flat.
        _share(
            values[pattern, c],
            moves[place[votes.item], votes.label, c],
            votes,
            population=populations[c] if populations else ENDLESS,
            level=level,
        )
        for c in range(values.shape[1])
    ]


def _share(item: Floats, response: Floats, votes: Votes, *, population: Population, level: float) -> Estimate:
    share = min(max(float(item.mean()), 0.0), 1.0)
    influence = Influence(item - share, response, votes.item, votes.worker, votes.workers)
    return share_estimate(share, influence, population=population, level=level)


def _moves(patterns: Counts, times: NDArray[np.int64], rule: Rule, most: int) -> Floats:
    """(M, K, C): by how much an answer of label k moves an Item of that pattern, compared with another in its place."""
    row, label = np.nonzero(patterns)
    others = patterns[row]
    others[np.arange(len(row)), label] -= 1
    chance = _another(others, label, patterns[row, label], times[row], urn=_urn(others, patterns, times))
    moved = _expected(patterns, rule, most, patterns, times)[row]
    for another in range(patterns.shape[1]):
        others[:, another] += 1
        moved -= chance[:, another, None] * _expected(others, rule, most, patterns, times)
        others[:, another] -= 1
    found = np.zeros((*patterns.shape, moved.shape[1]))
    found[row, label] = moved
    return found


def _expected(rows: Counts, rule: Rule, most: int, patterns: Counts, times: NDArray[np.int64]) -> Floats:
    """(R, C): what the rule makes of rows of counts once each has `most` answers; the missing ones are drawn from the urn."""
    short = rows.sum(axis=1) < most
    found = rule(rows).astype(float)
    if short.any():
        few, place = patterns_of(rows[short])
        chance = _urn(few, patterns, times)
        one = np.eye(rows.shape[1], dtype=few.dtype)
        more = [chance[:, k, None] * _expected(few + one[k], rule, most, patterns, times) for k in range(rows.shape[1])]
        found[short] = np.sum(more, axis=0)[place]
    return found


def _another(
    others: Counts, label: NDArray[np.int64], alike: NDArray[np.int64], times: NDArray[np.int64], *, urn: Floats
) -> Floats:
    """(R, K): the chances of another answer beside `others`, an Item's own answers not counted as evidence about it.

    label (R,): what stands beside others (R, K), in `alike` Responses on each of `times` Items.
    """
    kinds, kind = patterns_of(others)
    seen = np.zeros(kinds.shape)
    np.add.at(seen, (kind, label), times * alike)
    evidence = seen[kind]
    evidence[np.arange(len(label)), label] -= alike
    found: Floats = (evidence + _URN * urn) / (evidence.sum(axis=1, keepdims=True) + _URN)
    return found


def _urn(others: Counts, patterns: Counts, times: NDArray[np.int64]) -> Floats:
    """For rows of answers on an Item, the chances of its next answer: (c_k + a π_k) / (n + a).

    π: the labels' shares over all Items. a: the concentration at which two answers on an Item agree as often as observed,
    P = (1 + a Σπ²) / (1 + a); none where they agree no more than by chance. Pólya's urn, the Dirichlet-multinomial.
    """
    total = patterns.sum(axis=1)
    pool = times @ patterns
    pool = pool / pool.sum()
    pairs, alike = total * (total - 1), (patterns * (patterns - 1)).sum(axis=1)
    several = pairs > 0
    agree = float((times * alike / np.maximum(pairs, 1))[several].sum() / max(times[several].sum(), 1))
    by_chance = float((pool**2).sum())
    if agree <= by_chance:
        return np.broadcast_to(pool, others.shape)
    concentration = max((1 - agree) / (agree - by_chance), _STRONGEST)
    found: Floats = (others + concentration * pool) / (others.sum(axis=1, keepdims=True) + concentration)
    return found
