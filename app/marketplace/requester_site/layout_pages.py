"""HIT layouts: questions with placeholders. MTurk's web site made them, and no operation of its API does."""

from typing import Annotated

from fastapi import APIRouter, Form
from starlette.responses import Response

from app.logs import get_logger
from app.marketplace import layouts
from app.marketplace.requester_site.pages import Desk, Id, Notice, Sender, SignedIn
from app.marketplace.sites.pages import see_other
from app.marketplace.sites.refusals import not_found
from app.marketplace.store import HITLayout
from app.marketplace.wire_errors import WireError

log = get_logger(__name__)
router = APIRouter()
_MOST_SHOWN = 500
# More than a Question may have: what is too long is told in words.
Question = Annotated[str, Form(max_length=200_000)]
Name = Annotated[str, Form(max_length=1000)]


@router.get("/layouts")
def listed(
    desk: SignedIn,
) -> Response:
    """The HIT layouts, newest first, and the form for another one."""
    return _list(desk)


@router.post("/layouts")
def create(desk: Sender, name: Name = "", question: Question = "") -> Response:
    """Keep a layout and show it."""
    # Browsers send each line's end as two characters.
    name, question = " ".join(name.split()), question.replace("\r\n", "\n").strip()
    try:
        with desk.market.database.transaction() as db:
            layout_id = layouts.create(db, desk.requester_id, name, question, desk.market.clock())
    except WireError as error:
        return _list(desk, status=422, problem=error.message, name=name, question=question)
    log.info("layout.made", layout_id=layout_id, requester_id=desk.requester_id)
    return see_other(f"/requester/layouts/{layout_id}?notice=layout_made")


@router.get("/layouts/{layout_id}")
def layout(desk: SignedIn, layout_id: Id, notice: Notice = "") -> Response:
    """One HIT layout's question, as text, and what it wants to be filled with."""
    with desk.market.database.transaction() as db:
        found = db.get(HITLayout, layout_id)
    if found is None or found.requester_id != desk.requester_id:
        raise not_found("HIT layout")
    return desk.page("layout", layout=found, placeholders=layouts.placeholders(found.question), notice=notice)


def _list(desk: Desk, *, status: int = 200, **values: str) -> Response:
    with desk.market.database.transaction() as db:
        found = layouts.owned_by(db, desk.requester_id)[:_MOST_SHOWN]
    return desk.page("layouts", status=status, layouts=found, **values)
