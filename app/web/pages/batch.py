"""One Batch: live progress, and the buttons that steer it."""

from decimal import Decimal
from typing import Annotated, Any

from fastapi import APIRouter, Form, Request
from fastapi.responses import RedirectResponse, Response
from sqlalchemy.orm import Session
from starlette import status

from app.access.dependencies import ConnectOf, DatabaseOf, Db, SettingsOf
from app.calls.launch_checks import at_most_usd
from app.domain.vocabulary import BatchId, BatchStatus
from app.pipeline import alert_report, batches, continuing, forecasts, item_report, label_export, report
from app.web.dependencies import ABOUT_BATCH, OUR_FORM, BatchNumber, CanSpend, CanView
from app.web.form_values import money
from app.web.rendering import fragment, page

router = APIRouter(prefix="/batches/{batch_id}", dependencies=[ABOUT_BATCH])

# A look at the progress of a large Batch takes the database a good part of a second.
_LARGE = 20_000
_REFRESH_S, _REFRESH_LARGE_S = 2, 15


@router.get("")
def show_batch(request: Request, batch_id: BatchNumber, db: Db, here: CanView) -> Response:
    """The whole page."""
    seen = _seen(db, BatchId(batch_id))
    return page(request, "batch", **seen, why_no_array=label_export.why_no_array(db, BatchId(batch_id)))


@router.get("/progress")
def show_progress(request: Request, batch_id: BatchNumber, db: Db, here: CanView) -> Response:
    """The part that refreshes itself."""
    return fragment(request, "batch", "progress", **_seen(db, BatchId(batch_id)))


@router.get("/quarantine")
def show_quarantine(request: Request, batch_id: BatchNumber, db: Db, here: CanView) -> Response:
    """Answers that could not be read, as they came."""
    batch = batches.get(db, BatchId(batch_id))
    return page(request, "quarantine", batch=batch, answers=item_report.quarantined(db, BatchId(batch_id)))


@router.post("/launch", dependencies=[OUR_FORM])
def launch(
    batch_id: BatchNumber,
    database: DatabaseOf,
    connect: ConnectOf,
    here: CanSpend,
    settings: SettingsOf,
    *,
    confirmed_usd: Annotated[str, Form()] = "",
) -> Response:
    """Publish a draft. For real money the visitor types the cost."""
    confirmed = money("confirmed_usd", confirmed_usd) if confirmed_usd else None
    batches.launch(
        database, connect, BatchId(batch_id), by=here.caller.email, settings=settings, confirmed_usd=confirmed
    )
    return _back(batch_id)


@router.post("/pause", dependencies=[OUR_FORM])
def pause(batch_id: BatchNumber, db: Db, here: CanSpend) -> Response:
    """Publish nothing more for now."""
    batches.pause(db, BatchId(batch_id), by=here.caller.email)
    return _back(batch_id)


@router.post("/resume", dependencies=[OUR_FORM])
def resume(batch_id: BatchNumber, db: Db, here: CanSpend) -> Response:
    """Go on publishing, and try failed calls again."""
    batches.resume(db, BatchId(batch_id), by=here.caller.email)
    return _back(batch_id)


@router.post("/release", dependencies=[OUR_FORM])
def release(batch_id: BatchNumber, db: Db, here: CanSpend) -> Response:
    """Publish the Items beyond the pilot."""
    continuing.release(db, BatchId(batch_id), by=here.caller.email)
    return _back(batch_id)


@router.post("/repost", dependencies=[OUR_FORM])
def repost(batch_id: BatchNumber, db: Db, here: CanSpend) -> Response:
    """Ask once more for Items that ended with fewer answers."""
    continuing.repost(db, BatchId(batch_id), by=here.caller.email)
    return _back(batch_id)


@router.post("/stop", dependencies=[OUR_FORM])
def stop(batch_id: BatchNumber, db: Db, here: CanSpend) -> Response:
    """Expire what is live, for good."""
    batches.stop(db, BatchId(batch_id), by=here.caller.email)
    return _back(batch_id)


@router.post("/cap", dependencies=[OUR_FORM])
def set_cap(
    batch_id: BatchNumber,
    db: Db,
    here: CanSpend,
    settings: SettingsOf,
    *,
    cap_usd: Annotated[str, Form()] = "",
    confirmed_usd: Annotated[str, Form()] = "",
) -> Response:
    """Change the most that the Batch may cost; to raise it where real money is spent, the amount is typed once more."""
    cap: Decimal = money("cap_usd", cap_usd)
    limit = settings.spending_limit_usd
    confirmed = money("confirmed_usd", confirmed_usd) if confirmed_usd.strip() else None
    batches.set_cap(db, BatchId(batch_id), cap, by=here.caller.email, spending_limit_usd=limit, confirmed_usd=confirmed)
    return _back(batch_id)


def _seen(db: Session, batch_id: BatchId) -> dict[str, Any]:
    batch, progress = batches.get(db, batch_id), report.progress(db, batch_id)
    draft = batch.status == BatchStatus.DRAFT
    cost = batches.forecast(db, batch_id) if draft else None
    return {
        "batch": batch,
        "alerts": alert_report.alerts_seen(db, batch_id=batch_id),
        "progress": progress,
        "failures": report.failed_operations(db, batch_id) if progress.failed_operations else [],
        "cost": cost,
        "at_most_usd": at_most_usd(batch, cost) if cost else None,
        "expected": forecasts.forecast_of(db, batch_id, hits=cost.hits if cost else None),
        "refresh_s": _REFRESH_LARGE_S if progress.items > _LARGE else _REFRESH_S,
    }


def _back(batch_id: int) -> Response:
    return RedirectResponse(f"/batches/{batch_id}", status_code=status.HTTP_303_SEE_OTHER)
