"""What endpoints ask for: the transaction, the caller, the settings."""

from collections.abc import Callable, Iterator
from datetime import UTC, datetime
from typing import Annotated

from fastapi import Depends, Path, Request
from fastapi.security import HTTPAuthorizationCredentials, HTTPBearer
from sqlalchemy.orm import Session

from app.access import api_keys, logins
from app.access.permissions import Caller, Permission, require
from app.db.engine import Database
from app.errors import NotSignedIn
from app.mturk.client import Marketplace
from app.settings import MarketplaceProfile, Settings

Connect = Callable[[MarketplaceProfile], Marketplace]

_SAFE_METHODS = {"GET", "HEAD"}
_bearer = HTTPBearer(auto_error=False, scheme_name="API key", description="`Authorization: Bearer lj_…`")


def _settings(request: Request) -> Settings:
    settings: Settings = request.app.state.settings
    return settings


def _database(request: Request) -> Database:
    database: Database = request.app.state.database
    return database


def _connect(request: Request) -> Connect:
    connect: Connect = request.app.state.connect
    return connect


SettingsOf = Annotated[Settings, Depends(_settings)]
DatabaseOf = Annotated[Database, Depends(_database)]
ConnectOf = Annotated[Connect, Depends(_connect)]


def _transaction(database: DatabaseOf) -> Iterator[Session]:
    with database.transaction() as db:
        yield db


# scope="function": committed before the answer leaves, so that whoever reads it can rely on it.
Db = Annotated[Session, Depends(_transaction, scope="function")]


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
        signed_in = logins.find(db, cookie, now=now) if cookie and request.method in _SAFE_METHODS else None
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

_LARGEST_ID = 2**63 - 1
BatchNumber = Annotated[int, Path(ge=1, le=_LARGEST_ID, description="The Batch's number.", examples=[7])]
ItemNumber = Annotated[int, Path(ge=1, le=_LARGEST_ID, description="Our own number of the Item, not the file's id.")]
