"""Columns of a table as text, by their names: CSV, TSV, JSON Lines, Parquet. What other columns hold does not matter."""

from __future__ import annotations

import csv
from collections.abc import Callable, Sequence
from pathlib import Path
from typing import TYPE_CHECKING

from app.errors import InvalidInput, Problem
from app.files import json_lines
from app.files.quotes import check_quotes
from app.files.tables import TableFormat, check_readable, format_of, open_for_arrow

if TYPE_CHECKING:
    import pyarrow as pa

Choose = Callable[[Sequence[str]], Sequence[str]]


def read_text_columns(path: Path, choose: Choose) -> list[list[str]]:
    """The columns that `choose` names, given the header; values as they are written, absent ones empty.

    Raises InvalidInput, which names the file, where it cannot be read, has no rows, or `choose` finds nothing.
    """
    import pyarrow as pa

    try:
        columns = _columns(path, format_of(path), choose)
    except OSError as fault:
        raise _refused(path, f"cannot be read: {fault.strerror or fault}") from fault
    except (pa.ArrowException, UnicodeDecodeError, csv.Error) as fault:
        raise _refused(path, f"cannot be read: {str(fault).splitlines()[0][:200]}") from fault
    if not columns[0]:
        raise _refused(path, "has no rows")
    return columns


def _columns(path: Path, format: TableFormat, choose: Choose) -> list[list[str]]:
    check_readable(path)  # Arrow's own message is a paragraph
    match format:
        case TableFormat.PARQUET:
            return _from_parquet(path, choose)
        case TableFormat.JSONL:
            return _from_json_lines(path, choose)
        case _:
            return _from_delimited(path, choose, "," if format is TableFormat.CSV else "\t")


def _from_delimited(path: Path, choose: Choose, delimiter: str) -> list[list[str]]:
    check_quotes(path, delimiter)
    with path.open(encoding="utf-8-sig", newline="") as file:
        rows = csv.reader(file, delimiter=delimiter)
        header = [name.strip() for name in next(rows, [])]
        wanted = choose(header)
        if twice := next((name for name in wanted if header.count(name) > 1), None):
            raise _refused(path, f"names a column twice in its header: {twice!r}")
        places = [header.index(name) for name in wanted]
        found: list[list[str]] = [[] for _ in places]
        for row in rows:
            if not row:
                continue
            if len(row) != len(header):
                raise _refused(path, f"has {len(row)} values, its header {len(header)}", line=rows.line_num)
            for column, place in zip(found, places, strict=True):
                column.append(row[place])
    return found


def _from_parquet(path: Path, choose: Choose) -> list[list[str]]:
    import pyarrow.parquet as pq

    with open_for_arrow(path) as file:
        wanted = choose(list(pq.read_schema(file).names))
        table = pq.read_table(file, columns=list(wanted))
    return [_texts(table.column(name)) for name in wanted]


def _texts(column: pa.ChunkedArray) -> list[str]:
    import pyarrow as pa

    return ["" if value is None else value for value in column.cast(pa.string()).to_pylist()]


def _from_json_lines(path: Path, choose: Choose) -> list[list[str]]:
    rows = json_lines.read_rows(path, example='{"id": 1, "label": "cat"}')
    return [json_lines.texts_of(rows, name, path=path) for name in choose(json_lines.names_of(rows))]


def _refused(path: Path, message: str, *, line: int | None = None) -> InvalidInput:
    return InvalidInput([Problem(message, line=line, field=path.name)])
