"""The cast of the tests of API and console: Rita owns the installation, Victor may only look."""

from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from datetime import UTC, datetime

from fastapi import FastAPI
from fastapi.testclient import TestClient
from sqlalchemy import insert

from app.access import api_keys, logins
from app.access.logins import SignedIn
from app.access.permissions import Caller
from app.db.engine import Database
from app.db.tables import Account
from app.domain.vocabulary import AccountId, Role

RITA, VICTOR = "rita@example.org", "victor@example.org"
ITEMS_CSV = b"id,url,given_label,guessed_label\n1,https://images.example/1.png,cat,dog\n2,https://images.example/2.png,car,bus\n"
MULTIPART = {"Content-Type": "multipart/form-data; boundary=x"}


@dataclass(frozen=True, slots=True)
class Visitor:
    """A browser of somebody who is signed in."""

    client: TestClient
    csrf_token: str


def sign_up(database: Database, email: str, role: Role) -> Caller:
    """An Account without a password, made directly: hashing passwords is slow on purpose."""
    with database.transaction() as db:
        new = insert(Account).values(email=email, password_hash="unusable", role=role).returning(Account.id)
        return Caller(AccountId(db.execute(new).scalar_one()), email, role)


def key_of(database: Database, caller: Caller) -> str:
    """A new API key."""
    with database.transaction() as db:
        return api_keys.create(db, caller, "test").key


def dripping(sent: list[bytes]) -> Iterator[bytes]:
    """The body of an upload; what a server reads of it is noted in `sent`."""
    for part in (b'--x\r\nContent-Disposition: form-data; name="name"\r\n\r\n', b"Birds\r\n--x--\r\n"):
        sent.append(part)
        yield part


@contextmanager
def browsing(app: FastAPI, database: Database, caller: Caller) -> Iterator[Visitor]:
    """A browser with the caller's cookie."""
    now = datetime.now(UTC)
    with database.transaction() as db:
        token = logins._open(db, caller.account_id, now)
        signed_in: SignedIn | None = logins.find(db, token, now=now)
    assert signed_in is not None
    with TestClient(app, cookies={logins.COOKIE: token}, follow_redirects=False) as client:
        yield Visitor(client, signed_in.csrf_token)
