"""HIT Types with their HITs in numbers and their notifications."""

from typing import Annotated

from fastapi import APIRouter, Query
from sqlalchemy import select
from starlette.responses import Response

from app.marketplace import bookkeeping
from app.marketplace.requester_site import hit_lists
from app.marketplace.requester_site.pages import ROWS_A_PAGE, Id, SignedIn
from app.marketplace.sites.refusals import not_found
from app.marketplace.store import OutboxMessage

router = APIRouter()
_DELIVERIES = 20
PageNumber = Annotated[int, Query(alias="page", ge=1, le=10_000)]


@router.get("/hit-types")
def hit_types(desk: SignedIn, number: PageNumber = 1) -> Response:
    """A page of HIT Types, newest first."""
    bookkeeping.settle(desk.market.database, desk.market.clock())
    with desk.market.database.transaction() as db:
        offset = (number - 1) * ROWS_A_PAGE
        rows = hit_lists.hit_types(db, desk.requester_id, limit=ROWS_A_PAGE + 1, offset=offset)
    shown, more = rows[:ROWS_A_PAGE], len(rows) > ROWS_A_PAGE
    return desk.page("hit_types", types=shown, more=more, number=number)


@router.get("/hit-types/{hit_type_id}")
def hit_type(desk: SignedIn, hit_type_id: Id) -> Response:
    """One HIT Type: what its HITs share, its notification settings and what became of the last messages."""
    bookkeeping.settle(desk.market.database, desk.market.clock())
    with desk.market.database.transaction() as db:
        found = hit_lists.hit_type(db, desk.requester_id, hit_type_id)
        if found is None:
            raise not_found("HIT type")
        mine = (OutboxMessage.requester_id == desk.requester_id) & (OutboxMessage.hit_type_id == hit_type_id)
        last = select(OutboxMessage).where(mine).order_by(OutboxMessage.id.desc()).limit(_DELIVERIES)
        deliveries = db.scalars(last).all()
    return desk.page("hit_type", type=found, deliveries=deliveries)
