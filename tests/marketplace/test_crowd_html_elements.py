"""Pages written with crowd-html-elements, answered in a browser without AWS's host."""

import json
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from typing import TYPE_CHECKING

import pytest
from defusedxml.ElementTree import fromstring
from playwright.sync_api import Browser as Chromium
from playwright.sync_api import FrameLocator, Page, expect

from tests.marketplace.people import Browser, html_question, publish

if TYPE_CHECKING:
    from mypy_boto3_mturk import MTurkClient

pytestmark = pytest.mark.browser

LOADER = '<!DOCTYPE html><script src="https://assets.crowd.aws/crowd-html-elements.js"></script>'
# A picture of 40 × 20 dots.
PICTURE = "data:image/svg+xml,%3Csvg xmlns='http://www.w3.org/2000/svg' width='40' height='20'/%3E"
CLASSIFIER = f"""<crowd-image-classifier src="{PICTURE}" categories="['Cat', 'Dog', &quot;Can't tell&quot;,]" name="category"
 header="Which animal?"><short-instructions>Look.</short-instructions>
 <full-instructions header="More">Look well.</full-instructions></crowd-image-classifier>"""


class Desk:
    """Ada before one HIT: its frame, and what is stored of her answers."""

    def __init__(self, mturk: "MTurkClient", hit_id: str, page: Page) -> None:
        self.mturk, self.hit_id, self.page = mturk, hit_id, page
        self.frame: FrameLocator = page.frame_locator("#question-frame")

    def submit(self) -> None:
        self.frame.get_by_role("button", name="Submit").click()

    def stored(self) -> dict[str, str]:
        """The one Assignment's answers, field by field."""
        self.page.wait_for_url("**/worker?notice=submitted")
        (done,) = self.mturk.list_assignments_for_hit(HITId=self.hit_id)["Assignments"]
        texts = [element.text or "" for element in fromstring(done["Answer"].encode()).iter() if not len(element)]
        return dict(zip(texts[::2], texts[1::2], strict=True))

    def task_answers(self) -> object:
        stored = self.stored()
        assert list(stored) == ["taskAnswers"]
        return json.loads(stored["taskAnswers"])


Opens = Callable[[str], Desk]


@pytest.fixture
def opens(mturk: "MTurkClient", worker: Callable[[str], Browser], chromium: Chromium) -> Iterator[Opens]:
    """Ada accepts a HIT with this page behind AWS's loader and has it before her."""
    with _browser(worker("Ada"), chromium) as (ada, page):

        def open_page(html: str) -> Desk:
            hit = publish(mturk, Question=html_question(LOADER + html))
            page.goto(f"{ada.url}/assignments/{ada.accept(hit['HITTypeId'])}")
            return Desk(mturk, hit["HITId"], page)

        yield open_page


@contextmanager
def _browser(ada: Browser, chromium: Chromium) -> Iterator[tuple[Browser, Page]]:
    cookies = [{"name": cookie.name, "value": cookie.value or "", "url": ada.url} for cookie in ada.http.cookies.jar]
    with chromium.new_context() as context:
        context.add_cookies(cookies)  # type: ignore[arg-type] # playwright's TypedDict names all keys as optional
        yield ada, context.new_page()


def test_all_fields_come_as_one_answer_with_a_json_array(opens: Opens) -> None:
    desk = opens(
        """<crowd-form><crowd-input name="tag" label="Word" required></crowd-input>
        <crowd-input name="unused"></crowd-input><crowd-text-area name="essay" rows="4"></crowd-text-area>
        <crowd-checkbox name="seen" value="blurry">Blurry</crowd-checkbox><crowd-checkbox name="seen" value="dim" checked>
        Dim</crowd-checkbox><crowd-toggle-button name="theToggler"></crowd-toggle-button>
        <crowd-radio-group><crowd-radio-button name="btn1" value="yes">Yes</crowd-radio-button>
        <crowd-radio-button name="btn2" value="no">No</crowd-radio-button></crowd-radio-group>
        <crowd-slider name="howMuch" min="1" max="10" value="4"></crowd-slider>
        <select name="feeling"><option value="">Choose</option><option>Glad</option></select>
        <input type="checkbox" name="box" value="foo" checked><input type="checkbox" name="box" value="bar">
        <input type="hidden" name="batch" value="7"></crowd-form>"""
    )
    desk.submit()
    expect(desk.frame.get_by_label("Word")).to_be_focused()  # it is required: nothing was sent
    desk.frame.get_by_label("Word").fill("wren")
    desk.frame.get_by_label("essay").fill("two\nlines & <b>")
    desk.frame.get_by_label("Blurry").check()
    desk.frame.get_by_label("Yes").check()
    desk.frame.locator("select").select_option("Glad")
    desk.submit()
    assert desk.task_answers() == [
        {
            "tag": "wren",
            "essay": "two\nlines & <b>",
            "seen": {"blurry": True, "dim": True},
            "theToggler": {"on": False},
            "btn1": {"yes": True},
            "btn2": {"no": False},
            "howMuch": 4,
            "feeling": "Glad",
            "box": {"foo": True, "bar": False},
            "batch": "7",
        }
    ]


