"""Readers of item files: CSV, TSV, JSON Lines and Parquet, row by row with line numbers, in flat memory.

A reader yields a SourceRow for each row it could read and a Problem for each it could not, and goes on as far as that
makes sense. What the rows mean is `domain/item_rows.py`'s business.
"""

import csv
import json
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from enum import StrEnum
from pathlib import Path
from typing import BinaryIO, Self

import pyarrow as pa
import pyarrow.parquet as pq

from app.domain.item_rows import SourceRow, column_name, header_problems
from app.domain.item_values import LiteralFloat
from app.errors import InvalidInput, Problem

# One line of a file. Ten times what an Item may be, so that an Item too large is told so, and no file fills the memory.
LONGEST_LINE_BYTES = 64 * 1024 * 1024
_PARQUET_ROWS = 500
_REST = "; the rows after it were not read"
_CHUNK_BYTES = 1024 * 1024
_UTF16 = (b"\xff\xfe", b"\xfe\xff")
_UTF8_MARK = b"\xef\xbb\xbf"


class ItemFormat(StrEnum):
    """The formats that import reads."""

    CSV = "csv"
    TSV = "tsv"
    JSONL = "jsonl"
    PARQUET = "parquet"


_SUFFIXES = {
    ".csv": ItemFormat.CSV,
    ".tsv": ItemFormat.TSV,
    ".jsonl": ItemFormat.JSONL,
    ".ndjson": ItemFormat.JSONL,
    ".parquet": ItemFormat.PARQUET,
}


@dataclass(frozen=True, slots=True)
class ItemFile:
    """A file of Items and how to read it."""

    path: Path
    format: ItemFormat

    @classmethod
    def of(cls, path: Path, format: ItemFormat | None = None) -> Self:
        """The file at `path`, its format by its suffix unless given. Raises InvalidInput when neither tells."""
        return cls(path, format or detect_format(path))


class _NotReadable(Exception):
    """Nothing after this point of the file can be read."""

    def __init__(self, message: str, line: int | None = None) -> None:
        self.problem = Problem(message, line=line)
        super().__init__(message)


def detect_format(path: Path) -> ItemFormat:
    """The format that a file's name promises. Raises InvalidInput for any other."""
    try:
        return _SUFFIXES[path.suffix.casefold()]
    except KeyError:
        known = ", ".join(_SUFFIXES)
        raise InvalidInput(
            [Problem(f"{path.name!r}: the name must end in one of {known}, or name the format")]
        ) from None


def read_rows(source: ItemFile) -> Iterator[SourceRow | Problem]:
    """Every row of the file, in order; a Problem stands for each row that cannot be read."""
    found_one = False
    try:
        with source.path.open("rb") as file:
            for row in _rows_of(source.format, file):
                found_one = True
                yield row
    except _NotReadable as fault:
        yield fault.problem
    except OSError as fault:
        yield Problem(f"{source.path.name!r} cannot be read: {fault.strerror or fault}")
    else:
        if not found_one:
            yield Problem("the file has no rows; it needs at least one Item", line=1)


def count_rows(source: ItemFile) -> int | None:
    """About how many rows there are, for a progress bar: exact for Parquet, the number of line ends for the others."""
    try:
        if source.format is ItemFormat.PARQUET:
            return int(pq.read_metadata(source.path).num_rows)
        with source.path.open("rb") as file:
            lines = sum(chunk.count(b"\n") for chunk in iter(lambda: file.read(_CHUNK_BYTES), b""))
    except (OSError, pa.ArrowException):
        return None
    return lines or None


def _rows_of(format: ItemFormat, file: BinaryIO) -> Iterator[SourceRow | Problem]:
    match format:
        case ItemFormat.CSV:
            return _delimited(file, ",")
        case ItemFormat.TSV:
            return _delimited(file, "\t")
        case ItemFormat.JSONL:
            return _json_lines(file)
        case ItemFormat.PARQUET:
            return _parquet(file)


def _delimited(file: BinaryIO, delimiter: str) -> Iterator[SourceRow | Problem]:
    csv.field_size_limit(LONGEST_LINE_BYTES)
    reader = csv.reader(_lines(file), delimiter=delimiter, strict=True)
    start = 1
    columns: list[str] | None = None
    try:
        for cells in reader:
            if columns is None and cells:
                columns = [column_name(cell) for cell in cells]
                if problems := _header_faults(columns, delimiter):
                    yield from problems
                    return
            elif columns is not None and cells:
                yield _delimited_row(start, columns, cells)
            start = reader.line_num + 1
    except csv.Error as fault:
        raise _NotReadable(_csv_fault(str(fault)), line=start) from fault


