"""Sign in, sign out, change the password."""

from typing import Annotated

from fastapi import APIRouter, Depends, Form, Query
from starlette.requests import Request
from starlette.responses import Response

from app import passwords
from app.logs import get_logger
from app.marketplace import requester_accounts
from app.marketplace.context import Marketplace
from app.marketplace.requester_site import sessions
from app.marketplace.requester_site.pages import (
    COOKIE,
    HOME,
    Desk,
    MaybePerson,
    Notice,
    Sender,
    SignedIn,
    own_path,
    page,
)
from app.marketplace.sites.pages import Market, duration, same_origin, see_other
from app.marketplace.store import Requester

log = get_logger(__name__)
router = APIRouter()
Next = Annotated[str, Query(alias="next", max_length=500)]
NextField = Annotated[str, Form(alias="next", max_length=500)]
Secret = Annotated[str, Form(max_length=passwords.LONGEST_PASSWORD)]


@router.get("/sign-in")
def sign_in_page(request: Request, person: MaybePerson, then: Next = HOME) -> Response:
    """The form for name and password."""
    return page(request, "sign_in", person, then=own_path(then), name="")


@router.post("/sign-in", dependencies=[Depends(same_origin)])
def sign_in(
    request: Request,
    market: Market,
    name: Annotated[str, Form(max_length=300)] = "",
    password: Secret = "",
    then: NextField = HOME,
) -> Response:
    """Open a session; five wrong passwords close the door to this name and address for a quarter of an hour."""
    address = request.client.host if request.client else ""
    with market.database.transaction() as db:
        attempt = sessions.sign_in(db, name, password, address=address, now=market.clock())
    if attempt.token is None:
        log.info("requester.sign_in_refused", address=address, throttled=attempt.wait_s > 0)
        problem = "This name and password do not fit together. Check both."
        if attempt.wait_s:
            problem = f"Too many wrong passwords. Try again in {duration(attempt.wait_s)}."
        status = 429 if attempt.wait_s else 403
        return page(request, "sign_in", None, status=status, then=own_path(then), name=name, problem=problem)
    return _with_cookie(see_other(own_path(then)), attempt.token, market)


@router.post("/sign-out")
def sign_out(
    desk: Sender,
) -> Response:
    """Close the session."""
    with desk.market.database.transaction() as db:
        sessions.close_session(db, desk.request.cookies[COOKIE])
    response = see_other("/requester/sign-in")
    response.delete_cookie(COOKIE, path="/requester")
    return response


@router.get("/account")
def account(desk: SignedIn, notice: Notice = "") -> Response:
    """Who is signed in, and the form for another password."""
    return _show(desk, notice=notice)


@router.post("/account/password")
def change_password(desk: Sender, current: Secret = "", wanted: Secret = "", again: Secret = "") -> Response:
    """Replace the password; all other browsers are signed out."""
    problem = ""
    now = desk.market.clock()
    with desk.market.database.transaction() as db:
        requester = db.get_one(Requester, desk.requester_id)
        if not passwords.matches(requester.password_hash, current):
            problem = "That is not your present password."
        elif len(wanted) < passwords.SHORTEST_PASSWORD or wanted != again:
            problem = f"Type the new password twice; it needs at least {passwords.SHORTEST_PASSWORD} characters."
        else:
            requester_accounts.set_password(db, requester, wanted)
            token = sessions.open_session(db, requester.id, now)
    if problem:
        return _show(desk, problem=problem, status=422)
    log.info("requester.password_changed", requester_id=desk.requester_id)
    return _with_cookie(see_other("/requester/account?notice=password_changed"), token, desk.market)


def _show(desk: Desk, *, status: int = 200, **values: str) -> Response:
    with desk.market.database.transaction() as db:
        requester = db.get_one(Requester, desk.requester_id)
    shortest = passwords.SHORTEST_PASSWORD
    return desk.page("account", status=status, requester=requester, shortest=shortest, **values)


def _with_cookie(response: Response, token: str, market: Marketplace) -> Response:
    response.set_cookie(
        COOKIE,
        token,
        max_age=int(sessions.SESSION_LIFETIME.total_seconds()),
        path="/requester",
        httponly=True,
        samesite="lax",
        secure=market.settings.marketplace_url.startswith("https:"),
    )
    return response
