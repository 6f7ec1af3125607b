"""`labeljury batch …`: create, launch, watch, pause, resume, stop, list."""

from __future__ import annotations

import time
from decimal import Decimal
from functools import partial
from pathlib import Path
from typing import TYPE_CHECKING, Annotated

import typer

from app.cli import batch_options as options
from app.cli import talking
from app.cli.batch_options import FileFormat, usd
from app.cli.opening import BY, Opened, opened
from app.cli.talking import dollars
from app.cli.wages import reward_for
from app.domain.plurals import counted
from app.settings import MarketplaceProfile

if TYPE_CHECKING:
    from app.db.tables import Batch
    from app.domain.vocabulary import BatchId
    from app.pipeline import batches

app = typer.Typer(help="Validation batches: create, launch, watch, pause, resume, stop.", no_args_is_help=True)
console = talking.console()

# More than any setting allows: what is above it is refused as too long, infinity too.
LONGEST_DAYS = 10_000.0
DAY_S = 86_400
MASTERS_ONLY = "Masters alone may take part; the marketplace's fee is 5 % of the reward higher, and counted."

BatchArgument = Annotated[int, typer.Argument(help="The Batch's number, as `labeljury batch list` shows it.")]


def _numbers(text: str) -> tuple[int, ...]:
    """Batch numbers such as `3,4`."""
    try:
        return tuple(int(part) for part in text.replace(",", " ").split())
    except ValueError as error:
        raise typer.BadParameter(f"{text!r} names no Batches; write their numbers like 3,4") from error


@app.command()
def create(
    file: options.FileOption,
    format: options.FormatOption = None,
    template: options.TemplateOption = "image",
    name: options.NameOption = None,
    reward: options.RewardOption = None,
    hourly: options.HourlyOption = None,
    top_up: options.TopUpOption = False,
    assignments: options.AssignmentsOption = 5,
    items_per_hit: options.ItemsPerHitOption = 1,
    quorum: options.QuorumOption = 3,
    cap: options.CapOption = None,
    first: options.FirstOption = None,
    repost_limit: options.RepostLimitOption = 3,
    pilot: options.PilotOption = None,
    release_at: options.ReleaseAtOption = None,
    masters: options.MastersOption = False,
    exclude_workers_of: options.ExcludeWorkersOfOption = "",
    title: options.TitleOption = None,
    lifetime_days: options.LifetimeDaysOption = 7.0,
    minutes: options.MinutesOption = 30.0,
    days_until_approval: options.DaysUntilApprovalOption = 7.0,
    review: options.ReviewOption = "approve_all",
    media_root: options.MediaRootOption = None,
    profile: options.ProfileOption = None,
    seed: options.SeedOption = None,
) -> None:
    """Import a file of doubtful labels as a draft Batch. Nothing is published and nothing is spent."""
    from app.domain.review_policy import ReviewRule
    from app.pipeline import batches
    from app.questions import catalogue

    with opened() as service:
        new = batches.NewBatch(
            name=name or file.stem,
            template=(question := catalogue.load(template)),
            profile=(place := profile or service.settings.marketplace_profile),
            reward_usd=reward_for(service, question, place, items_per_hit, reward=reward, hourly=hourly),
            hourly_usd=hourly,
            top_up=top_up,
            assignments_per_item=assignments,
            items_per_hit=items_per_hit,
            quorum=quorum,
            cap_usd=cap,
            first_assignments=first,
            repost_limit=repost_limit,
            pilot_items=pilot,
            release_agreement=release_at,
            masters=masters,
            excluded_batches=_numbers(exclude_workers_of),
            title=title,
            lifetime_s=_seconds(lifetime_days, DAY_S),
            assignment_duration_s=_seconds(minutes, 60),
            auto_approval_delay_s=_seconds(days_until_approval, DAY_S),
            seed=seed,
            review=ReviewRule.parse(review),
        )
        batch_id, items = import_batch(service, new, file, media_root or file.parent, format=format)
        _say_what_comes(service, batch_id, new, items)


def _seconds(amount: float, unit_s: int) -> int:
    """Of so many days or minutes; above LONGEST_DAYS it is too long in any case."""
    return int(min(amount * unit_s, LONGEST_DAYS * DAY_S))


