"""The report on a Batch, as one file."""

from datetime import UTC, datetime
from typing import Annotated

from fastapi import APIRouter, Depends, Query
from fastapi.responses import Response

from app.access.dependencies import DatabaseOf, SettingsOf
from app.api.dependencies import BatchNumber, CanExport
from app.api.downloads import file_headers
from app.api.error_handlers import documented
from app.domain.statistics.study_table import Scope
from app.domain.vocabulary import BatchId
from app.pipeline import batch_report
from app.reporting import pages
from app.reporting.document import Document

router = APIRouter(prefix="/batches/{batch_id}", tags=["Downloads"])

# Whoever opens the file where it came from: it brings its styles, and nothing in it may run.
_POLICY = "sandbox; default-src 'none'; style-src 'unsafe-inline'; img-src data:"


def _document(
    *,
    batch_id: BatchNumber,
    database: DatabaseOf,
    settings: SettingsOf,
    caller: CanExport,
    suspects: Annotated[
        int | None, Query(ge=1, description="Suspects there are, where the Batch holds a part of them.")
    ] = None,
    dataset_size: Annotated[
        int | None, Query(ge=1, description="Items of the whole dataset: for its error rate and for recall.")
    ] = None,
) -> Document:
    """The report as it is now. Raises NotFound, InvalidInput for sizes that cannot be."""
    scope, now = Scope(suspects, dataset_size), datetime.now(UTC)
    return batch_report.compose(database, BatchId(batch_id), media_dir=settings.media_path, scope=scope, now=now)


DocumentOf = Annotated[Document, Depends(_document)]


@router.get("/report.html", summary="Download the report", response_class=Response, responses=documented(404, 422))
def download_html(batch_id: BatchNumber, document: DocumentOf) -> Response:
    """One HTML page with tables, plots and a methods section that needs nothing else; Workers by pseudonym."""
    return _file(pages.html(document), f"batch-{batch_id}-report.html", "text/html")


@router.get(
    "/report.md", summary="Download the report as Markdown", response_class=Response, responses=documented(404, 422)
)
def download_markdown(batch_id: BatchNumber, document: DocumentOf) -> Response:
    """The same as Markdown, its pictures as data at the end."""
    return _file(pages.markdown(document), f"batch-{batch_id}-report.md", "text/markdown")


def _file(text: str, name: str, media_type: str) -> Response:
    headers = file_headers(name) | {"Content-Security-Policy": _POLICY}
    return Response(text, media_type=f"{media_type}; charset=utf-8", headers=headers)
