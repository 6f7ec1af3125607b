"""A simulated crowd at work, with a progress bar."""

from __future__ import annotations

from rich.progress import BarColumn, MofNCompleteColumn, SpinnerColumn, TextColumn, TimeElapsedColumn

from app.cli import talking
from app.marketplace import crowd
from app.marketplace.crowd import CrowdEvent, CrowdEventKind, CrowdPlan, CrowdReport


def run_with_progress(url: str, plan: CrowdPlan, *, expected: int | None = None) -> CrowdReport:
    """Send the crowd and show each Assignment as it is submitted. `expected`: how many there will be, if known."""
    columns = (
        SpinnerColumn(),
        TextColumn(f"{plan.workers} Workers answer"),
        BarColumn(),
        MofNCompleteColumn(),
        TimeElapsedColumn(),
    )
    with talking.progress_bar(*columns) as bar:
        task = bar.add_task("crowd", total=expected)

        def on_event(event: CrowdEvent) -> None:
            if event.kind is CrowdEventKind.SUBMITTED:
                bar.advance(task)

        return crowd.run_crowd(url, plan, on_event=on_event)
