"""`labeljury report`: a Batch as one document to read, print and cite."""

from __future__ import annotations

from enum import StrEnum
from pathlib import Path
from typing import TYPE_CHECKING, Annotated

import typer

from app.cli import talking
from app.cli.opening import opened
from app.cli.results import whole_file

if TYPE_CHECKING:
    from app.cli.opening import Opened
    from app.domain.statistics.study_table import Scope
    from app.domain.vocabulary import BatchId


class ReportFormat(StrEnum):
    """What a report is written as; the value is the file's suffix."""

    HTML = "html"
    MD = "md"


_FORMATS = {".html": ReportFormat.HTML, ".htm": ReportFormat.HTML, ".md": ReportFormat.MD, ".markdown": ReportFormat.MD}

_EPILOG = """Examples:

`labeljury report 7`  writes report-7.html

`labeljury report 7 --out report.md`

`labeljury report 7 --suspects 2000 --dataset-size 50000`  for the dataset's error rate and the suspect-finder's recall"""


def register(app: typer.Typer) -> None:
    """Add the command to the tree."""
    app.command(epilog=_EPILOG)(report)


def report(
    batch: Annotated[int, typer.Argument(help="The Batch's number.")],
    out: Annotated[
        Path | None, typer.Option(help="The file to write, or - for standard output. Default: report-BATCH.html here.")
    ] = None,
    format: Annotated[
        ReportFormat | None, typer.Option(help="Default: as the file's name ends, else html.", case_sensitive=False)
    ] = None,
    suspects: Annotated[
        int | None, typer.Option(min=1, help="Suspects there are, where the Batch holds a part of them.")
    ] = None,
    dataset_size: Annotated[
        int | None, typer.Option(min=1, help="Items of the whole dataset: for its error rate and for recall.")
    ] = None,
) -> None:
    """Write one document on a Batch: tables with intervals, plots and a methods section, as far as the Batch is.

    One file that needs nothing else: HTML (light, dark, print, phone) or Markdown. Workers appear by pseudonym. What too few
    Responses cannot say is named, with the reason.
    """
    from app.domain.statistics.study_table import Scope
    from app.domain.vocabulary import BatchId

    target, chosen = _target(batch, out, format)
    with opened() as service:
        written = _written(service, BatchId(batch), chosen, Scope(suspects, dataset_size))
    with whole_file(target) as file:
        file.write(written.encode())
    talking.console(stderr=True).print(f"Report on Batch {batch} written to {target}", markup=False)


def _target(batch: int, out: Path | None, format: ReportFormat | None) -> tuple[Path, ReportFormat]:
    """Where to, and as what. Raises InvalidInput for a name that promises neither format."""
    from app.errors import InvalidInput, Problem

    suffix = out.suffix.casefold() if out else ""
    if format is None and suffix and suffix not in _FORMATS:
        raise InvalidInput([Problem(f"a report is .html or .md, not {suffix}; or give --format", field="--out")])
    chosen = format or _FORMATS.get(suffix, ReportFormat.HTML)
    return out or Path(f"report-{batch}.{chosen}"), chosen


def _written(service: Opened, batch_id: BatchId, format: ReportFormat, scope: Scope) -> str:
    from datetime import UTC, datetime

    from app.pipeline import batch_report, consensus, responses
    from app.reporting import pages

    stderr = talking.console(stderr=True)
    with stderr.status(f"Batch {batch_id}: reading what came …") as status:
        responses.read(service.database, batch_id)
        consensus.compute(service.database, batch_id)
        document = batch_report.compose(
            service.database,
            batch_id,
            media_dir=service.settings.media_path,
            scope=scope,
            now=datetime.now(UTC),
            tell=lambda what: status.update(f"Batch {batch_id}: computing {what} …"),
        )
        status.update(f"Batch {batch_id}: writing …")
        return pages.html(document) if format is ReportFormat.HTML else pages.markdown(document)
