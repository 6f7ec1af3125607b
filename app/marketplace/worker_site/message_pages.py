"""A Worker's inbox: what Requesters and the marketplace wrote to them."""

from dataclasses import replace
from typing import Annotated

from fastapi import APIRouter, Path, Query
from starlette.requests import Request
from starlette.responses import Response

from app.marketplace import messages
from app.marketplace.sites.pages import Market
from app.marketplace.sites.refusals import not_found
from app.marketplace.worker_site.pages import SignedIn, page

router = APIRouter()
PageNumber = Annotated[int, Query(ge=1, le=10_000, alias="page")]
# The largest id that the database can hold.
MessageId = Annotated[int, Path(ge=1, lt=1 << 63)]


@router.get("/worker/messages")
def inbox(request: Request, market: Market, visitor: SignedIn, number: PageNumber = 1) -> Response:
    """The Worker's messages, newest first."""
    with market.database.transaction() as db:
        letters = messages.inbox(db, visitor.worker_id, page=number)
    shown, more = letters[: messages.A_PAGE], len(letters) > messages.A_PAGE
    return page(request, "messages", visitor, letters=shown, more=more, number=number)


@router.get("/worker/messages/{message_id}")
def message(request: Request, message_id: MessageId, market: Market, visitor: SignedIn) -> Response:
    """One message, read from now on."""
    with market.database.transaction() as db:
        letter = messages.opened(db, visitor.worker_id, message_id, market.clock())
        left = messages.unread(db, visitor.worker_id)
    if letter is None:
        raise not_found("message")
    # The visitor was read before this message was: the number in the page's head is the new one.
    return page(request, "message", replace(visitor, unread=left), letter=letter)
