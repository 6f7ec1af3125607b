"""The simulated crowd behind the command line: the plan from options, the run with a progress bar."""

from __future__ import annotations

from pathlib import Path

from rich.progress import BarColumn, MofNCompleteColumn, SpinnerColumn, TextColumn, TimeElapsedColumn

from app.cli import talking
from app.marketplace import crowd
from app.marketplace.crowd import CrowdEvent, CrowdEventKind, CrowdPlan, CrowdReport


def crowd_plan(
    *,
    workers: int,
    mix: str,
    key: Path | None,
    replay: bool,
    seed: int,
    concurrency: int,
    patience_s: float,
) -> CrowdPlan:
    """The plan that the options describe. Raises BadPlan, BadAnswerKey."""
    return CrowdPlan(
        workers=workers,
        mix=crowd.parse_mix(mix),
        key=None if key is None else crowd.load(key),
        replay=replay,
        seed=seed,
        concurrency=concurrency,
        patience_s=patience_s,
    )


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
