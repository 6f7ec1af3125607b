import re
from collections.abc import Callable
from typing import TYPE_CHECKING

import httpx2
import pytest

from app.db.engine import Database
from app.marketplace import messages
from tests.marketplace.conftest import MovedClock
from tests.marketplace.people import Browser, publish

if TYPE_CHECKING:
    from mypy_boto3_mturk import MTurkClient


@pytest.fixture
def ada(worker: Callable[[str], Browser]) -> Browser:
    return worker("Ada")


def write(database: Database, clock: MovedClock, worker_id: str, subject: str, text: str = "Text") -> None:
    with database.transaction() as db:
        messages.send(db, [worker_id], subject=subject, text=text, now=clock(), requester_id=None)


def listed(browser: Browser, page: int = 1) -> list[str]:
    shown = browser.http.get(f"/worker/messages?page={page}").text
    return re.findall(r'dir="auto">(Message \d+)</a>', shown)


def first_link(browser: Browser) -> str:
    return str(re.findall(r"/worker/messages/\d+", browser.http.get("/worker/messages").text)[0])


def test_messages_are_marked_new_until_they_are_opened(ada: Browser, database: Database, clock: MovedClock) -> None:
    write(database, clock, ada.worker_id, "Message 1")
    write(database, clock, ada.worker_id, "Message 2")
    assert ada.http.get("/worker/messages").text.count(">New<") == 2
    with database.transaction() as db:
        assert messages.unread(db, ada.worker_id) == 2
    opened = ada.http.get(first_link(ada)).text
    assert "Message 2" in opened
    assert '<span class="count">1<' in opened, "the head of the page counts this one as read"
    assert ada.http.get("/worker/messages").text.count(">New<") == 1
    with database.transaction() as db:
        assert messages.unread(db, ada.worker_id) == 1


def test_the_inbox_has_pages_newest_first(ada: Browser, database: Database, clock: MovedClock) -> None:
    for number in range(1, 33):
        write(database, clock, ada.worker_id, f"Message {number}")
    assert listed(ada) == [f"Message {number}" for number in range(32, 2, -1)]
    assert listed(ada, 2) == ["Message 2", "Message 1"]


def test_another_workers_message_is_not_found(
    ada: Browser, worker: Callable[[str], Browser], database: Database, clock: MovedClock
) -> None:
    write(database, clock, ada.worker_id, "Message 1")
    bob = worker("Bob")
    assert bob.http.get(first_link(ada)).status_code == 404
    with database.transaction() as db:
        assert messages.unread(db, ada.worker_id) == 1


@pytest.mark.parametrize(("path", "status"), [("0", 422), ("-1", 422), ("x", 422), (str(1 << 63), 422), ("77", 404)])
def test_an_address_of_no_message_is_refused(ada: Browser, path: str, status: int) -> None:
    assert ada.http.get(f"/worker/messages/{path}").status_code == status


def test_who_is_not_signed_in_is_sent_to_sign_in(marketplace: str) -> None:
    with httpx2.Client(base_url=marketplace, follow_redirects=True) as nobody:
        assert "/worker/sign-in" in str(nobody.get("/worker/messages").url)


def test_what_a_requester_writes_is_shown_as_text(mturk: "MTurkClient", ada: Browser) -> None:
    mturk.approve_assignment(AssignmentId=ada.work(publish(mturk)["HITTypeId"]))
    mturk.notify_workers(Subject="<i>Hi</i>", MessageText="<script>alert(1)</script>", WorkerIds=[ada.worker_id])
    shown = ada.http.get(first_link(ada)).text
    assert "&lt;script&gt;alert(1)&lt;/script&gt;" in shown
    assert "<script>" not in shown
    assert "<i>Hi" not in shown
