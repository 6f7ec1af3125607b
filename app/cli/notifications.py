"""`labeljury notifications`: how collecting by notification goes."""

from __future__ import annotations

from datetime import UTC, datetime

import typer

from app.cli import talking
from app.cli.opening import opened

console = talking.console()


def register(app: typer.Typer) -> None:
    """Add the command to the tree."""
    app.command()(notifications)


def notifications() -> None:
    """Show what came out of the notification queue so far, and whether the marketplace notifies it. Polling goes on beside it."""
    from rich.table import Table

    from app.pipeline import hints

    with opened() as service:
        queue_url = service.settings.notifications_queue_url
        if queue_url is None:
            console.print(
                "No queue is set, so answers are collected by polling alone, every"
                f" {service.settings.poll_interval_s} s. docs/notifications.md says how to set one."
            )
            return
        with service.database.transaction() as db:
            found = hints.report(db, queue_url)
    table = Table(box=None, show_header=False, padding=(0, 2, 0, 0))
    table.add_row("Queue", queue_url)
    table.add_row("HIT types", f"{found.switched_on} of {found.hit_types} of active Batches are switched on")
    table.add_row("Messages", f"{found.messages}, the last {_at(found.received_at)}")
    table.add_row("Hints", f"{found.hints}, the last {_at(found.hinted_at)}")
    table.add_row("Strangers", f"{found.strangers} HITs that are not ours or are over")
    table.add_row("Unreadable", f"{found.unreadable} messages that are no notification")
    console.print(table)
    if found.error:
        console.print(f"The queue cannot be read: {found.error}", style="yellow", markup=False)


def _at(moment: datetime | None) -> str:
    return f"{moment.astimezone(UTC):%Y-%m-%d %H:%M:%S} UTC" if moment else "never"
