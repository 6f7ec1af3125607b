"""The sets of the label-error study as values: Items with the counts of their answers, and the study's table of them.

Source: Northcutt, Athalye & Mueller 2021, arXiv:2103.14749, tables 1 and 2.
"""

from collections import Counter
from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from typing import TypeVar

import numpy as np

from app.domain.consensus import majority
from app.domain.consensus.votes import OPTIONS, VoteCounts
from app.domain.correction_rules import QUORUM
from app.domain.statistics.categories import tabulate
from app.domain.vocabulary import Category, Option

Label = int | str


@dataclass(frozen=True, slots=True)
class StudyItem:
    """One Item with one given and one guessed label, as its file has them.

    counts: answers per option, in the order of OPTIONS. others: answers that are none of the four, by name (`neutral`).
    Where the two labels are the same, the file may have written each vote under both names: nothing is divided by a total.
    """

    id: Label
    given: Label
    guessed: Label
    counts: tuple[int, int, int, int]
    others: Mapping[str, int]
    given_name: str | None = None
    guessed_name: str | None = None

    @property
    def answers(self) -> int:
        """How many answers the file has written down."""
        return sum(self.counts) + sum(self.others.values())

    @property
    def checked(self) -> bool:
        """Whether anybody answered."""
        return self.answers > 0


@dataclass(frozen=True, slots=True)
class StudySet:
    """The Items of one dataset. `offered`: the options that its Workers could choose, of the four.

    repeated: ids of Items that the file has again, to the letter; they are counted once.
    """

    dataset: str
    items: tuple[StudyItem, ...]
    offered: frozenset[Option]
    repeated: tuple[Label, ...] = ()


@dataclass(frozen=True, slots=True)
class LabelSetItem:
    """One Item that may have several labels at once.

    counts: answers per label, of every given and every guessed one; none at all where nobody was asked.
    """

    id: Label
    given: frozenset[str]
    guessed: frozenset[str]
    counts: Mapping[str, int]

    @property
    def checked(self) -> bool:
        """Whether anybody answered; they may have ticked nothing, which is a count of 0 for every label."""
        return bool(self.counts)

    def holding(self, at_least: int) -> frozenset[str]:
        """The labels that at least so many Workers ticked."""
        return frozenset(label for label, count in self.counts.items() if count >= at_least)


@dataclass(frozen=True, slots=True)
class LabelSets:
    """The Items of one multi-label dataset. `repeated` as in StudySet."""

    dataset: str
    items: tuple[LabelSetItem, ...]
    repeated: tuple[Label, ...] = ()


AnyItem = TypeVar("AnyItem", StudyItem, LabelSetItem)


@dataclass(frozen=True, slots=True)
class StudyRow:
    """A dataset's line in the study's table. None: the study does not subdivide this set so, since nobody was asked."""

    dataset: str
    checked: int
    non_errors: int
    errors: int
    non_agreement: int | None
    correctable: int | None
    multi_label: int | None
    neither: int | None


def answered(items: Iterable[AnyItem]) -> tuple[AnyItem, ...]:
    """The Items that somebody answered: the others were not checked."""
    return tuple(item for item in items if item.checked)


def categories_of(items: Iterable[StudyItem], *, quorum: int = QUORUM) -> list[Category]:
    """What each Item's answers mean: `given` is tested first, then the option that alone reaches the quorum.

    An answer that is none of the four says nothing of the labels: where it reaches the quorum, nothing else was agreed on.
    Tie rule: as in `majority.quorum`; the other answers take part in it. Raises ValueError for a quorum below 1.
    """
    found = tuple(items)
    counts = np.array([item.counts for item in found], dtype=np.int64).reshape(len(found), len(OPTIONS))
    won = majority.quorum(VoteCounts(counts), quorum=quorum)
    return [_category(item, won.category(number), quorum) for number, item in enumerate(found)]


def _category(item: StudyItem, category: Category, quorum: int) -> Category:
    if category is not Category.NON_ERROR and any(count >= quorum for count in item.others.values()):
        return Category.NON_AGREEMENT
    return category


def row_of(study: StudySet | LabelSets, *, quorum: int = QUORUM) -> StudyRow:
    """The dataset's line of the study's table.

    Items that nobody answered are not counted as checked; a label set without any tick is, since a Worker may tick nothing.
    """
    if isinstance(study, LabelSets):
        checked = answered(study.items)
        right = sum(item.holding(quorum) == item.given for item in checked)
        return StudyRow(study.dataset, len(checked), right, len(checked) - right, None, None, None, None)
    table = tabulate(Counter(categories_of(answered(study.items), quorum=quorum)))
    return StudyRow(
        study.dataset,
        table.checked,
        table.non_errors,
        table.errors,
        table.non_agreement,
        table.correctable,
        table.multi_label if Option.BOTH in study.offered else None,
        table.neither if Option.NEITHER in study.offered else None,
    )
