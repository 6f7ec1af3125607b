"""Labels of a whole dataset as an array: corrected, or shortened, at the positions that ids name."""

from collections.abc import Iterable, Sequence
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from app.domain.corrections import Change
from app.domain.study_sets import Label, StudyItem
from app.errors import InvalidInput, Problem

LabelArray = NDArray[np.integer] | NDArray[np.str_]
_MOST_SHOWN = 10
_LONGEST_POSITION = 18  # digits: no array is longer, and Python reads no more than 4,300
_NUMBERS = np.iinfo(np.int64)


@dataclass(frozen=True, slots=True)
class CorrectedLabels:
    """`labels` (n,) of the positions `kept` (n,) of the original array, ascending."""

    labels: LabelArray
    kept: NDArray[np.int64]


def class_names(text: str | None) -> list[str]:
    """Names of classes in the order of their numbers, by commas; none where nothing is said.

    Raises InvalidInput for an empty name, which an empty cell would be taken for, and for one that comes twice.
    """
    names = [name.strip() for name in text.split(",")] if text else []
    if not all(names):
        raise InvalidInput([Problem(f"{text!r}: the name of class {names.index('')} is empty", field="classes")])
    if twice := next((name for name in names if names.count(name) > 1), None):
        raise InvalidInput([Problem(f"two classes are called {twice!r}", field="classes")])
    return names


def position_of(id: Label) -> int | None:
    """The position that an id is: a whole number from 0, also as text in its plain form; else None."""
    if isinstance(id, int):
        return id if id >= 0 else None
    if len(id) > _LONGEST_POSITION:
        return None
    return int(id) if id.isascii() and id.isdigit() and (id == "0" or id[0] != "0") else None


def corrected(
    original: LabelArray, items: Iterable[StudyItem], changes: Iterable[Change], *, classes: Sequence[str] = ()
) -> CorrectedLabels:
    """The original labels with the changes made; dropped Items are taken out.

    Ids are positions in `original`. Labels are compared as numbers where the array holds numbers; labels that are words
    are then looked up in `classes`, the names in the order of their numbers. Raises InvalidInput where an id is no
    position, a label cannot be written, or a given label is not what the array says: it is another dataset's then.
    """
    labels = original.copy() if original.dtype.kind in "iu" else original.astype(object)
    codes = {name: number for number, name in enumerate(classes)}
    problems = [fault for item in items if (fault := _misfit(original, item, codes))]
    if problems:
        raise InvalidInput(problems[:_MOST_SHOWN], total=len(problems))
    kept = np.ones(len(original), dtype=bool)
    for change in changes:
        position = position_of(change.id)
        if change.corrected is None:
            kept[position] = False
        else:
            labels[position] = _written(original, change.corrected, codes, id=change.id)
    left = labels[kept]
    return CorrectedLabels(left if left.dtype != object else left.astype(np.str_), np.flatnonzero(kept))


def _misfit(original: LabelArray, item: StudyItem, codes: dict[str, int]) -> Problem | None:
    """What is wrong with an Item's place in the array."""
    position, where = position_of(item.id), f"item {item.id!r}"
    if position is None or position >= len(original):
        return Problem(f"the id is no position of the array, which has {len(original):,}; write a .csv", field=where)
    try:
        given = _written(original, item.given, codes, id=item.id)
    except InvalidInput as fault:
        return fault.problems[0]
    if given == original[position] or original[position] == item.given_name:
        return None
    there = original[position].item()
    return Problem(
        f"the given label is {item.given!r} and the array says {there!r}; is it this dataset's?", field=where
    )


def _written(original: LabelArray, label: Label, codes: dict[str, int], *, id: Label) -> int | str:
    """A label as the array holds labels."""
    if original.dtype.kind not in "iu":
        return str(label)
    number = label if isinstance(label, int) else codes.get(label, _number(label))
    limits = np.iinfo(np.dtype(original.dtype.str))
    if number is None or not limits.min <= number <= limits.max:
        raise InvalidInput(
            [
                Problem(
                    f"the label {label!r} is no number that the array ({original.dtype}) can hold;"
                    " name the classes in the order of their numbers",
                    field=f"item {id!r}",
                )
            ]
        )
    return number


def _number(label: str) -> int | None:
    try:
        return int(label)
    except ValueError:
        return None


def of_items(items: Sequence[StudyItem], *, otherwise: str) -> LabelArray:
    """The given labels of Items whose ids are the positions 0 to n-1: numbers where all labels are of 64 bits, else text.

    otherwise: what can be done where the ids are others, for whoever asked. Raises InvalidInput for other ids.
    """
    by_position = {position_of(item.id): item.given for item in items}
    if not items or set(by_position) != set(range(len(items))):
        raise InvalidInput(
            [Problem(f"the ids of the {len(items):,} Items are not the positions 0 to n-1 of a dataset; {otherwise}")]
        )
    labels = [by_position[position] for position in range(len(items))]
    numbers = [label if isinstance(label, int) else _number(label) for label in labels]
    if all(_is_written(number, label) for number, label in zip(numbers, labels, strict=True)):
        return np.array(numbers, dtype=np.int64)
    return np.array([str(label) for label in labels])


def _is_written(number: int | None, label: Label) -> bool:
    """Whether the number is all that the label says, and an array can hold it."""
    return number is not None and _NUMBERS.min <= number <= _NUMBERS.max and str(number) == str(label)
