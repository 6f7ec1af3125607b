"""Where commands write: as wide as the terminal; into a file or a pipe so wide that no line is folded and no table cut."""

import os
import sys

from rich.console import Console
from rich.progress import Progress, ProgressColumn

_WIDTH_OF_A_FILE = 400


def console(*, stderr: bool = False) -> Console:
    """Standard output, or standard error."""
    stream = sys.stderr if stderr else sys.stdout
    asked = os.environ.get("COLUMNS", "").isdigit()
    return Console(stderr=stderr, highlight=False, width=None if stream.isatty() or asked else _WIDTH_OF_A_FILE)


def progress_bar(*columns: ProgressColumn) -> Progress:
    """A bar on standard error that goes away when it is done; only where somebody watches."""
    shown = console(stderr=True)
    return Progress(*columns, console=shown, transient=True, disable=not shown.is_terminal)
