"""Ada works on the marketplace's worker site with a real browser: at a desk with the keyboard, on a phone with a thumb."""

from dataclasses import dataclass
from pathlib import Path

import pytest
from playwright.sync_api import FrameLocator, Page, expect

from tests.browsing import wait_for_the_keyboard
from tests.journeys.conftest import DESKTOP, PHONE, OpenWindow, Window, live_batch, write_pictures
from tests.stack import RunningStack

pytestmark = [pytest.mark.journey, pytest.mark.browser, pytest.mark.xdist_group("browser-worker")]

MEANT = {"circle": "given", "square": "guessed", "Both are right": "both", "Neither is right": "neither"}
DIFFICULTY = "Too dark to see 🙃 <b>&"


@dataclass(frozen=True, slots=True)
class Seen:
    """One Item as it stood on the page: its picture's address, and the words of its choices from top to bottom."""

    picture: str
    choices: tuple[str, ...]

    def order(self) -> list[str]:
        return [MEANT[words] for words in self.choices]


@pytest.fixture
def shapes(stack: RunningStack, tmp_path: Path) -> int:
    """Eight pictures on four HITs, live."""
    return live_batch(stack, write_pictures(tmp_path / "shapes", 8), "--template", "image", "--items-per-hit", "2")


@pytest.mark.usefixtures("shapes")
def test_ada_answers_at_a_desk_with_the_keyboard_alone(stack: RunningStack, open_window: OpenWindow) -> None:
    window = open_window(DESKTOP)
    page = window.page
    enrol(window, stack.marketplace_url)
    look_before_accepting(window)
    page.get_by_role("button", name="Accept").click()
    first = seen(page)
    window.look("worker-question")
    press(page, "1", "4", "Enter")
    expect(page.get_by_role("status")).to_contain_text("Your answer was submitted")
    page.get_by_role("button", name="Accept").click()
    second = seen(page)
    accept_the_next_too(page)
    question(page).locator("h1").click()  # the keyboard followed the mouse out of the frame
    press(page, "2", "3")
    expect(question(page).locator("#progress")).to_have_text("2 of 2 answered")
    window.look("worker-answered")
    press(page, "Enter")
    third = seen(page, instead_of=second)
    press(page, "3", "1", "Enter")
    fourth = seen(page, instead_of=third)
    assert len({item.picture for item in (*first, *second, *third, *fourth)}) == 8
    page.get_by_role("button", name="Return").click()
    expect(page.get_by_role("status")).to_contain_text("You returned the HIT")
    look_back(window, 4)
    pressed = [(first[0], 1), (first[1], 4), (second[0], 2), (second[1], 3), (third[0], 3), (third[1], 1)]
    expected = {item.picture: (MEANT[item.choices[key - 1]], False, "", item.order()) for item, key in pressed}
    assert stored(stack, 6) == expected


@pytest.mark.usefixtures("shapes")
def test_ada_answers_on_a_phone_with_her_thumb(stack: RunningStack, open_window: OpenWindow) -> None:
    window = open_window(PHONE)
    page = window.page
    enrol(window, stack.marketplace_url)
    look_before_accepting(window)
    page.get_by_role("button", name="Accept").tap()
    first = seen(page)
    window.look("worker-question")
    accept_the_next_too(page)
    tap(page, 1, first[0].choices[1])
    tap(page, 2, "I cannot tell")
    question(page).locator("[name=r2-comment]").fill(DIFFICULTY)
    window.look("worker-answered")
    question(page).get_by_role("button", name="Submit").tap()
    second = seen(page, instead_of=first)
    tap(page, 2, "Both are right")
    tap(page, 1, "Both are right")
    tap(page, 1, "Neither is right")  # she may change her mind
    question(page).get_by_role("button", name="Submit").tap()
    seen(page, instead_of=second)
    page.get_by_role("button", name="Return").tap()
    expect(page.get_by_role("status")).to_contain_text("You returned the HIT")
    look_back(window, 3)
    assert stored(stack, 4) == {
        first[0].picture: (MEANT[first[0].choices[1]], False, "", first[0].order()),
        first[1].picture: (None, True, DIFFICULTY, first[1].order()),
        second[0].picture: ("neither", False, "", second[0].order()),
        second[1].picture: ("both", False, "", second[1].order()),
    }


def enrol(window: Window, site: str) -> None:
    """From the list of work, as it is seen by strangers, to the same list as a Worker."""
    page = window.page
    page.goto(f"{site}/worker")
    expect(page.get_by_text("4 available")).to_be_visible()
    window.look("worker-list-signed-out")
    page.get_by_role("navigation", name="Site").get_by_role("link", name="Enrol").click()
    window.look("worker-enrol")
    page.get_by_label("Your name").fill("Ada")
    page.get_by_role("button", name="Enrol").click()
    expect(page.get_by_role("heading", name="Welcome, Ada")).to_be_visible()
    window.look("worker-welcome")
    page.get_by_role("link", name="Start").click()
    window.look("worker-list")


def look_before_accepting(window: Window) -> None:
    """The preview shows the question; it takes no answers."""
    page = window.page
    page.get_by_role("link", name="Preview").click()
    expect(question(page).locator("#banner")).to_have_text("Preview: accept the HIT to answer")
    window.look("worker-preview")
    page.keyboard.press("1")
    expect(question(page).locator("input[type=radio]:checked")).to_have_count(0)
    expect(question(page).locator("input[type=radio]:enabled")).to_have_count(0)


def look_back(window: Window, attempts: int) -> None:
    """What the list and the history say afterwards; nothing went wrong on the way."""
    window.look("worker-returned")
    window.page.get_by_role("link", name="History").click()
    expect(window.page.locator("tr[data-assignment-id]")).to_have_count(attempts)
    window.look("worker-history")
    window.check_quiet()


def accept_the_next_too(page: Page) -> None:
    with page.expect_response("**/accept-next"):
        page.get_by_label("Accept the next one automatically").check()


def question(page: Page) -> FrameLocator:
    return page.frame_locator("#question-frame")


def seen(page: Page, *, instead_of: list[Seen] | None = None) -> list[Seen]:
    """The Items of the question that can be answered now; with `instead_of`, once another one stands there."""
    before = instead_of[0].picture if instead_of else "none"
    expect(question(page).locator("img").first).not_to_have_attribute("src", before)
    expect(question(page).locator("fieldset.item:enabled")).to_have_count(2)
    return [
        Seen(
            item.locator("img").get_attribute("src") or "",
            tuple(item.locator(".choice:not(.apart) > :nth-child(2)").all_text_contents()),
        )
        for item in question(page).locator("fieldset.item").all()
    ]


def press(page: Page, *keys: str) -> None:
    wait_for_the_keyboard(question(page).locator("body"))
    for key in keys:
        page.keyboard.press(key)


def tap(page: Page, position: int, words: str) -> None:
    item = question(page).locator("fieldset.item").nth(position - 1)
    item.locator("label.choice", has_text=words).tap()


def stored(stack: RunningStack, count: int) -> dict[str, tuple[str | None, bool, str, list[str]]]:
    """Once collected: what is in the database for each picture."""
    stack.wait_for("SELECT count(*) = :count FROM responses", count=count)
    rows = stack.rows(
        "SELECT i.media_token, r.option, r.cannot_tell, r.comment, r.order_shown"
        " FROM responses r JOIN items i ON i.id = r.item_id"
    )
    return {
        f"{stack.web_url}/media/{row.media_token}": (row.option, row.cannot_tell, row.comment, row.order_shown)
        for row in rows
    }
