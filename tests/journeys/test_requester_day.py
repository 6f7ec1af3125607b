"""A Requester's whole day in a real browser: a key for the script, the work that comes in, the money, new people."""

from collections.abc import Callable
from decimal import Decimal
from pathlib import Path
from typing import TYPE_CHECKING

import pytest
from playwright.sync_api import Browser as Chromium
from playwright.sync_api import Page, expect

from app.db.engine import Database
from app.marketplace import requester_accounts
from app.marketplace.requester_accounts import Login
from app.marketplace.requesters import FIRST_REQUESTER_ID
from app.secrets import Credentials
from tests.journeys.conftest import DESKTOP, PHONE, Window, windows
from tests.marketplace.conftest import mturk_client
from tests.marketplace.people import Browser, html_question, publish

if TYPE_CHECKING:
    from mypy_boto3_mturk import MTurkClient

pytestmark = [pytest.mark.journey, pytest.mark.browser]

QUESTION = """<!doctype html><html lang="en"><head><title>Tea?</title></head><body><h1>Is it tea?</h1>
<form method="post"><input name="choice" value="yes" aria-label="Yes"></form></body></html>"""
HOSTILE = "مرحبا <script>document.title='stolen'</script> &amp; 🙃"


@pytest.fixture
def login(database: Database, marketplace: str) -> Login:
    """Rita's, as `labeljury marketplace requester reset-password` makes it."""
    assert marketplace
    with database.transaction() as db:
        return requester_accounts.reset_password(db, FIRST_REQUESTER_ID)


@pytest.mark.parametrize("width", [DESKTOP, PHONE])
def test_ritas_day(
    login: Login, marketplace: str, chromium: Chromium, worker: Callable[[str], Browser], tmp_path: Path, *, width: int
) -> None:
    with windows(chromium, tmp_path, marketplace) as open_window:
        window = open_window(width)
        sign_in(window, marketplace, login)
        script = mturk_client(marketplace, make_key(window))
        hit = publish(script, Title="Tea or not? " + HOSTILE, Reward="0.25", Question=html_question(QUESTION))
        publish(script, Title="Coffee or not?", MaxAssignments=1, RequesterAnnotation="batch:7")
        kind = script.create_qualification_type(Name="Knows tea", Description="x", QualificationTypeStatus="Active")
        ada, bob = worker("Ada"), worker("Bob")
        ada.work(hit["HITTypeId"], hit["HITId"], choice=HOSTILE, comment="Line one\nLine two " + "word " * 60)
        bob.work(hit["HITTypeId"], hit["HITId"])
        decide(window, ada.worker_id, bob.worker_id)
        know_the_worker(window, ada.worker_id)
        assert kind["QualificationType"]["Name"] == "Knows tea"
        invite(window)
        look_around(window)
        count_the_money(window, script)
        window.check_quiet()


def sign_in(window: Window, site: str, login: Login) -> None:
    page = window.page
    page.goto(f"{site}/requester/")
    window.look("requester-sign-in")
    page.get_by_label("Sign-in name").fill(login.sign_in_name)
    page.get_by_label("Password").fill(login.password)
    page.keyboard.press("Enter")
    expect(page.get_by_role("heading", name="Overview")).to_be_visible()
    expect(page.locator("#available")).to_have_text("$10,000.00")


def make_key(window: Window) -> Credentials:
    page = window.page
    go_to(page, "Access keys")
    page.get_by_label("What the new key is for").fill("tea script")
    page.get_by_role("button", name="Make a key").click()
    window.look("requester-new-key")
    key = Credentials(page.locator("#access-key-id").inner_text(), page.locator("#secret-access-key").inner_text())
    page.get_by_role("link", name="I have copied it").click()
    expect(page.get_by_role("cell", name=key.access_key_id, exact=True)).to_be_visible()
    window.look("requester-keys")
    return key


