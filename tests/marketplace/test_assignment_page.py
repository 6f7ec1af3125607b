"""The page around the question, in a real browser."""

from collections.abc import Callable, Iterator
from typing import TYPE_CHECKING

import pytest
from playwright.sync_api import Browser as Chromium
from playwright.sync_api import Page, expect

from app.domain.vocabulary import MediaType
from app.questions import catalogue
from app.questions.rendering import ShownItem, render
from tests.browsing import wait_for_the_keyboard
from tests.marketplace.people import Browser, html_question, publish

if TYPE_CHECKING:
    from mypy_boto3_mturk import MTurkClient

pytestmark = pytest.mark.browser


@pytest.fixture
def page(mturk: "MTurkClient", worker: Callable[[str], Browser], chromium: Chromium) -> Iterator[Page]:
    """Ada's window on an accepted HIT with two texts; another HIT of the group waits."""
    template = catalogue.load("text")
    items = [ShownItem(number, MediaType.TEXT, "cat", "dog", text="Miaow") for number in (1, 2)]
    html = render(template.source, items, title=template.title, instructions=template.instructions)
    hit = publish(mturk, Question=html_question(html, height=0))
    publish(mturk, Question=html_question(html, height=0))
    ada = worker("Ada")
    cookies = [{"name": cookie.name, "value": cookie.value or "", "url": ada.url} for cookie in ada.http.cookies.jar]
    with chromium.new_context(viewport={"width": 1280, "height": 800}) as context:
        context.add_cookies(cookies)  # type: ignore[arg-type] # playwright's TypedDict names all keys as optional
        page = context.new_page()
        page.goto(f"{ada.url}/assignments/{ada.accept(hit['HITTypeId'])}")
        expect(page.frame_locator("#question-frame").locator("fieldset:enabled")).to_have_count(2)
        yield page


def answered(page: Page, count: int) -> None:
    progress = page.frame_locator("#question-frame").locator("#progress")
    expect(progress).to_have_text(f"{count} of 2 answered")


def press(page: Page, key: str) -> None:
    wait_for_the_keyboard(page.frame_locator("#question-frame").locator("body"))
    page.keyboard.press(key)


def test_keys_answer_at_once_and_still_after_the_next_one_was_asked_for(page: Page) -> None:
    press(page, "1")
    answered(page, 1)
    with page.expect_response("**/accept-next"):
        page.get_by_label("Accept the next one automatically").check()
    press(page, "2")
    answered(page, 2)
    before = page.url
    press(page, "Enter")
    page.wait_for_url(lambda url: "/assignments/" in url and url != before)
    answered(page, 0)
    press(page, "1")
    answered(page, 1)


def test_what_helps_when_the_page_does_not_move_on_says_so(page: Page) -> None:
    expect(page.locator("#next-form")).to_have_text("If this page does not move on after you submit: next HIT")


def test_who_listens_hears_of_the_time_three_times(page: Page) -> None:
    said = page.locator("#time-said")
    page.clock.install()
    page.reload()
    expect(page.locator("#countdown")).to_contain_text("left")
    expect(said).to_have_text("")
    page.clock.fast_forward("05:01")
    expect(said).to_have_text("5 minutes left.")
    page.clock.fast_forward("04:00")
    expect(said).to_have_text("1 minute left.")
    page.clock.fast_forward("01:05")
    expect(said).to_have_text("The time is over.")


def test_the_question_fills_what_the_window_leaves(page: Page) -> None:
    box = page.locator("#question-frame").bounding_box()
    assert box is not None
    assert box["y"] < 200
    assert 500 < box["height"] < 800
