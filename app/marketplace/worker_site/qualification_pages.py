"""Qualifications as a Worker meets them: what they have, what they can ask for, and the tests."""

from typing import Annotated

from fastapi import APIRouter, Depends, Path, Query
from starlette.datastructures import UploadFile
from starlette.requests import Request
from starlette.responses import Response

from app.marketplace import question_forms
from app.marketplace.question_forms import Filled
from app.marketplace.sites.pages import Market, see_other
from app.marketplace.sites.refusals import Refused
from app.marketplace.store import QualificationRequest, RequestStatus
from app.marketplace.worker_site import asking, qualification_lists, visiting, wanting_hits
from app.marketplace.worker_site.account_pages import PageNumber
from app.marketplace.worker_site.asking import Standing
from app.marketplace.worker_site.pages import Sender, SignedIn, page
from app.marketplace.worker_site.sessions import Visitor

router = APIRouter()
TypeId = Annotated[str, Path(pattern="^[A-Za-z0-9]{1,64}$")]
Notice = Annotated[str, Query(max_length=20)]
_LONGEST_QUERY = 200


@router.get("/worker/qualifications")
def qualifications(
    request: Request,
    market: Market,
    visitor: SignedIn,
    number: Annotated[PageNumber, Query(alias="page")] = 1,
    query: Annotated[str, Query(alias="q", max_length=_LONGEST_QUERY)] = "",
) -> Response:
    """The Worker's Qualifications and requests, and what else there is."""
    query = query.replace("\0", "").strip()
    with market.database.transaction() as db:
        held = qualification_lists.held(db, visitor.worker_id)
        asked = qualification_lists.asked(db, visitor.worker_id, market.clock())
        told = qualification_lists.told(db, visitor.worker_id)
        offered = qualification_lists.offered(db, visitor.worker_id, query=query, page=number)
    return page(
        request,
        "qualifications",
        visitor,
        held=held,
        asked=asked,
        told=told,
        offered=offered[: qualification_lists.A_PAGE],
        more=len(offered) > qualification_lists.A_PAGE,
        number=number,
        query=query,
    )


@router.get("/worker/qualifications/{type_id}")
def qualification(
    request: Request, type_id: TypeId, market: Market, visitor: SignedIn, notice: Notice = ""
) -> Response:
    """One Qualification: what it is, how the Worker stands to it, and the button that asks for it."""
    with market.database.transaction() as db:
        case = asking.case(db, visitor.worker_id, type_id, market.clock())
        stay = visiting.open_stay(db, visitor)
        scope = stay.scope if stay else None
        wanting = wanting_hits.wanting(db, visitor.worker_id, case.kind, market.clock(), within=scope)
    return page(request, "qualification", visitor, case=case, notice=notice, stay=stay, wanting=wanting)


@router.get("/worker/qualifications/{type_id}/request")
def request_link(type_id: TypeId) -> Response:
    """Where a Worker lands who had to sign in first. A link only shows; the button on the page asks."""
    return see_other(f"/worker/qualifications/{type_id}")


@router.post("/worker/qualifications/{type_id}/request")
def ask(type_id: TypeId, market: Market, visitor: Sender) -> Response:
    """Ask for the Qualification; a test begins now."""
    with market.database.transaction() as db:
        stands = asking.ask(db, visitor.worker_id, type_id, market.clock())
    if stands is Standing.TESTING:
        return see_other(f"/worker/qualifications/{type_id}/test")
    return see_other(f"/worker/qualifications/{type_id}?notice={stands.value}")


@router.get("/worker/qualifications/{type_id}/test")
def test(request: Request, type_id: TypeId, market: Market, visitor: SignedIn) -> Response:
    """The test that the Worker is sitting."""
    with market.database.transaction() as db:
        sitting = asking.test_of(db, visitor.worker_id, type_id, market.clock())
    return _test_page(request, market, visitor, sitting)


async def posted_fields(request: Request) -> list[tuple[str, str]]:
    """The form's fields in their order. Raises Refused when there is a file among them."""
    form = await request.form()
    if any(isinstance(value, UploadFile) for value in form.values()):
        raise Refused(400, "Files cannot be handed in.")
    return [(name, str(value)) for name, value in form.multi_items()]


@router.post("/worker/qualifications/{type_id}/test")
def hand_in(
    request: Request,
    type_id: TypeId,
    market: Market,
    visitor: Sender,
    fields: Annotated[list[tuple[str, str]], Depends(posted_fields)],
) -> Response:
    """Hand in the test, or see what is missing."""
    with market.database.transaction() as db:
        sitting, filled = asking.hand_in(db, visitor.worker_id, type_id, fields, market.clock())
    if filled.problems:
        return _test_page(request, market, visitor, sitting, filled)
    notice = "scored" if sitting.status == RequestStatus.GRANTED else Standing.WAITING.value
    return see_other(f"/worker/qualifications/{type_id}?notice={notice}")


def _test_page(
    request: Request, market: Market, visitor: Visitor, sitting: QualificationRequest, filled: Filled | None = None
) -> Response:
    now = market.clock()
    with market.database.transaction() as db:
        case = asking.case(db, visitor.worker_id, sitting.qualification_type_id, now)
    form = question_forms.parse(sitting.test or "", parameter="Test")
    given, problems = ({}, {}) if filled is None else (filled.given, filled.problems)
    response = page(
        request,
        "qualification_test",
        visitor,
        status=422 if problems else 200,
        case=case,
        fields=question_forms.fields_html(form, given=given, problems=problems),
        deadline=sitting.deadline,
        seconds_left=0 if sitting.deadline is None else int((sitting.deadline - now).total_seconds()),
    )
    # The Requester's pictures and sounds may come from anywhere; the rest of the page's rules stays.
    policy = response.headers["Content-Security-Policy"]
    response.headers["Content-Security-Policy"] = policy.replace("img-src 'self' data:", question_forms.MEDIA_POLICY)
    return response
