"""A table as a file: CSV, TSV, JSON Lines or Parquet, as its name ends."""

from __future__ import annotations

import csv
import io
import json
from enum import StrEnum
from pathlib import Path
from typing import IO, TYPE_CHECKING

from app.errors import InvalidInput, Problem

if TYPE_CHECKING:
    import pyarrow as pa

_ROWS_AT_ONCE = 10_000
_NEEDS_QUOTES = '[",\\t\\r\\n]|^$'


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


def write_table(file: IO[bytes], table: pa.Table, format: TableFormat) -> None:
    """Write all of `table`: UTF-8, lines end with LF, CSV values quoted only where needed, absent ones empty or null."""
    match format:
        case TableFormat.PARQUET:
            import pyarrow.parquet as pq

            pq.write_table(table, file)
        case TableFormat.JSONL:
            for batch in table.to_batches(max_chunksize=_ROWS_AT_ONCE):
                lines = (json.dumps(row, ensure_ascii=False, default=str) for row in batch.to_pylist())
                file.write("".join(f"{line}\n" for line in lines).encode())
        case _:
            _write_delimited(file, table, "," if format is TableFormat.CSV else "\t")


def _write_delimited(file: IO[bytes], table: pa.Table, delimiter: str) -> None:
    """By Arrow's writer, which is fast, but where a text needs quotes: it would then quote every text."""
    from pyarrow import csv as arrow_csv

    header = io.StringIO()
    csv.writer(header, delimiter=delimiter, lineterminator="\n").writerow(table.column_names)
    file.write(header.getvalue().encode())
    if not _needs_quotes(table):
        options = arrow_csv.WriteOptions(include_header=False, delimiter=delimiter, quoting_style="none")
        arrow_csv.write_csv(table, file, options)
        return
    for batch in table.to_batches(max_chunksize=_ROWS_AT_ONCE):
        rows = io.StringIO()
        columns = [column.to_pylist() for column in batch.columns]
        csv.writer(rows, delimiter=delimiter, lineterminator="\n").writerows(zip(*columns, strict=True))
        file.write(rows.getvalue().encode())


def _needs_quotes(table: pa.Table) -> bool:
    """Whether a text holds a separator, a quote or a line end, or is empty where it is not absent."""
    import pyarrow as pa
    import pyarrow.compute as pc

    texts = [column for column in table.columns if not pa.types.is_floating(column.type)]
    return any(
        bool(pc.any(pc.match_substring_regex(column.cast(pa.string()), _NEEDS_QUOTES)).as_py())
        for column in texts
        if not pa.types.is_integer(column.type) and not pa.types.is_boolean(column.type)
    )
