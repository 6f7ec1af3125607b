"""The overview: all Batches."""

from fastapi import APIRouter, Request
from fastapi.responses import Response

from app.access.dependencies import Db
from app.domain.vocabulary import BatchStatus
from app.pipeline import report
from app.web.dependencies import CanView
from app.web.rendering import fragment, page

router = APIRouter()

_AT_WORK = {BatchStatus.LIVE, BatchStatus.PAUSED, BatchStatus.STOPPING}


@router.get("/")
def show_overview(request: Request, db: Db, here: CanView) -> Response:
    """All Batches, newest first."""
    batches = report.overview(db)
    return page(request, "overview", batches=batches, at_work=any(batch.status in _AT_WORK for batch in batches))


@router.get("/batches")
def show_batches(request: Request, db: Db, here: CanView) -> Response:
    """The list alone, for the overview to refresh itself."""
    batches = report.overview(db)
    at_work = any(batch.status in _AT_WORK for batch in batches)
    return fragment(request, "overview", "batches", batches=batches, at_work=at_work)
