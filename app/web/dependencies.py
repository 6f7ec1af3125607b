"""What pages ask for: the transaction, who is signed in, the settings."""

from collections.abc import Callable, Coroutine
from datetime import UTC, datetime
from typing import Annotated, Any

from fastapi import Depends, Path, Request, Response
from fastapi.routing import APIRoute
from starlette.concurrency import run_in_threadpool

from app.access import logins
from app.access.dependencies import LARGEST_ID, SAFE_METHODS, DatabaseOf, database_of
from app.access.logins import SignedIn
from app.access.permissions import Permission, require
from app.domain.vocabulary import BatchId
from app.errors import NotSignedIn
from app.pipeline import alert_report, batches
from app.settings import MarketplaceProfile
from app.web import csrf


def _signed_in(request: Request, database: DatabaseOf) -> SignedIn:
    """Whose browser this is. Kept on the request, so that an error page knows it too."""
    cookie = request.cookies.get(logins.COOKIE, "")
    with database.transaction() as db:
        found = logins.find(db, cookie, now=datetime.now(UTC)) if cookie else None
        request.state.open_alerts = alert_report.open_count(db) if found else 0  # for the bar on every page
    if found is None:
        raise NotSignedIn
    request.state.signed_in = found
    return found


def _needs(permission: Permission) -> Callable[[SignedIn], SignedIn]:
    def check(signed_in: Annotated[SignedIn, Depends(_signed_in)]) -> SignedIn:
        require(signed_in.caller, permission)
        return signed_in

    return check


async def _form_of_ours(request: Request, signed_in: Annotated[SignedIn, Depends(_signed_in)]) -> None:
    await csrf.check(request, signed_in.csrf_token)


def _visitor(request: Request, database: DatabaseOf) -> SignedIn | None:
    try:
        return _signed_in(request, database)
    except NotSignedIn:
        return None


# For pages that everybody may see and that greet whoever is signed in.
Visitor = Annotated[SignedIn | None, Depends(_visitor)]
CanView = Annotated[SignedIn, Depends(_needs(Permission.VIEW))]
CanSpend = Annotated[SignedIn, Depends(_needs(Permission.SPEND))]
CanManageAccounts = Annotated[SignedIn, Depends(_needs(Permission.MANAGE_ACCOUNTS))]
# For the decorator of every route that changes something.
OUR_FORM = Depends(_form_of_ours)

BatchNumber = Annotated[int, Path(ge=1, le=LARGEST_ID)]
ItemNumber = Annotated[int, Path(ge=1, le=LARGEST_ID)]
KeyNumber = Annotated[int, Path(ge=1, le=LARGEST_ID)]


def _profile_of_batch(request: Request, batch_id: BatchNumber, database: DatabaseOf, here: CanView) -> None:
    """Note where the Batch's HITs go, so that every page about it says so, error pages too.

    In a transaction of its own: a slow launch must not hold one open.
    """
    with database.transaction() as db:
        request.state.profile = MarketplaceProfile(batches.get(db, BatchId(batch_id)).profile)


# For every route under /batches/{batch_id}.
ABOUT_BATCH = Depends(_profile_of_batch)


class SpendersFirst(APIRoute):
    """A route whose form may be large: it knows that its sender may spend before it reads one byte of the body.

    FastAPI reads the body first and asks dependencies then: a stranger could fill the disk with uploads.
    """

    def get_route_handler(self) -> Callable[[Request], Coroutine[Any, Any, Response]]:
        """The usual handler behind the check. Async, because reading bodies is."""
        handle = super().get_route_handler()

        async def checked(request: Request) -> Response:
            if request.method not in SAFE_METHODS:
                signed_in = await run_in_threadpool(_signed_in, request, database_of(request))
                require(signed_in.caller, Permission.SPEND)
            return await handle(request)

        return checked
