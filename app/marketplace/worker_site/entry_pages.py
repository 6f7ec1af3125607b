"""From the entry link to the completion link: the welcome, the visit's page, its end."""

from datetime import datetime
from typing import Annotated, Any

from fastapi import APIRouter, Depends, Form, Query
from sqlalchemy.orm import Session
from starlette.requests import Request
from starlette.responses import Response

from app.logs import get_logger
from app.marketplace import qualifying
from app.marketplace.context import Marketplace
from app.marketplace.qualifying import Action
from app.marketplace.recruitment import arrivals, entering, visits
from app.marketplace.recruitment.arrivals import Arrival, NotAdmitted
from app.marketplace.recruitment.entering import Door
from app.marketplace.recruitment.platforms import PLATFORMS
from app.marketplace.recruitment.visits import Scope, Stay
from app.marketplace.sites.pages import Market, same_origin, see_other
from app.marketplace.sites.refusals import not_found
from app.marketplace.store import ChannelKind, Requester
from app.marketplace.worker_site import browsing, sessions, visiting
from app.marketplace.worker_site.account_pages import check_enrolments, checked_name, with_cookie
from app.marketplace.worker_site.pages import MaybeVisitor, Sender, SignedIn, page
from app.marketplace.worker_site.sessions import Visitor

log = get_logger(__name__)
router = APIRouter()
_GROUPS_SHOWN = 5


@router.get("/enter/{token}")
def welcome(request: Request, token: str, market: Market, visitor: MaybeVisitor) -> Response:
    """Who asks, for what, for how much and how long; the button on it lets people in."""
    now = market.clock()
    try:
        with market.database.transaction() as db:
            door = entering.door(db, token)
            comes = arrivals.arrival(door.channel, request.query_params.multi_items())
            if not entering.is_expected(db, door, comes, visitor.worker_id if visitor else None):
                entering.check_open(db, door, now)
            offer = _offer(db, door, visitor, now)
            stay = _stay(db, door, comes, visitor)
    except NotAdmitted as refused:
        return _not_admitted(request, visitor, refused)
    return page(request, "enter", visitor, here=_here(request), comes=comes, stay=stay, **offer)


@router.post("/enter/{token}", dependencies=[Depends(same_origin)])
def enter(
    request: Request,
    token: str,
    market: Market,
    visitor: MaybeVisitor,
    name: Annotated[str, Form(max_length=1000)] = "",
) -> Response:
    """Let the person in: their Worker, signed in, and their visit."""
    now = market.clock()
    try:
        with market.database.transaction() as db:
            door = entering.door(db, token)
            comes = arrivals.arrival(door.channel, request.query_params.multi_items())
            return _enter(request, market, visitor, db, door=door, comes=comes, name=name, now=now)
    except NotAdmitted as refused:
        return _not_admitted(request, visitor, refused)


@router.get("/visits/{visit_id}")
def visit(
    request: Request,
    visit_id: int,
    market: Market,
    visitor: SignedIn,
    notice: Annotated[str, Query(max_length=20)] = "",
) -> Response:
    """How far the visit has come; at its end the code and the way back."""
    now = market.clock()
    with market.database.transaction() as db:
        stay = visits.stay(db, visitor.worker_id, visit_id)
        if stay is None:
            raise not_found("visit")
        held = visits.held(db, stay.visit, now)
        groups = browsing.groups(db, visitor.worker_id, now, within=stay.scope) if stay.is_open else []
        out_of_reach = qualifying.barred(db, visitor.worker_id, Action.ACCEPT, [group.hit_type for group in groups])
    values: dict[str, Any] = {"stay": stay, "platform": PLATFORMS.get(ChannelKind(stay.channel.kind))}
    if not stay.is_open:
        return page(request, "visit_over", visitor, way_out=visits.completion_link(stay), **values)
    return page(
        request,
        "visit",
        visitor,
        groups=groups,
        held=held,
        notice=notice,
        out_of_reach=out_of_reach,
        most_counted=browsing.MOST_COUNTED,
        **values,
    )


@router.post("/visits/{visit_id}/next")
def go_on(visit_id: int, market: Market, visitor: Sender) -> Response:
    """On to the visit's next HIT, or to its end."""
    return see_other(visiting.go_on(market.database, visitor.worker_id, visit_id, market.clock()))


@router.post("/visits/{visit_id}/finish")
def finish(visit_id: int, market: Market, visitor: Sender) -> Response:
    """End the visit; what is still open in it is returned."""
    return see_other(visiting.leave(market.database, visitor.worker_id, visit_id, market.clock()))


def _enter(
    request: Request,
    market: Marketplace,
    visitor: Visitor | None,
    db: Session,
    *,
    door: Door,
    comes: Arrival,
    name: str,
    now: datetime,
) -> Response:
    worker_id, phrase = visitor.worker_id if visitor else None, ""
    if worker_id is None and not entering.is_expected(db, door, comes, None):
        entering.check_open(db, door, now)
        # Whoever makes ids up is braked as whoever makes names up.
        check_enrolments(db, request, now)
        if comes.person is None:
            worker_id, phrase = sessions.enrol(db, checked_name(name), now)
    entered = entering.enter(db, door, comes, now, signed_in_as=worker_id)
    # Without the person's id and the Worker's: logs leave the house.
    log.info("worker.entered", channel_id=door.channel.id, visit_id=entered.visit_id)
    then = f"/visits/{entered.visit_id}"
    if visitor is not None:
        return see_other(then)
    token = sessions.open_session(db, entered.worker_id, now)
    if not phrase:
        return with_cookie(see_other(then), token, market)
    signed_in = sessions.visitor(db, token, now)
    return with_cookie(page(request, "enrolled", signed_in, phrase=phrase, then=then), token, market)


def _offer(db: Session, door: Door, visitor: Visitor | None, now: datetime) -> dict[str, Any]:
    """What the welcome page says of the work."""
    channel = door.channel
    within = Scope(channel.requester_id, channel.hit_type_id)
    groups = browsing.groups(db, visitor.worker_id if visitor else None, now, within=within)
    requester = db.get_one(Requester, channel.requester_id)
    return {
        "channel": channel,
        "requester_name": requester.name,
        "groups": groups[:_GROUPS_SHOWN],
        "platform": PLATFORMS.get(ChannelKind(channel.kind)),
    }


def _stay(db: Session, door: Door, comes: Arrival, visitor: Visitor | None) -> Stay | None:
    """The visit of who is signed in that this link carries on, or shows as finished."""
    visit_id = entering.visit_to_go_on_with(db, door, comes, visitor.worker_id) if visitor else None
    return visiting.stay_of(db, visitor, visit_id)


def _here(request: Request) -> str:
    """The entry link as the form must send it again: with what it says of who comes."""
    return f"{request.url.path}?{request.url.query}" if request.url.query else request.url.path


def _not_admitted(request: Request, visitor: Visitor | None, refused: NotAdmitted) -> Response:
    return page(request, "not_admitted", visitor, status=refused.http_status, refused=refused, here=_here(request))
