"""The result of a query as CSV, JSON Lines or Parquet, streamed by COPY in flat memory."""

from __future__ import annotations

import io
from codecs import BOM_UTF8
from collections.abc import Generator, Iterable, Mapping
from enum import StrEnum
from typing import TYPE_CHECKING

from sqlalchemy.orm import Session

from app.db import json_columns
from app.db.copying import CHUNK_BYTES, copy_out, driver_connection

if TYPE_CHECKING:
    import pyarrow as pa
    from typing_extensions import Buffer

# Parquet is written in groups of rows: large enough to be worth a group, small enough to stay out of the way.
_GROUP_BYTES = 4 * 1024 * 1024
# JSON is made of so much CSV at once: enough for Arrow to be quick, little enough to hold twice.
_JSON_BYTES = 512 * 1024


class Form(StrEnum):
    """The formats of a streamed table; the value is the file's suffix."""

    CSV = "csv"
    JSONL = "jsonl"
    PARQUET = "parquet"


class Kind(StrEnum):
    """What a column holds, where a format has types."""

    TEXT = "text"
    NUMBER = "number"
    SHARE = "share"
    FLAG = "flag"


def stream(
    db: Session, query: str, values: Mapping[str, object], *, form: Form, kinds: Mapping[str, Kind]
) -> Generator[bytes, None, None]:
    """The rows of `query` in chunks of at least 64 KiB but the last. Each row is whole within a chunk of CSV or JSON Lines.

    kinds: what the columns that are no text hold. CSV as in `copy_out`; JSON Lines with every column, null where absent,
    jsonb as JSON; Parquet with int64, float64 and bool, jsonb as text.
    Nothing else may use the transaction until the last chunk is read or the iterator closed.
    """
    match form:
        case Form.CSV:
            return copy_out(db, query, values)
        case Form.JSONL:
            return _json(db, query, values)
        case Form.PARQUET:
            return _parquet(db, query, values, kinds)


def json_lines(db: Session, query: str, values: Mapping[str, object]) -> Generator[bytes, None, None]:
    """The one column of `query`, json, one value a line."""
    # JSON has no control characters in it: with these as quote and separator COPY writes it as it is.
    as_it_is = r"(FORMAT csv, DELIMITER E'\x02', QUOTE E'\x01', ESCAPE E'\x01', ENCODING 'UTF8')"
    return _copied(db, f"COPY ({query}) TO STDOUT WITH {as_it_is}", values, at_least=CHUNK_BYTES)


def fetch(db: Session, query: str, values: Mapping[str, object], *, kinds: Mapping[str, Kind]) -> pa.Table:
    """All rows of `query` at once, as an Arrow table: far less memory and time than rows of Python."""
    import pyarrow as pa

    schema, chunks = _chunked(db, query, values, kinds)
    tables = [_parsed(chunk, schema) for chunk in chunks]
    return pa.concat_tables(tables) if tables else schema.empty_table()


def copy_table(db: Session, target: str, table: pa.Table) -> None:
    """Add the rows of an Arrow table to `target`, a table with its columns: `items (id, batch_id)`. Null is absent."""
    from pyarrow import csv

    lines = io.BytesIO()
    csv.write_csv(table, lines, csv.WriteOptions(include_header=False))
    with (
        driver_connection(db).cursor() as cursor,
        cursor.copy(f"COPY {target} FROM STDIN WITH (FORMAT csv, ENCODING 'UTF8')") as copy,
    ):
        copy.write(lines.getvalue())


def _copied(
    db: Session, statement: str, values: Mapping[str, object], *, at_least: int
) -> Generator[bytes, None, None]:
    """COPY's rows, joined."""
    buffer = bytearray()
    with driver_connection(db).cursor() as cursor, cursor.copy(statement, values) as copy:
        for row in copy:
            buffer += row
            if len(buffer) >= at_least:
                yield bytes(buffer)
                buffer.clear()
    if buffer:
        yield bytes(buffer)


