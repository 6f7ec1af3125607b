"""Files of counts: `task`, then a column a label with how many said it; nobody's name. The other form is one row an answer."""

from __future__ import annotations

import re
from collections.abc import Mapping, Sequence
from typing import TYPE_CHECKING

import numpy as np
from numpy.typing import NDArray

from app.domain.plurals import counted
from app.errors import InvalidInput, Problem
from app.files.long_columns import ANSWER_ROLES, COUNT_NAMES, Role, known_columns

if TYPE_CHECKING:
    import pyarrow as pa

# Methods see the answers one by one.
MOST_ANSWERS = 50_000_000
_SHOWN = 40
# What pandas makes of the numbers of rows: read as votes they would be the most of all.
_ROW_NUMBERS = re.compile(r"|index|Unnamed: \d+|__index_level_\d+__")
_IDS = {"id", "task", "task_id", "item_id"}
_TOTALS = COUNT_NAMES | {
    *("total", "totals", "total_count", "total_votes", "total_answers", "sum"),
    *("answers", "n_answers", "num_answers", "responses", "n_responses", "num_responses"),
}
# A column that is the sum of the others in so many rows is so by no chance.
_ENOUGH_ROWS = 10


def count_columns(header: Sequence[str], *, file: str) -> dict[str, str] | None:
    """The columns of a file of counts: the task's under Role.TASK, each label's under its name. None for the other form.

    Raises InvalidInput where a header of counts has a column of workers, or one of labels, as well.
    """
    known = known_columns(header, ANSWER_ROLES)
    if Role.TASK not in known:
        return None
    labels = [name for name in header if name not in known.values()]
    beside = [role for role in (Role.WORKER, Role.LABEL) if role in known]
    if not labels or len(beside) == len(ANSWER_ROLES) - 1:
        return None
    if beside:
        [role] = beside
        lacks = Role.LABEL if role is Role.WORKER else Role.WORKER
        message = (
            f"has a column of {role}s ({known[role]!r}) and none of {lacks}s. One row an answer needs task, worker and label;"
            f" counts are task and a column a label, and nothing else. Columns found: {', '.join(map(repr, header))}"
        )
        raise InvalidInput([Problem(message, field=file)])
    if total := next((name for name in labels if name.strip().casefold() in _TOTALS), None):
        raise InvalidInput([Problem(f"{total!r} is no label: leave totals out of a file of counts", field=file)])
    if (numbers := next((name for name in labels if _ROW_NUMBERS.fullmatch(name.strip())), None)) is not None:
        message = (
            f"{numbers!r} is no label but what pandas calls the numbers of rows: every column but the task is a label in a file"
            " of counts; leave it out, as to_csv(index=False) does"
        )
        raise InvalidInput([Problem(message, field=file)])
    if again := next((name for name in labels if name.strip().casefold() in _IDS), None):
        message = (
            f"{again!r} is no label: a file of counts names its tasks once, here in {known[Role.TASK]!r}; leave it out"
        )
        raise InvalidInput([Problem(message, field=file)])
    return {Role.TASK: known[Role.TASK]} | {name: name for name in labels}


def counts_of(columns: Mapping[str, pa.DictionaryArray], labels: Sequence[str], *, file: str) -> NDArray[np.int64]:
    """(tasks, labels): how many said what; an empty cell is 0. Raises InvalidInput for other than whole numbers from 0.

    Also for a task without a name or with two rows, and for more than MOST_ANSWERS in all.
    """
    tasks = columns[Role.TASK]
    if problems := [
        *_task_problems(tasks, file),
        *(fault for label in labels if (fault := _fault(columns[label], label, file))),
    ]:
        raise InvalidInput(problems)
    counts = np.column_stack([_numbers(columns[label])[_codes(columns[label])] for label in labels])
    if (total := int(counts.sum())) > MOST_ANSWERS:
        message = (
            f"counts {total:,} answers, more than {MOST_ANSWERS:,}: is a column no label, such as an id or a total?"
        )
        raise InvalidInput([Problem(message, field=file)])
    if name := _total(counts, labels):
        message = f"{name!r} is in every row the sum of the others: leave totals out of a file of counts"
        raise InvalidInput([Problem(message, field=file)])
    return counts


def _total(counts: NDArray[np.int64], labels: Sequence[str]) -> str | None:
    """The label whose column holds the sum of two others or more, in enough rows."""
    answered = counts[counts.any(axis=1)]
    if len(answered) < _ENOUGH_ROWS or counts.any(axis=0).sum() <= 2:  # noqa: PLR2004 - of two equal ones either is the sum
        return None
    sums = answered.sum(axis=1)
    return next((name for name, column in zip(labels, answered.T, strict=True) if (2 * column == sums).all()), None)


def holds_counts(column: pa.DictionaryArray) -> bool:
    """Whether every cell is a whole number from 0 or empty, and not all are empty."""
    return bool((_numbers(column) >= 0).all()) and any(text.strip() for text in column.dictionary.to_pylist())


def _task_problems(tasks: pa.DictionaryArray, file: str) -> list[Problem]:
    names = tasks.dictionary.to_pylist()
    rows = np.bincount(_codes(tasks), minlength=len(names))
    found = []
    if blank := sum(int(count) for name, count in zip(names, rows, strict=True) if not name.strip()):
        found.append(Problem(f"{counted(blank, 'row of counts has', 'rows of counts have')} no task", field=file))
    if len(twice := np.flatnonzero(rows > 1)):
        have = counted(len(twice), "task has", "tasks have")
        message = f"{have} counts in several rows, such as {names[twice[0]]!r}; add them up first"
        found.append(Problem(message, field=file))
    return found


def _fault(column: pa.DictionaryArray, label: str, file: str) -> Problem | None:
    """What of a label's column is no count."""
    wrong = _numbers(column)[_codes(column)] < 0
    if not wrong.any():
        return None
    row = int(np.flatnonzero(wrong)[0])
    value = column.dictionary.to_pylist()[_codes(column)[row]][:_SHOWN]
    one, many = f"cell of {label!r} is no whole number", f"cells of {label!r} are no whole numbers"
    message = (
        f"{counted(int(wrong.sum()), one, many)} from 0, the first in row {row + 1:,}: {value!r}. In a file of counts every"
        " column but the task is a label; one row an answer needs a column of workers and one of labels"
    )
    return Problem(message, field=file)


def _numbers(column: pa.DictionaryArray) -> NDArray[np.int64]:
    """What each distinct text counts; -1 for what is no count."""
    return np.array([_number(text.strip()) for text in column.dictionary.to_pylist()], dtype=np.int64)


def _number(text: str) -> int:
    if not text:
        return 0
    whole, _, rest = text.partition(".")  # Parquet and pandas write 3.0 where a column has gaps
    if not (whole.isascii() and whole.isdigit()) or rest.strip("0"):
        return -1
    return min(int(whole[:20]), MOST_ANSWERS + 1)


def _codes(column: pa.DictionaryArray) -> NDArray[np.int64]:
    return np.asarray(column.indices.to_numpy(zero_copy_only=False), dtype=np.int64)
