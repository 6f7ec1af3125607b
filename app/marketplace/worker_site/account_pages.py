"""Enrol, sign in, sign out."""

from datetime import datetime
from ipaddress import ip_address
from typing import Annotated

from fastapi import APIRouter, Depends, Form, Query
from sqlalchemy.orm import Session
from starlette.requests import Request
from starlette.responses import Response

from app.logs import get_logger
from app.marketplace import throttling
from app.marketplace.context import Marketplace
from app.marketplace.sites.pages import Market, duration, same_origin, see_other
from app.marketplace.sites.refusals import Refused
from app.marketplace.worker_site import sessions
from app.marketplace.worker_site.pages import COOKIE, MaybeVisitor, Sender, local_path, page

log = get_logger(__name__)
router = APIRouter()
LONGEST_NAME = 80
# Within throttling.WINDOW; a class room or an office stands behind one address.
ENROLMENTS_PER_ADDRESS = 100
Next = Annotated[str, Query(alias="next", max_length=8000)]
NextField = Annotated[str, Form(alias="next", max_length=8000)]
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
    name = checked_name(name)
    now = market.clock()
    with market.database.transaction() as db:
        check_enrolments(db, request, now)
        worker_id, phrase = sessions.enrol(db, name, now)
        token = sessions.open_session(db, worker_id, now)
        visitor = sessions.visitor(db, token, now)
    # Without the id: logs leave the house, Worker ids do not.
    log.info("worker.enrolled")
    response = page(request, "enrolled", visitor, phrase=phrase, then=local_path(then))
    return with_cookie(response, token, market)


@router.get("/worker/sign-in")
def sign_in_page(request: Request, visitor: MaybeVisitor, then: Next = "/worker") -> Response:
    """The form for a Worker who comes back."""
    return page(request, "sign_in", visitor, then=local_path(then), failed=False, wait_s=0)


@router.post("/worker/sign-in", dependencies=[Depends(same_origin)])
def sign_in(
    request: Request,
    market: Market,
    worker_id: Annotated[str, Form(max_length=100)] = "",
    phrase: Annotated[str, Form(max_length=100)] = "",
    then: NextField = "/worker",
) -> Response:
    """Open a session for the Worker whose secret phrase this is."""
    worker_id = worker_id.strip().upper().replace("\0", "")
    with market.database.transaction() as db:
        token, wait_s = _open_session(db, worker_id, phrase, address_of(request), market.clock())
    if not token:
        status, then = (429 if wait_s else 403), local_path(then)
        return page(request, "sign_in", None, status=status, then=then, failed=not wait_s, wait_s=wait_s)
    return with_cookie(see_other(local_path(then)), token, market)


@router.post("/worker/sign-out")
def sign_out(request: Request, market: Market, visitor: Sender) -> Response:
    """Close the session."""
    with market.database.transaction() as db:
        sessions.close_session(db, request.cookies[COOKIE])
    response = see_other("/worker")
    response.delete_cookie(COOKIE)
    return response


def _open_session(db: Session, worker_id: str, phrase: str, address: str, now: datetime) -> tuple[str, int]:
    """The new session's token, else nothing and how long to wait before the next try."""
    guessers = throttling.guessers("worker", worker_id, address)
    if wait_s := throttling.wait_s(db, guessers, now):
        return "", wait_s
    if not sessions.knows_phrase(db, worker_id, phrase):
        throttling.note_failure(db, guessers, now)
        return "", 0
    throttling.forgive(db, next(iter(guessers)))
    return sessions.open_session(db, worker_id, now), 0


def check_enrolments(db: Session, request: Request, now: datetime) -> None:
    """Count one enrolment from this address. Raises Refused when there were too many lately.

    This machine itself may enrol as many as it likes: rehearsals' crowds live here.
    """
    address = address_of(request)
    if _is_here(address):
        return
    enrolled = {f"enrolment@{address}": ENROLMENTS_PER_ADDRESS}
    if wait_s := throttling.wait_s(db, enrolled, now):
        raise Refused(429, f"Many people enrolled from your network just now. Try again in {duration(wait_s)}.")
    throttling.note_failure(db, enrolled, now)


def address_of(request: Request) -> str:
    """Where the request came from, as our own reverse proxy says."""
    return request.client.host if request.client else ""


def checked_name(name: str) -> str:
    """A Worker's name with single spaces. Raises Refused."""
    name = " ".join(name.split())
    if not 1 <= len(name) <= LONGEST_NAME or not name.isprintable():
        raise Refused(422, f"Please give a name of 1 to {LONGEST_NAME} characters.")
    return name


def with_cookie(response: Response, token: str, market: Marketplace) -> Response:
    """The response with the session's cookie."""
    response.set_cookie(
        COOKIE,
        token,
        max_age=int(sessions.SESSION_LIFETIME.total_seconds()),
        httponly=True,
        samesite="lax",
        secure=market.settings.marketplace_url.startswith("https:"),
    )
    return response


def _is_here(address: str) -> bool:
    try:
        return ip_address(address).is_loopback
    except ValueError:
        return False
