"""How a Batch ends: what it waits for, its archive, and deleting its HITs from the marketplace."""

from typing import Annotated

from fastapi import APIRouter, Form, Request
from fastapi.responses import RedirectResponse, Response
from starlette import status

from app.access.dependencies import Db
from app.domain.vocabulary import BatchId
from app.pipeline import batches, deletion, ending, giving_up
from app.web.dependencies import ABOUT_BATCH, OUR_FORM, BatchNumber, CanSpend, CanView
from app.web.rendering import page

router = APIRouter(prefix="/batches/{batch_id}", dependencies=[ABOUT_BATCH])


@router.get("/ending")
def show_ending(request: Request, batch_id: BatchNumber, db: Db, here: CanView) -> Response:
    """The whole page."""
    number = BatchId(batch_id)
    return page(
        request,
        "ending",
        batch=batches.get(db, number),
        waiting=ending.waiting(db, number),
        deletion=deletion.state(db, number),
    )


@router.post("/give-up", dependencies=[OUR_FORM])
def give_up(batch_id: BatchNumber, db: Db, here: CanSpend) -> Response:
    """Write off what a stopped Batch waits for in vain."""
    giving_up.give_up(db, BatchId(batch_id), by=here.caller.email)
    return _back(batch_id)


@router.post("/delete-hits", dependencies=[OUR_FORM])
def delete_hits(batch_id: BatchNumber, db: Db, here: CanSpend, anyway: Annotated[bool, Form()] = False) -> Response:
    """Delete the HITs from the marketplace."""
    deletion.delete_hits(db, BatchId(batch_id), by=here.caller.email, anyway=anyway)
    return _back(batch_id)


def _back(batch_id: int) -> Response:
    return RedirectResponse(f"/batches/{batch_id}/ending", status_code=status.HTTP_303_SEE_OTHER)
