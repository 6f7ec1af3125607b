"""Alerts: what a person should know about Batches and endpoints."""

from datetime import datetime
from typing import Annotated

from fastapi import APIRouter, Query
from pydantic import BaseModel, ConfigDict, Field

from app.access.dependencies import LARGEST_ID, Db
from app.api.dependencies import CanView
from app.api.error_handlers import documented
from app.domain.vocabulary import AlertKind, BatchId
from app.pipeline import alert_report
from app.settings import MarketplaceProfile

router = APIRouter(tags=["Alerts"])

_MOST = 1000


class AlertOut(BaseModel):
    """One alert. There is one open alert per kind and subject; it ends by itself."""

    model_config = ConfigDict(from_attributes=True)

    id: int
    kind: AlertKind
    subject: str = Field(description="What it is about: `batch 7`, or an endpoint's URL.")
    batch_id: int | None
    batch_name: str | None
    profile: MarketplaceProfile | None
    message: str = Field(description="For people: what is so and what to do.")
    raised_at: datetime
    cleared_at: datetime | None = Field(description="Absent while it is open.")


class AlertListOut(BaseModel):
    """Alerts: open ones oldest first, others latest first."""

    alerts: list[AlertOut]


@router.get("/alerts", summary="List alerts", responses=documented())
def list_alerts(
    db: Db,
    caller: CanView,
    *,
    cleared: Annotated[bool, Query(description="Those that are over, instead of those that are open.")] = False,
    batch_id: Annotated[int | None, Query(ge=1, le=LARGEST_ID, description="Of this Batch alone.")] = None,
    most: Annotated[int, Query(ge=1, le=_MOST, description="How many at most.")] = 200,
) -> AlertListOut:
    """What is open now, or what is over."""
    number = None if batch_id is None else BatchId(batch_id)
    found = alert_report.alerts_seen(db, batch_id=number, cleared=cleared, most=most)
    return AlertListOut(alerts=[AlertOut.model_validate(alert) for alert in found])
