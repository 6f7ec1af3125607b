import csv
import io
import json
from pathlib import Path

import pyarrow as pa
import pyarrow.parquet as pq
import pytest

from app.errors import InvalidInput
from app.files.tables import TableFormat, format_of, write_table

PLAIN = pa.table({"id": ["007", "b"], "n": [1, None], "p": [0.5, 1e-9]})
HOSTILE = pa.table({"id": ['a "quoted", text', "line\nend", None, ""], "n": [1, 2, 3, 4]})


def written(table: pa.Table, format: TableFormat) -> bytes:
    file = io.BytesIO()
    write_table(file, table, format)
    return file.getvalue()


def test_plain_values_stand_without_quotes() -> None:
    assert written(PLAIN, TableFormat.CSV) == b"id,n,p\n007,1,0.5\nb,,1e-9\n"
    assert written(PLAIN, TableFormat.TSV) == b"id\tn\tp\n007\t1\t0.5\nb\t\t1e-9\n"


def test_hostile_text_comes_out_as_it_went_in() -> None:
    rows = list(csv.reader(io.StringIO(written(HOSTILE, TableFormat.CSV).decode(), newline="")))
    assert rows == [["id", "n"], ['a "quoted", text', "1"], ["line\nend", "2"], ["", "3"], ["", "4"]]


def test_a_hostile_column_name_is_quoted() -> None:
    assert written(pa.table({"p_a,b": [1]}), TableFormat.CSV) == b'"p_a,b"\n1\n'


def test_json_lines_keep_types() -> None:
    lines = written(HOSTILE, TableFormat.JSONL).decode().splitlines()
    assert [json.loads(line) for line in lines] == HOSTILE.to_pylist()


def test_parquet_is_the_table() -> None:
    assert pq.read_table(io.BytesIO(written(PLAIN, TableFormat.PARQUET))).equals(PLAIN)


@pytest.mark.parametrize("format", list(TableFormat))
def test_a_table_without_rows_is_a_file(format: TableFormat) -> None:
    written(PLAIN.slice(0, 0), format)


def test_the_name_says_the_format() -> None:
    assert [format_of(Path(name)) for name in ("a.CSV", "a.tsv", "a.ndjson", "a.parquet", "-")] == [
        TableFormat.CSV,
        TableFormat.TSV,
        TableFormat.JSONL,
        TableFormat.PARQUET,
        TableFormat.CSV,
    ]
    with pytest.raises(InvalidInput, match=r"a\.xlsx: the name must end in one of \.csv, \.tsv"):
        format_of(Path("a.xlsx"))