def _delimited_row(line: int, columns: Sequence[str], cells: Sequence[str]) -> SourceRow | Problem:
    if not any(map(str.strip, cells)):
        return Problem("the row is empty; delete it", line=line)
    if len(cells) != len(columns):
        hint = "a comma or line end inside a value needs quotes around the value"
        return Problem(f"has {len(cells)} fields and the header has {len(columns)}; {hint}", line=line)
    return SourceRow(line, dict(zip(columns, cells, strict=True)))


def _header_faults(columns: Sequence[str], delimiter: str) -> list[Problem]:
    if any("\x00" in name for name in columns):
        return [Problem("the header contains NUL characters; save the file as UTF-8", line=1)]
    problems = header_problems(columns)
    if problems and len(columns) == 1 and (used := [other for other in "\t,;|" if other in columns[0]]):
        names = {"\t": "tabs (name the file .tsv)", ",": "commas (name the file .csv)"}
        how = names.get(used[0], f"{used[0]!r}; save the file with commas")
        return [Problem(f"the header is a single column; it seems to be separated by {how}", line=1)]
    return problems


def _csv_fault(message: str) -> str:
    if "field larger" in message or "unexpected end" in message:
        return f"a quote is opened and never closed{_REST}"
    if "new-line character" in message:
        return f"the line ends are those of old Macintoshes (CR alone); save the file with LF or CRLF{_REST}"
    return f"the quotes of this row do not match ({message}); write a quote inside a value twice{_REST}"


def _json_lines(file: BinaryIO) -> Iterator[SourceRow | Problem]:
    for line, text in enumerate(_lines(file), start=1):
        if not text.strip():
            continue
        try:
            value = json.loads(text, parse_float=LiteralFloat, object_pairs_hook=_object)
        except (ValueError, RecursionError) as fault:
            yield Problem(f"is no JSON that can be read: {fault}", line=line)
            continue
        if not isinstance(value, dict):
            yield Problem(f'must be a JSON object such as {{"id": …}}, not {_kind_of(value)}', line=line)
            continue
        named = {column_name(name): inner for name, inner in value.items()}
        if len(named) < len(value):
            yield Problem("two names of the object mean the same column; keep one", line=line)
            continue
        yield SourceRow(line, named)


def _object(pairs: list[tuple[str, object]]) -> dict[str, object]:
    value = dict(pairs)
    if len(value) < len(pairs):
        raise ValueError("a name appears twice in one object")
    return value


def _kind_of(value: object) -> str:
    return "a list" if isinstance(value, list) else f"{json.dumps(value)[:60]}"


def _parquet(file: BinaryIO) -> Iterator[SourceRow | Problem]:
    try:
        table = pq.ParquetFile(file)
        columns = [column_name(name) for name in table.schema_arrow.names]
        if problems := header_problems(columns):
            yield from problems
            return
        line = 0
        for batch in table.iter_batches(batch_size=_PARQUET_ROWS):
            values = [_values(column) for column in batch.columns]
            for cells in zip(*values, strict=True):
                line += 1
                yield SourceRow(line, dict(zip(columns, cells, strict=True)))
    except (pa.ArrowException, OSError, ValueError) as fault:
        raise _NotReadable(f"the Parquet file cannot be read: {fault}") from fault


def _values(column: pa.Array) -> list[object]:
    if pa.types.is_timestamp(column.type) or pa.types.is_duration(column.type):
        # Python's own times end at microseconds; as text nothing is lost.
        column = column.cast(pa.string()) if pa.types.is_timestamp(column.type) else column.cast(pa.int64())
    return list(column.to_pylist())


def _lines(file: BinaryIO) -> Iterator[str]:
    """The file's lines as text, a byte order mark left out. Raises _NotReadable where it is not UTF-8."""
    start = file.read(len(_UTF8_MARK))
    if start.startswith(_UTF16):
        raise _NotReadable("the file is UTF-16; save it as UTF-8", line=1)
    offset = len(_UTF8_MARK) if start == _UTF8_MARK else 0
    file.seek(offset)
    line = 0
    while raw := file.readline(LONGEST_LINE_BYTES):
        line += 1
        if len(raw) == LONGEST_LINE_BYTES and not raw.endswith(b"\n"):
            raise _NotReadable(f"the line has more than {LONGEST_LINE_BYTES:,} bytes{_REST}", line=line)
        try:
            yield raw.decode()
        except UnicodeDecodeError as fault:
            bad = raw[fault.start]
            where = f"byte 0x{bad:02X} at offset {offset + fault.start}"
            raise _NotReadable(f"is not UTF-8 ({where}); save the file as UTF-8{_REST}", line=line) from fault
        offset += len(raw)
