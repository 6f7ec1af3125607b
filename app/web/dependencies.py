"""What pages ask for: the transaction, who is signed in, the settings."""

from collections.abc import Callable, Iterator
from datetime import UTC, datetime
from typing import Annotated

from fastapi import Depends, Path, Request
from sqlalchemy.orm import Session

from app.access import logins
from app.access.logins import SignedIn
from app.access.permissions import Permission, require
from app.db.engine import Database
from app.errors import NotSignedIn
from app.mturk.client import Marketplace
from app.settings import MarketplaceProfile, Settings
from app.web import csrf

Connect = Callable[[MarketplaceProfile], Marketplace]


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


# scope="function": committed before the page leaves, so that the next one shows it.
Db = Annotated[Session, Depends(_transaction, scope="function")]


def _signed_in(request: Request, database: DatabaseOf) -> SignedIn:
    """Whose browser this is. Kept on the request, so that an error page knows it too."""
    cookie = request.cookies.get(logins.COOKIE, "")
    with database.transaction() as db:
        found = logins.find(db, cookie, now=datetime.now(UTC)) if cookie else None
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
# For the decorator of every route that changes something.
OUR_FORM = Depends(_form_of_ours)

_LARGEST_ID = 2**63 - 1
BatchNumber = Annotated[int, Path(ge=1, le=_LARGEST_ID)]
ItemNumber = Annotated[int, Path(ge=1, le=_LARGEST_ID)]
