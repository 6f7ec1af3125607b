"""A test set with given and corrected labels and what models predict for it, from the files that people keep them in."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Self

import numpy as np
from numpy.typing import NDArray

from app.domain.correction_rules import Fate
from app.domain.plurals import counted
from app.domain.statistics.predictions import Predictions, in_order_of
from app.domain.statistics.stability import TestSetLabels
from app.errors import InvalidInput, Problem
from app.files.item_columns import (
    CORRECTED_NAMES,
    GIVEN_NAMES,
    PREDICTED_NAMES,
    Probabilities,
    Values,
    read_ids,
    read_item_column,
    read_positions,
)

PRUNED = -1
_SHOWN_CLASSES = 5
_SHOWN = 40
_LONGEST_NUMBER = 18  # digits: what 64 bits hold

Codes = NDArray[np.int64]


@dataclass(frozen=True, slots=True)
class Benchmark:
    """What `stability` scores. notes: what of the files a reader of the figures must know.

    checks_known: the files say which Items were checked; otherwise the changed and dropped ones stand for them.
    """

    labels: TestSetLabels
    predictions: Predictions
    notes: tuple[str, ...]
    checks_known: bool


@dataclass(frozen=True, slots=True)
class BenchmarkFiles:
    """labels: one label an Item; corrected: the same, or those of some Items by id; predictions: by the model's name.

    classes: names in the order of their numbers, where files hold words and probabilities. kept: positions that `corrected`
    holds, where it is shorter. checked: positions or ids of the Items that people looked at. absent: what becomes of Items
    that a table of corrected labels does not list.
    """

    labels: Path
    corrected: Path
    predictions: Mapping[str, Path]
    classes: Sequence[str] = ()
    kept: Path | None = None
    checked: Path | None = None
    absent: Fate = Fate.KEEP


@dataclass(frozen=True, slots=True)
class _Classes:
    """Class numbers: whole numbers stand for themselves, words for their place in `names`.

    ordered: somebody said the order of the names. Otherwise they are the words that labels have, and no number is one of them.
    """

    names: Sequence[str]
    ordered: bool

    def code(self, values: Values, *, file: str, blank: int | None = None) -> Codes:
        """The class numbers of `values`; an empty text is `blank`. Raises InvalidInput for what is no class."""
        if values.dtype.kind in "iu":
            self.check_order(file, "class numbers")
            return values.astype(np.int64)
        if blank is None:
            _refuse_blank(values, file)
        distinct, place = np.unique(values, return_inverse=True)
        codes = np.array([self._one(str(value), file=file, blank=blank) for value in distinct], dtype=np.int64)
        return codes[place]

    def check_order(self, file: str, what: str) -> None:
        """Raise InvalidInput where labels are words and nobody said in which order: any would give some accuracy."""
        if self.names and not self.ordered:
            words = ", ".join(self.names[:10])
            message = f"holds {what}, and labels are words ({words}): give --classes, in the order of the numbers"
            raise InvalidInput([Problem(message, field=file)])

    def _one(self, value: str, *, file: str, blank: int | None) -> int:
        text = value.strip()
        if text in self.names:
            return list(self.names).index(text)
        if text.isascii() and text.isdigit() and len(text) <= _LONGEST_NUMBER and (self.ordered or not self.names):
            return int(text)
        if blank is not None and text in {"", str(PRUNED)}:
            return blank
        known = f"classes are {', '.join(self.names[:10])}" if self.names else "name the classes with --classes"
        raise InvalidInput([Problem(f"{value[:_SHOWN]!r} is no class number; {known}", field=file)])


def read_benchmark(files: BenchmarkFiles) -> Benchmark:
    """Read and bring into one order. Raises InvalidInput, naming the file, for what does not fit together."""
    if not files.predictions:
        raise InvalidInput([Problem("wanted at least one model, as NAME=FILE", field="--predictions")])
    given = read_item_column(files.labels, GIVEN_NAMES)
    if isinstance(given.values, Probabilities):
        raise InvalidInput([Problem("wanted one label an Item, not probabilities", field=files.labels.name)])
    ids = list(given.ids) if given.ids is not None else [str(number) for number in range(len(given.values))]
    _refuse_blank(given.values, files.labels.name)
    classes = _Classes(files.classes or _words(given.values), ordered=bool(files.classes))
    labels = classes.code(given.values, file=files.labels.name)
    corrected, listed = _corrected(files, ids, labels, classes)
    checked = _checked(files.checked, ids) if files.checked else listed
    known = _KnownClasses.of(classes, labels, corrected)
    predicted, notes = _predicted(files.predictions, ids, classes, known)
    count = max(len(classes.names), *(int(part.max(initial=0)) + 1 for part in (labels, corrected, predicted)))
    pruned = corrected == PRUNED
    test_set = TestSetLabels.of(
        labels, corrected, class_count=count, pruned=pruned, checked=None if checked is None else checked | pruned
    )
    found = Predictions.of(list(files.predictions), predicted, class_count=count)
    unchanged = test_set.checked & test_set.kept & ~test_set.mislabelled
    return Benchmark(test_set, found, notes, files.checked is not None or bool(unchanged.any()))


def _refuse_blank(values: Values, file: str) -> None:
    """Raise InvalidInput where a cell is empty."""
    if values.dtype.kind in "iu":
        return
    rows = [row for row, value in enumerate(values.tolist(), start=1) if not str(value).strip()]
    if rows:
        empty = counted(len(rows), "cell has", "cells have")
        raise InvalidInput([Problem(f"{empty} no label (empty), the first in row {rows[0]:,}", field=file)])


def _words(values: Values) -> list[str]:
    """Class names where labels are words: sorted; numbers written as text need none."""
    if values.dtype.kind in "iu":
        return []
    words = sorted({str(value).strip() for value in np.unique(values)})
    return [] if all(word.isascii() and word.isdigit() for word in words) else words


def _corrected(
    files: BenchmarkFiles, ids: Sequence[str], given: Codes, classes: _Classes
) -> tuple[Codes, NDArray[np.bool_] | None]:
    """The label of each Item, PRUNED for none; and which Items the file lists, where that says who was checked."""
    path = files.corrected
    found = read_item_column(path, CORRECTED_NAMES)
    if isinstance(found.values, Probabilities):
        raise InvalidInput([Problem("wanted one label an Item, not probabilities", field=path.name)])
    codes = classes.code(found.values, file=path.name, blank=PRUNED)
    if found.ids is None:
        return _by_position(path, codes, len(given), files.kept), None
    rows = _positions(ids, found.ids, path.name)
    corrected = given.copy() if files.absent is Fate.KEEP else np.full(len(given), PRUNED)
    corrected[rows] = codes
    listed = np.zeros(len(given), dtype=bool)
    listed[rows] = True
    partly = files.absent is Fate.KEEP and not listed.all()
    return corrected, listed if partly else None


def _by_position(path: Path, codes: Codes, items: int, kept: Path | None) -> Codes:
    if len(codes) == items:
        return codes
    beside = kept or path.with_suffix(".kept.npy")
    if not beside.exists():
        message = f"holds {counted(len(codes), 'label')}, the test set {items:,}; name the positions they stand for with --kept"
        raise InvalidInput([Problem(message, field=path.name)])
    positions = read_positions(beside, items=items)
    if len(positions) != len(codes):
        raise InvalidInput(
            [
                Problem(
                    f"holds {counted(len(positions), 'position')} for {counted(len(codes), 'label')}", field=beside.name
                )
            ]
        )
    corrected = np.full(items, PRUNED)
    corrected[positions] = codes
    return corrected


def _positions(ids: Sequence[str], found: Sequence[str], file: str) -> Codes:
    """Where each of the ids that a file lists stands in the test set."""
    place = {key: row for row, key in enumerate(ids)}
    problems = []
    if strange := [key for key in found if key not in place]:
        are = counted(len(strange), "id is", "ids are")
        problems.append(Problem(f"{are} not in the test set, such as {strange[0]!r}", field=file))
    if twice := len(found) - len(set(found)):
        problems.append(Problem(f"{counted(twice, 'id is', 'ids are')} listed twice", field=file))
    if problems:
        raise InvalidInput(problems)
    return np.array([place[key] for key in found], dtype=np.int64)


def _checked(path: Path, ids: Sequence[str]) -> NDArray[np.bool_]:
    if path.suffix.casefold() == ".npy":
        rows = read_positions(path, items=len(ids))
    else:
        rows = _positions(ids, read_ids(path), path.name)
    checked = np.zeros(len(ids), dtype=bool)
    checked[rows] = True
    return checked


def _predicted(
    files: Mapping[str, Path], ids: Sequence[str], classes: _Classes, known: _KnownClasses
) -> tuple[Codes, tuple[str, ...]]:
    """(items, models), and what must be said of them."""
    columns: list[Codes] = []
    notes: list[str] = []
    for model, path in files.items():
        found = read_item_column(path, PREDICTED_NAMES)
        values = found.values
        if isinstance(values, Probabilities):
            classes.check_order(path.name, "probabilities")
            known.check_columns(values.shares.shape[1], path.name)
            codes = values.most_probable
            if values.ties:
                tied = counted(values.ties, "Item has", "Items have")
                notes.append(f"{model}: {tied} two most probable classes; the lower number was taken")
        else:
            codes = classes.code(values, file=path.name)
        columns.append(codes if found.ids is None else codes[in_order_of(ids, found.ids, field=path.name)])
        if len(columns[-1]) != len(ids):
            message = f"predicts {counted(len(columns[-1]), 'Item')}, the test set has {len(ids):,}"
            raise InvalidInput([Problem(message, field=path.name)])
        notes += known.strange(model, columns[-1])
    return np.column_stack(columns), tuple(notes)


@dataclass(frozen=True, slots=True)
class _KnownClasses:
    """numbers: the classes that a label or the list of classes has, ascending. listed: how many names that list has."""

    numbers: Codes
    listed: int

    @classmethod
    def of(cls, classes: _Classes, given: Codes, corrected: Codes) -> Self:
        labels = np.unique(np.concatenate([given, corrected[corrected != PRUNED], np.arange(len(classes.names))]))
        return cls(labels.astype(np.int64), len(classes.names))

    def check_columns(self, columns: int, file: str) -> None:
        """Raise InvalidInput where columns of probabilities cannot stand for the classes, one for each.

        Labels that are numbers need not reach the last class; a list of classes does.
        """
        highest = int(self.numbers.max(initial=-1))
        if columns == highest + 1 or (columns > highest and not self.listed):
            return
        named = f" and {self.listed} have names: --classes names all of them" if self.listed else ""
        message = (
            f"has {counted(columns, 'column')} of probabilities, and the labels have classes from"
            f" {int(self.numbers.min(initial=highest))} to {highest}{named}; wanted a column for each class, from 0 on"
        )
        raise InvalidInput([Problem(message, field=file)])

    def strange(self, model: str, predicted: Codes) -> list[str]:
        """What to say of predicted classes that are not known."""
        numbers, times = np.unique(predicted[~np.isin(predicted, self.numbers)], return_counts=True)
        if not len(numbers):
            return []
        most = np.argsort(-times, kind="stable")[:_SHOWN_CLASSES]
        shown = ", ".join(f"class {numbers[at]} ({times[at]:,} times)" for at in most).replace("(1 times)", "(once)")
        more = (
            f" and {counted(len(numbers) - len(most), 'other class', 'other classes')}"
            if len(most) < len(numbers)
            else ""
        )
        return [f"{model}: predicts what no label has: {shown}{more}; that counts as wrong"]
