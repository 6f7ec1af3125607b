"""The choices of whoever corrects a dataset: what must agree, how answers are read, what becomes of the rest.

They are those that the study leaves open: majority or unanimous answers, Items with two right labels kept or dropped.
Source: the README of the study's votes; Northcutt, Athalye & Mueller 2021, arXiv:2103.14749.
"""

from dataclasses import dataclass
from enum import StrEnum

# The study's: three of five.
QUORUM, WORKERS = 3, 5


class Agreement(StrEnum):
    """How many must agree on a new label: the quorum, or everybody who answered."""

    MAJORITY = "majority"
    UNANIMOUS = "unanimous"


class Fate(StrEnum):
    """What becomes of an Item that has no single right label."""

    KEEP = "keep"
    DROP = "drop"


class Reading(StrEnum):
    """How the four answers are read.

    categories: one option must win, as in the study. validity: two questions, is the given label acceptable (given or
    both), is the guessed one (guessed or both); a label is acceptable when the quorum says so.
    """

    CATEGORIES = "categories"
    VALIDITY = "validity"


@dataclass(frozen=True, slots=True)
class CorrectionRules:
    """What is corrected. `multi_label`: Items with two right labels; `unresolved`: those whose right label is not known.

    An Item that is kept keeps its given label. Unanimity is asked of new labels alone: what the quorum confirms stays.
    """

    agreement: Agreement = Agreement.MAJORITY
    reading: Reading = Reading.CATEGORIES
    multi_label: Fate = Fate.KEEP
    unresolved: Fate = Fate.KEEP
    quorum: int = QUORUM

    def __str__(self) -> str:
        return (
            f"{self.agreement}; {self.reading}; quorum {self.quorum}; multi-label {self.multi_label};"
            f" unresolved {self.unresolved}"
        )
