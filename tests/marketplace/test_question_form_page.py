"""A QuestionForm in its frame, in a real browser."""

from collections.abc import Callable, Iterator
from typing import TYPE_CHECKING

import pytest
from playwright.sync_api import Browser as Chromium
from playwright.sync_api import Page, expect

from tests.marketplace.people import Browser, publish
from tests.marketplace.question_forms.forms import form, formatted, free_text, overview, question, selection

if TYPE_CHECKING:
    from mypy_boto3_mturk import MTurkClient

pytestmark = pytest.mark.browser

FORM = form(
    overview("<Title>Cats</Title><List><ListItem>שלום</ListItem></List>" + formatted("<b>Look</b> with care")),
    question(free_text('<IsNumeric minValue="1"/>', lines=1), id="age", required=True),
    question(selection("cat", "a " + "very " * 30 + "long name", other=""), id="animal"),
    question(selection("one", "two", style="multichooser"), id="many"),
)


@pytest.fixture(params=[True, False], ids=["scripts", "no scripts"])
def scripts(request: pytest.FixtureRequest) -> bool:
    return bool(request.param)


@pytest.fixture
def page(
    mturk: "MTurkClient", worker: Callable[[str], Browser], chromium: Chromium, *, scripts: bool
) -> Iterator[Page]:
    """Ada's phone on an accepted HIT with a form."""
    hit = publish(mturk, Question=FORM)
    ada = worker("Ada")
    cookies = [{"name": cookie.name, "value": cookie.value or "", "url": ada.url} for cookie in ada.http.cookies.jar]
    with chromium.new_context(viewport={"width": 390, "height": 800}, java_script_enabled=scripts) as context:
        context.add_cookies(cookies)  # type: ignore[arg-type] # playwright's TypedDict names all keys as optional
        page = context.new_page()
        page.goto(f"{ada.url}/assignments/{ada.accept(hit['HITTypeId'])}")
        yield page


def test_a_form_is_answered_by_keyboard_on_a_phone(page: Page, mturk: "MTurkClient", *, scripts: bool) -> None:
    frame = page.frame_locator("#question-frame")
    age = frame.get_by_role("textbox", name="Question 1")
    age.fill("none")
    page.keyboard.press("Tab")
    page.keyboard.press("Space")
    page.keyboard.press("Enter")
    expect(frame.get_by_role("alert")).to_contain_text("Please enter a number.")
    expect(frame.get_by_role("radio", name="The cat")).to_be_checked()
    age.fill("7")
    page.keyboard.press("Enter")
    # A script leads on to the list; without one the frame says so.
    expect(page.get_by_text("Your answer was submitted") if scripts else frame.locator("#submitted")).to_be_visible()
    answer = mturk.list_assignments_for_hit(HITId=mturk.list_hits()["HITs"][0]["HITId"])["Assignments"][0]["Answer"]
    assert "<FreeText>7</FreeText>" in answer
    assert "<SelectionIdentifier>cat</SelectionIdentifier>" in answer


def test_nothing_sticks_out_of_a_phones_screen_and_the_style_sheet_is_used(page: Page) -> None:
    frame = page.frame_locator("#question-frame")
    expect(frame.locator("fieldset")).to_have_count(3)
    assert frame.locator("html").evaluate("html => html.scrollWidth <= html.clientWidth")
    assert frame.locator("fieldset").first.evaluate("one => getComputedStyle(one).borderTopLeftRadius") != "0px"
