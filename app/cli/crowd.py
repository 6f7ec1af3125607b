"""`labeljury crowd`: simulated Workers on a marketplace's worker site, for rehearsals and load tests."""

from __future__ import annotations

import math
from dataclasses import replace
from typing import TYPE_CHECKING

import typer

from app import logs
from app.cli import crowd_options as may
from app.cli import talking
from app.cli.opening import load_settings
from app.domain.plurals import counted

if TYPE_CHECKING:
    from collections.abc import Mapping, Sequence

    from app.marketplace.crowd import CrowdPlan, CrowdReport, RoleCounts

console = talking.console()

EXIT_INTERRUPTED = 130
_MOST_SHOWN = 10
_NUMBERS = ("Workers", "submitted", "returned", "abandoned", "problems", "right")


def register(app: typer.Typer) -> None:
    """Add the command to the tree."""
    app.command(help=may.HELP)(crowd)


def crowd(
    url: may.Url = None,
    plan: may.Plan = None,
    workers: may.Workers = None,
    mix: may.MixText = "",
    key: may.Key = None,
    replay: may.Replay = False,
    seed: may.Seed = None,
    concurrency: may.Concurrency = None,
    most: may.Most = None,
    time_scale: may.TimeScale = None,
    day: may.Day = None,
    shape: may.Shape = "evening",
    patience_s: may.Patience = None,
    enter: may.Enter = "",
    mine: may.Mine = False,
    careful: may.Careful = 0,
    guessing: may.Guessing = 0,
    first: may.First = 0,
    slow: may.Slow = 0,
    dropout: may.Dropout = 0,
    skilled: may.Skilled = 0,
    biased: may.Biased = 0,
    copying: may.Copying = 0,
    llm: may.Llm = 0,
    bot: may.Bot = 0,
    same: may.Same = 0,
    tiring: may.Tiring = 0,
) -> None:
    """Send simulated Workers; see crowd_options.HELP."""
    counts = (careful, guessing, first, slow, dropout, skilled, biased, copying, llm, bot, same, tiring)
    settings = load_settings()
    # It says what happened itself.
    logs.configure(settings.model_copy(update={"log_level": "WARNING"}))
    site = may.checked(url or settings.marketplace_url, mine=mine, of="URL")
    if enter:
        may.checked(enter, mine=mine, of="--enter")
    wanted = may.base(plan, workers, *may.mix_of(mix, counts, plan))
    changed = may.given(seed=seed, concurrency=concurrency, max_assignments=most, time_scale=time_scale)
    changed |= may.given(patience_s=patience_s, enter=enter or None, replay=replay or None, key=may.key_of(key))
    _run(site, replace(wanted, **changed, **may.arriving(day, shape)))


def _run(site: str, plan: CrowdPlan) -> None:
    """Send the crowd and show what it did. Exit code 1 when something went wrong, 130 after Ctrl-C."""
    from app.cli.crowd_progress import run_with_progress
    from app.marketplace.crowd import CrowdInterrupted

    try:
        report = run_with_progress(site, plan)
    except CrowdInterrupted as stop:
        console.print("Stopped.")
        _show(stop.report)
        raise typer.Exit(EXIT_INTERRUPTED) from None
    _show(report)
    if report.failures:
        raise typer.Exit(1)


def _show(report: CrowdReport) -> None:
    console.print(
        f"{counted(report.submitted, 'Assignment')} submitted, {report.returned} returned, {report.abandoned} abandoned."
    )
    if report.seconds > 0:
        rate = report.submitted / report.seconds
        console.print(f"{counted(report.workers, 'Worker')}, {report.seconds:.1f} s, {rate:.1f} Assignments/s.")
    for request, seconds in report.took_s.items():
        if seconds:
            console.print(f"To {request}: {_ms(seconds, 50)} in the middle, {_ms(seconds, 95)} for 95 of 100.")
    if len(report.roles) > 0:
        _show_roles(report.roles)
    for problem in report.problems[:_MOST_SHOWN]:
        often = f" ({problem.times} times)" if problem.times > 1 else ""
        console.print(f"problem: {problem.text}{often}", markup=False)
    if len(report.problems) > 1:
        console.print(f"{report.failures} problems in all.")


def _ms(seconds: Sequence[float], percent: int) -> str:
    """The time within which so many of 100 were answered."""
    at = max(0, math.ceil(len(seconds) * percent / 100) - 1)
    return f"{sorted(seconds)[at] * 1000:.0f} ms"


def _show_roles(roles: Mapping[str, RoleCounts]) -> None:
    from rich.table import Table

    table = Table("Behaviour", *_NUMBERS, box=None)
    for column in table.columns[1:]:
        column.justify = "right"
    for role, did in sorted(roles.items()):
        known = f"{did.right / did.known:.0%}" if did.known else "–"
        numbers = (did.workers, did.submitted, did.returned, did.abandoned, did.failures)
        table.add_row(role, *map(str, numbers), known)
    console.print(table)
