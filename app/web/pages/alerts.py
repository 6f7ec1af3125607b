"""Alerts: what is open now, and what is over."""

from fastapi import APIRouter, Request
from fastapi.responses import Response

from app.access.dependencies import Db
from app.pipeline import alert_report
from app.web.dependencies import CanView
from app.web.rendering import fragment, page

router = APIRouter(prefix="/alerts")

_SHOWN_CLEARED = 50


@router.get("")
def show_alerts(request: Request, db: Db, here: CanView) -> Response:
    """The list."""
    cleared = alert_report.alerts_seen(db, cleared=True, most=_SHOWN_CLEARED)
    return page(request, "alerts", alerts=alert_report.alerts_seen(db), cleared=cleared)


@router.get("/bar")
def show_bar(request: Request, here: CanView) -> Response:
    """The bar that every page has, for it to refresh itself."""
    return fragment(request, "layout", "alert_bar")
