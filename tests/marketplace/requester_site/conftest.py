"""Rita's browser on the Requester pages, and Mallory's, who is another Requester of the same marketplace."""

from collections.abc import Callable, Iterator, Mapping
from dataclasses import dataclass
from datetime import UTC, datetime
from decimal import Decimal

import httpx2
import pytest

from app.db.engine import Database
from app.marketplace import access_keys, requester_accounts
from app.marketplace.requesters import FIRST_REQUESTER_ID
from app.secrets import Credentials


@dataclass(slots=True)
class Office:
    """A Requester who uses the pages as a browser without JavaScript does."""

    http: httpx2.Client
    requester_id: str
    sign_in_name: str
    password: str
    csrf: str = ""

    def sign_in(self, password: str | None = None) -> httpx2.Response:
        """Send the sign-in form; keeps the csrf token of the page that follows."""
        fields = {"name": self.sign_in_name, "password": self.password if password is None else password}
        shown = self.http.post("/requester/sign-in", data=fields)
        if 'name="csrf" value="' in shown.text:
            self.csrf = between(shown.text, 'name="csrf" value="', '"')
        return shown

    def get(self, path: str, *, status: int = 200) -> str:
        """A page's text."""
        shown = self.http.get(f"/requester/{path}")
        assert shown.status_code == status, f"{path}: {shown.status_code} {shown.text}"
        return shown.text

    def post(
        self, path: str, form: Mapping[str, str] | None = None, *, status: int = 200, **fields: str | list[str]
    ) -> str:
        """Send one of the pages' forms; the text of the page it leads to."""
        shown = self.http.post(f"/requester/{path}", data={"csrf": self.csrf, **(form or {}), **fields})
        assert shown.status_code == status, f"{path}: {shown.status_code} {shown.text}"
        return shown.text


def between(text: str, before: str, after: str) -> str:
    assert before in text, text
    return text.split(before, 1)[1].split(after, 1)[0]


Opener = Callable[[str], Office]


@pytest.fixture
def offices(marketplace: str) -> Iterator[list[httpx2.Client]]:
    opened: list[httpx2.Client] = []
    yield opened
    for http in opened:
        http.close()


@pytest.fixture
def new_window(marketplace: str, offices: list[httpx2.Client]) -> Callable[[], httpx2.Client]:
    """A browser that nobody has signed in with."""

    def open_one() -> httpx2.Client:
        http = httpx2.Client(base_url=marketplace, follow_redirects=True, timeout=120)
        offices.append(http)
        return http

    return open_one


@pytest.fixture
def rita(database: Database, new_window: Callable[[], httpx2.Client]) -> Office:
    """The first Requester, signed in."""
    with database.transaction() as db:
        login = requester_accounts.reset_password(db, FIRST_REQUESTER_ID)
    office = Office(new_window(), login.requester_id, login.sign_in_name, login.password)
    assert office.sign_in().status_code == 200
    return office


@pytest.fixture
def mallory(database: Database, new_window: Callable[[], httpx2.Client]) -> Office:
    """Another Requester, signed in, who wants to see and change what is Rita's."""
    with database.transaction() as db:
        made = requester_accounts.add(db, "Mallory & Sons", deposit_usd=Decimal(100), now=datetime.now(UTC))
    office = Office(new_window(), made.login.requester_id, made.login.sign_in_name, made.login.password)
    assert office.sign_in().status_code == 200
    return office


@pytest.fixture
def mallorys_key(database: Database, mallory: Office) -> Credentials:
    """For Mallory's own scripts."""
    with database.transaction() as db:
        return access_keys.create(db, mallory.requester_id, "script", datetime.now(UTC))
