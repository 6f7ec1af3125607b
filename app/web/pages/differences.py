"""Differences between our tables and the marketplace: what is open, accept one, compare now."""

from typing import Annotated

from fastapi import APIRouter, Form, Path, Request
from fastapi.responses import RedirectResponse, Response

from app.access.dependencies import LARGEST_ID, Db
from app.db import known_differences
from app.db.our_side import launched_profiles
from app.db.queue import Job, enqueue
from app.domain.vocabulary import DifferenceKind
from app.web.dependencies import OUR_FORM, CanSpend, CanView
from app.web.rendering import page

router = APIRouter(prefix="/differences")


@router.get("")
def show_differences(request: Request, db: Db, here: CanView, *, asked: bool = False) -> Response:
    """What is open, and what was resolved last. `asked`: a comparison was just asked for."""
    return page(
        request,
        "differences",
        differences=known_differences.open_ones(db),
        resolved=known_differences.latest_resolved(db),
        endpoints=known_differences.checked(db),
        DifferenceKind=DifferenceKind,
        asked=asked,
    )


@router.post("/compare", dependencies=[OUR_FORM])
def compare_now(db: Db, here: CanSpend) -> Response:
    """Have a job runner compare every marketplace in use, and put right what is safe."""
    for profile in launched_profiles(db):
        enqueue(db, Job.RECONCILE, profile=profile)
    return RedirectResponse("/differences?asked=true", status_code=303)


@router.post("/{difference_id}/accept", dependencies=[OUR_FORM])
def accept_difference(
    difference_id: Annotated[int, Path(ge=1, le=LARGEST_ID)],
    db: Db,
    here: CanSpend,
    sure: Annotated[bool, Form()] = False,
) -> Response:
    """Leave it as it is; it is not asked about again unless it changes."""
    if sure:
        known_differences.accept(db, difference_id, by=here.caller.email)
    return RedirectResponse("/differences", status_code=303)
