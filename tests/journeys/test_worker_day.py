"""A Worker's whole day in a real browser, from the invite link to the history; and one who comes from Prolific."""

from collections.abc import Iterator
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path
from threading import Thread
from typing import TYPE_CHECKING
from urllib.parse import parse_qs, urlsplit

import pytest
from playwright.sync_api import Browser as Chromium
from playwright.sync_api import FrameLocator, Page, expect
from sqlalchemy import func, select

from app.db.engine import Database
from app.domain.vocabulary import MediaType
from app.marketplace import recruitment
from app.marketplace.requesters import FIRST_REQUESTER_ID
from app.marketplace.store import ChannelKind, Transaction
from app.questions import catalogue
from app.questions.rendering import ShownItem, render
from tests.browsing import wait_for_the_keyboard
from tests.journeys.conftest import DESKTOP, PHONE, Window, windows
from tests.marketplace.newcomers import open_channel, prolific
from tests.marketplace.people import html_question, publish

if TYPE_CHECKING:
    from mypy_boto3_mturk import MTurkClient

pytestmark = [pytest.mark.journey, pytest.mark.browser]

TEST = """<QuestionForm xmlns="http://mechanicalturk.amazonaws.com/AWSMechanicalTurkDataSchemas/2017-11-06/QuestionForm.xsd">
<Question><QuestionIdentifier>cup</QuestionIdentifier><DisplayName>Cups</DisplayName><IsRequired>true</IsRequired>
<QuestionContent><Text>Which is a drink?</Text></QuestionContent>
<AnswerSpecification><SelectionAnswer><StyleSuggestion>radiobutton</StyleSuggestion><Selections>
<Selection><SelectionIdentifier>tea</SelectionIdentifier><Text>Tea</Text></Selection>
<Selection><SelectionIdentifier>spoon</SelectionIdentifier><Text>A spoon</Text></Selection>
</Selections></SelectionAnswer></AnswerSpecification></Question></QuestionForm>"""
KEY = """<AnswerKey xmlns="http://mechanicalturk.amazonaws.com/AWSMechanicalTurkDataSchemas/2005-10-01/AnswerKey.xsd">
<Question><QuestionIdentifier>cup</QuestionIdentifier><AnswerOption><SelectionIdentifier>tea</SelectionIdentifier>
<AnswerScore>100</AnswerScore></AnswerOption></Question></AnswerKey>"""


@pytest.fixture
def panel() -> Iterator[tuple[str, list[str]]]:
    """A site that people come from and go back to: its address, and the addresses asked of it."""
    asked: list[str] = []

    class Panel(BaseHTTPRequestHandler):
        def do_GET(self) -> None:
            asked.append(self.path)
            body = b"<!doctype html><html lang='en'><title>Panel</title><h1>Thank you for your submission</h1>"
            self.send_response(200)
            self.send_header("Content-Type", "text/html")
            self.end_headers()
            self.wfile.write(body)

        def log_message(self, format: str, *args: object) -> None:
            """Say nothing."""

    with ThreadingHTTPServer(("127.0.0.1", 0), Panel) as server:
        thread = Thread(target=server.serve_forever, kwargs={"poll_interval": 0.02}, daemon=True)
        thread.start()
        yield f"http://127.0.0.1:{server.server_address[1]}", asked
        server.shutdown()
        thread.join()


def question_page() -> str:
    """One doubtful text, as our own template shows it; keys 1 to 4 answer, Enter submits."""
    template = catalogue.load("text")
    item = ShownItem(1, MediaType.TEXT, "question", "statement", text="Would you like a cup of tea?")
    html = render(template.source, [item], title=template.title, instructions=template.instructions)
    return html_question(html, height=0)


@pytest.mark.parametrize("width", [DESKTOP, PHONE])
def test_adas_day(
    database: Database, marketplace: str, mturk: "MTurkClient", chromium: Chromium, tmp_path: Path, *, width: int
) -> None:
    kind = mturk.create_qualification_type(
        Name="Knows drinks",
        Description="One question about cups",
        QualificationTypeStatus="Active",
        Test=TEST,
        AnswerKey=KEY,
        TestDurationInSeconds=600,
    )["QualificationType"]["QualificationTypeId"]
    asked = {"QualificationTypeId": kind, "Comparator": "GreaterThanOrEqualTo", "IntegerValues": [100]}
    for number in range(6):
        publish(
            mturk,
            Title="Question or statement?",
            Reward="0.25",
            Question=question_page(),
            RequesterAnnotation=str(number),
            QualificationRequirements=[asked],
        )
    channel = open_channel(database, ChannelKind.INVITE, assignments_a_visit=5)
    with windows(chromium, tmp_path, marketplace) as open_window:
        window = open_window(width)
        come_in(window, recruitment.entry_link(channel, marketplace))
        take_the_test(window)
        work_by_keyboard(window, 5)
        look_back(window)
        window.check_quiet()


def come_in(window: Window, link: str) -> None:
    page = window.page
    page.goto(link)
    expect(page.get_by_text("Question or statement?")).to_be_visible()
    window.look("day-welcome")
    page.get_by_label("Your name").fill("Ada")
    page.get_by_role("button", name="Start").click()
    window.look("day-enrolled")
    page.get_by_role("link", name="Start").click()
    window.look("day-visit")