def decide(window: Window, ada: str, bob: str) -> None:
    """Ada's work is approved and rewarded, Bob's rejected."""
    page = window.page
    go_to(page, "Overview")
    expect(page.locator("#waiting")).to_have_text("2")
    window.look("requester-overview")
    page.get_by_role("link", name="Review the work").click()
    expect(page.locator("#hits tr")).to_have_count(1)
    window.look("requester-hits")
    page.get_by_role("link", name="Tea or not?").click()
    expect(page).to_have_title("Tea or not? " + HOSTILE + " · Label Jury")
    page.get_by_text("The question as Workers see it").click()
    expect(page.frame_locator("#question-frame").get_by_role("heading", name="Is it tea?")).to_be_visible()
    page.get_by_text("All properties").click()
    page.get_by_text("Change this HIT").click()
    window.look("requester-hit")
    work = page.get_by_role("article").filter(has_text=ada)
    expect(work.locator("table.answers")).to_contain_text(HOSTILE)
    work.get_by_label("Feedback, if you like").fill("Thank you")
    work.get_by_role("button", name="Approve").click()
    expect(page.get_by_role("status")).to_have_text("The work is approved and paid.")
    work.get_by_text("Pay a bonus").click()
    work.get_by_label("Amount in USD").fill("0.50")
    work.get_by_label("What it is for").fill("Such a careful comment")
    work.get_by_role("button", name="Pay the bonus").click()
    expect(page.get_by_role("status")).to_contain_text("and its fee of $0.10: $0.60 in all.")
    work = page.get_by_role("article").filter(has_text=bob)
    work.get_by_label("Why it is rejected").fill("Not an answer")
    work.get_by_role("button", name="Reject").click()
    expect(page.get_by_role("status")).to_contain_text("rejected")
    page.get_by_text("Answer XML").first.click()
    window.look("requester-hit-decided")


def know_the_worker(window: Window, ada: str) -> None:
    page = window.page
    go_to(page, "Workers")
    window.look("requester-workers")
    page.get_by_role("link", name=ada).click()
    page.get_by_label("Score").fill("90")
    page.get_by_role("button", name="Grant").click()
    expect(page.get_by_role("status")).to_have_text("The Worker has the Qualification.")
    page.get_by_label("Subject").fill("Hello")
    page.get_by_label("Text", exact=True).fill("More tea tomorrow")
    page.get_by_role("button", name="Send").click()
    expect(page.get_by_role("status")).to_contain_text("inbox")
    window.look("requester-worker")


def invite(window: Window) -> None:
    page = window.page
    go_to(page, "Channels")
    page.get_by_label("Name; people read it").fill("Friends of tea")
    page.get_by_label("HITs that one person does").fill("3")
    page.get_by_text("For Prolific, Connect and other sites").click()
    window.look("requester-new-channel")
    page.get_by_role("button", name="Open the channel").click()
    link = page.locator("#entry-link").inner_text()
    window.look("requester-channel")
    page.get_by_label("For whom").fill("Grace")
    page.get_by_role("button", name="Make invitations").click()
    window.look("requester-invitations")
    guest = window.context.new_page()
    assert guest.goto(link)
    expect(guest.get_by_text("Coffee or not?").first).to_be_visible()
    guest.close()


def look_around(window: Window) -> None:
    """The pages that only inform; once in the dark."""
    page = window.page
    for area in ("HIT types", "Qualifications"):
        go_to(page, area)
        window.look("requester-" + area.lower().replace(" ", "-"))
    go_to(page, "HIT types")
    page.get_by_role("link", name="Coffee or not?", exact=True).click()
    window.look("requester-hit-type")
    go_to(page, "Qualifications")
    page.get_by_role("link", name="Knows tea").click()
    window.look("requester-qualification")
    page.emulate_media(color_scheme="dark")
    go_to(page, "Channels")
    page.get_by_role("link", name="Friends of tea").click()
    window.look("requester-channel-dark")


def count_the_money(window: Window, script: "MTurkClient") -> None:
    """Every movement is there; together they are the balance."""
    page = window.page
    go_to(page, "Money")
    window.look("requester-money-dark")
    balance = Decimal(script.get_account_balance()["AvailableBalance"])
    expect(page.locator("#available")).to_have_text(f"${balance:,.2f}")
    changes = [dollars(text) for text in page.locator("#movements td:nth-child(3)").all_inner_texts()]
    assert sum(changes) == balance
    paid = page.locator("#movements tr", has_text="bonus")
    expect(paid).to_contain_text("−$0.50")


def dollars(text: str) -> Decimal:
    return Decimal(text.replace("−", "-").replace("$", "").replace(",", ""))


def go_to(page: Page, area: str) -> None:
    page.get_by_role("navigation", name="Site").get_by_role("link", name=area, exact=True).click()
    page.wait_for_load_state()
