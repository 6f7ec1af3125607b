"""The study's table with intervals: per dataset what was checked and found, and what that means for the whole set.

Every figure is uncertain in up to three ways: other Items might have been drawn from the suspects, other answers given, and
other Workers might have given them, who each answer many Items. What the intervals hold, in a share `level` of studies done
alike, is what panels of such Workers would find, on average, among all suspects. Where all of these are checked, the first source
is gone.
Source of the table: Northcutt, Athalye & Mueller 2021, arXiv:2103.14749, tables 1 and 2.
"""

from collections.abc import Callable, Sequence
from dataclasses import dataclass
from enum import StrEnum
from functools import partial

import numpy as np
from numpy.typing import NDArray

from app.domain.consensus.majority import quorum
from app.domain.consensus.votes import OPTIONS, Counts, VoteCounts, Votes
from app.domain.statistics.categories import CategoryTable, tabulate
from app.domain.statistics.finite_population import ENDLESS, Population, share_of_items
from app.domain.statistics.intervals import LEVEL, Estimate, Floats
from app.domain.statistics.item_shares import shares
from app.domain.statistics.mover import weighted_sum
from app.domain.statistics.patterns import patterns_of
from app.domain.statistics.readings import CATEGORIES
from app.domain.statistics.repeatability import repeatability
from app.domain.vocabulary import Category
from app.errors import InvalidInput, Problem

_FEWEST = 3


class Basis(StrEnum):
    """What an interval takes into account; the more is known of who answered, the more it can."""

    WORKERS = "items, answers and workers"  # every answer with its Worker
    ANSWERS = (
        "items and answers"  # counts alone: how much Workers differ cannot be seen, so the truth may lie further off
    )
    ITEMS = "items"  # categories alone: what was checked is taken for a sample, even where all suspects were


@dataclass(frozen=True, slots=True)
class Scope:
    """What the checked Items stand for: `suspects` (None: them alone) in a dataset of `dataset_size` Items (None: unknown)."""

    suspects: int | None = None
    dataset_size: int | None = None


@dataclass(frozen=True, slots=True)
class StudyLine:
    """One dataset's line.

    table: the counts · unanswered: Items without Responses, which are not counted as checked · shares: of the checked Items in
    each of CATEGORIES · error_share: of those that are errors · estimated_errors: among all suspects · error_rate: of the
    whole dataset, at least where not all of it was suspected; None where its size is not known · same_again: the chance of an
    Item to be put into the same category by another panel, None on basis ITEMS · basis: what the intervals respect.
    """

    name: str
    table: CategoryTable
    unanswered: int
    suspects: int
    dataset_size: int | None
    shares: tuple[Estimate, ...]
    error_share: Estimate
    estimated_errors: Estimate
    error_rate: Estimate | None
    same_again: float | None
    basis: Basis

    def share(self, category: Category) -> Estimate:
        """Of the checked Items in `category`."""
        return self.shares[CATEGORIES.index(category)]

    @property
    def whole(self) -> bool:
        """Whether all suspects were checked and are enough to know the panel's part: then other Items could not have come."""
        return self.basis is not Basis.ITEMS and self.table.checked == self.suspects and self.table.checked >= _FEWEST


@dataclass(frozen=True, slots=True)
class StudyTotal:
    """All lines together.

    error_rate: of all datasets as one · mean_error_rate: the lines' mean, as the study gives it. None where a size is unknown.
    """

    table: CategoryTable
    suspects: int
    dataset_size: int | None
    estimated_errors: Estimate
    error_rate: Estimate | None
    mean_error_rate: Estimate | None


def line_of_votes(
    name: str, votes: Votes, *, quorum_size: int, most: int = 0, scope: Scope = Scope(), level: float = LEVEL
) -> StudyLine:
    """The line of answers that are known with their Workers; labels are OPTIONS, in that order, then any others.

    most: as many answers as an Item may get, where it is left as soon as further ones could not change its category; 0: each
    got all it was to get.

    Each share is over Items and Workers (see `item_shares`); where n of N suspects were checked, the variance s² / n of the
    Items becomes (1 - n/N) s² / n + (n/N) R / n, R being the panel's own part of it (see `repeatability`). Where all are checked
    and nearly all are clear, five answers an Item say little about R: it comes out too large, and intervals hold the truth more
    often than they say. With one Worker, or where no Worker answered twice, how they differ cannot be seen: the basis is then
    ANSWERS.
    Raises InvalidInput where nobody answered, or for sizes that cannot be.
    """
    if votes.labels < len(OPTIONS):
        raise InvalidInput([Problem(f"{votes.labels} labels: wanted {', '.join(OPTIONS)}, then others")])
    per_worker = np.bincount(votes.worker, minlength=votes.workers)
    seen = (per_worker > 0).sum() > 1 and per_worker.max() > 1
    counts = votes.counts()
    if not seen:
        return line_of_counts(name, counts, quorum_size=quorum_size, most=most, scope=scope, level=level)

    def found(populations: Sequence[Population]) -> list[Estimate]:
        rule = partial(_membership, quorum_size=quorum_size)
        return shares(votes, rule, most=most, populations=populations, level=level)

    return _line(name, counts, found, quorum_size=quorum_size, most=most, scope=scope, basis=Basis.WORKERS)


