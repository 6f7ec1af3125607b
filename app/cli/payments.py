"""Commands that pay beside the reward: bonuses, top-ups, compensations; and the ledger."""

from __future__ import annotations

from datetime import UTC, datetime
from decimal import Decimal
from pathlib import Path
from typing import TYPE_CHECKING, Annotated

import typer

from app.cli import talking
from app.cli.batch import BatchArgument
from app.cli.batch_options import usd
from app.cli.opening import BY, Opened, opened
from app.cli.results import whole_file
from app.cli.talking import dollars
from app.domain.plurals import counted
from app.settings import MarketplaceProfile

if TYPE_CHECKING:
    from collections.abc import Callable

    from sqlalchemy.orm import Session

    from app.db.bonus_plans import BonusPlan
    from app.domain.pricing import Price
    from app.domain.vocabulary import BatchId

app = typer.Typer(help="Bonuses: pay from a CSV or one, top up to an hourly wage, cancel, list.", no_args_is_help=True)
console = talking.console()
SHOWN = 20

Confirmed = Annotated[
    Decimal | None,
    typer.Option("--confirm-cost", parser=usd, metavar="USD", help="The cost, to confirm without being asked."),
]
BonusArgument = Annotated[int, typer.Argument(help="The bonus's number, as `labeljury bonus list` shows it.")]


def register(tree: typer.Typer) -> None:
    """Add the commands to the tree."""
    tree.add_typer(app, name="bonus")
    tree.command()(compensate)
    tree.command()(payments)


@app.command(name="pay")
def pay_sheet(
    batch: BatchArgument,
    file: Annotated[
        Path,
        typer.Argument(help="CSV with AssignmentId, BonusAmount, Reason and, to be sure, WorkerId.", dir_okay=False),
    ],
    confirm_cost: Confirmed = None,
    skip_faulty: Annotated[
        bool, typer.Option("--skip-faulty", help="Pay the other rows where some are faulty; else none is paid.")
    ] = False,
    dry_run: Annotated[
        bool,
        typer.Option(
            "--dry-run", help="Check the file and show the cost; pay nothing. Ends with 1 where rows are faulty."
        ),
    ] = False,
) -> None:
    """Pay the bonuses of a CSV. Uploading it again pays nothing twice: a bonus is its Assignment, amount and reason."""
    from app.cli.faulty_rows import check_rows
    from app.db import bonus_plans

    content = _read(file)
    _pay(
        batch,
        lambda db, batch_id: bonus_plans.plan_sheet(db, batch_id, content),
        confirm_cost=confirm_cost,
        check=lambda planned: check_rows(planned.faults, otherwise="pay"),
        skip_faulty=skip_faulty,
        dry_run=dry_run,
    )


@app.command(name="one")
def pay_one(
    batch: BatchArgument,
    assignment: Annotated[str, typer.Argument(help="The marketplace's AssignmentId.")],
    amount: Annotated[str, typer.Argument(help="In USD, such as 0.50.")],
    reason: Annotated[str, typer.Argument(help="What the Worker reads.")],
    confirm_cost: Confirmed = None,
) -> None:
    """Pay one bonus."""
    from app.db import bonus_plans

    _pay(
        batch,
        lambda db, batch_id: bonus_plans.plan_one(db, batch_id, assignment_id=assignment, amount=amount, reason=reason),
        confirm_cost=confirm_cost,
    )


def _pay(
    batch: int,
    plan: Callable[[Session, BatchId], BonusPlan],
    *,
    confirm_cost: Decimal | None,
    check: Callable[[BonusPlan], None] = lambda planned: planned.faults.check(),
    skip_faulty: bool = False,
    dry_run: bool = False,
) -> None:
    """Show what it comes to, ask where real money is spent, and write it down."""
    from app.domain.vocabulary import BatchId
    from app.pipeline import batches, bonuses

    batch_id = BatchId(batch)
    with opened() as service:
        with service.database.transaction() as db:
            profile = batches.get(db, batch_id).profile
            planned = plan(db, batch_id)
        if planned.new or planned.known:
            _show_plan(planned, batch, profile)
        if not skip_faulty:
            check(planned)
        _show_faults(planned)
        if dry_run or not planned.new:
            console.print("Nothing was paid." if planned.new else "Nothing is left to pay.")
            return
        confirmed = _confirmed(profile, planned.price, confirm_cost)
        with service.database.transaction() as db:
            bonuses.pay(
                db,
                batch_id,
                planned,
                by=BY,
                settings=service.settings,
                confirmed_usd=confirmed,
                skip_faulty=skip_faulty,
            )
    console.print(f"The job runner pays them now. Follow it: labeljury bonus list {batch}")


