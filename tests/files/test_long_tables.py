import csv
import json
import os
from pathlib import Path

import pyarrow as pa
import pyarrow.parquet as pq
import pytest

from app.errors import InvalidInput
from app.files.long_columns import Role, find_columns
from app.files.long_tables import read_columns

ROLES = (Role.TASK, Role.WORKER, Role.LABEL)
ROWS = [("007", "w1", "1.0"), ("7", "w,2", 'a "b"'), ("7", "ö\n", "1e3")]


def read(path: Path) -> list[tuple[str, ...]]:
    columns = read_columns(path, lambda found: find_columns(found, ROLES, file=path.name))
    return list(zip(*(columns[role].to_pylist() for role in ROLES), strict=True))


def write_delimited(path: Path, delimiter: str) -> None:
    with path.open("w", newline="", encoding="utf-8-sig") as file:
        csv.writer(file, delimiter=delimiter).writerows([("task", "worker ", "label"), *ROWS])


def test_values_stay_as_they_are_written(tmp_path: Path) -> None:
    write_delimited(tmp_path / "a.csv", ",")
    write_delimited(tmp_path / "a.tsv", "\t")
    lines = "".join(
        f'{{"task": {t}, "worker": {w}, "label": {v}, "extra": []}}\n'
        for t, w, v in [('"007"', '"w1"', "1.0"), ("7", '"w,2"', json.dumps('a "b"')), ("7", '"ö\\n"', "1e3")]
    )
    (tmp_path / "a.jsonl").write_text(lines + "\n")
    pq.write_table(
        pa.table(dict(zip(("task", "worker", "label"), zip(*ROWS, strict=True), strict=True))), tmp_path / "a.parquet"
    )
    for suffix in ("csv", "tsv", "jsonl", "parquet"):
        assert read(tmp_path / f"a.{suffix}") == ROWS, suffix


def test_a_file_may_have_a_name_that_is_no_utf8(tmp_path: Path) -> None:
    named = tmp_path / os.fsdecode(b"caf\xe9")
    write_delimited(named.with_suffix(".csv"), ",")
    columns = dict(zip(("task", "worker", "label"), zip(*ROWS, strict=True), strict=True))
    with named.with_suffix(".parquet").open("wb") as file:
        pq.write_table(pa.table(columns), file)
    for suffix in (".csv", ".parquet"):
        assert read(named.with_suffix(suffix)) == ROWS, suffix


def test_numbers_of_parquet_and_true_of_json_become_text(tmp_path: Path) -> None:
    pq.write_table(
        pa.table(
            {"task": [7], "worker": [1], "label": [None]},
            schema=pa.schema([("task", pa.int64()), ("worker", pa.int32()), ("label", pa.float64())]),
        ),
        tmp_path / "a.parquet",
    )
    assert read(tmp_path / "a.parquet") == [("7", "1", "")]
    (tmp_path / "a.jsonl").write_text('{"task": 1, "worker": null, "label": true}')
    assert read(tmp_path / "a.jsonl") == [("1", "", "true")]


@pytest.mark.parametrize(
    ("name", "content", "reason"),
    [
        ("a.csv", b"", "a.csv: is empty"),
        ("a.csv", b"task,worker,label\n", "a.csv: has no rows"),
        ("a.csv", b"task;worker;label\n1;2;3\n", "seems to be separated by ';': use commas"),
        ("a.csv", b"task\tworker\tlabel\n1\t2\t3\n", "name the file .tsv"),
        ("a.csv", b"task,worker,label,label\n1,2,3,4\n", "names a column twice in its header: 'label'"),
        ("a.csv", b"task,worker,label\n1,2\n", "cannot be read as csv: CSV parse error: Expected 3 columns, got 2"),
        ("a.csv", b"task,worker,label\n1,2,\xff\n", "is not UTF-8; save it as UTF-8"),
        ("a.csv", "task,worker,label\n".encode("utf-16"), "is UTF-16; save it as UTF-8"),
        ("a.csv", b"task,worker,label,count\n1,2,3,4\n", "gives counts beside workers"),
        ("a.csv", b"task,label,count\n1,3,4\n", "columns are missing: worker"),
        ("a.csv", b"task,given,guessed\n1,3,2\n", "columns are missing: worker"),
        ("a.jsonl", b"\n", "a.jsonl: has no rows"),
        ("a.jsonl", b'{"task": 1}\n[1]\n', "line 2, a.jsonl: must be a JSON object"),
        ("a.jsonl", b"{", "line 1, a.jsonl: is no JSON that can be read"),
        (
            "a.jsonl",
            b'{"task": 1}\n{"task": 1, "task": 2}',
            "line 2, a.jsonl: the name 'task' appears twice in the object",
        ),
        ("a.jsonl", b'{"task": [], "worker": 1, "label": 2}', "row 1 holds a list or an object"),
        ("a.parquet", b"PAR1", "cannot be read as parquet"),
        ("a.xlsx", b"", "the name must end in one of"),
    ],
)
def test_what_cannot_be_used_is_named(name: str, content: bytes, reason: str, tmp_path: Path) -> None:
    (tmp_path / name).write_bytes(content)
    with pytest.raises(InvalidInput) as refused:
        read(tmp_path / name)
    assert reason in str(refused.value)


def test_a_file_that_is_not_there_is_named(tmp_path: Path) -> None:
    for name in ("a.csv", "a.jsonl", "a.parquet"):
        with pytest.raises(InvalidInput, match=f"{name}: cannot be read: No such file"):
            read(tmp_path / name)


@pytest.mark.timeout(20)
def test_a_pipe_is_refused_instead_of_waited_for(tmp_path: Path) -> None:
    os.mkfifo(tmp_path / "answers.csv")
    with pytest.raises(InvalidInput, match="is a pipe"):
        read_columns(tmp_path / "answers.csv", lambda names: {name: name for name in names})


def test_counts_of_one_are_answers(tmp_path: Path) -> None:
    (tmp_path / "a.csv").write_text("task,worker,label,count\n1,2,3,1\n")
    assert read(tmp_path / "a.csv") == [("1", "2", "3")]


def test_a_file_of_many_blocks_keeps_its_order(tmp_path: Path) -> None:
    rows = [(f"{n:07}", f"w{n % 977}", str(n % 7)) for n in range(600_000)]
    with (tmp_path / "a.csv").open("w") as file:
        file.write("task,worker,label\n" + "".join(f"{','.join(row)}\n" for row in rows))
    assert read(tmp_path / "a.csv") == rows


def test_columns_of_counts_may_be_several_and_may_be_asked_for(tmp_path: Path) -> None:
    path = tmp_path / "a.csv"
    path.write_text("task,worker,label,count,votes\n1,ada,cat,1,1\n")
    assert read(path) == [("1", "ada", "cat")]
    path.write_text("task,worker,label,count,votes\n1,ada,cat,1,2\n")
    with pytest.raises(InvalidInput, match="gives counts beside workers"):
        read(path)
    path.write_text("task,votes\n1,cat\n")
    assert read_columns(path, lambda _: {Role.LABEL: "votes"})[Role.LABEL].to_pylist() == ["cat"]


def test_a_header_that_names_a_column_twice_but_for_spaces_is_refused(tmp_path: Path) -> None:
    (tmp_path / "a.csv").write_text("task,worker,label, label\n1,ada,cat,dog\n")
    with pytest.raises(InvalidInput, match="names a column twice in its header: 'label'"):
        read(tmp_path / "a.csv")
