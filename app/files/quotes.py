"""Quotes in CSV and TSV that never end: readers take every row behind one for a part of its cell, without a word."""

import re
from pathlib import Path

from app.errors import InvalidInput, Problem

_BYTE_ORDER_MARK = b"\xef\xbb\xbf"


def check_quotes(path: Path, delimiter: str) -> None:
    """Raise InvalidInput, which names the line, for a quote that opens a cell and is never closed.

    Also where it is closed only by the quote of another cell, on a later line: text follows then. On one line that is let
    pass, as the readers do. Raises OSError as the file gives it.
    """
    content = path.read_bytes()
    if b'"' not in content:
        return
    start = len(_BYTE_ORDER_MARK) if content.startswith(_BYTE_ORDER_MARK) else 0
    found = _cells(delimiter).match(content, start)
    end = found.end() if found else start
    if end < len(content):
        message = "a quote opens here and its cell does not end; close it, or double the quotes that belong to the text"
        raise InvalidInput([Problem(message, line=_line(content, end), field=path.name)])


def _cells(delimiter: str) -> re.Pattern[bytes]:
    """As many cells and their ends as there are; it stops at a cell that does not end. Nothing is tried twice."""
    ends = rf"{delimiter}\r\n"
    quoted = rf'"[^"]*+(?:""[^"]*+)*+"(?=[{ends}]|\Z)'
    in_its_line = rf'"[^"\r\n]*+(?:""[^"\r\n]*+)*+"[^{ends}]++'
    plain = rf'[^"{ends}][^{ends}]*+'
    return re.compile(rf"(?:(?:{quoted}|{in_its_line}|{plain})?+(?:[{ends}]++|\Z))*+".encode())


def _line(content: bytes, place: int) -> int:
    """The line, from 1, in which a byte stands; lines end with LF, CR LF, or CR alone."""
    before = content[:place]
    return (before.count(b"\n") or before.count(b"\r")) + 1
