"""`labeljury batch …`: create, launch, watch, pause, resume, stop, list."""

from __future__ import annotations

import time
from decimal import Decimal, InvalidOperation
from enum import StrEnum
from functools import partial
from pathlib import Path
from typing import TYPE_CHECKING, Annotated

import typer

from app.cli import talking
from app.cli.opening import BY, Opened, opened
from app.cli.talking import counted, dollars
from app.settings import MarketplaceProfile

if TYPE_CHECKING:
    from app.db.tables import Batch
    from app.domain.vocabulary import BatchId
    from app.pipeline import batches

app = typer.Typer(help="Validation batches: create, launch, watch, pause, resume, stop.", no_args_is_help=True)
console = talking.console()

# More than any setting allows: what is above it is refused as too long, infinity too.
LONGEST_DAYS = 10_000.0

BatchArgument = Annotated[int, typer.Argument(help="The Batch's number, as `labeljury batch list` shows it.")]


def usd(text: str | Decimal) -> Decimal:
    """An amount in dollars such as 0.05."""
    try:
        return Decimal(str(text).lstrip("$"))
    except InvalidOperation as error:
        raise typer.BadParameter(f"{text!r} is no amount; write it like 0.05") from error


class FileFormat(StrEnum):
    """What import reads: `ItemFormat` again, whose module is too slow to load for commands that import nothing."""

    CSV = "csv"
    TSV = "tsv"
    JSONL = "jsonl"
    PARQUET = "parquet"


@app.command()
def create(
    file: Annotated[
        Path, typer.Argument(help="CSV, JSON Lines or Parquet with id, media, given_label, guessed_label.")
    ],
    format: Annotated[FileFormat | None, typer.Option(help="Default: by the file's name.")] = None,
    template: Annotated[
        str, typer.Option(help="The question: image, text or audio (`labeljury templates`).")
    ] = "image",
    name: Annotated[str | None, typer.Option(help="What you call it. Default: the file's name.")] = None,
    reward: Annotated[Decimal, typer.Option(parser=usd, metavar="USD", help="Paid per Assignment.")] = Decimal("0.05"),
    assignments: Annotated[int, typer.Option(help="Workers per Item.")] = 5,
    items_per_hit: Annotated[int, typer.Option(help="Items shown on one page.")] = 1,
    quorum: Annotated[int, typer.Option(help="Responses that decide an Item.")] = 3,
    cap: Annotated[
        Decimal | None, typer.Option(parser=usd, metavar="USD", help="Hard limit. Default: the exact cost.")
    ] = None,
    title: Annotated[str | None, typer.Option(help="What Workers see in the list. Default: the template's.")] = None,
    lifetime_days: Annotated[float, typer.Option(help="Days that HITs stay open.")] = 7.0,
    minutes: Annotated[float, typer.Option(help="Minutes that a Worker has for one HIT.")] = 30.0,
    media_root: Annotated[Path | None, typer.Option(help="Folder of local media. Default: the file's folder.")] = None,
    profile: Annotated[MarketplaceProfile | None, typer.Option(help="Default: LABELJURY_MARKETPLACE_PROFILE.")] = None,
    seed: Annotated[int | None, typer.Option(help="Draws which label is shown as which; recorded.")] = None,
) -> None:
    """Import a file of doubtful labels as a draft Batch. Nothing is published and nothing is spent."""
    from app.pipeline import batches
    from app.questions import catalogue

    day_s = 86_400
    with opened() as service:
        new = batches.NewBatch(
            name=name or file.stem,
            template=catalogue.load(template),
            profile=profile or service.settings.marketplace_profile,
            reward_usd=reward,
            assignments_per_item=assignments,
            items_per_hit=items_per_hit,
            quorum=quorum,
            cap_usd=cap,
            title=title,
            lifetime_s=int(min(lifetime_days, LONGEST_DAYS) * day_s),
            assignment_duration_s=int(min(minutes, LONGEST_DAYS * 24 * 60) * 60),
            seed=seed,
        )
        batch_id, items = import_batch(service, new, file, media_root or file.parent, format=format)
        with service.database.transaction() as db:
            cost = batches.forecast(db, batch_id)
    console.print(f"Batch {batch_id}: {counted(items, 'Item')}, a draft for profile {new.profile}.")
    console.print(
        f"It will cost {dollars(cost.total_usd)}: {counted(cost.assignments, 'Assignment')} in"
        f" {counted(cost.hits, 'HIT')}, {dollars(cost.reward_usd)} for Workers and {dollars(cost.fee_usd)} in fees."
    )
    if cap is not None and cap < cost.total_usd:
        console.print(
            f"The cap of {dollars(cap)} does not cover that: labeljury batch set-cap {batch_id} {cost.total_usd:.2f}"
        )
    console.print(f"Next: labeljury batch launch {batch_id}")