def columns_of(db: Session, query: str, values: Mapping[str, object]) -> list[tuple[str, int]]:
    """Name and PostgreSQL's type of each of the query's columns; runs nothing."""
    with driver_connection(db).cursor() as cursor:
        cursor.execute(f"SELECT * FROM ({query}) AS q LIMIT 0", values)
        return [(column.name, column.type_code) for column in cursor.description or ()]


def _json(db: Session, query: str, values: Mapping[str, object]) -> Generator[bytes, None, None]:
    import pyarrow as pa

    columns = columns_of(db, query, values)
    schema = pa.schema([(name, pa.string()) for name, _ in columns])
    shapes = [json_columns.shape_of(name, type_code) for name, type_code in columns]
    for chunk in _copied(db, _as_csv(query), values, at_least=_JSON_BYTES):
        yield json_columns.lines(_parsed(chunk, schema), shapes)


def _parquet(
    db: Session, query: str, values: Mapping[str, object], kinds: Mapping[str, Kind]
) -> Generator[bytes, None, None]:
    schema, chunks = _chunked(db, query, values, kinds)
    return parquet(schema, (_parsed(chunk, schema) for chunk in chunks))


def _chunked(
    db: Session, query: str, values: Mapping[str, object], kinds: Mapping[str, Kind]
) -> tuple[pa.Schema, Generator[bytes, None, None]]:
    """The query's columns as Arrow's, and its rows as CSV, each chunk of whole rows.

    Arrow reads COPY's CSV faster than Python makes rows, and CSV tells an absent text from an empty one.
    """
    import pyarrow as pa

    types = {Kind.TEXT: pa.string(), Kind.NUMBER: pa.int64(), Kind.SHARE: pa.float64(), Kind.FLAG: pa.bool_()}
    names = [name for name, _ in columns_of(db, query, values)]
    schema = pa.schema([(name, types[kinds.get(name, Kind.TEXT)]) for name in names])
    return schema, _copied(db, _as_csv(query), values, at_least=_GROUP_BYTES)


def _as_csv(query: str) -> str:
    return f"COPY ({query}) TO STDOUT WITH (FORMAT csv, ENCODING 'UTF8')"


def _parsed(chunk: bytes, schema: pa.Schema) -> pa.Table:
    from pyarrow import csv

    # Arrow takes the first for a mark of the file: a value may begin with one.
    marked = chunk.startswith(BOM_UTF8)
    return csv.read_csv(
        io.BytesIO(BOM_UTF8 + chunk if marked else chunk),
        read_options=csv.ReadOptions(column_names=schema.names, block_size=len(chunk) + 4, use_threads=False),
        parse_options=csv.ParseOptions(newlines_in_values=True, ignore_empty_lines=False),
        convert_options=csv.ConvertOptions(
            column_types=schema,
            strings_can_be_null=True,
            quoted_strings_can_be_null=False,
            null_values=[""],
            true_values=["true", "t"],
            false_values=["false", "f"],
        ),
    )


def parquet(schema: pa.Schema, tables: Iterable[pa.Table]) -> Generator[bytes, None, None]:
    """Tables of one schema as a Parquet file, each a group of rows, handed over as it is written."""
    import pyarrow.parquet as pq

    sink = _Sink()
    with pq.ParquetWriter(sink, schema) as writer:
        for table in tables:
            writer.write_table(table)
            yield sink.drained()
    yield sink.drained()


class _Sink(io.RawIOBase):
    """A file that hands on what is written and forgets it."""

    def __init__(self) -> None:
        self._buffer = bytearray()
        self._written = 0

    def writable(self) -> bool:
        return True

    def write(self, data: Buffer) -> int:
        size = memoryview(data).nbytes
        self._buffer += data
        self._written += size
        return size

    def tell(self) -> int:
        return self._written

    def drained(self) -> bytes:
        """All that came since the last time."""
        found = bytes(self._buffer)
        self._buffer.clear()
        return found
