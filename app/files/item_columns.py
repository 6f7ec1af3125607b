"""One value for each Item: labels, predicted classes or class probabilities, from `.npy` or from a table with ids."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray

from app.domain.plurals import counted
from app.domain.statistics.intervals import Floats
from app.errors import InvalidInput, Problem
from app.files.npy_arrays import read_array
from app.files.text_columns import read_text_columns

ID_NAMES = ("id", "task", "item", "index", "example")
GIVEN_NAMES = ("given_label", "given", "label", "class")
CORRECTED_NAMES = ("corrected", "corrected_label", "label", "class")
PREDICTED_NAMES = ("prediction", "predicted", "predicted_label", "label", "class")

Values = NDArray[np.int64] | NDArray[np.str_]
_NPY = ".npy"
_AN_ITEM_EACH = 2
_BEYOND = 2.0**63  # 64 bits


@dataclass(frozen=True, slots=True)
class Probabilities:
    """Of a model: `shares` (items, classes)."""

    shares: Floats

    @property
    def most_probable(self) -> NDArray[np.int64]:
        """The class of each Item; of two that share the largest probability the lower number, as frameworks score it."""
        return np.asarray(self.shares.argmax(axis=1), dtype=np.int64)

    @property
    def ties(self) -> int:
        """Items whose largest probability two classes share."""
        return int(((self.shares == self.shares.max(axis=1, keepdims=True)).sum(axis=1) > 1).sum())

    def __len__(self) -> int:
        return len(self.shares)


@dataclass(frozen=True, slots=True)
class ItemColumn:
    """values: one an Item. ids: whose they are, as text; None where the order says it."""

    values: Values | Probabilities
    ids: Sequence[str] | None


def read_item_column(path: Path, names: Sequence[str]) -> ItemColumn:
    """The values of a `.npy` (whole numbers, text, or probabilities of shape (items, classes)) or of a table.

    A table is CSV, TSV, JSON Lines or Parquet with a column of ids, one of ID_NAMES, and one of `names`: the first of these
    that it has is read. Raises InvalidInput, which names the file.
    """
    if path.suffix.casefold() == _NPY:
        return ItemColumn(_of_array(path, read_array(path)), None)
    ids, values = read_text_columns(path, lambda header: _chosen(header, (ID_NAMES, names), path.name))
    return ItemColumn(np.array([value.strip() for value in values], dtype=np.str_), [id.strip() for id in ids])


def read_ids(path: Path) -> list[str]:
    """The ids that a table lists, as text. Raises InvalidInput."""
    (ids,) = read_text_columns(path, lambda header: _chosen(header, (ID_NAMES,), path.name))
    return [id.strip() for id in ids]


def read_positions(path: Path, *, items: int) -> NDArray[np.int64]:
    """Positions in a test set of `items`, or a mark for each Item, from a `.npy`. Raises InvalidInput."""
    found = read_array(path)
    if found.dtype.kind == "b" and found.shape == (items,):
        return np.flatnonzero(found).astype(np.int64)
    if found.dtype.kind not in "iu" or found.ndim != 1:
        raise _refused(path, f"wanted positions, or {items:,} marks, not {found.dtype} of shape {found.shape}")
    if found.size and (found.min() < 0 or found.max() >= items or len(np.unique(found)) < len(found)):
        raise _refused(path, f"wanted different positions from 0 to {items - 1:,}")
    return found.astype(np.int64)


def _of_array(path: Path, found: NDArray[Any]) -> Values | Probabilities:
    if found.ndim == 1 and found.dtype.kind == "U":
        return found
    if found.ndim == 1 and found.dtype.kind in "iuf" and np.isfinite(found).all() and (found == np.floor(found)).all():
        if found.size and not -_BEYOND <= float(found.min()) <= float(found.max()) < _BEYOND:
            raise _refused(path, f"holds {found.min():g} to {found.max():g}, which are no numbers of classes")
        return found.astype(np.int64)
    if found.ndim == _AN_ITEM_EACH and found.dtype.kind == "f" and found.shape[1]:
        shares = found.astype(np.float64)
        if missing := int((~np.isfinite(shares)).any(axis=1).sum()):
            row = int(np.flatnonzero((~np.isfinite(shares)).any(axis=1))[0])
            have = counted(missing, "Item has", "Items have")
            raise _refused(path, f"{have} a probability that is no number (NaN), the first in row {row + 1:,}")
        return Probabilities(shares)
    wanted = "wanted a class an Item, or probabilities of shape (items, classes)"
    raise _refused(path, f"{wanted}, not {found.dtype} of shape {found.shape}")


def _chosen(header: Sequence[str], wanted: Sequence[Sequence[str]], file: str) -> list[str]:
    """Of each group of names the first that the header has, case aside."""
    plain = {name.casefold(): name for name in reversed(header)}
    chosen = []
    for names in wanted:
        known = [plain[name] for name in names if name in plain]
        if not known:
            message = (
                f"has no column called {' or '.join(names)}. Columns found: {', '.join(map(repr, header)) or 'none'}"
            )
            raise InvalidInput([Problem(message, field=file)])
        chosen.append(known[0])
    return chosen


def _refused(path: Path, message: str) -> InvalidInput:
    return InvalidInput([Problem(message, field=path.name)])