def line_of_counts(
    name: str, counts: Counts, *, quorum_size: int, most: int = 0, scope: Scope = Scope(), level: float = LEVEL
) -> StudyLine:
    """The line of counts (items, 4 or more): the columns as in OPTIONS, then others. As `line_of_votes`, without Workers."""
    if counts.ndim != 2 or counts.shape[1] < len(OPTIONS) or counts.min(initial=0) < 0:  # noqa: PLR2004 - Items by options
        raise InvalidInput([Problem(f"counts: wanted (items, {len(OPTIONS)} or more) from 0 on, got {counts.shape}")])

    def found(populations: Sequence[Population]) -> list[Estimate]:
        answered = counts[counts.sum(axis=1) > 0]
        members = _members(answered, quorum_size) / len(answered)
        return [
            share_of_items(float(x), len(answered), population=population, level=level)
            for x, population in zip(members, populations, strict=True)
        ]

    return _line(name, counts, found, quorum_size=quorum_size, most=most, scope=scope, basis=Basis.ANSWERS)


def line_of_categories(name: str, table: CategoryTable, *, scope: Scope = Scope(), level: float = LEVEL) -> StudyLine:
    """The line of Items already sorted, such as multi-label ones (errors that are not subdivided: as non-agreement)."""
    if not table.checked:
        raise InvalidInput([Problem("nothing was checked: there is nothing to estimate from", field=name)])
    members = table.non_errors, table.correctable, table.multi_label, table.neither, table.non_agreement
    found = [share_of_items(x / table.checked, table.checked, level=level) for x in (*members, table.errors)]
    return _with_estimates(name, table, found, unanswered=0, scope=scope, same_again=None, basis=Basis.ITEMS)


def total_of(lines: Sequence[StudyLine]) -> StudyTotal:
    """Lines of different datasets, taken as independent: Workers who answered several are not followed from one to the next."""
    if not lines:
        raise InvalidInput([Problem("no lines: there is nothing to add up")])
    counts = [[getattr(line.table, field) for field in CategoryTable.__slots__] for line in lines]
    errors = weighted_sum([line.estimated_errors for line in lines], [1.0] * len(lines))
    sizes = [line.dataset_size for line in lines if line.dataset_size is not None]
    rates = [line.error_rate for line in lines if line.error_rate is not None]
    known = len(sizes) == len(lines)
    return StudyTotal(
        table=CategoryTable(*(sum(column) for column in zip(*counts, strict=True))),
        suspects=sum(line.suspects for line in lines),
        dataset_size=sum(sizes) if known else None,
        estimated_errors=errors,
        error_rate=weighted_sum([errors], [1 / sum(sizes)]) if known else None,
        mean_error_rate=weighted_sum(rates, [1 / len(rates)] * len(rates)) if known else None,
    )


def _membership(rows: Counts, quorum_size: int) -> Floats:
    """(items, 6): one column of 0 and 1 for each of CATEGORIES, then one for errors. An other answer may bar a winner."""
    winner = quorum(VoteCounts(rows[:, : len(OPTIONS)]), quorum=quorum_size).winner
    if rows.shape[1] > len(OPTIONS):
        barred = (rows[:, len(OPTIONS) :] >= quorum_size).any(axis=1) & (winner > 0)
        winner = np.where(barred, -1, winner)
    member = np.eye(len(CATEGORIES))[winner]
    return np.column_stack([member, 1 - member[:, CATEGORIES.index(Category.NON_ERROR)]])


def _members(counts: Counts, quorum_size: int) -> NDArray[np.int64]:
    """How many Items are in each of CATEGORIES, then how many are errors."""
    patterns, pattern = patterns_of(counts)
    times = np.bincount(pattern, minlength=len(patterns))
    return (times @ _membership(patterns, quorum_size)).round().astype(np.int64)


def _line(
    name: str,
    counts: Counts,
    found: Callable[[Sequence[Population]], Sequence[Estimate]],
    *,
    quorum_size: int,
    most: int,
    scope: Scope,
    basis: Basis,
) -> StudyLine:
    """found: the shares of each of CATEGORIES and of errors, given what the checked Items stand for."""
    answered = counts[counts.sum(axis=1) > 0]
    if not len(answered):
        raise InvalidInput([Problem("nobody answered: there is nothing to estimate from", field=name)])
    table = tabulate(dict(zip(CATEGORIES, _members(answered, quorum_size).tolist()[:-1], strict=True)))
    again = repeatability(answered, quorum_size=quorum_size, most=most)
    part = min(table.checked / (scope.suspects or len(counts)), 1.0)
    noise = [*again.noise.tolist(), float(again.noise[CATEGORIES.index(Category.NON_ERROR)])]
    unanswered = len(counts) - len(answered)
    # Of one Item or two nothing tells the panel's part from the Items': they are taken as a sample then.
    known = table.checked >= _FEWEST
    estimates = found([Population(part, panel) if known else ENDLESS for panel in noise])
    return _with_estimates(
        name, table, estimates, unanswered=unanswered, scope=scope, same_again=again.same, basis=basis
    )


def _with_estimates(
    name: str,
    table: CategoryTable,
    found: Sequence[Estimate],
    *,
    unanswered: int,
    scope: Scope,
    same_again: float | None,
    basis: Basis,
) -> StudyLine:
    suspects = table.checked + unanswered if scope.suspects is None else scope.suspects
    if suspects < table.checked + unanswered or (scope.dataset_size is not None and scope.dataset_size < suspects):
        message = f"{table.checked} checked of {suspects} suspects in {scope.dataset_size}: each is a part of the next"
        raise InvalidInput([Problem(message, field=name)])
    errors = weighted_sum([found[-1]], [suspects])
    return StudyLine(
        name=name,
        table=table,
        unanswered=unanswered,
        suspects=suspects,
        dataset_size=scope.dataset_size,
        shares=tuple(found[:-1]),
        error_share=found[-1],
        estimated_errors=errors,
        error_rate=weighted_sum([errors], [1 / scope.dataset_size]) if scope.dataset_size else None,
        same_again=same_again,
        basis=basis,
    )
