"""Corrected labels as files, for `labeljury study correct`: the labels, the changes beside them, the positions kept."""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path
from typing import TYPE_CHECKING

from app.cli.results import whole_file
from app.domain import label_arrays
from app.domain.correction_rules import CorrectionRules
from app.domain.corrections import changes_of, set_changes_of
from app.domain.plurals import counted
from app.errors import InvalidInput, Problem
from app.files import label_files
from app.files.tables import TableFormat, format_of, write_table

if TYPE_CHECKING:
    import pyarrow as pa

    from app.domain.corrections import Change
    from app.domain.label_arrays import LabelArray
    from app.domain.study_sets import LabelSets, StudyItem, StudySet

NPY = ".npy"


def written_beside(out: Path) -> tuple[Path, ...]:
    """The files that corrected labels in `out` bring with them: the changes, and of an array the positions kept."""
    kept = (_kept_file(out),) if out.suffix.casefold() == NPY else ()
    return (_changes_file(out), *kept)


def correct_study(
    study: StudySet, rules: CorrectionRules, *, out: Path, labels: Path | None, classes: str | None
) -> str:
    """Correct a set of single labels; says what was done. Raises InvalidInput where the files do not fit."""
    if labels is not None:
        return write_corrected(study.items, rules, label_files.read_labels(labels), out=out, classes=classes)
    _refuse_npy(out, "needs the dataset's given labels: name them with --labels")
    changes = changes_of(study.items, rules)
    now = {change.id: change.corrected for change in changes}
    left = {item.id: label for item in study.items if (label := now.get(item.id, item.given)) is not None}
    _write(out, label_files.labels_table(list(left), list(left.values())))
    return _told(out, changes, rules, size=len(study.items))


def write_corrected(
    items: Sequence[StudyItem], rules: CorrectionRules, original: LabelArray, *, out: Path, classes: str | None
) -> str:
    """Write a whole dataset's labels, `original` corrected, with the changes beside it; says what was done.

    A `.npy` brings the positions that stay in another; a table has them as ids. Raises InvalidInput where they do not fit.
    """
    changes = changes_of(items, rules)
    found = label_arrays.corrected(original, items, changes, classes=label_arrays.class_names(classes))
    if out.suffix.casefold() == NPY:
        _write_arrays(out, found)
    else:
        _write(out, label_files.labels_table(found.kept.tolist(), found.labels.tolist()))
    return _told(out, changes, rules, size=len(original))


def correct_label_sets(
    study: LabelSets, rules: CorrectionRules, *, out: Path, labels: Path | None, workers: int
) -> str:
    """Correct a multi-label set; says what was done. Raises InvalidInput for what such a set cannot have."""
    _refuse_npy(out, "cannot hold label sets: write .csv, .jsonl or .parquet")
    if labels is not None:
        raise InvalidInput([Problem("label sets are corrected by their names: leave --labels out", field=labels.name)])
    changes = list(set_changes_of(study.items, rules, workers=workers))
    now = {change.id: change.corrected for change in changes}
    sets = [label_files.set_text(now.get(item.id, item.given)) for item in study.items]
    _write(out, label_files.labels_table([item.id for item in study.items], sets))
    beside = _write_beside(out, label_files.set_changes_table(changes, rules))
    return _said(len(changes), 0, len(study.items), beside)


def _write_arrays(out: Path, found: label_arrays.CorrectedLabels) -> None:
    with whole_file(out) as file:
        label_files.write_npy(file, found.labels)
    with whole_file(_kept_file(out)) as file:
        label_files.write_npy(file, found.kept)


def _write(out: Path, table: pa.Table) -> None:
    format = format_of(out)
    with whole_file(out) as file:
        write_table(file, table, format)


def _write_beside(out: Path, changes: pa.Table) -> Path:
    beside = _changes_file(out)
    with whole_file(beside) as file:
        write_table(file, changes, TableFormat.CSV)
    return beside


def _changes_file(out: Path) -> Path:
    return out.with_suffix(".changes.csv")


def _kept_file(out: Path) -> Path:
    return out.with_suffix(".kept.npy")


def _refuse_npy(out: Path, why: str) -> None:
    if out.suffix.casefold() == NPY:
        raise InvalidInput([Problem(f"a .npy file {why}", field=out.name)])


def _told(out: Path, changes: Sequence[Change], rules: CorrectionRules, *, size: int) -> str:
    """Write the changes beside the labels, and say how many there are."""
    beside = _write_beside(out, label_files.changes_table(changes, rules))
    dropped = sum(change.corrected is None for change in changes)
    return _said(len(changes) - dropped, dropped, size, beside)


def _said(corrected: int, dropped: int, size: int, beside: Path) -> str:
    left_out = f", {counted(dropped, 'Item')} dropped" if dropped else ""
    return f"{counted(corrected, 'label')} of {size:,} corrected{left_out}; {beside} tells each change"
