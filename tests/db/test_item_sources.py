from collections.abc import Iterator
from pathlib import Path

import pyarrow as pa
import pyarrow.parquet as pq
import pytest

from app.db.item_sources import LONGEST_LINE_BYTES, ItemFile, ItemFormat, count_rows, detect_format, read_rows
from app.domain.item_rows import SourceRow
from app.errors import InvalidInput, Problem

HEADER = "id,url,given_label,guessed_label"


def rows(*lines: str, header: str = HEADER) -> str:
    return "\n".join([header, *lines]) + "\n"


def row(id: str = "1", given: str = "cat") -> str:
    return f"{id},https://images.example/{id}.png,{given},dog"


def read(path: Path, content: str | bytes | None = None) -> Iterator[SourceRow | Problem]:
    """What the reader makes of the file, with this content unless it has its own."""
    if content is not None:
        path.write_bytes(content.encode() if isinstance(content, str) else content)
    return read_rows(ItemFile.of(path))


def problem_of(path: Path, content: str | bytes | None = None) -> Problem:
    """The one fault of the file."""
    [problem] = [found for found in read(path, content) if isinstance(found, Problem)]
    return problem


def test_rows_have_the_lines_they_begin_at(tmp_path: Path) -> None:
    content = rows('1,u,"a\nb",c', "", "2,u,c,d")
    assert [
        (found.line, found.values["id"]) for found in read(tmp_path / "a.csv", content) if isinstance(found, SourceRow)
    ] == [
        (2, "1"),
        (5, "2"),
    ]


def test_reading_goes_on_after_a_row_that_cannot_be_read(tmp_path: Path) -> None:
    found = list(read(tmp_path / "a.csv", rows("1,u,a", row("2"), ",,,", row("3"))))
    assert [(type(one), one.line) for one in found] == [(Problem, 2), (SourceRow, 3), (Problem, 4), (SourceRow, 5)]


def test_rows_are_counted_for_the_progress_bar(tmp_path: Path) -> None:
    (tmp_path / "a.csv").write_text(rows(row("1"), row("2")))
    assert count_rows(ItemFile.of(tmp_path / "a.csv")) == 3
    pq.write_table(pa.table({"id": ["1", "2"]}), tmp_path / "a.parquet")
    assert count_rows(ItemFile.of(tmp_path / "a.parquet")) == 2
    (tmp_path / "b.parquet").write_text("no Parquet")
    assert count_rows(ItemFile.of(tmp_path / "b.parquet")) is None
    assert count_rows(ItemFile.of(tmp_path / "absent.csv")) is None


@pytest.mark.parametrize(
    ("content", "line", "why"),
    [
        ("", 1, "the file has no rows"),
        ("\n\n", 1, "the file has no rows"),
        (HEADER + "\n", 1, "the file has no rows"),
        ("id,url,given_label,guess_label\n", 1, "did you mean 'guessed_label'?"),
        ("id,given_label,guessed_label\n1,a,b\n", 1, "one of url, path, text or media"),
        (rows(row(), header=f"{HEADER},id"), 1, "appears twice: id"),
        (rows(row()).replace(",", ";"), 1, "separated by ';'; save the file with commas"),
        (rows(row()).replace(",", "\t"), 1, "separated by tabs (name the file .tsv)"),
        (rows(row()).replace("\n", "\r"), 1, "old Macintoshes"),
        (rows(row()).encode("utf-16"), 1, "UTF-16; save it as UTF-8"),
        (rows(row()).encode("utf-16-le"), 1, "save the file as UTF-8"),
        (rows(row("1"), row("2", "Käse")).encode("latin-1"), 3, "not UTF-8 (byte 0xE4 at offset "),
        (rows(row("1"), '2,https://x.example/2.png,"cat,dog'), 3, "never closed"),
        (rows(row("1"), '2,https://x.example/2.png,"ca"t,dog'), 3, "write a quote inside a value twice"),
        (rows(row("1") + ",more"), 2, "has 5 fields and the header has 4"),
        (b"\x89PNG\r\n\x1a\n" + bytes(50), 1, "not UTF-8 (byte 0x89 at offset 0)"),
    ],
)
def test_a_csv_file_that_cannot_be_read_says_where_and_why(
    content: str | bytes, line: int, why: str, tmp_path: Path
) -> None:
    problem = problem_of(tmp_path / "items.csv", content)
    assert problem.line == line
    assert why in problem.message


@pytest.mark.parametrize(
    ("line", "why"),
    [
        ('{"id": 1, ', "no JSON that can be read"),
        ("[1, 2]", "must be a JSON object such as"),
        ('"text"', 'not "text"'),
        ("NaN", "must be a JSON object"),
        ('{"id": 1, "id": 2}', "a name appears twice"),
        ('{"id": 1, "ID": 2}', "two names of the object mean the same column"),
        ("[" * 100_000, "no JSON that can be read"),
        ('{"id": ' + "9" * 5_000 + "}", "no JSON that can be read"),
    ],
)
def test_a_json_line_that_is_no_object_is_named(line: str, why: str, tmp_path: Path) -> None:
    good = '{"id": 1, "url": "https://x.example/1.png", "given_label": "cat", "guessed_label": "dog"}'
    problem = problem_of(tmp_path / "items.jsonl", f"{good}\n{line}\n")
    assert problem.line == 2
    assert why in problem.message


def test_a_broken_parquet_file_is_refused(tmp_path: Path) -> None:
    path = tmp_path / "items.parquet"
    pq.write_table(pa.table({"id": ["1"] * 10_000}), path)
    assert "columns are missing" in problem_of(path).message
    path.write_bytes(path.read_bytes()[:-20])
    assert "the Parquet file cannot be read" in problem_of(path).message
    path.write_bytes(b"id,url\n")
    assert "the Parquet file cannot be read" in problem_of(path).message


def test_an_empty_parquet_file_has_no_rows(tmp_path: Path) -> None:
    path = tmp_path / "items.parquet"
    names = HEADER.split(",")
    pq.write_table(pa.table({name: pa.array([], pa.string()) for name in names}), path)
    assert "no rows" in problem_of(path).message


def test_a_line_without_end_does_not_fill_the_memory(tmp_path: Path) -> None:
    path = tmp_path / "items.csv"
    with path.open("wb") as file:
        file.write(HEADER.encode() + b"\n")
        file.truncate(LONGEST_LINE_BYTES * 3)
    assert "the line has more than" in problem_of(path).message


def test_a_file_that_is_not_there_is_named(tmp_path: Path) -> None:
    assert problem_of(tmp_path / "none.csv").message == "'none.csv' cannot be read: No such file or directory"


@pytest.mark.parametrize(
    ("name", "format"),
    [
        ("a.CSV", ItemFormat.CSV),
        ("a.b.tsv", ItemFormat.TSV),
        ("a.ndjson", ItemFormat.JSONL),
        ("a.parquet", ItemFormat.PARQUET),
    ],
)
def test_the_format_is_the_files_suffix(name: str, format: ItemFormat) -> None:
    assert detect_format(Path(name)) is format


def test_a_file_without_a_known_suffix_needs_its_format_named(tmp_path: Path) -> None:
    with pytest.raises(InvalidInput, match=r"must end in one of \.csv"):
        ItemFile.of(tmp_path / "items.xlsx")
    assert ItemFile.of(tmp_path / "upload", ItemFormat.JSONL).format is ItemFormat.JSONL
