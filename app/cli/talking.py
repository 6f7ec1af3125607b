"""Where and how commands write: as wide as the terminal; into a file or a pipe no line is folded and no table cut."""

import errno
import os
import sys
from collections.abc import Iterator
from contextlib import contextmanager, suppress
from decimal import Decimal
from typing import TextIO

from rich.console import Console
from rich.progress import Progress, ProgressColumn

_WIDTH_OF_A_FILE = 400
EXIT_UNREAD = 1


def console(*, stderr: bool = False) -> Console:
    """Standard output, or standard error."""
    stream = sys.stderr if stderr else sys.stdout
    asked = os.environ.get("COLUMNS", "").isdigit()
    folds = stream is not None and stream.isatty()  # None: the command was started with the stream closed
    width = None if folds or asked else _WIDTH_OF_A_FILE
    return Console(stderr=stderr, highlight=False, width=width, soft_wrap=not folds)


@contextmanager
def written_out() -> Iterator[None]:
    """All that the block says on standard output is written when it ends. Raises OSError where that cannot be.

    Where the reader is gone (`| head -1`), the program ends without a word.
    """
    out = sys.stdout  # typer puts another in its place when the reader is gone
    try:
        try:
            yield
        finally:
            if out is not None:
                out.flush()
    except OSError as fault:
        if out is not None:
            _let_go(out)
        if fault.errno == errno.EPIPE:
            sys.exit(EXIT_UNREAD)
        raise


def _let_go(stream: TextIO) -> None:
    """What could not be written goes nowhere: at exit Python tries once more, and would complain in its own words."""
    with suppress(OSError):
        nowhere = os.open(os.devnull, os.O_WRONLY)
        os.dup2(nowhere, stream.fileno())
        os.close(nowhere)
        stream.flush()


def dollars(amount: Decimal) -> str:
    """An amount as people read it: $0.90."""
    return f"${amount:.2f}"


def progress_bar(*columns: ProgressColumn) -> Progress:
    """A bar on standard error that goes away when it is done; only where somebody watches."""
    shown = console(stderr=True)
    return Progress(*columns, console=shown, transient=True, disable=not shown.is_terminal)
