"""Long files as columns of text: CSV, TSV, JSON Lines and Parquet, values exactly as they are written ("007" stays "007")."""

from __future__ import annotations

import csv
from collections.abc import Callable, Collection, Sequence
from pathlib import Path
from typing import TYPE_CHECKING, TypeVar

from app.errors import InvalidInput, Problem
from app.files import json_lines
from app.files.long_columns import is_count
from app.files.quotes import check_quotes
from app.files.tables import TableFormat, check_readable, format_of, open_for_arrow

if TYPE_CHECKING:
    import pyarrow as pa

Key = TypeVar("Key", bound=str)
Choose = Callable[[Sequence[str]], dict[Key, str]]

_BLOCK_BYTES = 8 * 1024 * 1024
_COUNT = "\x00"  # begins the name of a column of counts that nobody asked for


def read_columns(path: Path, choose: Choose[Key]) -> dict[Key, pa.DictionaryArray]:
    """The columns that `choose` picks from the header, as dictionary-coded text; absent values are empty.

    Raises InvalidInput, which names the file, where it cannot be read, has no rows, or gives counts beside single answers.
    """
    import pyarrow as pa

    format = format_of(path)
    try:
        check_readable(path)  # Arrow's own message is a paragraph
        columns, table = _table(path, format, choose)
    except OSError as fault:
        raise _refused(path, f"cannot be read: {fault.strerror or fault}") from fault
    except UnicodeDecodeError as fault:
        raise _refused(path, "is not UTF-8; save it as UTF-8") from fault
    except (pa.ArrowException, csv.Error) as fault:
        raise _refused(path, f"cannot be read as {format}: {_short(str(fault))}") from fault
    if not table.num_rows:
        raise _refused(path, "has no rows")
    _refuse_counts(path, table)
    return {key: _coded(table.column(name)) for key, name in columns.items()}


def _table(path: Path, format: TableFormat, choose: Choose[Key]) -> tuple[dict[Key, str], pa.Table]:
    """The wanted columns as text, under their own names, and a column of counts where there is one."""
    match format:
        case TableFormat.PARQUET:
            return _from_parquet(path, choose)
        case TableFormat.JSONL:
            return _from_json_lines(path, choose)
        case _:
            return _from_delimited(path, choose, "," if format is TableFormat.CSV else "\t")


def _from_delimited(path: Path, choose: Choose[Key], delimiter: str) -> tuple[dict[Key, str], pa.Table]:
    import pyarrow as pa
    from pyarrow import csv as arrow_csv

    header = _header(path, delimiter)
    columns = choose([name.strip() for name in header])
    wanted = set(columns.values())
    kept = [name for name in header if name.strip() in wanted or is_count(name)]
    text = pa.dictionary(pa.int32(), pa.string())
    with open_for_arrow(path) as file:
        table = arrow_csv.read_csv(
            file,
            read_options=arrow_csv.ReadOptions(block_size=_BLOCK_BYTES),
            parse_options=arrow_csv.ParseOptions(delimiter=delimiter, newlines_in_values=True),
            convert_options=arrow_csv.ConvertOptions(
                include_columns=kept, column_types=dict.fromkeys(kept, text), strings_can_be_null=False
            ),
        )
    return columns, table.rename_columns([_named(name.strip(), wanted) for name in kept])


def _header(path: Path, delimiter: str) -> list[str]:
    with path.open("rb") as file:
        start = file.read(2)
    if start in {b"\xff\xfe", b"\xfe\xff"}:
        raise _refused(path, "is UTF-16; save it as UTF-8")
    check_quotes(path, delimiter)
    with path.open(encoding="utf-8-sig", newline="") as file:
        header = next(csv.reader(file, delimiter=delimiter), [])
    if not header:
        raise _refused(path, "is empty, or begins with an empty line")
    names = [name.strip() for name in header]
    if twice := next((name for name in names if names.count(name) > 1), None):
        raise _refused(path, f"names a column twice in its header: {twice!r}")
    if len(header) == 1 and (used := next((other for other in "\t,;|" if other in header[0]), None)):
        kind = {"\t": "tabs: name the file .tsv", ",": "commas: name the file .csv"}.get(used, f"{used!r}: use commas")
        raise _refused(path, f"has a single column; it seems to be separated by {kind}")
    return header


def _from_parquet(path: Path, choose: Choose[Key]) -> tuple[dict[Key, str], pa.Table]:
    import pyarrow as pa
    import pyarrow.parquet as pq

    with open_for_arrow(path) as file:
        names = list(pq.read_schema(file).names)
        columns = choose(names)
        kept = list(dict.fromkeys([*columns.values(), *(name for name in names if is_count(name))]))
        table = pq.read_table(file, columns=kept)
    texts = [column.cast(pa.string()).fill_null("") for column in table.columns]
    return columns, pa.table(texts, names=[_named(name, columns.values()) for name in kept])


def _from_json_lines(path: Path, choose: Choose[Key]) -> tuple[dict[Key, str], pa.Table]:
    import pyarrow as pa

    rows = json_lines.read_rows(path, example='{"task": …, "worker": …, "label": …}')
    if not rows:
        raise _refused(path, "has no rows")
    names = json_lines.names_of(rows)
    columns = choose(names)
    kept = list(dict.fromkeys([*columns.values(), *(name for name in names if is_count(name))]))
    texts = {name: pa.array(json_lines.texts_of(rows, name, path=path)) for name in kept}
    return columns, pa.table({_named(name, columns.values()): column for name, column in texts.items()})


def _named(name: str, wanted: Collection[str]) -> str:
    return name if name in wanted else f"{_COUNT}{name}"


def _coded(column: pa.ChunkedArray) -> pa.DictionaryArray:
    """One array, its values in the order in which they first appear."""
    import pyarrow as pa

    if not pa.types.is_dictionary(column.type):
        column = column.dictionary_encode()
    return pa.chunked_array(column.unify_dictionaries().chunks, type=column.type).combine_chunks()


def _refuse_counts(path: Path, table: pa.Table) -> None:
    import pyarrow.compute as pc

    for name in table.column_names:
        if not name.startswith(_COUNT):
            continue
        if set(pc.unique(table.column(name).cast("string")).to_pylist()) - {"1", ""}:
            raise _refused(
                path, "gives counts beside workers; write one row an answer, or leave the column of counts out"
            )


def _short(message: str) -> str:
    first = message.splitlines()[0] if message else "it is damaged"
    return first if len(first) <= 200 else f"{first[:200]}…"  # noqa: PLR2004 - a line of a terminal or two


def _refused(path: Path, message: str) -> InvalidInput:
    return InvalidInput([Problem(message, field=path.name)])
