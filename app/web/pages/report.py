"""The report on a Batch. The page comes at once; the report itself, which may take a while, follows."""

from datetime import UTC, datetime
from typing import Annotated
from urllib.parse import urlencode

from fastapi import APIRouter, Query, Request
from fastapi.responses import FileResponse, Response
from pydantic import BeforeValidator, Field

from app.access.dependencies import DatabaseOf, Db, SettingsOf
from app.domain.statistics.study_table import Scope
from app.domain.vocabulary import BatchId
from app.errors import InvalidInput
from app.pipeline import batch_report, batches
from app.reporting import pages
from app.web.dependencies import ABOUT_BATCH, BatchNumber, CanView
from app.web.rendering import fragment, page

router = APIRouter()

# A field of a form that is left empty says nothing.
Size = Annotated[Annotated[int, Field(ge=1)] | None, BeforeValidator(lambda said: said or None), Query()]


@router.get("/batches/{batch_id}/report", dependencies=[ABOUT_BATCH])
def show_report(
    request: Request,
    batch_id: BatchNumber,
    db: Db,
    here: CanView,
    *,
    suspects: Size = None,
    dataset_size: Size = None,
) -> Response:
    """The page, with the place that the report comes into."""
    sizes = {"suspects": suspects, "dataset_size": dataset_size}
    asked = urlencode({name: size for name, size in sizes.items() if size is not None})
    return page(
        request,
        "report",
        batch=batches.get(db, BatchId(batch_id)),
        asked=f"?{asked}" if asked else "",
        suspects=suspects,
        dataset_size=dataset_size,
    )


@router.get("/batches/{batch_id}/report/body", dependencies=[ABOUT_BATCH])
def show_body(
    request: Request,
    batch_id: BatchNumber,
    database: DatabaseOf,
    settings: SettingsOf,
    here: CanView,
    *,
    suspects: Size = None,
    dataset_size: Size = None,
) -> Response:
    """The report itself, for htmx to put into the page; or what is wrong with what was asked for."""
    try:
        scope = Scope(suspects, dataset_size)
        document = batch_report.compose(
            database, BatchId(batch_id), media_dir=settings.media_path, scope=scope, now=datetime.now(UTC)
        )
    except InvalidInput as fault:
        return fragment(request, "report", "body", problems=fault.problems, body="")
    return fragment(request, "report", "body", problems=[], body=pages.body_html(document))


@router.get("/static/report.css")
def show_styles() -> Response:
    """The report's styles: the same that its file brings along."""
    return FileResponse(pages.STYLES, media_type="text/css")
