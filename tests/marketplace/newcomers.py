"""People who come by an entry link, with browsers of their own."""

import html
import re
from collections.abc import Iterator
from contextlib import contextmanager
from datetime import UTC, datetime
from typing import Any
from urllib.parse import urlsplit

import httpx2

from app.db.engine import Database
from app.marketplace import recruitment
from app.marketplace.recruitment import NewChannel
from app.marketplace.requesters import FIRST_REQUESTER_ID
from app.marketplace.store import Channel, ChannelKind
from tests.marketplace.people import Browser, assignment_id_of

_START = re.compile(r'<form method="post" action="([^"]+)" id="start-form"')
_CSRF = re.compile(r'name="csrf" value="([0-9a-f]+)"')


def open_channel(database: Database, kind: ChannelKind = ChannelKind.PROLIFIC, **values: Any) -> Channel:
    """A channel of Rita's; for Prolific with a code, which no random id can hold."""
    if kind is not ChannelKind.INVITE:
        values = {"completion_code": "C0DE-4-TEA", **values}
    if kind is ChannelKind.GENERIC:
        values = {"worker_parameter": "who", **values}
    with database.transaction() as db:
        return recruitment.create(
            db, FIRST_REQUESTER_ID, NewChannel(name="Tea study", kind=kind, **values), datetime.now(UTC)
        )


@contextmanager
def newcomer(url: str) -> Iterator[Browser]:
    """Somebody with a fresh browser."""
    browser = Browser(url)
    try:
        yield browser
    finally:
        browser.close()


def prolific(channel: Channel, pid: str = "60a1b2c3d4e5f60718293a4b", session: str = "s1", study: str = "t1") -> str:
    """The entry link as Prolific fills it in."""
    return f"/enter/{channel.token}?PROLIFIC_PID={pid}&STUDY_ID={study}&SESSION_ID={session}"


def start(browser: Browser, link: str, **fields: str) -> httpx2.Response:
    """Open the link, press Start; keeps the form token and the Worker's id of the page that follows."""
    shown = browser.http.get(link)
    form = _START.search(shown.text)
    assert form, shown.text
    shown = browser.http.post(html.unescape(form[1]), data=fields)
    assert shown.status_code == 200, shown.text
    keep(browser, shown)
    return shown


def keep(browser: Browser, shown: httpx2.Response) -> None:
    found = _CSRF.search(shown.text)
    assert found, shown.text
    browser.csrf = found[1]
    worker = re.search(r"<small>(A[A-Z0-9]{13})</small>", shown.text)
    assert worker, shown.text
    browser.worker_id = worker[1]


def visit_id_of(shown: httpx2.Response) -> str:
    """The visit on whose page the person is."""
    found = re.search(r"/visits/(\d+)", str(shown.url)) or re.search(r"/visits/(\d+)", shown.text)
    assert found, shown.url
    return found[1]


def go_on(browser: Browser, visit_id: str) -> httpx2.Response:
    """Press the visit's button."""
    return browser.post(f"/visits/{visit_id}/next")


def do_one(browser: Browser, shown: httpx2.Response) -> httpx2.Response:
    """Submit the HIT on this page and follow where the site leads."""
    assignment_id = assignment_id_of(str(shown.url))
    assert browser.submit(assignment_id).status_code == 200
    return browser.post(f"/assignments/{assignment_id}/next")


def path_of(shown: httpx2.Response) -> str:
    """Where the browser is."""
    return urlsplit(str(shown.url)).path
