"""What stands for an answer in a file that others aggregate: its role on the Item, or the class that it names."""

from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from enum import StrEnum
from typing import Self

from app.domain.consensus.votes import OPTIONS
from app.domain.vocabulary import Option


class Coding(StrEnum):
    """role: given, guessed, both or neither, which is another class on each Item. class: the label that was chosen."""

    ROLE = "role"
    CLASS = "class"


# By class the answers both and neither name no single one.
OPTIONS_OF = {Coding.ROLE: OPTIONS, Coding.CLASS: (Option.GIVEN, Option.GUESSED)}


@dataclass(frozen=True, slots=True)
class ClassCodes:
    """A number from 0 for each class label."""

    codes: dict[str, int]

    @classmethod
    def of(cls, labels: Iterable[str]) -> Self:
        """Labels that are all whole numbers from 0 keep them; else labels are numbered as they are sorted."""
        found: Sequence[str] = sorted(set(labels))
        if all(label.isascii() and label.isdigit() and label == str(int(label)) for label in found):
            return cls({label: int(label) for label in found})
        return cls({label: number for number, label in enumerate(found)})


ROLE_CODES = {option: number for number, option in enumerate(OPTIONS)}
