"""What endpoints of the API and pages of the console ask for alike: settings, database, marketplace, transaction."""

from collections.abc import Iterator
from typing import Annotated

from fastapi import Depends, Request
from sqlalchemy.orm import Session

from app.db.engine import Database
from app.mturk.client import Connect
from app.settings import Settings

# What a column of ids can hold; a larger number in an address is nobody's.
LARGEST_ID = 2**63 - 1
# Methods that change nothing.
SAFE_METHODS = {"GET", "HEAD"}


def settings_of(request: Request) -> Settings:
    """The settings that the application was made with."""
    settings: Settings = request.app.state.settings
    return settings


def database_of(request: Request) -> Database:
    """The application's pool."""
    database: Database = request.app.state.database
    return database


def _connect_of(request: Request) -> Connect:
    connect: Connect = request.app.state.connect
    return connect


SettingsOf = Annotated[Settings, Depends(settings_of)]
DatabaseOf = Annotated[Database, Depends(database_of)]
ConnectOf = Annotated[Connect, Depends(_connect_of)]


def _transaction(database: DatabaseOf) -> Iterator[Session]:
    with database.transaction() as db:
        yield db


# scope="function": committed before the answer leaves, so that whoever reads it can rely on it.
Db = Annotated[Session, Depends(_transaction, scope="function")]