def _say_what_comes(service: Opened, batch_id: BatchId, new: batches.NewBatch, items: int) -> None:
    """What the draft will cost, and what to do next."""
    from app.cli.progress import said_of_forecast
    from app.pipeline import batches, forecasts

    with service.database.transaction() as db:
        cost = batches.forecast(db, batch_id)
        expected = forecasts.forecast_of(db, batch_id, hits=cost.hits)
    console.print(f"Batch {batch_id}: {counted(items, 'Item')}, a draft for profile {new.profile}.")
    console.print(
        f"It will cost {'at most ' if expected.is_open else ''}{dollars(cost.total_usd)}:"
        f" {counted(cost.assignments, 'Assignment')} in"
        f" {counted(cost.hits, 'HIT')}, {dollars(cost.reward_usd)} for Workers and {dollars(cost.fee_usd)} in fees."
    )
    if expected.is_open:
        console.print(said_of_forecast(expected))
    if new.masters:
        console.print(MASTERS_ONLY)
    if new.pilot_items is not None:
        console.print(f"First a pilot of {counted(new.pilot_items, 'Item')}; the rest waits to be released.")
    if new.cap_usd is not None and new.cap_usd < cost.total_usd:
        console.print(
            f"The cap of {dollars(new.cap_usd)} does not cover that: labeljury batch set-cap {batch_id} {cost.total_usd:.2f}"
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
        batches.check_items(db, BatchId(batch.id))
    return BatchId(batch.id), report.items


@app.command()
def launch(
    batch: BatchArgument,
    confirm_cost: Annotated[
        Decimal | None, typer.Option(parser=usd, metavar="USD", help="The cost, to confirm without being asked.")
    ] = None,
) -> None:
    """Publish a draft Batch. Shows what it costs; real money needs the amount typed."""
    from app.calls.launch_checks import at_most_usd
    from app.cli.progress import said_of_forecast
    from app.domain.vocabulary import BatchId
    from app.mturk.client import connect
    from app.pipeline import batches, forecasts

    with opened() as service:
        with service.database.transaction() as db:
            found = batches.get(db, BatchId(batch))
            cost = batches.check_launch(db, found, settings=service.settings)
            expected = forecasts.forecast_of(db, BatchId(batch), hits=cost.hits)
        most = at_most_usd(found, cost)
        profile = MarketplaceProfile(found.profile)
        what = f"Batch {batch} ({found.name}) on profile {profile}"
        upto = "at most " if expected.is_open else ""
        console.print(f"{what}: {counted(cost.hits, 'HIT')}, {upto}{dollars(most)}.", markup=False)
        if found.masters:
            console.print(MASTERS_ONLY)
        if expected.is_open:
            console.print(said_of_forecast(expected))
        if profile is MarketplaceProfile.PRODUCTION and confirm_cost is None:
            confirm_cost = usd(typer.prompt(f"This spends real money. Type the amount ({most}) to go on"))
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
    from app.cli.progress import said_of_forecast, show
    from app.cli.review import said_of
    from app.domain.vocabulary import BatchId, BatchStatus
    from app.pipeline import batches, forecasts, report, review_report

    with opened() as service:
        while True:
            with service.database.transaction() as db:
                progress = report.progress(db, BatchId(batch))
                deadlines = review_report.review_deadlines(db, BatchId(batch))
                masters = batches.get(db, BatchId(batch)).masters
                expected = forecasts.forecast_of(db, BatchId(batch))
            if watch and console.is_terminal:
                console.clear()
            show(console, progress)
            if masters:
                console.print(MASTERS_ONLY)
            _say_what_it_waits_for(service, batch, progress.status)
            if expected.is_open:
                console.print(said_of_forecast(expected))
            if deadlines.undecided:
                console.print(f"Review: {said_of(deadlines)} labeljury review list {batch}")
            if not watch or progress.status in {BatchStatus.DONE, BatchStatus.STOPPED}:
                return
            time.sleep(2)


def _say_what_it_waits_for(service: Opened, batch: int, status: str) -> None:
    from app.domain.vocabulary import BatchId, BatchStatus
    from app.pipeline import ending

    if status == BatchStatus.STOPPING:
        with service.database.transaction() as db:
            sentences = ending.waiting(db, BatchId(batch)).sentences
        for sentence in sentences:
            console.print(f"Waiting for: {sentence}", markup=False)


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


@app.command()
def release(batch: BatchArgument) -> None:
    """Publish the Items beyond a Batch's pilot."""
    _step("release", batch)


@app.command()
def repost(batch: BatchArgument) -> None:
    """Ask once more for Items that ended with fewer answers: expired, rejected, unreadable, or a cap that was too small."""
    _step("repost", batch)


@app.command(name="set-cap")
def set_cap(
    batch: BatchArgument,
    cap: Annotated[Decimal, typer.Argument(parser=usd, metavar="USD")],
    confirm_cost: Annotated[
        Decimal | None, typer.Option(parser=usd, metavar="USD", help="The new cap, to confirm without being asked.")
    ] = None,
) -> None:
    """Change a Batch's hard limit. To raise it where real money is spent, the amount is typed once more."""
    from app.calls.launch_checks import needs_confirmation
    from app.domain.vocabulary import BatchId
    from app.pipeline import batches

    with opened() as service:
        with service.database.transaction() as db:
            asks = needs_confirmation(batches.get(db, BatchId(batch)), cap)
        if asks and confirm_cost is None:
            confirm_cost = usd(typer.prompt(f"This lets it spend more real money. Type the new cap ({cap}) to go on"))
        with service.database.transaction() as db:
            limit = service.settings.spending_limit_usd
            batches.set_cap(db, BatchId(batch), cap, by=BY, spending_limit_usd=limit, confirmed_usd=confirm_cost)
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
    from app.pipeline import batches, continuing

    steps = {
        "pause": batches.pause,
        "resume": batches.resume,
        "stop": batches.stop,
        "release": continuing.release,
        "repost": continuing.repost,
    }
    with opened() as service, service.database.transaction() as db:
        step = steps[action]
        batch: Batch = step(db, BatchId(batch_id), by=BY)
    console.print(f"Batch {batch_id} is {batch.status}.")
