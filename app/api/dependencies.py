"""What endpoints ask for: the transaction, the caller, the settings."""

from collections.abc import Callable, Coroutine
from datetime import UTC, datetime
from typing import Annotated, Any

from fastapi import Depends, Path, Request, Response
from fastapi.routing import APIRoute
from fastapi.security import HTTPAuthorizationCredentials, HTTPBearer
from starlette.concurrency import run_in_threadpool

from app.access import api_keys, logins
from app.access.dependencies import LARGEST_ID, SAFE_METHODS, DatabaseOf, database_of
from app.access.permissions import Caller, Permission, require
from app.errors import NotSignedIn

_bearer = HTTPBearer(auto_error=False, scheme_name="API key", description="`Authorization: Bearer lj_…`")


def _caller(
    request: Request,
    database: DatabaseOf,
    bearer: Annotated[HTTPAuthorizationCredentials | None, Depends(_bearer)],
) -> Caller:
    """The Account behind the API key or, for reading only, behind the console's cookie.

    Found in a transaction of its own: a slow launch must not hold the key's row.
    """
    now = datetime.now(UTC)
    with database.transaction() as db:
        if bearer is not None:
            return api_keys.authenticate(db, bearer.credentials, now=now)
        cookie = request.cookies.get(logins.COOKIE)
        # A cookie travels by itself, so it must not be able to change anything here; the console's forms carry a token.
        signed_in = logins.find(db, cookie, now=now) if cookie and request.method in SAFE_METHODS else None
        if signed_in is None:
            raise NotSignedIn
        return signed_in.caller


def _needs(permission: Permission) -> Callable[[Caller], Caller]:
    def check(caller: Annotated[Caller, Depends(_caller)]) -> Caller:
        require(caller, permission)
        return caller

    return check


CanView = Annotated[Caller, Depends(_needs(Permission.VIEW))]
CanExport = Annotated[Caller, Depends(_needs(Permission.EXPORT))]
CanSpend = Annotated[Caller, Depends(_needs(Permission.SPEND))]
CanManageAccounts = Annotated[Caller, Depends(_needs(Permission.MANAGE_ACCOUNTS))]


class SpendersFirst(APIRoute):
    """A route that changes something: it knows that its caller may do so before it reads one byte of the body.

    FastAPI reads the body first and asks dependencies then: a stranger could fill the disk with uploads.
    """

    def get_route_handler(self) -> Callable[[Request], Coroutine[Any, Any, Response]]:
        """The usual handler behind the check. Async, because reading bodies is."""
        handle = super().get_route_handler()

        async def checked(request: Request) -> Response:
            if request.method not in SAFE_METHODS:
                bearer = await _bearer(request)
                caller = await run_in_threadpool(_caller, request, database_of(request), bearer)
                require(caller, Permission.SPEND)
            return await handle(request)

        return checked


BatchNumber = Annotated[int, Path(ge=1, le=LARGEST_ID, description="The Batch's number.", examples=[7])]
ItemNumber = Annotated[int, Path(ge=1, le=LARGEST_ID, description="Our own number of the Item, not the file's id.")]
