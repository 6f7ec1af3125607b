"""Where and how commands write: as wide as the terminal; into a file or a pipe no line is folded and no table cut."""

import os
import sys
from decimal import Decimal

from rich.console import Console
from rich.progress import Progress, ProgressColumn

_WIDTH_OF_A_FILE = 400


def console(*, stderr: bool = False) -> Console:
    """Standard output, or standard error."""
    stream = sys.stderr if stderr else sys.stdout
    asked = os.environ.get("COLUMNS", "").isdigit()
    folds = stream.isatty()
    width = None if folds or asked else _WIDTH_OF_A_FILE
    return Console(stderr=stderr, highlight=False, width=width, soft_wrap=not folds)


def dollars(amount: Decimal) -> str:
    """An amount as people read it: $0.90."""
    return f"${amount:.2f}"


def counted(number: int, thing: str) -> str:
    """`1 HIT`, `2 HITs`."""
    return f"{number} {thing}" if number == 1 else f"{number} {thing}s"


def progress_bar(*columns: ProgressColumn) -> Progress:
    """A bar on standard error that goes away when it is done; only where somebody watches."""
    shown = console(stderr=True)
    return Progress(*columns, console=shown, transient=True, disable=not shown.is_terminal)
