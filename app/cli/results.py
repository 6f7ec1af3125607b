"""What a Batch brings so far, templates that Workers are asked by, and files that appear only when they are whole."""

from __future__ import annotations

import errno
import os
import sys
from contextlib import contextmanager
from pathlib import Path
from typing import IO, TYPE_CHECKING, Annotated

import typer

from app.cli import talking
from app.cli.opening import opened
from app.domain.plurals import counted
from app.errors import InvalidInput, Problem

if TYPE_CHECKING:
    from collections.abc import Iterator

console = talking.console()


def register(app: typer.Typer) -> None:
    """Add the commands to the tree."""
    app.command()(consensus)
    app.command()(templates)


def consensus(
    batch: Annotated[int, typer.Argument(help="The Batch's number.")],
    recompute: Annotated[bool, typer.Option("--recompute", help="Compute every Item anew first.")] = False,
) -> None:
    """Show what the Responses of a Batch say so far: the study's table."""
    from app.cli.progress import show_categories
    from app.domain.vocabulary import BatchId
    from app.pipeline import batches, report, responses
    from app.pipeline import consensus as stage

    batch_id = BatchId(batch)
    with opened() as service:
        with service.database.transaction() as db:
            batches.get(db, batch_id)
            if recompute:
                stage.mark_all_stale(db, batch_id)
        responses.read(service.database, batch_id)
        computed = stage.compute(service.database, batch_id)
        with service.database.transaction() as db:
            progress = report.progress(db, batch_id)
    if recompute:
        console.print(f"Computed {counted(computed, 'Item')}.")
    show_categories(console, progress.categories)
    settled, responses_read = counted(progress.settled, "Item"), counted(progress.responses, "Response")
    console.print(f"{settled} settled, {progress.open} open, {responses_read}.")


@contextmanager
def whole_file(target: Path) -> Iterator[IO[bytes]]:
    """The file appears under its name only when it is whole; `-` is standard output. Raises InvalidInput where it cannot.

    A link stays one: what it points to is written. What is there and no file, such as a pipe or /dev/null, is written to.
    """
    if str(target) == "-":
        if sys.stdout is None:  # the command was started with the stream closed
            raise _not_written(target, OSError(errno.EBADF, "standard output is closed"))
        yield sys.stdout.buffer
        sys.stdout.buffer.flush()  # before anybody is told that it is written
        return
    if target.exists() and not (target.is_file() or target.is_dir()):
        with _opened(target, target) as file:
            yield file
        return
    named, target = target, Path(os.path.realpath(target)) if target.is_symlink() else target
    if target.is_symlink():  # followed to its end, so its links go round in a circle
        raise _not_written(named, OSError(errno.ELOOP, os.strerror(errno.ELOOP)))
    draft = target.with_name(f".{target.name}.{os.getpid()}.part")
    file = _opened(draft, named)
    try:
        with file:
            yield file
        if target.is_dir():
            raise _not_written(named, IsADirectoryError("is a folder"))
        draft.replace(target)
    finally:
        draft.unlink(missing_ok=True)


def _opened(path: Path, named: Path) -> IO[bytes]:
    try:
        return path.open("wb")
    except OSError as fault:
        raise _not_written(named, fault) from fault


def _not_written(target: Path, fault: OSError) -> InvalidInput:
    return InvalidInput([Problem(f"cannot be written: {fault.strerror or fault}", field=str(target))])


def templates() -> None:
    """List the HIT templates: what Workers are asked."""
    from rich.table import Table

    from app.questions import catalogue

    table = Table("Template", "Media", "Title", "Seconds an Item", box=None)
    for template in catalogue.available():
        table.add_row(template.name, template.media_type, template.title, str(template.seconds_per_item))
    console.print(table)
