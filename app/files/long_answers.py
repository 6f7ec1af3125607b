"""Long files of task, worker and label, or of counts, as coded votes; known labels and families of workers beside them."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, replace
from enum import StrEnum
from functools import partial
from pathlib import Path
from typing import TYPE_CHECKING

import numpy as np
from numpy.typing import NDArray

from app.domain.consensus.counted import votes_of_counts
from app.domain.consensus.outcome import NONE_WON
from app.domain.consensus.votes import Votes
from app.domain.plurals import counted
from app.errors import InvalidInput, Problem
from app.files.label_counts import count_columns, counts_of, holds_counts
from app.files.long_columns import ANSWER_ROLES, Role, find_columns, is_count, named_columns
from app.files.long_tables import read_columns

if TYPE_CHECKING:
    import pyarrow as pa

# Tasks × labels. Measured at the peak: 24 bytes a cell for the plurality, 58 for the default, so up to 6 GB.
_MOST_CELLS = 100_000_000

Codes = NDArray[np.int64]


class Repeats(StrEnum):
    """What becomes of a Worker's further answers on the same task: all count, the last row counts, or the file is refused."""

    ALL = "all"
    LAST = "last"
    REFUSE = "refuse"


@dataclass(frozen=True, slots=True)
class LongAnswers:
    """Coded answers and what the codes stand for, as text.

    tasks and workers in the order in which they first appear; labels sorted, numbers by value and before words.
    repeats: how many answers repeat an earlier pair of task and worker. columns: the names under which they were read.
    Where the file has counts there are no workers, and the votes are as of one: nobody can be told from another.
    passed_over: the file's other columns, where nobody said which are to be read.
    """

    votes: Votes
    tasks: Sequence[str]
    workers: Sequence[str]
    labels: Sequence[str]
    repeats: int
    columns: tuple[str, ...]
    passed_over: tuple[str, ...] = ()

    @property
    def counted(self) -> bool:
        """The file had counts."""
        return not self.workers

    @property
    def alike(self) -> list[tuple[str, ...]]:
        """Labels that are one but for case and outer spaces, together."""
        groups: dict[str, list[str]] = {}
        for label in self.labels:
            groups.setdefault(label.strip().casefold(), []).append(label)
        return [tuple(group) for group in groups.values() if len(group) > 1]


def read_answers(path: Path, *, columns: str | None = None, repeats: Repeats = Repeats.ALL) -> LongAnswers:
    """The answers of a `.csv`, `.tsv`, `.jsonl` or `.parquet` file. `columns`: their names, by commas, where unusual.

    Raises InvalidInput for missing columns, no rows, empty cells, and counts beside workers.
    """
    used: dict[str, str] = {}

    def choose(found: Sequence[str]) -> dict[str, str]:
        used.update(_choose(found, ANSWER_ROLES, path, columns).items())
        return used

    return _of_triples(path, read_columns(path, choose), used, repeats)


def read_answers_or_counts(path: Path, *, columns: str | None = None, repeats: Repeats = Repeats.ALL) -> LongAnswers:
    """As `read_answers`, or the counts of a file with `task` and a column a label, where it has such.

    Raises InvalidInput as `read_answers` and `counts_of`, and for a file that is of both forms.
    """
    used: dict[str, str] = {}
    header: list[str] = []

    def choose(found: Sequence[str]) -> dict[str, str]:
        header.extend(found)
        counts = count_columns(found, file=path.name) if columns is None else None
        used.update((counts or _choose(found, ANSWER_ROLES, path, columns)).items())
        return used

    read = read_columns(path, choose)
    if Role.WORKER not in used:
        return _of_counts(path, read, used)
    answers = _of_triples(path, read, used, repeats)
    if columns is not None:
        return answers
    beside = tuple(name for name in header if name not in used.values() and not is_count(name))
    _refuse_counts_beside(path, beside, answers)
    return replace(answers, passed_over=beside)


