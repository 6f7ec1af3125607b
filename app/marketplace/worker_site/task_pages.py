"""The list of work, previews, and the page on which a Worker answers."""

from typing import Annotated

from fastapi import APIRouter, Depends, Form, Query
from sqlalchemy import update
from sqlalchemy.orm import Session
from starlette.requests import Request
from starlette.responses import Response

from app.marketplace import bookkeeping, qualifying
from app.marketplace.context import Marketplace
from app.marketplace.qualifying import Action, Unmet
from app.marketplace.sites import frames
from app.marketplace.sites.pages import Market, see_other
from app.marketplace.sites.refusals import Refused, SignInNeeded, not_found
from app.marketplace.store import HIT, AssignmentStatus, HITType, Worker
from app.marketplace.worker_site import browsing, visiting, working
from app.marketplace.worker_site.account_pages import PageNumber
from app.marketplace.worker_site.choosing import Choice, choice
from app.marketplace.worker_site.pages import MaybeVisitor, Sender, SignedIn, page
from app.marketplace.worker_site.refusals import NotQualified
from app.marketplace.worker_site.sessions import Visitor

router = APIRouter()


@router.get("/worker")
def work(
    request: Request,
    market: Market,
    visitor: MaybeVisitor,
    wanted: Annotated[Choice, Depends(choice)],
    *,
    number: Annotated[PageNumber, Query(alias="page")] = 1,
    notice: Annotated[str, Query(max_length=20)] = "",
) -> Response:
    """HIT groups with work for this Worker, and what they have accepted."""
    now = market.clock()
    bookkeeping.settle(market.database, now)
    worker_id = visitor.worker_id if visitor else None
    with market.database.transaction() as db:
        stay = visiting.open_stay(db, visitor)
        within = stay.scope if stay else None
        full = stay is not None and stay.is_full
        groups = [] if full else browsing.groups(db, worker_id, now, page=number, choice=wanted, within=within)
        accepted = browsing.accepted(db, worker_id, now) if worker_id else []
        out_of_reach = qualifying.barred(db, worker_id, Action.ACCEPT, [group.hit_type for group in groups])
    shown, more = groups[: browsing.GROUPS_A_PAGE], len(groups) > browsing.GROUPS_A_PAGE
    return page(
        request,
        "work",
        visitor,
        groups=shown,
        accepted=accepted,
        stay=stay,
        choice=wanted,
        out_of_reach=out_of_reach,
        more=more,
        number=number,
        notice=notice,
        most_counted=browsing.MOST_COUNTED,
    )


@router.get("/mturk/preview")
def preview_by_old_link(group_id: Annotated[str, Query(alias="groupId", max_length=64)]) -> Response:
    """MTurk's older preview link."""
    return see_other(f"/projects/{_clean(group_id)}/tasks")


@router.get("/projects/{group_id}/tasks")
def preview(request: Request, group_id: str, market: Market, visitor: MaybeVisitor) -> Response:
    """One HIT of the group, to look at before accepting."""
    now = market.clock()
    bookkeeping.settle(market.database, now)
    with market.database.transaction() as db:
        hit_type = browsing.group(db, _clean(group_id))
        if hit_type is None:
            raise not_found("group of HITs")
        unmet = _unmet(request, db, visitor, hit_type)
        hit_id = browsing.next_hit_id(db, hit_type.id, visitor.worker_id if visitor else None, now)
        hit = db.get(HIT, hit_id) if hit_id is not None else None
    if hit is None:
        return page(request, "none_left", visitor, hit_type=hit_type)
    frame = frames.frame(hit, market.settings.marketplace_url)
    return page(request, "preview", visitor, hit_type=hit_type, hit=hit, frame=frame, unmet=unmet)


@router.get("/projects/{group_id}/tasks/accept_random")
def accept_link(group_id: str) -> Response:
    """MTurk's accept link. A link only shows; the button on the page accepts."""
    return see_other(f"/projects/{_clean(group_id)}/tasks")


@router.post("/projects/{group_id}/tasks/accept_random")
def accept_random(group_id: str, market: Market, visitor: Sender) -> Response:
    """Accept any HIT of the group."""
    with market.database.transaction() as db:
        hit_type = browsing.group(db, _clean(group_id))
    if hit_type is None:
        raise not_found("group of HITs")
    return _accept_any(market, visitor, hit_type)


@router.post("/projects/{group_id}/tasks/{hit_id}/accept")
def accept(group_id: str, hit_id: str, market: Market, visitor: Sender) -> Response:
    """Accept this HIT."""
    with market.database.transaction() as db:
        assignment_id = working.accept(db, visitor.worker_id, _clean(hit_id), market.clock(), visit_id=visitor.visit_id)
    return see_other(f"/assignments/{assignment_id}")


