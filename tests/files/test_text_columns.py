import os
from collections.abc import Sequence
from pathlib import Path

import pyarrow as pa
import pyarrow.parquet as pq
import pytest

from app.errors import InvalidInput
from app.files.text_columns import read_text_columns


def both(header: Sequence[str]) -> list[str]:
    return [name for name in ("id", "label") if name in header]


@pytest.mark.parametrize(
    ("name", "content"),
    [
        ("a.csv", '\ufeffid, votes ,label\n007,"given 3, both 1",1.0\n8,,\n'),
        ("a.tsv", "id\tlabel\n007\t1.0\n8\t\n"),
        ("a.jsonl", '{"id": "007", "label": 1.0}\n\n{"id": 8, "label": null}\n'),
    ],
)
def test_values_stay_as_they_are_written(name: str, content: str, tmp_path: Path) -> None:
    (tmp_path / name).write_text(content)
    assert read_text_columns(tmp_path / name, both) == [["007", "8"], ["1.0", ""]]


def test_true_is_written_alike_in_all_json_lines_and_a_name_may_first_come_late(tmp_path: Path) -> None:
    lines = ['{"id": 1}'] * 1001 + ['{"id": 2, "label": true}']
    (tmp_path / "a.jsonl").write_text("\n".join(lines))
    ids, labels = read_text_columns(tmp_path / "a.jsonl", both)
    assert (ids[-1], labels[0], labels[-1]) == ("2", "", "true")


def test_what_other_columns_hold_does_not_matter(tmp_path: Path) -> None:
    (tmp_path / "a.jsonl").write_text(
        r'{"id": "\ud83d\ude00", "label": 2, "text": "cut \ud83d", "score": NaN, "raw": {"a": 1, "a": 2}}'
    )
    assert read_text_columns(tmp_path / "a.jsonl", both) == [["😀"], ["2"]]


@pytest.mark.parametrize("name", [b"a.parquet", b"caf\xe9.parquet"])
def test_parquet_is_read_as_text(name: bytes, tmp_path: Path) -> None:
    path = tmp_path / os.fsdecode(name)
    with path.open("wb") as file:
        pq.write_table(pa.table({"id": [7, 8], "label": ["a", None], "more": [1, 2]}), file)
    assert read_text_columns(path, both) == [["7", "8"], ["a", ""]]


@pytest.mark.parametrize(
    ("name", "content", "message"),
    [
        ("a.csv", b"id,label\n1\n", r"a\.csv.*has 1 values, its header 2"),
        ("a.csv", b"id,label\n", r"a\.csv: has no rows"),
        ("a.csv", b"id,label\n\xff,1\n", r"a\.csv: cannot be read"),
        ("a.jsonl", b"[1]\n", r"a\.jsonl.*must be a JSON object"),
        ("a.jsonl", b"{\n", r"a\.jsonl.*is no JSON"),
        (
            "a.jsonl",
            b'\n{"id": 1, "label": 1, "label": 1}',
            r"line 2, a\.jsonl: the name 'label' appears twice in the object",
        ),
        ("a.jsonl", b'{"id": 1, "label": ["cat"]}\n', r"a\.jsonl: row 1 holds a list or an object; wanted one value"),
        ("a.jsonl", b'{"id": 1, "label": NaN}\n', r"a\.jsonl: row 1 holds nan, which is no value of JSON; write null"),
        ("a.jsonl", rb'{"id": 1, "label": "a\ud83d"}', r"a\.jsonl: row 1 holds half a character: 'a\\ud83d'"),
        ("a.parquet", b"PAR1", r"a\.parquet: cannot be read"),
        ("a.xlsx", b"", r"a\.xlsx: the name must end in"),
    ],
)
def test_what_is_no_table_is_refused_by_name(name: str, content: bytes, message: str, tmp_path: Path) -> None:
    (tmp_path / name).write_bytes(content)
    with pytest.raises(InvalidInput, match=message):
        read_text_columns(tmp_path / name, both)


def test_a_file_that_is_not_there_is_named(tmp_path: Path) -> None:
    with pytest.raises(InvalidInput, match=r"absent\.csv: cannot be read: No such file"):
        read_text_columns(tmp_path / "absent.csv", both)


def test_a_wanted_column_that_is_there_twice_is_refused_and_another_does_not_matter(tmp_path: Path) -> None:
    (tmp_path / "a.csv").write_text("id,label,label \n1,cat,dog\n")
    with pytest.raises(InvalidInput, match=r"a\.csv: names a column twice in its header: 'label'"):
        read_text_columns(tmp_path / "a.csv", both)
    (tmp_path / "a.csv").write_text("id,label,,\n1,cat,,\n")
    assert read_text_columns(tmp_path / "a.csv", both) == [["1"], ["cat"]]
