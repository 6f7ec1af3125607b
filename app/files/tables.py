"""A table as a file: CSV, TSV, JSON Lines or Parquet, as its name ends."""

from __future__ import annotations

import csv
import io
import json
import os
from collections.abc import Iterable
from enum import StrEnum
from pathlib import Path
from typing import IO, TYPE_CHECKING

from app.errors import InvalidInput, Problem

if TYPE_CHECKING:
    import pyarrow as pa

_ROWS_AT_ONCE = 50_000
_NEEDS_QUOTES = '[",\\t\\r\\n]'


class TableFormat(StrEnum):
    """The formats that tables are written in."""

    CSV = "csv"
    TSV = "tsv"
    JSONL = "jsonl"
    PARQUET = "parquet"


_SUFFIXES = {
    ".csv": TableFormat.CSV,
    ".tsv": TableFormat.TSV,
    ".jsonl": TableFormat.JSONL,
    ".ndjson": TableFormat.JSONL,
    ".parquet": TableFormat.PARQUET,
}


def format_of(path: Path) -> TableFormat:
    """The format that a file's name promises; `-`, standard output, is CSV. Raises InvalidInput for any other."""
    if str(path) == "-":
        return TableFormat.CSV
    found = _SUFFIXES.get(path.suffix.casefold())
    if found is None:
        raise InvalidInput([Problem(f"the name must end in one of {', '.join(_SUFFIXES)}", field=path.name)])
    return found


def check_readable(path: Path) -> None:
    """Raise OSError where the file cannot be opened, InvalidInput for a pipe: a table is read more than once."""
    if path.is_fifo():
        raise InvalidInput(
            [Problem("is a pipe, which can be read only once; save it as a file first", field=path.name)]
        )
    path.open("rb").close()


def open_for_arrow(path: Path) -> pa.OSFile:
    """The file for Arrow's readers, which take no path that is not UTF-8. Raises OSError."""
    import pyarrow as pa

    return pa.OSFile(os.fsencode(path), "rb")


def write_table(file: IO[bytes], table: pa.Table, format: TableFormat) -> None:
    """Write all of `table`: UTF-8, lines end with LF, CSV values quoted only where needed, absent ones empty or null."""
    if format is TableFormat.PARQUET:
        import pyarrow.parquet as pq

        pq.write_table(table, file)
        return
    file.write(table_chunk(table.slice(0, 0), format, header=True))
    for start in range(0, table.num_rows, _ROWS_AT_ONCE):
        file.write(table_chunk(table.slice(start, _ROWS_AT_ONCE), format, header=False))


def table_chunk(table: pa.Table, format: TableFormat, *, header: bool) -> bytes:
    """The rows of `table` as a part of a file in CSV, TSV or JSON Lines, which has no header."""
    if format is TableFormat.JSONL:
        return "".join(f"{json.dumps(row, ensure_ascii=False)}\n" for row in table.to_pylist()).encode()
    delimiter = "," if format is TableFormat.CSV else "\t"
    first = _delimited([table.column_names], delimiter) if header else b""
    return first + _rows(table, delimiter)


def _rows(table: pa.Table, delimiter: str) -> bytes:
    """By Arrow's writer, which is fast, but where a text needs quotes: it would then quote every text."""
    from pyarrow import csv as arrow_csv

    if _needs_quotes(table):
        return _delimited(zip(*(column.to_pylist() for column in table.columns), strict=True), delimiter)
    file = io.BytesIO()
    options = arrow_csv.WriteOptions(include_header=False, delimiter=delimiter, quoting_style="none")
    arrow_csv.write_csv(table, file, options)
    return file.getvalue()


def _delimited(rows: Iterable[Iterable[object]], delimiter: str) -> bytes:
    file = io.StringIO()
    csv.writer(file, delimiter=delimiter, lineterminator="\n").writerows(rows)
    return file.getvalue().encode()


def _needs_quotes(table: pa.Table) -> bool:
    """Whether a text holds a separator, a quote or a line end."""
    import pyarrow as pa
    import pyarrow.compute as pc

    texts = [column for column in table.columns if not pa.types.is_floating(column.type)]
    return any(
        bool(pc.any(pc.match_substring_regex(column.cast(pa.string()), _NEEDS_QUOTES)).as_py())
        for column in texts
        if not pa.types.is_integer(column.type) and not pa.types.is_boolean(column.type)
    )
