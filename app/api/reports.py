"""The report on a Batch, as one file."""

from datetime import UTC, datetime
from typing import Annotated

from fastapi import APIRouter, Query
from fastapi.responses import Response

from app.access.dependencies import DatabaseOf
from app.api.dependencies import BatchNumber, CanExport
from app.api.error_handlers import documented
from app.db.engine import Database
from app.domain.statistics.study_table import Scope
from app.domain.vocabulary import BatchId
from app.pipeline import batch_report
from app.reporting import pages
from app.reporting.document import Document

router = APIRouter(prefix="/batches/{batch_id}", tags=["Downloads"])

SuspectsQuery = Annotated[
    int | None, Query(ge=1, description="Suspects there are, where the Batch holds a part of them.")
]
DatasetSizeQuery = Annotated[
    int | None, Query(ge=1, description="Items of the whole dataset: for its error rate and for recall.")
]
# Whoever opens the file where it came from: it brings its styles, and nothing in it may run.
_POLICY = "sandbox; default-src 'none'; style-src 'unsafe-inline'; img-src data:"


@router.get("/report.html", summary="Download the report", response_class=Response, responses=documented(404, 422))
def download_html(
    batch_id: BatchNumber,
    database: DatabaseOf,
    caller: CanExport,
    suspects: SuspectsQuery = None,
    dataset_size: DatasetSizeQuery = None,
) -> Response:
    """One HTML page with tables, plots and a methods section that needs nothing else; Workers by pseudonym."""
    document = _document(database, batch_id, Scope(suspects, dataset_size))
    return _file(pages.html(document), f"batch-{batch_id}-report.html", "text/html")


@router.get(
    "/report.md", summary="Download the report as Markdown", response_class=Response, responses=documented(404, 422)
)
def download_markdown(
    batch_id: BatchNumber,
    database: DatabaseOf,
    caller: CanExport,
    suspects: SuspectsQuery = None,
    dataset_size: DatasetSizeQuery = None,
) -> Response:
    """The same as Markdown, its plots as data at the end."""
    document = _document(database, batch_id, Scope(suspects, dataset_size))
    return _file(pages.markdown(document), f"batch-{batch_id}-report.md", "text/markdown")


def _document(database: Database, batch_id: int, scope: Scope) -> Document:
    return batch_report.compose(database, BatchId(batch_id), scope=scope, now=datetime.now(UTC))


def _file(text: str, name: str, media_type: str) -> Response:
    headers = {
        "Content-Disposition": f'attachment; filename="{name}"',
        "Content-Security-Policy": _POLICY,
        "Cache-Control": "no-store",
    }
    return Response(text, media_type=f"{media_type}; charset=utf-8", headers=headers)
