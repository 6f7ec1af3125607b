"""Enrol, sign in, sign out, history."""

from typing import Annotated

from fastapi import APIRouter, Depends, Form, Query
from starlette.requests import Request
from starlette.responses import Response

from app.logs import get_logger
from app.marketplace import bookkeeping
from app.marketplace.context import Marketplace
from app.marketplace.worker_site import browsing, sessions
from app.marketplace.worker_site.pages import (
    COOKIE,
    Market,
    MaybeVisitor,
    Sender,
    SignedIn,
    local_path,
    page,
    same_origin,
    see_other,
)
from app.marketplace.worker_site.refusals import Refused

log = get_logger(__name__)
router = APIRouter()
LONGEST_NAME = 80
Next = Annotated[str, Query(alias="next", max_length=500)]
NextField = Annotated[str, Form(alias="next", max_length=500)]
PageNumber = Annotated[int, Query(ge=1, le=10_000)]


@router.get("/worker/enrol")
def enrol_page(request: Request, market: Market, visitor: MaybeVisitor, then: Next = "/worker") -> Response:
    """The form for a new Worker's name."""
    return page(request, "enrol", visitor, then=local_path(then), is_open=market.settings.marketplace_open_enrolment)


@router.post("/worker/enrol", dependencies=[Depends(same_origin)])
def enrol(
    request: Request,
    market: Market,
    name: Annotated[str, Form(max_length=1000)] = "",
    then: NextField = "/worker",
) -> Response:
    """Make a Worker, sign them in, show their secret phrase once."""
    if not market.settings.marketplace_open_enrolment:
        raise Refused(403, "Enrolment is closed. Ask the people who sent you here for access.")
    name = _checked_name(name)
    with market.database.transaction() as db:
        worker_id, phrase = sessions.enrol(db, name, market.clock())
        token = sessions.open_session(db, worker_id, market.clock())
        visitor = sessions.visitor(db, token, market.clock())
    # Without the id: logs leave the house, Worker ids do not.
    log.info("worker.enrolled")
    response = page(request, "enrolled", visitor, phrase=phrase, then=local_path(then))
    return _with_cookie(response, token, market)


@router.get("/worker/sign-in")
def sign_in_page(request: Request, visitor: MaybeVisitor, then: Next = "/worker") -> Response:
    """The form for a Worker who comes back."""
    return page(request, "sign_in", visitor, then=local_path(then), failed=False)


@router.post("/worker/sign-in", dependencies=[Depends(same_origin)])
def sign_in(
    request: Request,
    market: Market,
    worker_id: Annotated[str, Form(max_length=100)] = "",
    phrase: Annotated[str, Form(max_length=100)] = "",
    then: NextField = "/worker",
) -> Response:
    """Open a session for the Worker whose secret phrase this is."""
    with market.database.transaction() as db:
        known = sessions.knows_phrase(db, worker_id.strip().upper().replace("\0", ""), phrase)
        token = sessions.open_session(db, worker_id.strip().upper(), market.clock()) if known else ""
    if not known:
        return page(request, "sign_in", None, status=403, then=local_path(then), failed=True)
    return _with_cookie(see_other(local_path(then)), token, market)


@router.post("/worker/sign-out")
def sign_out(request: Request, market: Market, visitor: Sender) -> Response:
    """Close the session."""
    with market.database.transaction() as db:
        sessions.close_session(db, request.cookies[COOKIE])
    response = see_other("/worker")
    response.delete_cookie(COOKIE)
    return response


@router.get("/worker/history")
def history(
    request: Request, market: Market, visitor: SignedIn, number: Annotated[PageNumber, Query(alias="page")] = 1
) -> Response:
    """What the Worker has done and earned."""
    bookkeeping.settle(market.database, market.clock())
    with market.database.transaction() as db:
        attempts = browsing.history(db, visitor.worker_id, page=number)
        earned = browsing.earnings(db, visitor.worker_id)
    shown, more = attempts[: browsing.HISTORY_A_PAGE], len(attempts) > browsing.HISTORY_A_PAGE
    return page(request, "history", visitor, attempts=shown, more=more, number=number, earned=earned)


def _checked_name(name: str) -> str:
    name = " ".join(name.split())
    if not 1 <= len(name) <= LONGEST_NAME or not name.isprintable():
        raise Refused(422, f"Please give a name of 1 to {LONGEST_NAME} characters.")
    return name


def _with_cookie(response: Response, token: str, market: Marketplace) -> Response:
    response.set_cookie(
        COOKIE,
        token,
        max_age=int(sessions.SESSION_LIFETIME.total_seconds()),
        httponly=True,
        samesite="lax",
        secure=market.settings.marketplace_url.startswith("https:"),
    )
    return response
