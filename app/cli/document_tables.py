"""A report's table on the terminal."""

from __future__ import annotations

from typing import TYPE_CHECKING

from rich.text import Text

if TYPE_CHECKING:
    from rich.table import Table as RichTable

    from app.reporting.document import Table


def printed(table: Table) -> RichTable:
    """Numbers to the right; nothing in a cell is markup."""
    from rich.table import Table as RichTable

    found = RichTable(box=None, title=table.caption, title_justify="left", title_style="bold")
    for place, name in enumerate(table.columns):
        found.add_column(name, justify="left" if place in table.words else "right")
    for row in table.rows:
        found.add_row(*(Text(cell) for cell in row))
    return found
