"""Labels of a whole dataset as a file: `.npy` arrays in, corrected labels out as `.npy` or a table, changes beside them."""

from __future__ import annotations

import json
from collections.abc import Iterable, Sequence
from pathlib import Path
from typing import IO, TYPE_CHECKING

import numpy as np

from app.domain.correction_rules import CorrectionRules
from app.domain.corrections import Change, SetChange
from app.domain.label_arrays import LabelArray
from app.domain.study_sets import Label
from app.errors import InvalidInput, Problem
from app.files.npy_arrays import read_array

if TYPE_CHECKING:
    import pyarrow as pa

_NPY_KINDS = "iuU"
_LARGEST = 2**63 - 1


def read_labels(path: Path) -> LabelArray:
    """One label an Item, from a `.npy` of whole numbers or text. Raises InvalidInput for anything else."""
    labels = read_array(path)
    if labels.ndim != 1 or labels.dtype.kind not in _NPY_KINDS:
        found = f"{labels.dtype} of shape {labels.shape}"
        raise _refused(path, f"must be one row of whole numbers or of text, one label an Item, not {found}")
    return labels


def write_npy(file: IO[bytes], labels: LabelArray) -> None:
    """Write an array as `.npy`."""
    np.save(file, labels, allow_pickle=False)


def labels_table(ids: Sequence[Label], labels: Sequence[Label]) -> pa.Table:
    """`id,label`: ids and labels as text, but whole numbers where all are."""
    import pyarrow as pa

    return pa.table({"id": label_column(ids), "label": label_column(labels)})


def changes_table(changes: Iterable[Change], rules: CorrectionRules) -> pa.Table:
    """`id,given,corrected,category,rule,reason,votes,answers`, one line a change; `corrected` is absent where dropped."""
    import pyarrow as pa

    rows = list(changes)
    return pa.table(
        {
            "id": label_column([row.id for row in rows]),
            "given": label_column([row.given for row in rows]),
            "corrected": label_column([row.corrected for row in rows]),
            "category": _texts([row.category.value for row in rows]),
            "rule": _texts([str(rules)] * len(rows)),
            "reason": _texts([row.reason for row in rows]),
            "votes": _texts([row.votes for row in rows]),
            "answers": pa.array([row.answers for row in rows], type=pa.int64()),
        }
    )


def set_changes_table(changes: Iterable[SetChange], rules: CorrectionRules) -> pa.Table:
    """`id,given,corrected,rule,reason,votes`, one line a change; label sets are JSON lists, sorted."""
    import pyarrow as pa

    rows = list(changes)
    return pa.table(
        {
            "id": label_column([row.id for row in rows]),
            "given": _texts([set_text(row.given) for row in rows]),
            "corrected": _texts([set_text(row.corrected) for row in rows]),
            "rule": _texts([f"{rules.agreement}; label sets; quorum {rules.quorum}"] * len(rows)),
            "reason": _texts([row.reason for row in rows]),
            "votes": _texts([row.votes for row in rows]),
        }
    )


def set_text(labels: Iterable[str]) -> str:
    """A label set as a JSON list, sorted."""
    return json.dumps(sorted(labels), ensure_ascii=False)


def label_column(values: Sequence[Label | None]) -> pa.Array:
    """Ids or labels as a column: whole numbers where all are, else text; None is absent."""
    import pyarrow as pa

    present = [value for value in values if value is not None]
    if present and all(isinstance(value, int) and abs(value) <= _LARGEST for value in present):
        return pa.array(values, type=pa.int64())
    return _texts([None if value is None else str(value) for value in values])


def _texts(values: Sequence[str | None]) -> pa.Array:
    import pyarrow as pa

    return pa.array(values, type=pa.string())


def _refused(path: Path, message: str) -> InvalidInput:
    return InvalidInput([Problem(message, field=path.name)])
