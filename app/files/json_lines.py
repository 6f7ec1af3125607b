"""JSON Lines as columns of text: one object a line, values exactly as they are written (1.0 stays 1.0, 007 stays 007)."""

import json
from collections.abc import Sequence
from pathlib import Path

from app.errors import InvalidInput, Problem
from app.files.repeated_names import Repeated, object_of
from app.files.whole_text import is_whole

Row = dict[str, object]
_SHOWN = 40
# Numbers as they are written: a label 1.0 is not the label 1. One decoder for all lines: `json.loads` would make one for each.
_DECODER = json.JSONDecoder(parse_int=str, parse_float=str, object_pairs_hook=object_of)


def read_rows(path: Path, *, example: str) -> list[Row]:
    """The file's objects, its numbers as text; blank lines are passed over. `example`: an object as it should be, for messages.

    Raises InvalidInput, which names the line, where one is no object or has a name twice, and OSError or UnicodeDecodeError as
    the file gives them.
    """
    rows: list[Row] = []
    with path.open(encoding="utf-8-sig") as file:
        for line, text in enumerate(file, start=1):
            if not text.strip():
                continue
            try:
                row = _DECODER.decode(text)
            except (ValueError, RecursionError) as fault:
                raise _refused(path, f"is no JSON that can be read: {fault}", line=line) from fault
            if not isinstance(row, dict):
                raise _refused(path, f"must be a JSON object such as {example}", line=line)
            if isinstance(row, Repeated):
                raise _refused(path, f"the name {row.name!r:.{_SHOWN}} appears twice in the object", line=line)
            rows.append(row)
    return rows


def names_of(rows: Sequence[Row]) -> list[str]:
    """Every name that a row has, in the order in which they first appear."""
    return list(dict.fromkeys(name for row in rows for name in row))


def texts_of(rows: Sequence[Row], name: str, *, path: Path) -> list[str]:
    """The values under one name as text, absent ones empty. Raises InvalidInput for a list, an object, NaN, half a character."""
    if not is_whole(name):
        raise _refused(path, f"has a name with half a character in it: {name!r}")
    return [_text(path, row.get(name), number) for number, row in enumerate(rows, start=1)]


def _text(path: Path, value: object, row: int) -> str:
    match value:
        case str() if is_whole(value):
            return value
        case str():
            raise _refused(path, f"row {row} holds half a character: {value[:_SHOWN]!r}")
        case float():
            raise _refused(path, f"row {row} holds {value}, which is no value of JSON; write null where there is none")
        case None:
            return ""
        case bool():
            return "true" if value else "false"
        case _:
            raise _refused(path, f"row {row} holds a list or an object; wanted one value")


def _refused(path: Path, message: str, *, line: int | None = None) -> InvalidInput:
    return InvalidInput([Problem(message, line=line, field=path.name)])
