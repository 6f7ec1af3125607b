"""Sheets: CSV files that a person filled in, often in a spreadsheet. Rows with their line, and every fault by line.

Byte order marks, CRLF, quoted line ends, semicolons or tabs for commas and Excel's `sep=;` line are all fine.
"""

import csv
import io
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass

from app.errors import InvalidInput, Problem

# As many faults as one report lists; the rest is counted.
MOST_PROBLEMS = 1_000
_LARGEST_FIELD = 10_000_000
_UTF16 = (b"\xff\xfe", b"\xfe\xff")
_SEPARATORS = ",;\t"


@dataclass(frozen=True, slots=True)
class SheetRow:
    """One row that is not empty. `line` counts from 1, the header included; columns are called as `read_sheet` was told."""

    line: int
    values: Mapping[str, str]


def read_sheet(content: bytes, *, needed: Sequence[str], wanted: Sequence[str] = ()) -> Iterator[SheetRow | Problem]:
    """The rows of a sheet that has at least the columns `needed`; `wanted` ones are read where they are there.

    Columns are found whatever their order and case. A Problem stands for each row that cannot be read.
    Raises InvalidInput for a file that is no such sheet.
    """
    lines = _text(content)
    separator = _separator(lines)
    csv.field_size_limit(_LARGEST_FIELD)
    reader = csv.reader(io.StringIO(lines, newline=""), delimiter=separator, strict=True)
    places: dict[str, int] | None = None
    columns, start = 0, 1
    try:
        for cells in reader:
            if places is None and any(map(str.strip, cells)) and not _is_separator_line(cells):
                places, columns = _places(cells, needed, wanted), len(cells)
            elif places is not None and any(map(str.strip, cells)):
                yield _row(start, cells, places, columns)
            start = reader.line_num + 1
    except csv.Error as fault:
        yield Problem(f"the quotes of this row do not match ({fault}); the rows after it were not read", line=start)
    if places is None:
        raise InvalidInput(
            [Problem(f"the file is empty; its first line names the columns: {', '.join(needed)}", line=1)]
        )


def _text(content: bytes) -> str:
    """Raises InvalidInput for what is not UTF-8."""
    if content.startswith(_UTF16):
        return content.decode("utf-16", "replace")
    try:
        return content.decode("utf-8-sig")
    except UnicodeDecodeError as fault:
        line = content.count(b"\n", 0, fault.start) + 1
        message = "is not UTF-8; save the file as CSV UTF-8"
        raise InvalidInput([Problem(message, line=line)]) from fault


def _separator(lines: str) -> str:
    """What the first line is cut by; a semicolon where the spreadsheet's language writes numbers with commas."""
    first = next((line for line in lines.splitlines() if line.strip()), "")
    if first.strip().strip('"').lower().startswith("sep="):
        told = first.strip().strip('"')[4:5] or "\t"
        return told if told in _SEPARATORS else ","
    return max(_SEPARATORS, key=first.count)


def _is_separator_line(cells: Sequence[str]) -> bool:
    return cells[0].strip().lower().startswith("sep=")


def _places(cells: Sequence[str], needed: Sequence[str], wanted: Sequence[str]) -> dict[str, int]:
    """Where each column stands. Raises InvalidInput for one that is missing or there twice."""
    names = [cell.strip().casefold() for cell in cells]
    known = (*needed, *wanted)
    problems = [
        Problem("the column is missing; the first line names the columns", line=1, field=name)
        for name in needed
        if name.casefold() not in names
    ]
    problems += [
        Problem("the column is there twice; keep one", line=1, field=name)
        for name in known
        if names.count(name.casefold()) > 1
    ]
    if problems:
        raise InvalidInput(problems)
    return {name: names.index(name.casefold()) for name in known if name.casefold() in names}


def _row(line: int, cells: Sequence[str], places: Mapping[str, int], columns: int) -> SheetRow | Problem:
    # Spreadsheets leave out what is empty at the end of a row; more fields than columns are a comma without quotes.
    if len(cells) > columns and any(map(str.strip, cells[columns:])):
        hint = "a comma or line end inside a value needs quotes around the value"
        return Problem(f"has {len(cells)} fields and the header has {columns}; {hint}", line=line)
    if any("\x00" in cell for cell in cells):
        return Problem("contains NUL characters; save the file as CSV UTF-8", line=line)
    return SheetRow(line, {name: cells[at] if at < len(cells) else "" for name, at in places.items()})


class Faults:
    """Faults as they are found: the first MOST_PROBLEMS are kept, all are counted."""

    def __init__(self) -> None:
        self.problems: list[Problem] = []
        self.total = 0

    def add(self, *problems: Problem) -> None:
        """Note faults."""
        self.total += len(problems)
        self.problems += problems[: MOST_PROBLEMS - len(self.problems)]

    def check(self) -> None:
        """Raise InvalidInput with all of them, in the order of the lines."""
        if self.total:
            raise InvalidInput(sorted(self.problems, key=lambda problem: problem.line or 0), total=self.total)
