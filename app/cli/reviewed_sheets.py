"""`labeljury results …`: MTurk's results CSV, written for a spreadsheet and read back with its decisions."""

from __future__ import annotations

from datetime import UTC, datetime
from pathlib import Path
from typing import Annotated

import typer

from app.cli import talking
from app.cli.batch import BatchArgument
from app.cli.opening import BY, opened
from app.cli.results import whole_file
from app.domain.plurals import counted

app = typer.Typer(help="MTurk's results CSV: write it, review it in a spreadsheet, read it back.", no_args_is_help=True)
console = talking.console()
SHOWN = 20


@app.command(name="export")
def export_results(
    batch: BatchArgument,
    out: Annotated[
        Path | None,
        typer.Option(help="The file to write, or - for standard output. Default: Batch_N_batch_results.csv here."),
    ] = None,
    worker_ids: Annotated[
        bool, typer.Option("--worker-ids", help="The marketplace's Worker ids instead of pseudonyms.")
    ] = False,
) -> None:
    """Write one line an Assignment under MTurk's own header, with empty columns Approve and Reject at the end."""
    from app.domain.vocabulary import BatchId
    from app.pipeline import results_csv
    from app.pipeline.export import WITH_WORKER_IDS, take_snapshot

    target = out or Path(f"Batch_{batch}_batch_results{WITH_WORKER_IDS if worker_ids else ''}.csv")
    with opened() as service, service.database.transaction() as db:
        take_snapshot(db)
        chunks = results_csv.results_csv(db, BatchId(batch), worker_ids=worker_ids)
        rows = results_csv.result_rows(db, BatchId(batch))
        with whole_file(target) as file:
            file.writelines(chunks)
    talking.console(stderr=True).print(f"{counted(rows, 'row')} written to {target}")


@app.command(name="import")
def import_decisions(
    batch: BatchArgument,
    file: Annotated[Path, typer.Argument(help="The results CSV with x under Approve, or a reason under Reject.")],
    skip_faulty: Annotated[
        bool, typer.Option("--skip-faulty", help="Do the other rows where some are faulty; else nothing is decided.")
    ] = False,
    dry_run: Annotated[
        bool,
        typer.Option("--dry-run", help="Say what would be decided; decide nothing. Ends with 1 where rows are faulty."),
    ] = False,
) -> None:
    """Approve and reject as a reviewed results CSV says. An x on rejected work takes the rejection back."""
    from app.cli.faulty_rows import check_rows
    from app.domain.decisions import Ruling
    from app.domain.vocabulary import BatchId
    from app.pipeline import results_csv

    try:
        content = file.read_bytes()
    except OSError as fault:
        raise typer.BadParameter(f"{file} cannot be read: {fault.strerror or fault}") from fault
    now = datetime.now(UTC)
    with opened() as service, service.database.transaction() as db:
        sheet = results_csv.read_decisions(db, BatchId(batch), content, now=now)
        console.print(
            f"{sheet.count(Ruling.APPROVE)} to approve, {sheet.count(Ruling.REJECT)} to reject,"
            f" {sheet.count(Ruling.OVERRIDE)} rejections to take back; {len(sheet.known)} are so already."
        )
        for problem in [*sheet.known[:SHOWN], *(sheet.faults.problems[:SHOWN] if skip_faulty else [])]:
            console.print(f"  {problem}", markup=False)
        if not skip_faulty:
            check_rows(sheet.faults, otherwise="decide")
        if not dry_run:
            results_csv.decide(db, BatchId(batch), sheet, by=BY, now=now, skip_faulty=skip_faulty)
    console.print(
        "Nothing was decided." if dry_run or not sheet.decided else "The job runner tells the marketplace now."
    )