def _refuse_counts_beside(path: Path, beside: Sequence[str], answers: LongAnswers) -> None:
    """Raise InvalidInput where columns beside single answers hold counts of the labels that these have."""
    labels = {label.strip().casefold() for label in answers.labels}
    named = {name: name for name in beside if name.casefold() in labels}
    if not named:
        return
    counts = [name for name, column in read_columns(path, lambda _: named).items() if holds_counts(column)]
    if counts:
        message = (
            f"has single answers and, in {', '.join(map(repr, counts))}, counts of the same labels: they cannot stand in one"
            f" file. Leave one form out, or read the single answers alone: --columns {','.join(answers.columns)}"
        )
        raise InvalidInput([Problem(message, field=path.name)])


def _of_counts(path: Path, read: Mapping[str, pa.DictionaryArray], used: Mapping[str, str]) -> LongAnswers:
    labels = sorted((name for name in used if name != Role.TASK), key=label_order)
    tasks = read[Role.TASK]
    _check_size(len(tasks), len(labels), path)
    votes = votes_of_counts(counts_of(read, labels, file=path.name))
    return LongAnswers(votes, tasks.to_pylist(), (), labels, 0, (used[Role.TASK],))


def _of_triples(
    path: Path, read: Mapping[str, pa.DictionaryArray], used: Mapping[str, str], repeats: Repeats
) -> LongAnswers:
    if problems := [fault for role in ANSWER_ROLES if (fault := _empty(read[role], used[role], path))]:
        raise InvalidInput([*_mixed(read, path), *problems])
    (item, tasks), (worker, workers), (label, unsorted) = (_decoded(read[role]) for role in ANSWER_ROLES)
    order = sorted(range(len(unsorted)), key=lambda code: label_order(unsorted[code]))
    rank = np.empty(len(order), dtype=np.int64)
    rank[order] = np.arange(len(order))
    _check_size(len(tasks), len(unsorted), path)
    kept, again = _kept(item, worker, len(workers), repeats, path)
    votes = Votes.of(
        item[kept], worker[kept], rank[label[kept]], items=len(tasks), workers=len(workers), labels=len(order)
    )
    names = (used[Role.TASK], used[Role.WORKER], used[Role.LABEL])
    return LongAnswers(votes, tasks, workers, [unsorted[code] for code in order], again, names)


def _check_size(tasks: int, labels: int, path: Path) -> None:
    if tasks * labels <= _MOST_CELLS:
        return
    message = (
        f"{tasks:,} tasks × {labels:,} labels are too many, {_MOST_CELLS:,} the most; is a label free text? If not,"
        " aggregate the tasks in parts"
    )
    raise InvalidInput([Problem(message, field=path.name)])


def label_order(label: str) -> tuple[int, float, str]:
    """The key by which labels are sorted: numbers by value, then words; equal numbers as they are written."""
    try:
        number = float(label)
    except ValueError:
        return 1, 0.0, label
    return (0, number, label) if np.isfinite(number) else (1, 0.0, label)


def read_truth(path: Path, answers: LongAnswers) -> tuple[Codes, tuple[str, ...]]:
    """The known label of each task as a code, NONE_WON where it is not known; and what of the file was passed over.

    Raises InvalidInput for a task with two known labels, and where no task of the file was answered.
    """
    pairs = _pairs(path, (Role.TASK, Role.TRUTH))
    codes = {task: number for number, task in enumerate(answers.tasks)}
    labels = {label: number for number, label in enumerate(answers.labels)}
    gold = np.full(len(answers.tasks), NONE_WON, dtype=np.int64)
    known = [(task, label) for task, label in pairs.items() if task in codes]
    for task, label in known:
        gold[codes[task]] = labels.get(label, NONE_WON)
    if not known:
        raise InvalidInput([Problem("none of its tasks was answered; are the ids written alike?", field=path.name)])
    unanswered = len(pairs) - len(known)
    unsaid = sum(label not in labels for _, label in known)
    notes = ["" if unanswered == 0 else f"{counted(unanswered, 'gold task was', 'gold tasks were')} not answered"]
    if unsaid:
        one, many = "gold label is none that a worker gave, and is", "gold labels are none that a worker gave, and are"
        notes.append(f"{counted(unsaid, one, many)} passed over")
    return gold, tuple(note for note in notes if note)


