"""The list of work, previews, and the page on which a Worker answers."""

from typing import Annotated

from fastapi import APIRouter, Form, Query
from sqlalchemy import update
from starlette.requests import Request
from starlette.responses import Response

from app.marketplace import bookkeeping
from app.marketplace.context import Marketplace
from app.marketplace.store import HIT, AssignmentStatus, HITType, Worker
from app.marketplace.worker_site import browsing, frames, working
from app.marketplace.worker_site.account_pages import PageNumber
from app.marketplace.worker_site.pages import Market, MaybeVisitor, Sender, SignedIn, page, see_other
from app.marketplace.worker_site.refusals import Refused, not_found
from app.marketplace.worker_site.sessions import Visitor

router = APIRouter()


@router.get("/worker")
def work(
    request: Request,
    market: Market,
    visitor: MaybeVisitor,
    number: Annotated[PageNumber, Query(alias="page")] = 1,
    notice: Annotated[str, Query(max_length=20)] = "",
) -> Response:
    """HIT groups with work for this Worker, and what they have accepted."""
    now = market.clock()
    bookkeeping.settle(market.database, now)
    worker_id = visitor.worker_id if visitor else None
    with market.database.transaction() as db:
        groups = browsing.groups(db, worker_id, now, page=number)
        accepted = browsing.accepted(db, worker_id, now) if worker_id else []
    shown, more = groups[: browsing.GROUPS_A_PAGE], len(groups) > browsing.GROUPS_A_PAGE
    return page(
        request,
        "work",
        visitor,
        groups=shown,
        accepted=accepted,
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
        hit_id = browsing.next_hit_id(db, hit_type.id, visitor.worker_id if visitor else None, now)
        hit = db.get(HIT, hit_id) if hit_id is not None else None
    if hit is None:
        return page(request, "none_left", visitor, hit_type=hit_type)
    frame = frames.frame(hit, market.settings.marketplace_url)
    return page(request, "preview", visitor, hit_type=hit_type, hit=hit, frame=frame)


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
        assignment_id = working.accept(db, visitor.worker_id, _clean(hit_id), market.clock())
    return see_other(f"/assignments/{assignment_id}")


@router.get("/assignments/{assignment_id}")
def assignment(request: Request, assignment_id: str, market: Market, visitor: SignedIn) -> Response:
    """The question in its frame, with the time that is left."""
    bookkeeping.settle(market.database, market.clock())
    with market.database.transaction() as db:
        found = browsing.attempt(db, visitor.worker_id, _clean(assignment_id))
    if found is None:
        raise not_found("assignment")
    mine, hit, hit_type = found
    if mine.status != AssignmentStatus.PENDING:
        return page(request, "over", visitor, assignment=mine, hit_type=hit_type)
    frame = frames.frame(hit, market.settings.marketplace_url, assignment_id=mine.id, worker_id=visitor.worker_id)
    left_s = int((mine.deadline - market.clock()).total_seconds())
    return page(
        request, "assignment", visitor, assignment=mine, hit=hit, hit_type=hit_type, frame=frame, seconds_left=left_s
    )


@router.post("/assignments/{assignment_id}/return")
def give_back(assignment_id: str, market: Market, visitor: Sender) -> Response:
    """Return an accepted HIT without an answer."""
    with market.database.transaction() as db:
        working.give_back(db, visitor.worker_id, _clean(assignment_id), market.clock())
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
    with market.database.transaction() as db:
        found = browsing.attempt(db, visitor.worker_id, _clean(assignment_id))
    if found is None:
        raise not_found("assignment")
    mine, _, hit_type = found
    if mine.status == AssignmentStatus.PENDING and mine.deadline >= market.clock():
        return see_other(f"/assignments/{mine.id}")
    if not visitor.accept_next:
        return see_other("/worker?notice=submitted")
    return _accept_any(market, visitor, hit_type)


def _accept_any(market: Marketplace, visitor: Visitor, hit_type: HITType) -> Response:
    now = market.clock()
    bookkeeping.settle(market.database, now)
    with market.database.transaction() as db:
        assignment_id = working.accept_any(db, visitor.worker_id, hit_type, now)
    if assignment_id is None:
        return see_other("/worker?notice=none_left")
    return see_other(f"/assignments/{assignment_id}")


def _clean(id: str) -> str:
    """An id from a URL. Raises Refused for what can be none: the database need not see it."""
    if not id.isascii() or not id.isalnum() or len(id) > 64:  # noqa: PLR2004 - MTurk's longest id
        raise Refused(404, "There is no such page.")
    return id