def _show_plan(plan: BonusPlan, batch: int, profile: str) -> None:
    price = plan.price
    console.print(
        f"Batch {batch} on profile {profile}: {_bonuses(len(plan.new))},"
        f" {dollars(price.reward_usd)} for Workers and {dollars(price.fee_usd)} in fees: {dollars(price.total_usd)}."
    )
    if plan.known:
        console.print(f"{_bonuses(plan.known)} of the file asked for before: not paid again.")


def _show_faults(plan: BonusPlan) -> None:
    if plan.faults.total:
        console.print(f"{counted(plan.faults.total, 'fault')} in the file:")
        for problem in sorted(plan.faults.problems, key=lambda problem: problem.line or 0)[:SHOWN]:
            console.print(f"  {problem}", markup=False)


def _bonuses(number: int) -> str:
    return f"{number:,} {'bonus' if number == 1 else 'bonuses'}"


def _confirmed(profile: str, price: Price, given: Decimal | None) -> Decimal | None:
    if profile == MarketplaceProfile.PRODUCTION and given is None:
        return usd(typer.prompt(f"This spends real money. Type the amount ({price.total_usd}) to go on"))
    return given


@app.command(name="top-up")
def top_up(batch: BatchArgument, confirm_cost: Confirmed = None) -> None:
    """Pay each Worker what is missing to the Batch's hourly wage (`batch create --hourly`), as far as the cap goes."""
    from app.domain.vocabulary import BatchId
    from app.pipeline import batches, bonuses, topups

    batch_id = BatchId(batch)
    with opened() as service:
        with service.database.transaction() as db:
            found = batches.get(db, batch_id)
            missing = topups.missing(db, batch_id)
        price = missing.price
        console.print(
            f"{counted(len(missing.wanted), 'Worker')} of Batch {batch} ({found.profile}) got less than"
            f" {dollars(missing.hourly_usd)} an hour: {dollars(price.reward_usd)} and {dollars(price.fee_usd)} in fees."
        )
        if not missing.wanted:
            return
        confirmed = _confirmed(found.profile, price, confirm_cost)
        bonuses.check_payable(found, price, settings=service.settings)
        bonuses.check_confirmed(found, price, confirmed)
        with service.database.transaction() as db:
            done = topups.top_up(db, batch_id, by=BY, now=datetime.now(UTC), confirmed_usd=price.total_usd)
    console.print(f"{counted(done.workers, 'Worker')} get {dollars(done.paid.reward_usd)}.")
    if done.left_out_workers:
        console.print(
            f"The cap leaves no room for {counted(done.left_out_workers, 'Worker')}: {dollars(done.left_out.total_usd)}"
            f" with fees. Raise it (`labeljury batch set-cap {batch} …`) and run this again."
        )


@app.command(name="list")
def list_bonuses(
    batch: BatchArgument, failed: Annotated[bool, typer.Option("--failed", help="Only the refused ones.")] = False
) -> None:
    """List the latest bonuses of a Batch and how far they are."""
    from rich.table import Table

    from app.domain.vocabulary import BatchId
    from app.pipeline import batches, payments

    with opened() as service, service.database.transaction() as db:
        batches.get(db, BatchId(batch))
        lines = payments.bonuses(db, BatchId(batch), failed=failed)
    if not lines:
        console.print(
            "No bonus was refused." if failed else "No bonus yet. Pay some: labeljury bonus pay BATCH bonuses.csv"
        )
        return
    table = Table("Bonus", "AssignmentId", "Worker", "Amount", "Fee", "Status", "Reason", "Why not", box=None)
    for line in lines:
        cells = (dollars(line.amount_usd), dollars(line.fee_usd), line.status, line.reason[:60], line.error or "")
        table.add_row(str(line.id), line.assignment_id, line.worker, *cells)
    console.print(table)


@app.command()
def cancel(batch: BatchArgument, bonus: BonusArgument) -> None:
    """Give up a bonus that was refused or not tried yet; its money is free again."""
    _steer("cancel", batch, bonus)
    console.print(f"Bonus {bonus} is cancelled.")