def read_families(path: Path, answers: LongAnswers) -> Codes:
    """The family of each worker as a number, -1 where the file names none. Raises InvalidInput."""
    pairs = _pairs(path, (Role.WORKER, Role.FAMILY))
    numbers = {family: number for number, family in enumerate(dict.fromkeys(pairs.values()))}
    found = [numbers[pairs[worker]] if worker in pairs else -1 for worker in answers.workers]
    if set(found) == {-1}:
        raise InvalidInput([Problem("none of its workers answered; are the ids written alike?", field=path.name)])
    return np.array(found, dtype=np.int64)


def _pairs(path: Path, roles: tuple[Role, Role]) -> dict[str, str]:
    read = read_columns(path, partial(_choose, roles=roles, path=path, columns=None))
    left, right = (read[role].to_pylist() for role in roles)
    pairs: dict[str, str] = {}
    for key, value in zip(left, right, strict=True):
        if not value.strip():
            continue
        if pairs.setdefault(key, value) != value:
            raise InvalidInput([Problem(f"{roles[0]} {key!r} has two: {pairs[key]!r} and {value!r}", field=path.name)])
    return pairs


def _choose(found: Sequence[str], roles: Sequence[Role], path: Path, columns: str | None) -> dict[Role, str]:
    if columns is not None:
        return named_columns(found, columns, roles, file=path.name)
    return find_columns(found, roles, file=path.name)


def _empty(column: pa.DictionaryArray, name: str, path: Path) -> Problem | None:
    """The empty cells of a column, as a fault."""
    rows = np.flatnonzero(_blank(column))
    if not len(rows):
        return None
    empty = counted(len(rows), f"cell of {name!r} is empty;", f"cells of {name!r} are empty;")
    return Problem(f"{empty} the first is in row {int(rows[0]) + 1:,}", field=path.name)


def _mixed(read: Mapping[str, pa.DictionaryArray], path: Path) -> list[Problem]:
    """Rows that name a task and neither worker nor label, as those of counts do, as a fault."""
    alone = _blank(read[Role.WORKER]) & _blank(read[Role.LABEL]) & ~_blank(read[Role.TASK])
    if not alone.any():
        return []
    message = (
        f"{counted(int(alone.sum()), 'row has', 'rows have')} neither worker nor label, the first is row"
        f" {int(np.argmax(alone)) + 1:,}: counts and single answers cannot stand in one file; aggregate each"
        " alone, or write one row an answer throughout"
    )
    return [Problem(message, field=path.name)]


def _blank(column: pa.DictionaryArray) -> NDArray[np.bool_]:
    """(rows,): which cells are empty."""
    blank = np.array([not value.strip() for value in column.dictionary.to_pylist()], dtype=bool)
    return blank[_codes(column)]


def _codes(column: pa.DictionaryArray) -> Codes:
    return np.asarray(column.indices.to_numpy(zero_copy_only=False), dtype=np.int64)


def _decoded(column: pa.DictionaryArray) -> tuple[Codes, list[str]]:
    return _codes(column), column.dictionary.to_pylist()


def _kept(item: Codes, worker: Codes, workers: int, repeats: Repeats, path: Path) -> tuple[Codes, int]:
    """The rows that count, and how many repeat an earlier pair of task and worker."""
    pair = item * workers + worker
    _, last = np.unique(pair[::-1], return_index=True)
    again = len(pair) - len(last)
    if again and repeats is Repeats.REFUSE:
        repeats_a_pair = counted(again, "answer repeats", "answers repeat")
        raise InvalidInput([Problem(f"{repeats_a_pair} a pair of task and worker", field=path.name)])
    if again and repeats is Repeats.LAST:
        return np.sort(len(pair) - 1 - last), again
    return np.arange(len(pair)), again
