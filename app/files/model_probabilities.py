"""A model's class probabilities for the tasks of a long file: `task,p_<label>…`, as `labeljury aggregate` writes them."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import TYPE_CHECKING

import numpy as np

from app.domain.consensus.outcome import Floats
from app.domain.plurals import counted
from app.errors import InvalidInput, Problem
from app.files.long_answers import LongAnswers
from app.files.long_columns import Role, find_columns
from app.files.quotes import check_quotes
from app.files.tables import TableFormat, check_readable, format_of, open_for_arrow

if TYPE_CHECKING:
    import pyarrow as pa

PREFIX = "p_"
_SUM_TOLERANCE = 1e-3
_SHOWN = 6


def read_probabilities(path: Path, answers: LongAnswers) -> tuple[Floats, tuple[str, ...]]:
    """The probabilities (tasks, labels) in the order of `answers`, rows sum to 1; and what of the file was passed over.

    The file is .csv, .tsv or .parquet. Classes that no worker named are left out, and the others' shares raised to 1.
    Raises InvalidInput for a missing task or label, a task that comes twice, and rows that are no probabilities.
    """
    import pyarrow as pa

    try:
        table = _read(path)
    except OSError as fault:
        raise _refused(path, f"cannot be read: {fault.strerror or fault}") from fault
    except pa.ArrowException as fault:
        raise _refused(path, f"cannot be read: {str(fault).splitlines()[0]}") from fault
    task = find_columns(table.column_names, (Role.TASK,), file=path.name)[Role.TASK]
    named = table.column(task).to_pylist()
    rows = _rows_of(path, named, answers.tasks)
    classes = [name for name in table.column_names if name.startswith(PREFIX)]
    if missing := [label for label in answers.labels if f"{PREFIX}{label}" not in classes]:
        raise _refused(path, f"has no column {PREFIX}{missing[0]}; wanted one for each label")
    shares = np.column_stack([np.asarray(table.column(name), dtype=np.float64) for name in classes])[rows]
    _check(path, shares, answers.tasks)
    chosen = shares[:, [classes.index(f"{PREFIX}{label}") for label in answers.labels]]
    left = chosen.sum(axis=1)
    if (none := left <= 0).any():
        tasks = f"{counted(int(none.sum()), 'task')}, such as {answers.tasks[int(np.argmax(none))]!r},"
        raise _refused(path, f"gives {tasks} no chance of any label that a worker gave")
    found: Floats = chosen / left[:, None]
    return found, _passed_over(path, len(named) - len(rows), dict(zip(classes, shares.T, strict=True)), answers)


def _passed_over(path: Path, unanswered: int, shares: Mapping[str, Floats], answers: LongAnswers) -> tuple[str, ...]:
    """Tasks that nobody answered, and classes that nobody named and that have a share of answered tasks."""
    notes = []
    if unanswered:
        notes.append(f"{path.name}: {counted(unanswered, 'task was', 'tasks were')} not answered, and passed over")
    labels = {f"{PREFIX}{label}" for label in answers.labels}
    held = {name: float(share.mean()) for name, share in shares.items() if name not in labels and share.any()}
    if held:
        most = sorted(held, key=lambda name: -held[name])
        shown = ", ".join(f"{name} with {held[name]:.1%}" for name in most[:_SHOWN])
        more = f" and {len(most) - _SHOWN:,} more" if len(most) > _SHOWN else ""
        notes.append(
            f"{path.name}: no worker gave the {'label' if len(held) == 1 else 'labels'} of {shown}{more} of the probability;"
            " left out, and the others raised to 1"
        )
    return tuple(notes)


def _read(path: Path) -> pa.Table:
    format = format_of(path)
    if format is TableFormat.JSONL:
        raise _refused(path, "probabilities are read from .csv, .tsv or .parquet")
    if format is TableFormat.PARQUET:
        import pyarrow.parquet as pq

        with open_for_arrow(path) as file:
            return _typed(path, pq.read_table(file))
    from pyarrow import csv

    delimiter = "," if format is TableFormat.CSV else "\t"
    check_readable(path)
    check_quotes(path, delimiter)
    with (
        open_for_arrow(path) as file,
        csv.open_csv(file, parse_options=csv.ParseOptions(delimiter=delimiter)) as reader,
    ):
        names = reader.schema.names
    if twice := next((name for name in names if names.count(name) > 1), None):
        raise _refused(path, f"names a column twice in its header: {twice!r}")
    types = {name: "float64" if name.startswith(PREFIX) else "string" for name in names}
    with open_for_arrow(path) as file:
        return csv.read_csv(
            file,
            parse_options=csv.ParseOptions(delimiter=delimiter, newlines_in_values=True),
            convert_options=csv.ConvertOptions(column_types=types),
        )


def _typed(path: Path, table: pa.Table) -> pa.Table:
    """Tasks as text and probabilities as numbers, whatever Parquet had them as."""
    import pyarrow as pa

    task = find_columns(table.column_names, (Role.TASK,), file=path.name)[Role.TASK]
    types = {name: pa.float64() for name in table.column_names if name.startswith(PREFIX)} | {task: pa.string()}
    return pa.table({name: table.column(name).cast(type) for name, type in types.items()})


def _rows_of(path: Path, found: Sequence[str], tasks: Sequence[str]) -> list[int]:
    """The row of each task."""
    place = {task: row for row, task in enumerate(found)}
    if len(place) < len(found):
        twice = next(task for row, task in enumerate(found) if place[task] != row)
        repeated = counted(len(found) - len(place), "task comes twice", "tasks come twice")
        raise _refused(path, f"{repeated}, such as {twice!r}")
    absent = [task for task in tasks if task not in place]
    if absent:
        raise _refused(path, f"lacks {len(absent):,} of the tasks that were answered, such as {absent[0]!r}")
    return [place[task] for task in tasks]


def _check(path: Path, shares: Floats, tasks: Sequence[str]) -> None:
    wrong = ~np.isfinite(shares).all(axis=1) | (shares < 0).any(axis=1)
    wrong |= np.abs(shares.sum(axis=1) - 1) > _SUM_TOLERANCE
    if wrong.any():
        first = int(np.argmax(wrong))
        shown = ", ".join(f"{share:g}" for share in shares[first, :_SHOWN])
        message = (
            f"{counted(int(wrong.sum()), 'row is', 'rows are')} no probabilities, which are from 0 on and sum to 1; the first"
            f" is of task {tasks[first]!r}: {shown}{', …' if shares.shape[1] > _SHOWN else ''}"
        )
        raise _refused(path, message)


def _refused(path: Path, message: str) -> InvalidInput:
    return InvalidInput([Problem(message, field=path.name)])