def test_flattened_objects_come_as_one_answer_each(opens: Opens) -> None:
    desk = opens(f'<crowd-form answer-format="flatten-objects">{CLASSIFIER}<input name="note" value="n"></crowd-form>')
    desk.frame.get_by_label("Can't tell").check()
    desk.submit()
    assert desk.stored() == {"category.label": "Can't tell", "note": "n"}


def test_a_classifier_asks_for_a_choice_and_takes_it_by_key(opens: Opens) -> None:
    desk = opens(f"<crowd-form>{CLASSIFIER}</crowd-form>")
    desk.submit()
    expect(desk.frame.get_by_role("button", name="Submit")).to_be_visible()  # nothing was sent
    desk.frame.locator("body").press("2")
    desk.submit()
    assert desk.task_answers() == [{"category": {"label": "Dog"}}]


def test_of_many_categories_none_of_them_stands_alone(opens: Opens) -> None:
    desk = opens(
        """<crowd-form><crowd-classifier-multi-select name="c" categories="['Glad', 'Sad']" header="Which?"
        exclusion-category="{ text: 'None of the above' }"><classification-target>Hm.</classification-target>
        </crowd-classifier-multi-select></crowd-form>"""
    )
    for choice in ("Glad", "None of the above", "Sad", "Glad"):
        desk.frame.get_by_label(choice).check()
    desk.submit()
    assert desk.task_answers() == [{"c": {"labels": ["Glad", "Sad"]}}]


def test_boxes_are_drawn_in_the_pictures_own_measure(opens: Opens) -> None:
    desk = opens(
        f"""<crowd-form><crowd-bounding-box name="annotatedResult" src="{PICTURE}" labels="['Cat', 'Dog']" header="Draw">
        </crowd-bounding-box></crowd-form>"""
    )
    desk.frame.get_by_label("Dog").check()
    seen = desk.frame.locator(".crowd-canvas").bounding_box()
    assert seen is not None
    mouse = desk.page.mouse
    # Pointers stand on whole dots of the screen, the picture need not.
    mouse.move(seen["x"] + 5.5, seen["y"] + 4.5)
    mouse.down()
    mouse.move(seen["x"] + 25.5, seen["y"] + 14.5)
    mouse.up()
    expect(desk.frame.locator("li")).to_contain_text("Dog, 20 × 10")
    desk.submit()
    assert desk.task_answers() == [
        {
            "annotatedResult": {
                "boundingBoxes": [{"height": 10, "label": "Dog", "left": 5, "top": 4, "width": 20}],
                "inputImageProperties": {"height": 20, "width": 40},
            }
        }
    ]


def test_a_page_may_call_a_submission_off_and_send_it_later(opens: Opens) -> None:
    desk = opens(
        """<crowd-form><crowd-input name="a" label="A"></crowd-input><div id="problem"></div></crowd-form><script>
        const form = document.querySelector('crowd-form');
        form.onsubmit = (event) => {
          if (document.querySelector('crowd-input').value !== 'good') {
            event.preventDefault();
            problem.innerHTML = '<crowd-alert type="error" dismissible>Not good.</crowd-alert>';
          } else { event.preventDefault(); setTimeout(() => form.submit(), 50); }
        };</script>"""
    )
    desk.submit()
    expect(desk.frame.get_by_role("alert")).to_contain_text("Not good.")
    desk.frame.get_by_label("A").fill("good")
    desk.submit()
    assert desk.task_answers() == [{"a": "good"}]


def test_a_preview_and_a_page_with_an_element_that_is_missing_cannot_be_submitted(
    mturk: "MTurkClient", opens: Opens
) -> None:
    desk = opens("<crowd-form><crowd-polygon name='p'></crowd-polygon></crowd-form>")
    expect(desk.frame.get_by_text("needs <crowd-polygon>, which is not available")).to_be_visible()
    hit = publish(mturk, Title="Another", Question=html_question(LOADER + "<crowd-form>Look.</crowd-form>"))
    desk.page.goto(f"{desk.page.url.partition('/assignments/')[0]}/projects/{hit['HITTypeId']}/tasks")
    expect(desk.frame.get_by_role("button", name="Submit")).to_be_disabled()
    expect(desk.frame.get_by_text("you must accept the HIT")).to_be_visible()