@router.get("/assignments/{assignment_id}")
def assignment(request: Request, assignment_id: str, market: Market, visitor: SignedIn) -> Response:
    """The question in its frame, with the time that is left."""
    bookkeeping.settle(market.database, market.clock())
    with market.database.reading() as db:
        found = browsing.attempt(db, visitor.worker_id, _clean(assignment_id))
        stay = visiting.stay_of(db, visitor, found[0].visit_id if found else None)
    if found is None:
        raise not_found("assignment")
    mine, hit, hit_type = found
    if mine.status != AssignmentStatus.PENDING:
        return page(request, "over", visitor, assignment=mine, hit=hit, hit_type=hit_type, stay=stay)
    frame = frames.frame(hit, market.settings.marketplace_url, assignment_id=mine.id, worker_id=visitor.worker_id)
    left_s = int((mine.deadline - market.clock()).total_seconds())
    return page(
        request,
        "assignment",
        visitor,
        assignment=mine,
        hit=hit,
        hit_type=hit_type,
        frame=frame,
        seconds_left=left_s,
        stay=stay,
    )


@router.post("/assignments/{assignment_id}/return")
def give_back(assignment_id: str, market: Market, visitor: Sender) -> Response:
    """Return an accepted HIT without an answer."""
    with market.database.transaction() as db:
        working.give_back(db, visitor.worker_id, _clean(assignment_id), market.clock())
    if visitor.visit_id is not None:
        return see_other(f"/visits/{visitor.visit_id}?notice=returned")
    return see_other("/worker?notice=returned")


@router.post("/assignments/{assignment_id}/accept-next")
def set_accept_next(
    assignment_id: str, market: Market, visitor: Sender, accept_next: Annotated[str, Form(max_length=10)] = ""
) -> Response:
    """Choose whether a submission leads on to the next HIT of the group."""
    with market.database.transaction() as db:
        db.execute(update(Worker).where(Worker.id == visitor.worker_id).values(accept_next=accept_next == "on"))
    return see_other(f"/assignments/{_clean(assignment_id)}")


@router.get("/assignments/{assignment_id}/next")
def next_link(assignment_id: str) -> Response:
    """Where a Worker lands who had to sign in first. A link only shows; the button on the page goes on."""
    return see_other(f"/assignments/{_clean(assignment_id)}")


@router.post("/assignments/{assignment_id}/next")
def next_assignment(assignment_id: str, market: Market, visitor: Sender) -> Response:
    """Where to go after a submission: the next HIT of the group when the Worker wants that, else the list."""
    with market.database.reading() as db:
        found = browsing.attempt(db, visitor.worker_id, _clean(assignment_id))
    if found is None:
        raise not_found("assignment")
    mine, _, hit_type = found
    if mine.status == AssignmentStatus.PENDING and mine.deadline >= market.clock():
        return see_other(f"/assignments/{mine.id}")
    if mine.visit_id is not None:
        return see_other(visiting.go_on(market.database, visitor.worker_id, mine.visit_id, market.clock()))
    if not visitor.accept_next:
        return see_other("/worker?notice=submitted")
    try:
        return _accept_any(market, visitor, hit_type)
    except NotQualified:
        # They have just submitted, and that went well: the next HIT of the group is not for them any more.
        return see_other("/worker?notice=submitted")


def _accept_any(market: Marketplace, visitor: Visitor, hit_type: HITType) -> Response:
    now = market.clock()
    bookkeeping.settle(market.database, now)
    with market.database.transaction() as db:
        assignment_id = working.accept_any(db, visitor.worker_id, hit_type, now, visit_id=visitor.visit_id)
    if assignment_id is None:
        return see_other("/worker?notice=none_left")
    return see_other(f"/assignments/{assignment_id}")


def _unmet(request: Request, db: Session, visitor: Visitor | None, hit_type: HITType) -> list[Unmet]:
    """What the Worker lacks to accept. Raises NotQualified, or SignInNeeded, when they may not even look."""
    if visitor is None:
        if not qualifying.may(db, None, hit_type, Action.PREVIEW):
            raise SignInNeeded(request.url.path)
        return []
    if lacking := qualifying.unmet(db, visitor.worker_id, hit_type, Action.PREVIEW):
        raise NotQualified("You lack a Qualification that is needed to look at these HITs.", lacking)
    return qualifying.unmet(db, visitor.worker_id, hit_type, Action.ACCEPT)


def _clean(id: str) -> str:
    """An id from a URL. Raises Refused for what can be none: the database need not see it."""
    if not id.isascii() or not id.isalnum() or len(id) > 64:  # noqa: PLR2004 - MTurk's longest id
        raise Refused(404, "There is no such page.")
    return id
