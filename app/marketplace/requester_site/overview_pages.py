"""The Requester's first page."""

from fastapi import APIRouter
from starlette.responses import Response

from app.marketplace import bookkeeping
from app.marketplace.requester_site import money, overview
from app.marketplace.requester_site.pages import SignedIn

router = APIRouter()


@router.get("/")
def first_page(
    desk: SignedIn,
) -> Response:
    """Balance, HITs by status, and what waits for a decision."""
    now = desk.market.clock()
    bookkeeping.settle(desk.market.database, now)
    with desk.market.database.transaction() as db:
        balances = money.balances(db, desk.requester_id)
        counts = overview.status_counts(db, desk.requester_id)
        urgent = overview.soon_approved(db, desk.requester_id, now)
    return desk.page(
        "overview",
        balances=balances,
        counts=counts,
        waiting=sum(count.submitted for count in counts),
        urgent=urgent,
        now=now,
        endpoint=desk.market.settings.marketplace_url,
    )
