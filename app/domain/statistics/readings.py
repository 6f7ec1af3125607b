"""Two readings of the four answers, side by side: the study's categories, and two questions of validity.

"Both" says that the given label is acceptable and that the guessed one is. The study counts it as a vote of its own, so an Item
with given 2, both 1, guessed 2 is in non-agreement, although three of five accept the given label and three the guessed one.
Read as two questions, is *given* acceptable (given or both) and is *guessed* acceptable (guessed or both), it has a label.
"""

from dataclasses import dataclass
from enum import IntEnum

import numpy as np
from numpy.typing import NDArray

from app.domain.consensus.majority import CATEGORY_OF, quorum
from app.domain.consensus.votes import OPTIONS, VoteCounts
from app.domain.statistics.categories import CategoryTable, tabulate
from app.domain.vocabulary import Category, Option
from app.errors import InvalidInput, Problem

CATEGORIES: tuple[Category, ...] = (*(CATEGORY_OF[option] for option in OPTIONS), Category.NON_AGREEMENT)

_GIVEN, _GUESSED, _BOTH, _NEITHER = (OPTIONS.index(option) for option in Option)


class Validity(IntEnum):
    """Which of an Item's two labels the Workers accept.

    neither: both were refused by the quorum · undecided: none was accepted and at least one was not refused either.
    """

    ONLY_GIVEN = 0
    ONLY_GUESSED = 1
    BOTH = 2
    NEITHER = 3
    UNDECIDED = 4


class Correction(IntEnum):
    """The label that a corrected set takes: the given one, the guessed one, or none (the Item is left out or looked at)."""

    NONE = -1
    GIVEN = 0
    GUESSED = 1


# Where both are acceptable the given one stays: a corrected set changes no label that the Workers accept.
_TAKEN = np.array([Correction.GIVEN, Correction.GUESSED, Correction.GIVEN, Correction.NONE, Correction.NONE])


@dataclass(frozen=True, slots=True)
class Readings:
    """Per Item: `category` (items,) indexes CATEGORIES, `validity` (items,) holds Validity; `quorum` decided both."""

    category: NDArray[np.int64]
    validity: NDArray[np.int64]
    quorum: int

    @property
    def correction_by_category(self) -> NDArray[np.int64]:
        """The label, a Correction, that the study's reading gives: for non-errors and correctable Items alone."""
        taken = np.full(len(CATEGORIES), Correction.NONE)
        taken[_GIVEN], taken[_GUESSED] = Correction.GIVEN, Correction.GUESSED
        return taken[self.category]

    @property
    def correction(self) -> NDArray[np.int64]:
        """The label, a Correction, that the reading as two questions gives."""
        return _TAKEN[self.validity]

    @property
    def table(self) -> CategoryTable:
        """The study's counts."""
        found = np.bincount(self.category, minlength=len(CATEGORIES))
        return tabulate(dict(zip(CATEGORIES, found.tolist(), strict=True)))

    @property
    def crossed(self) -> NDArray[np.int64]:
        """Items by category (rows, as in CATEGORIES) and validity (columns, as in Validity): (5, 5)."""
        cell = self.category * len(Validity) + self.validity
        return np.bincount(cell, minlength=len(CATEGORIES) * len(Validity)).reshape(len(CATEGORIES), len(Validity))

    @property
    def non_agreement_with_a_label(self) -> int:
        """Items in non-agreement of which the quorum accepts a label all the same."""
        accepted = self.crossed[CATEGORIES.index(Category.NON_AGREEMENT)]
        return int(accepted[[Validity.ONLY_GIVEN, Validity.ONLY_GUESSED, Validity.BOTH]].sum())


def read(votes: VoteCounts, *, quorum_size: int, other: NDArray[np.int64] | None = None) -> Readings:
    """Read each Item's answers both ways.

    votes: (items, 4); `other` (items,) counts answers beside the four (`neutral`, `off-topic`): they accept neither label and
    found no category of their own, as in the study. An Item without answers is in non-agreement and undecided.
    A label is accepted with `quorum_size` answers for it; that is tested before refusal, so that on Items with more answers
    than usual (where both could reach it) the two readings ask for the same support. Raises InvalidInput for negative counts.
    Source: the study's rule, Northcutt, Athalye & Mueller 2021, arXiv:2103.14749, section 4; acceptance as in approval voting,
    Brams & Fishburn 1978, doi:10.2307/1955105.
    """
    beside = np.zeros(len(votes.counts), dtype=np.int64) if other is None else np.asarray(other)
    _check(votes, beside)
    winner = quorum(votes, quorum=quorum_size).winner
    given, guessed, both, neither = votes.counts[:, [_GIVEN, _GUESSED, _BOTH, _NEITHER]].T
    accepts_given, accepts_guessed = given + both >= quorum_size, guessed + both >= quorum_size
    refuses_given = guessed + neither + beside >= quorum_size
    refuses_guessed = given + neither + beside >= quorum_size
    validity = np.select(
        [
            accepts_given & accepts_guessed,
            accepts_given,
            accepts_guessed,
            refuses_given & refuses_guessed,
        ],
        [Validity.BOTH, Validity.ONLY_GIVEN, Validity.ONLY_GUESSED, Validity.NEITHER],
        default=Validity.UNDECIDED,
    )
    category = np.where(winner >= 0, winner, CATEGORIES.index(Category.NON_AGREEMENT))
    return Readings(category, validity.astype(np.int64), quorum_size)


def _check(votes: VoteCounts, other: NDArray[np.int64]) -> None:
    if votes.counts.ndim != 2 or votes.counts.shape[1] != len(OPTIONS):  # noqa: PLR2004 - Items by options
        raise InvalidInput([Problem(f"counts: wanted (items, {len(OPTIONS)}), got {votes.counts.shape}")])
    if other.shape != (len(votes.counts),):
        raise InvalidInput(
            [Problem(f"other answers: wanted one count an Item, {len(votes.counts)}, got {other.shape}")]
        )
    for name, counts in (("counts", votes.counts), ("other answers", other)):
        if counts.size and (counts.dtype.kind not in "iu" or counts.min() < 0):
            raise InvalidInput([Problem(f"{name}: wanted whole numbers from 0 on, got {counts.dtype}")])