def take_the_test(window: Window) -> None:
    page = window.page
    page.get_by_role("link", name="Qualification needed").click()
    window.look("day-preview-lacking")
    page.get_by_role("link", name="Ask for it").click()
    window.look("day-qualification")
    page.locator("main").get_by_role("button").first.click()
    page.get_by_label("Tea").check()
    window.look("day-test")
    page.locator("main").get_by_role("button", name="Hand in").click()
    expect(page.locator("#score")).to_have_text("100")
    window.look("day-test-passed")


def work_by_keyboard(window: Window, count: int) -> None:
    page = window.page
    page.get_by_role("link", name="HITs", exact=True).click()
    window.look("day-list")
    expect(page.locator("#visit-progress")).to_have_text("0 of 5 done")
    page.get_by_role("button", name="Accept").press("Enter")
    for number in range(1, count + 1):
        expect(page.locator("#visit-number")).to_have_text(f"HIT {number} of 5")
        expect(question(page).locator("fieldset:enabled")).to_have_count(1)
        if number == 1:
            window.look("day-question")
            in_sight(page, window.width)
        wait_for_the_keyboard(question(page).locator("body"))
        page.keyboard.press(str(number % 4 + 1))
        page.keyboard.press("Enter")
    expect(page.get_by_role("heading", name="Done. Thank you!")).to_be_visible()
    window.look("day-over")


def look_back(window: Window) -> None:
    page = window.page
    page.get_by_role("link", name="History", exact=True).click()
    expect(page.locator("tbody tr[data-assignment-id]")).to_have_count(5)
    expect(page.locator("#waiting")).to_have_text("$1.25 (5)")
    window.look("day-history")
    page.get_by_role("link", name="Profile").click()
    page.get_by_label("Country").select_option("NZ")
    page.get_by_label("at least 18").check()
    window.look("day-profile")
    page.get_by_role("button", name="Save").click()
    expect(page.get_by_role("status")).to_have_text("Your profile is saved.")
    page.emulate_media(color_scheme="dark")
    window.look("day-profile-dark")
    page.get_by_role("link", name="History", exact=True).click()
    window.look("day-history-dark")
    page.get_by_role("link", name="HITs", exact=True).click()
    window.look("day-list-dark")


def in_sight(page: Page, width: int) -> None:
    """The question begins in the upper half of the window and is tall enough to work in."""
    box = page.locator("#question-frame").bounding_box()
    assert box is not None
    height = page.viewport_size["height"] if page.viewport_size else 0
    assert box["y"] < height / 2, f"the frame begins at {box['y']} of {height} at {width} pixels"
    assert box["height"] > height / 2


def question(page: Page) -> FrameLocator:
    return page.frame_locator("#question-frame")


def test_a_visit_from_prolific_to_its_completion_page_is_paid(
    database: Database,
    marketplace: str,
    mturk: "MTurkClient",
    chromium: Chromium,
    *,
    tmp_path: Path,
    panel: tuple[str, list[str]],
) -> None:
    site, asked = panel
    hits = [publish(mturk, Title="Question or statement?", Reward="0.40", Question=question_page()) for _ in range(2)]
    channel = open_channel(
        database,
        completion_code="C1A2B3",
        completion_url=f"{site}/submissions/complete?cc={{code}}",
        assignments_a_visit=2,
    )
    with windows(chromium, tmp_path, marketplace, site) as open_window:
        window = open_window(PHONE)
        page = window.page
        page.goto(marketplace + prolific(channel))
        window.look("prolific-welcome")
        page.get_by_role("button", name="Start").tap()
        begin = page.get_by_role("button", name="Begin")
        expect(begin).to_be_visible()
        window.look("prolific-visit")
        begin.tap()
        for number in (1, 2):
            expect(page.locator("#visit-number")).to_have_text(f"HIT {number} of 2")
            question(page).locator("label.choice").first.tap()
            question(page).get_by_role("button", name="Submit").tap()
        expect(page.locator("#completion-code")).to_have_text("C1A2B3")
        window.look("prolific-over")
        page.get_by_role("link", name="Back to Prolific").tap()
        expect(page.get_by_role("heading", name="Thank you for your submission")).to_be_visible()
        window.check_quiet()
    assert [parse_qs(urlsplit(path).query) for path in asked if "complete" in path] == [{"cc": ["C1A2B3"]}]
    for hit in hits:
        (assignment,) = mturk.list_assignments_for_hit(HITId=hit["HITId"])["Assignments"]
        mturk.approve_assignment(AssignmentId=assignment["AssignmentId"])
    with database.transaction() as db:
        (row,) = recruitment.visits_of(db, FIRST_REQUESTER_ID, channel.id)
        paid = db.scalar(select(func.sum(-Transaction.on_hold_delta_usd)).where(Transaction.kind == "reward"))
    assert (row.external_id, row.submitted, row.approved, row.finished_at is None) == (
        "60a1b2c3d4e5f60718293a4b",
        2,
        2,
        False,
    )
    assert str(paid) == "0.80"