def import_batch(
    service: Opened, new: batches.NewBatch, file: Path, media_root: Path, *, format: FileFormat | None = None
) -> tuple[BatchId, int]:
    """Create a Batch and import its Items in one transaction, with a progress bar."""
    from rich.progress import BarColumn, MofNCompleteColumn, TextColumn, TimeElapsedColumn

    from app.db.item_sources import ItemFile, ItemFormat
    from app.domain.vocabulary import BatchId
    from app.pipeline import batches, item_import

    columns = (TextColumn("Importing"), BarColumn(), MofNCompleteColumn(), TimeElapsedColumn())
    with talking.progress_bar(*columns) as bar, service.database.transaction() as db:
        task = bar.add_task("import", total=None)
        batch = batches.create(db, new, by=BY, spending_limit_usd=service.settings.spending_limit_usd)
        report = item_import.import_items(
            db,
            BatchId(batch.id),
            ItemFile.of(file, ItemFormat(format) if format else None),
            media_root=media_root,
            media_dir=service.settings.media_path,
            budget=batches.page_budget(new),
            https_only=new.profile.is_public,
            progress=lambda done, total: bar.update(task, completed=done, total=total),
        )
    return BatchId(batch.id), report.items


@app.command()
def launch(
    batch: BatchArgument,
    confirm_cost: Annotated[
        Decimal | None, typer.Option(parser=usd, metavar="USD", help="The cost, to confirm without being asked.")
    ] = None,
) -> None:
    """Publish a draft Batch. Shows what it costs; real money needs the amount typed."""
    from app.domain.vocabulary import BatchId
    from app.mturk.client import connect
    from app.pipeline import batches

    with opened() as service:
        with service.database.transaction() as db:
            found = batches.get(db, BatchId(batch))
            cost = batches.check_launch(db, found, settings=service.settings)
        profile = MarketplaceProfile(found.profile)
        what = f"Batch {batch} ({found.name}) on profile {profile}"
        console.print(f"{what}: {counted(cost.hits, 'HIT')}, {dollars(cost.total_usd)}.", markup=False)
        if profile is MarketplaceProfile.PRODUCTION and confirm_cost is None:
            confirm_cost = usd(typer.prompt(f"This spends real money. Type the amount ({cost.total_usd}) to go on"))
        batches.launch(
            service.database,
            partial(connect, service.settings),
            BatchId(batch),
            by=BY,
            settings=service.settings,
            confirmed_usd=confirm_cost,
        )
    console.print(f"Batch {batch} is live. Follow it: labeljury batch status {batch} --watch")


@app.command()
def status(
    batch: BatchArgument,
    watch: Annotated[bool, typer.Option("--watch", help="Show it again every two seconds until it is over.")] = False,
) -> None:
    """Show how far a Batch is: HITs, Assignments, Responses, money, Consensus."""
    from app.cli.progress import show
    from app.domain.vocabulary import BatchId, BatchStatus
    from app.pipeline import report

    with opened() as service:
        while True:
            with service.database.transaction() as db:
                progress = report.progress(db, BatchId(batch))
            if watch and console.is_terminal:
                console.clear()
            show(console, progress)
            if not watch or progress.status in {BatchStatus.DONE, BatchStatus.STOPPED}:
                return
            time.sleep(2)


@app.command()
def pause(batch: BatchArgument) -> None:
    """Publish nothing more. What Workers can see already is still collected and paid."""
    _step("pause", batch)


@app.command()
def resume(batch: BatchArgument) -> None:
    """Go on publishing a paused Batch; refused calls are tried again."""
    _step("resume", batch)


@app.command()
def stop(batch: BatchArgument) -> None:
    """End a Batch early: HITs are expired, work under way is collected and paid. There is no way back."""
    _step("stop", batch)


@app.command(name="set-cap")
def set_cap(batch: BatchArgument, cap: Annotated[Decimal, typer.Argument(parser=usd, metavar="USD")]) -> None:
    """Change a Batch's hard limit."""
    from app.domain.vocabulary import BatchId
    from app.pipeline import batches

    with opened() as service, service.database.transaction() as db:
        batches.set_cap(db, BatchId(batch), cap, by=BY, spending_limit_usd=service.settings.spending_limit_usd)
    console.print(f"Batch {batch} may cost up to {dollars(cap)}.")


@app.command(name="list")
def list_batches() -> None:
    """List all Batches, newest first."""
    from rich.table import Table

    from app.pipeline import report

    with opened() as service, service.database.transaction() as db:
        summaries = report.overview(db)
    if not summaries:
        console.print("No Batch yet. Make one: labeljury batch create items.csv --template image")
        return
    table = Table("Batch", "Name", "Profile", "Status", "Items", "Responses", "Spent", box=None)
    for row in summaries:
        table.add_row(
            str(row.id),
            row.name,
            row.profile,
            row.status,
            str(row.items),
            f"{row.done_share:.0%}",
            dollars(row.spent_usd),
        )
    console.print(table)


def _step(action: str, batch_id: int) -> None:
    from app.domain.vocabulary import BatchId
    from app.pipeline import batches

    with opened() as service, service.database.transaction() as db:
        step = {"pause": batches.pause, "resume": batches.resume, "stop": batches.stop}[action]
        batch: Batch = step(db, BatchId(batch_id), by=BY)
    console.print(f"Batch {batch_id} is {batch.status}.")
