"""Files that a command is to write, checked before anything is read: none is an input, none is written twice."""

from __future__ import annotations

from os.path import realpath  # where Python 3.11's `Path.resolve` raises RuntimeError for links in a circle
from typing import TYPE_CHECKING

from app.errors import InvalidInput, Problem

if TYPE_CHECKING:
    from collections.abc import Iterable
    from pathlib import Path


def check_targets(written: Iterable[Path | None], read: Iterable[Path | None]) -> None:
    """Raise InvalidInput where a file is to be written twice or over what is read; None stands for no file."""
    taken = {realpath(path) for path in read if path}
    for path in filter(None, written):
        if realpath(path) in taken:
            raise InvalidInput([Problem("is read or written already: name another file to write", field=str(path))])
        taken.add(realpath(path))
