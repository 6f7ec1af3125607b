"""A Batch's progress as text for a terminal."""

from rich.console import Console
from rich.progress_bar import ProgressBar
from rich.table import Table

from app.cli.talking import dollars
from app.domain.plurals import counted
from app.domain.statistics.categories import CategoryTable
from app.pipeline.forecasts import Basis, Forecast
from app.pipeline.report import Progress

_BASIS = {
    Basis.STUDY: "supposed from the study's published votes",
    Basis.BATCH: "from this Batch's answers so far",
}


def said_of_forecast(expected: Forecast) -> str:
    """What a Batch will take where the number of answers is not fixed."""
    between = f"{dollars(expected.low_usd)} to {dollars(expected.high_usd)}"
    return (
        f"Expected: {dollars(expected.expected_usd)} ({between} in nine of ten cases), {expected.assignments.expected}"
        f" Assignments, {_BASIS.get(expected.basis, 'exact')}; answers that are lost and asked for again come on top."
    )


def show(console: Console, progress: Progress) -> None:
    """Print how far the Batch is, what it cost so far and what its Items turned out to be."""
    table = Table(box=None, show_header=False, padding=(0, 2, 0, 0))
    table.add_row("Batch", f"{progress.batch_id}, {progress.status}")
    table.add_row("HITs", f"{progress.hits.published} of {progress.hits.total} published, {progress.hits.done} done")
    assignments = progress.assignments
    table.add_row(
        "Assignments", f"{assignments.submitted} of {assignments.expected} submitted, {assignments.approved} approved"
    )
    table.add_row("Responses", f"{progress.responses} of {progress.responses_expected}")
    table.add_row("", ProgressBar(total=1.0, completed=progress.done_share, width=40))
    money = progress.money
    cap = "no cap yet" if money.cap_usd is None else f"cap {dollars(money.cap_usd)}"
    paid = f"{dollars(money.spent_usd)} spent, {dollars(money.owed_usd)} owed, {dollars(money.still_reserved_usd)} reserved"
    table.add_row("Money", f"{paid}, {cap}")
    agreement = "–" if progress.agreement is None else f"{progress.agreement:.0%}"
    table.add_row("Consensus", f"{progress.settled} settled, {progress.open} open, mean agreement {agreement}")
    console.print(table)
    show_categories(console, progress.categories)
    if assignments.quarantined:
        console.print(f"{counted(assignments.quarantined, 'answer')} could not be read, kept aside: see the console.")
    if progress.short:
        console.print(
            f"{counted(progress.short, 'Item ends', 'Items end')} with fewer answers than they should.", markup=False
        )
    if progress.attention:
        console.print(f"Needs attention: {progress.attention}", style="yellow", markup=False)


def show_categories(console: Console, found: CategoryTable) -> None:
    """Print the study's table."""
    table = Table("checked", "non-errors", "non-agreement", "correctable", "multi-label", "neither", "errors", box=None)
    counts = (
        found.checked,
        found.non_errors,
        found.non_agreement,
        found.correctable,
        found.multi_label,
        found.neither,
        found.errors,
    )
    table.add_row(*(str(count) for count in counts))
    console.print(table)
