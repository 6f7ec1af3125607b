"""Ending a Batch well: `labeljury batch waiting | give-up | delete-hits | archive`, and `labeljury archive check | read`."""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING, Annotated

import typer

from app.cli import talking
from app.cli.opening import BY, opened
from app.cli.results import whole_file
from app.cli.talking import dollars
from app.domain.plurals import counted

if TYPE_CHECKING:
    from app.domain.archive_format import Manifest

archive_app = typer.Typer(help="Archives of whole Batches: check them, read them back.", no_args_is_help=True)
console = talking.console()

BatchArgument = Annotated[int, typer.Argument(help="The Batch's number, as `labeljury batch list` shows it.")]
FileArgument = Annotated[Path, typer.Argument(help="What `labeljury batch archive` wrote.")]


def register(batch_app: typer.Typer) -> None:
    """Add the commands that are about one Batch to `labeljury batch`."""
    batch_app.command()(waiting)
    batch_app.command(name="give-up")(give_up)
    batch_app.command(name="delete-hits")(delete_hits)
    batch_app.command()(archive)


def waiting(batch: BatchArgument) -> None:
    """Say what a Batch that was stopped still waits for, and until when."""
    from app.domain.vocabulary import BatchId
    from app.pipeline import ending

    with opened() as service, service.database.transaction() as db:
        found = ending.waiting(db, BatchId(batch))
    console.print(f"Batch {batch} is {found.status}, with {dollars(found.unspent_usd)} reserved and not paid.")
    for sentence in found.sentences:
        console.print(f"- {sentence}", markup=False)
    if not found.sentences:
        console.print("It waits for nothing.")


def give_up(
    batch: BatchArgument,
    yes: Annotated[bool, typer.Option("--yes", help="Without being asked.")] = False,
) -> None:
    """End a stopped Batch that waits in vain, for an endpoint that is gone or lets us in no more. Calls nothing.

    HITs that may exist are written off; submitted work, and bonuses that may have been paid, are booked as paid.
    """
    from app.domain.vocabulary import BatchId
    from app.pipeline import ending, giving_up

    with opened() as service:
        with service.database.transaction() as db:
            found = ending.waiting(db, BatchId(batch))
        for sentence in found.sentences:
            console.print(f"- {sentence}", markup=False)
        if found.can_be_given_up and not yes:
            typer.confirm(
                f"Give up on all of this, and book what may have been paid in Batch {batch} as paid?", abort=True
            )
        with service.database.transaction() as db:
            done = giving_up.give_up(db, BatchId(batch), by=BY)
    console.print(
        f"Given up: {counted(done.live_hits, 'live HIT')}, {counted(done.perhaps_published, 'HIT')} perhaps published,"
        f" {counted(done.calls, 'call')}. Booked as paid: {counted(done.assumed_paid, 'Assignment')},"
        f" {done.bonuses_assumed_paid} bonuses. The Batch ends when its answers are counted."
    )


def delete_hits(
    batch: BatchArgument,
    anyway: Annotated[
        bool, typer.Option("--anyway", help="Though nothing was exported since the Batch ended.")
    ] = False,
    yes: Annotated[bool, typer.Option("--yes", help="Without being asked.")] = False,
) -> None:
    """Delete the HITs of a Batch that is over from the marketplace. What is here stays.

    Afterwards rejections can no longer be overturned, and no bonuses paid for this work.
    """
    from app.domain.vocabulary import BatchId
    from app.pipeline import deletion

    batch_id = BatchId(batch)
    with opened() as service:
        with service.database.transaction() as db:
            found = deletion.state(db, batch_id)
        if not found.obstacle and found.remaining and not yes:
            console.print(
                f"{counted(found.remaining, 'HIT')} of Batch {batch} will be gone from the marketplace for good."
            )
            if found.final_rejections:
                console.print(f"{counted(found.final_rejections, 'rejection')} can be overturned only until then.")
            typer.confirm("Delete them?", abort=True)
        with service.database.transaction() as db:
            asked = deletion.delete_hits(db, batch_id, by=BY, anyway=anyway)
    if asked:
        console.print(f"{counted(asked, 'HIT')} will be deleted by the job runners.")
    elif found.waiting:
        console.print(f"{counted(found.waiting, 'HIT')} are about to be deleted.")
    else:
        console.print(f"Nothing is left to delete: {counted(found.deleted, 'HIT')} of Batch {batch} are deleted.")


def archive(
    batch: BatchArgument,
    out: Annotated[
        Path | None, typer.Option(help="The file to write, or - for standard output. Default: batch-BATCH.zip here.")
    ] = None,
    media: Annotated[bool, typer.Option("--media", help="With the media files that were imported.")] = False,
    worker_ids: Annotated[
        bool, typer.Option("--worker-ids", help="With the marketplace's Worker ids beside the pseudonyms.")
    ] = False,
) -> None:
    """Write a Batch that is over as one ZIP file: settings, template, Items, raw answers, Responses, Consensus, payments, trail.

    `labeljury archive check` says whether it is whole, `labeljury archive read` reads it back.
    """
    from app.domain.vocabulary import BatchId
    from app.pipeline import archive as stage
    from app.pipeline.export import WITH_WORKER_IDS

    target = out or Path(f"batch-{batch}{WITH_WORKER_IDS if worker_ids else ''}.zip")
    with opened() as service:
        media_dir = service.settings.media_path if media else None
        with whole_file(target) as file, service.database.transaction() as db:
            chunks = stage.archive(db, BatchId(batch), by=BY, worker_ids=worker_ids, media_dir=media_dir)
            size = sum(file.write(chunk) for chunk in chunks)
    talking.console(stderr=True).print(f"Batch {batch} written to {target}: {size:,} bytes", markup=False)


@archive_app.command()
def check(file: FileArgument) -> None:
    """Say whether an archive is whole: every file of it is read and its SHA-256 compared. Needs no database."""
    from app.pipeline import restoring

    _show(file, restoring.check(file))
    console.print("It is whole: every file is as it was written.")


@archive_app.command()
def read(file: FileArgument) -> None:
    """Read an archive back: its Batch comes in under a new number, ended as it was. All of it, or nothing.

    It can be looked at and exported like any other. Nothing of it calls a marketplace.
    """
    from app.pipeline import restoring

    with opened() as service, service.database.transaction() as db:
        restored = restoring.restore(db, file, by=BY, media_dir=service.settings.media_path)
    _show(file, restored.manifest)
    console.print(
        f"It is Batch {restored.batch_id} here, with {counted(restored.media, 'media file')} added."
        f" Export it: labeljury export {restored.batch_id}"
    )


def _show(file: Path, manifest: Manifest) -> None:
    rows = {name: manifest.member(name).rows for name in ("items", "hits", "assignments", "responses")}
    console.print(
        f"{file.name}: Batch {manifest.batch['number']} ({manifest.batch['name']}), archived"
        f" {manifest.created_at:%Y-%m-%d %H:%M} UTC by Label Jury {manifest.service_version}.",
        markup=False,
    )
    names = "with the Workers' ids" if manifest.worker_ids else "Workers by pseudonym"
    console.print(
        f"{counted(rows['items'], 'Item')}, {counted(rows['hits'], 'HIT')}, {counted(rows['assignments'], 'Assignment')},"
        f" {counted(rows['responses'], 'Response')}, {counted(manifest.media, 'media file')}, {names}."
    )