@app.command()
def retry(batch: BatchArgument, bonus: BonusArgument) -> None:
    """Try a refused bonus again."""
    _steer("retry", batch, bonus)
    console.print(f"Bonus {bonus} is tried again.")


def _steer(action: str, batch: int, bonus: int) -> None:
    from app.domain.vocabulary import BatchId, OperationId
    from app.pipeline import bonuses

    step = {"cancel": bonuses.cancel, "retry": bonuses.retry}[action]
    with opened() as service, service.database.transaction() as db:
        step(db, BatchId(batch), OperationId(bonus), by=BY)


def compensate(
    batch: BatchArgument,
    worker: Annotated[str, typer.Argument(help="The Worker: pseudonym (W-…) or the marketplace's WorkerId.")],
    amount: Annotated[str, typer.Argument(help="In USD, such as 0.50.")],
    reason: Annotated[str, typer.Option(help="What the Worker reads on the page.")],
    confirm_cost: Confirmed = None,
) -> None:
    """Publish a HIT for one Worker who could not hand their work in: one button, approved and paid at once."""
    from app.domain.pricing import assignment_price
    from app.domain.vocabulary import BatchId
    from app.pipeline import batches, compensation
    from app.secrets import installation_secret

    with opened() as service:
        with service.database.transaction() as db:
            profile = batches.get(db, BatchId(batch)).profile
        if profile == MarketplaceProfile.PRODUCTION:
            confirm_cost = _confirmed(
                profile, assignment_price(usd(amount), max_assignments=1, masters=False), confirm_cost
            )
        with service.database.transaction() as db:
            compensation.offer(
                db,
                BatchId(batch),
                worker=worker,
                amount=amount,
                reason=reason,
                by=BY,
                secret=installation_secret(service.settings),
                settings=service.settings,
                confirmed_usd=confirm_cost,
            )
    console.print("The HIT is being published; only this Worker sees it, and it is paid as soon as they take it.")


def payments(
    batch: BatchArgument,
    out: Annotated[
        Path | None, typer.Option(help="Write every entry to this CSV file, or - for standard output.")
    ] = None,
    worker_ids: Annotated[
        bool, typer.Option("--worker-ids", help="In the file: the marketplace's Worker ids instead of pseudonyms.")
    ] = False,
) -> None:
    """Show a Batch's ledger: what is committed, owed and paid, and its latest entries."""
    with opened() as service, service.database.transaction() as db:
        if out is not None:
            from app.domain.vocabulary import BatchId
            from app.pipeline import payments as ledger

            chunks = ledger.payments_csv(db, BatchId(batch), worker_ids=worker_ids)
            with whole_file(out) as file:
                file.writelines(chunks)
            talking.console(stderr=True).print(f"Ledger of Batch {batch} written to {out}")
            return
        _show_ledger(db, service, batch)


def _show_ledger(db: Session, service: Opened, batch: int) -> None:
    from rich.table import Table

    from app.domain.vocabulary import BatchId
    from app.pipeline import batches
    from app.pipeline import payments as ledger

    batches.get(db, BatchId(batch))
    sums, entries = ledger.totals(db, BatchId(batch)), ledger.entries(db, BatchId(batch), limit=SHOWN)
    console.print(
        f"Paid {dollars(sums.paid_usd)}: {dollars(sums.rewards_usd)} rewards, {dollars(sums.bonuses_usd)} bonuses,"
        f" {dollars(sums.fees_usd)} fees. Owed {dollars(sums.owed_usd)}, reserved {dollars(sums.reserved_usd)},"
        f" committed {dollars(sums.committed_usd)}."
    )
    table = Table("Entry", "When", "Kind", "Status", "USD", "Committed", "Paid", "Assignment or HIT", box=None)
    for entry in reversed(entries):
        amounts = (dollars(entry.amount_usd), dollars(entry.committed_usd), dollars(entry.paid_usd))
        of = entry.assignment_id or entry.hit_id or ""
        table.add_row(str(entry.number), f"{entry.at:%Y-%m-%d %H:%M}", entry.kind, entry.status, *amounts, of)
    console.print(table)
    if sums.entries > len(entries):
        console.print(
            f"The latest {len(entries)} of {sums.entries:,} entries; all: labeljury payments {batch} --out FILE"
        )


def _read(file: Path) -> bytes:
    try:
        return file.read_bytes()
    except OSError as fault:
        raise typer.BadParameter(f"{file} cannot be read: {fault.strerror or fault}") from fault
