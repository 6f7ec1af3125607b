"""Differences between our tables and the marketplace: list, accept, compare now."""

from datetime import datetime
from typing import Annotated

from fastapi import APIRouter, Path, Query
from pydantic import BaseModel, ConfigDict, Field

from app.access.dependencies import LARGEST_ID, Db
from app.api.dependencies import CanSpend, CanView, SpendersFirst
from app.api.error_handlers import documented
from app.db import known_differences
from app.db.our_side import launched_profiles
from app.db.queue import Job, enqueue
from app.domain.vocabulary import BatchId, DifferenceKind

router = APIRouter(prefix="/differences", tags=["Differences"], route_class=SpendersFirst)


class DifferenceOut(BaseModel):
    """One difference. `resolution` is absent while it is open; else `repaired`, `gone` or `accepted`."""

    model_config = ConfigDict(from_attributes=True)

    id: int
    endpoint_url: str
    kind: DifferenceKind
    subject: str = Field(description="The marketplace's id of what differs.")
    batch_id: int | None
    details: str = Field(description="For people: what is there, what is here, and what to do.")
    found_at: datetime
    resolved_at: datetime | None
    resolution: str | None


class EndpointOut(BaseModel):
    """When an endpoint was compared last."""

    model_config = ConfigDict(from_attributes=True)

    endpoint_url: str
    reconciled_at: datetime | None
    waits: bool = Field(description="Nothing is published or paid before the next comparison: see docs/reconcile.md.")


class DifferencesOut(BaseModel):
    """Open differences, oldest first, and when each endpoint was compared."""

    differences: list[DifferenceOut]
    endpoints: list[EndpointOut]


class AskedOut(BaseModel):
    """The marketplace profiles that a job runner will compare."""

    profiles: list[str]


@router.get("", summary="List differences", responses=documented())
def list_differences(
    db: Db,
    caller: CanView,
    batch_id: Annotated[int | None, Query(ge=1, le=LARGEST_ID, description="Of this Batch alone.")] = None,
) -> DifferencesOut:
    """What is open now."""
    found = known_differences.open_ones(db, batch_id=None if batch_id is None else BatchId(batch_id))
    return DifferencesOut(
        differences=[DifferenceOut.model_validate(difference) for difference in found],
        endpoints=[EndpointOut.model_validate(endpoint) for endpoint in known_differences.checked(db)],
    )


@router.post("/compare", status_code=202, summary="Compare now", responses=documented())
def compare_now(db: Db, caller: CanSpend) -> AskedOut:
    """Have a job runner compare every marketplace in use, and put right what is safe. Nothing is paid or deleted."""
    profiles = launched_profiles(db)
    for profile in profiles:
        enqueue(db, Job.RECONCILE, profile=profile)
    return AskedOut(profiles=profiles)


@router.post("/{difference_id}/accept", summary="Accept a difference", responses=documented(404))
def accept_difference(
    difference_id: Annotated[int, Path(ge=1, le=LARGEST_ID)], db: Db, caller: CanSpend
) -> DifferenceOut:
    """Leave it as it is. It is not asked about again unless it changes."""
    return DifferenceOut.model_validate(known_differences.accept(db, difference_id, by=caller.email))
