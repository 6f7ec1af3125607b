"""What several models say of the Items of one test set, brought into the test set's order and checked."""

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Self

import numpy as np
from numpy.typing import NDArray

from app.domain.plurals import counted
from app.errors import InvalidInput, Problem

_SHOWN = 5

ItemKey = str | int


@dataclass(frozen=True, slots=True)
class Predictions:
    """`classes` (items, models) holds class indices below `class_count`; `models` names the columns."""

    models: tuple[str, ...]
    classes: NDArray[np.int64]
    class_count: int

    @classmethod
    def of(cls, models: Sequence[str], classes: NDArray[np.generic], *, class_count: int) -> Self:
        """Predictions of a plain array, whole numbers even where the file held them as floats.

        Raises InvalidInput for NaN, broken numbers, a class out of range, columns without a name or two of one name.
        """
        found = np.asarray(classes)
        if found.ndim != 2 or found.shape[1] != len(models):  # noqa: PLR2004 - Items by models
            raise InvalidInput([Problem(f"predictions: wanted (items, {len(models)} models), got {found.shape}")])
        if twice := sorted({name for name in models if list(models).count(name) > 1}):
            raise InvalidInput([Problem(f"predictions: two models are called {', '.join(twice)}; rename one")])
        problems = [
            problem
            for name, column in zip(models, found.T, strict=True)
            for problem in class_problems(f"predictions of {name}", column, class_count=class_count)
        ]
        if problems:
            raise InvalidInput(problems)
        return cls(tuple(models), found.astype(np.int64), class_count)


def class_problems(field: str, values: NDArray[np.generic], *, class_count: int) -> list[Problem]:
    """What keeps `values` from being class indices 0 to `class_count` - 1; empty where nothing does."""
    if values.dtype.kind not in "iuf":
        return [Problem(f"wanted class numbers, got {values.dtype}; map class names to numbers first", field=field)]
    numbers = values.astype(np.float64)
    if missing := int(np.isnan(numbers).sum()):
        row = int(np.flatnonzero(np.isnan(numbers))[0])
        have = counted(missing, "Item has", "Items have")
        return [Problem(f"{have} no class (NaN), the first in row {row + 1}; predict or drop them", field=field)]
    wrong = (numbers != np.floor(numbers)) | (numbers < 0) | (numbers >= class_count)
    if wrong.any():
        row = int(np.flatnonzero(wrong)[0])
        said = f"row {row + 1} says class {values[row]}, there are classes 0 to {class_count - 1}"
        are = counted(int(wrong.sum()), "is", "are")
        return [Problem(f"{are} no class of this test set: {said}", field=field)]
    return []


def in_order_of(items: Sequence[ItemKey], predicted: Sequence[ItemKey], *, field: str) -> NDArray[np.int64]:
    """Where each of `items` stands among the ids `predicted`: (items,) row numbers.

    Ids are compared as they are written: 7 and "7" are the same Item. Raises InvalidInput naming ids
    that the test set does not have, that are predicted twice, or that are missing; up to five of each are shown.
    """
    rows: dict[str, int] = {}
    twice: list[str] = []
    for row, key in enumerate(map(str, predicted)):
        if key in rows:
            twice.append(key)
        rows[key] = row
    wanted = [str(item) for item in items]
    known = set(wanted)
    problems = [
        Problem(f"{counted(len(found), f'Item {one}', f'Items {many}')} {what}: {_listed(found)}", field=field)
        for one, many, what, found in (
            (
                "is",
                "are",
                "not in the test set (drop them, or give the ids of this test set)",
                [k for k in rows if k not in known],
            ),
            ("is", "are", "predicted twice", twice),
            (
                "has",
                "have",
                "no prediction (predict them, or leave this model out)",
                [key for key in wanted if key not in rows],
            ),
        )
        if found
    ]
    if problems:
        raise InvalidInput(problems)
    return np.array([rows[key] for key in wanted], dtype=np.int64)


def _listed(keys: Sequence[str]) -> str:
    return ", ".join(keys[:_SHOWN]) + (", …" if len(keys) > _SHOWN else "")
