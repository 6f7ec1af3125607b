"""What a Worker has done and earned, and what they say of themselves."""

from typing import Annotated

from fastapi import APIRouter, Form, Query
from starlette.requests import Request
from starlette.responses import Response

from app.marketplace import bookkeeping
from app.marketplace.sites.pages import Market, see_other
from app.marketplace.worker_site import browsing, earnings, profile
from app.marketplace.worker_site.account_pages import PageNumber, checked_name
from app.marketplace.worker_site.countries import COUNTRIES, STATES
from app.marketplace.worker_site.earnings import Shown
from app.marketplace.worker_site.pages import Sender, SignedIn, page

router = APIRouter()
Word = Annotated[str, Form(max_length=100)]


@router.get("/worker/history")
def history(
    request: Request,
    market: Market,
    visitor: SignedIn,
    number: Annotated[PageNumber, Query(alias="page")] = 1,
    state: Annotated[str, Query(max_length=20)] = "",
) -> Response:
    """What the Worker has done and earned."""
    bookkeeping.settle(market.database, market.clock())
    shown = Shown(state) if state in list(Shown) else Shown.ALL
    with market.database.transaction() as db:
        attempts = earnings.history(db, visitor.worker_id, page=number, shown=shown)
        earned = earnings.earnings(db, visitor.worker_id)
        days = earnings.days(db, visitor.worker_id)
        bonuses = earnings.bonuses(db, visitor.worker_id)
    return page(
        request,
        "history",
        visitor,
        attempts=attempts[: browsing.HISTORY_A_PAGE],
        more=len(attempts) > browsing.HISTORY_A_PAGE,
        number=number,
        shown=shown,
        states=list(Shown),
        earned=earned,
        days=days,
        bonuses=bonuses,
    )


@router.get("/worker/profile")
def profile_page(
    request: Request, market: Market, visitor: SignedIn, notice: Annotated[str, Query(max_length=20)] = ""
) -> Response:
    """What the Worker says of themselves, and who sees it."""
    with market.database.transaction() as db:
        kept = profile.of(db, visitor.worker_id)
    return page(request, "profile", visitor, profile=kept, countries=COUNTRIES, states=STATES, notice=notice)


@router.post("/worker/profile")
def keep_profile(
    market: Market, visitor: Sender, *, name: Word = "", country: Word = "", subdivision: Word = "", is_adult: Word = ""
) -> Response:
    """Keep what the Worker says of themselves."""
    said = profile.Profile(checked_name(name), country or None, subdivision or None, is_adult == "on")
    with market.database.transaction() as db:
        profile.keep(db, visitor.worker_id, said)
    return see_other("/worker/profile?notice=kept")
