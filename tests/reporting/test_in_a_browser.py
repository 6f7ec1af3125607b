"""The report as a file that somebody opens: on a desk, on a phone, on paper, by day and by night."""

import io
from dataclasses import replace
from pathlib import Path
from typing import Literal

import numpy as np
import pytest
from PIL import Image
from playwright.sync_api import Browser, Locator

from app.domain.statistics.study_table import Scope
from app.domain.vocabulary import ItemRole
from app.questions.still import still
from app.reporting.batch_document import batch_document
from app.reporting.pages import html
from app.reporting.record import ShownPage
from tests.journeys.conftest import axe_core
from tests.reporting.records import TERMS, crowd_record

pytestmark = pytest.mark.browser

# Blue only where it has the room of a desk's window; what would run or fetch, were it a page and not its picture.
PAGE = ShownPage(
    still(
        """<style>body { margin: 0; min-height: 100vh; background: red } @media (min-width: 700px) { body { background: blue } }
        @media (prefers-color-scheme: dark) { body { background: lime } }</style>
        <button autofocus>Submit</button>""",
        sizes={},
    ).replace(
        "<body", '<body onload="alert(1)"><img src="http://127.0.0.1:9/x"/><script>alert(1)</script></body><body'
    ),
    "7",
)


@pytest.fixture(scope="module")
def report(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """Suspects with scores, controls and gold Items, so that every section has something to show."""
    roles = [ItemRole.SUSPECT] * 60 + [ItemRole.CONTROL] * 20 + [ItemRole.GOLD] * 10
    gold = [-1] * 80 + [0] * 10
    scores = [float(score) for score in np.linspace(1, 0, 90)]
    record = crowd_record(90, 12, roles=roles, gold=gold, extra={"score": scores}, terms=replace(TERMS, shown=PAGE))
    path = tmp_path_factory.mktemp("report") / "report.html"
    path.write_text(html(batch_document(record, scope=Scope(100, 5000))), encoding="utf-8")
    return path


@pytest.mark.parametrize(("width", "scheme"), [(1280, "light"), (390, "dark")])
def test_it_needs_nothing_else_and_everybody_can_read_it(
    width: int, scheme: Literal["light", "dark"], chromium: Browser, report: Path
) -> None:
    context = chromium.new_context(viewport={"width": width, "height": 900}, color_scheme=scheme)
    page, asked, said = context.new_page(), [], []
    page.on("request", lambda request: asked.append(request.url))
    page.on("console", lambda message: said.append(message.text))
    page.goto(report.as_uri())
    assert page.evaluate("document.documentElement.scrollWidth") == width
    page.evaluate(axe_core())
    found = page.evaluate("axe.run(document, {resultTypes: ['violations']})")["violations"]
    assert [(one["id"], one["impact"], one["nodes"][0]["html"]) for one in found] == []
    assert (asked, said) == ([report.as_uri()], [])
    context.close()


@pytest.mark.parametrize(
    ("width", "scheme", "media", "colour"),
    [
        (1280, "light", "screen", (0, 0, 255)),
        (390, "light", "screen", (255, 0, 0)),
        (390, "dark", "screen", (0, 255, 0)),
        (688, "light", "print", (0, 0, 255)),
    ],
)
def test_the_page_that_workers_saw_fits_itself_to_its_reader_and_nothing_in_it_can_be_touched(
    *,
    width: int,
    scheme: Literal["light", "dark"],
    media: Literal["screen", "print"],
    colour: tuple[int, int, int],
    chromium: Browser,
    report: Path,
) -> None:
    page = chromium.new_page(viewport={"width": width, "height": 900}, color_scheme=scheme)
    page.emulate_media(media=media, color_scheme=scheme)
    asked, dialogs = [], []
    page.on("request", lambda request: asked.append(request.url))
    page.on("dialog", lambda dialog: dialogs.append(dialog.message))
    page.goto(report.as_uri())
    screen = page.locator(".screen")
    shown = Image.open(io.BytesIO(screen.screenshot())).convert("RGB")
    assert shown.getpixel((shown.width // 2, shown.height - 40)) == colour
    assert page.evaluate("document.activeElement === document.body")
    assert (asked, dialogs) == ([report.as_uri()], [])
    page.close()


@pytest.mark.parametrize("scheme", ["light", "dark"])
def test_on_a_phone_intervals_are_seen_and_a_table_that_goes_on_says_so_at_its_edge(
    scheme: Literal["light", "dark"], chromium: Browser, report: Path
) -> None:
    page = chromium.new_page(viewport={"width": 390, "height": 844}, color_scheme=scheme)
    page.goto(report.as_uri())
    hidden = page.evaluate(
        "[...document.querySelectorAll('thead th')].filter(e => e.textContent === '95 % interval'"
        " && e.getBoundingClientRect().right > e.closest('.scroll').getBoundingClientRect().right + 1)"
        ".map(e => e.closest('table').caption.textContent)"
    )
    assert hidden == []
    wide = page.locator(".scroll", has_text="For an expert")
    assert wide.evaluate("e => e.scrollWidth > e.clientWidth")
    assert _shaded(wide) == (False, True)
    wide.evaluate("e => { e.scrollLeft = 40 }")
    assert _shaded(wide) == (True, True)
    wide.evaluate("e => { e.scrollLeft = e.scrollWidth }")
    assert _shaded(wide) == (True, False)
    assert _shaded(page.locator(".scroll", has_text="Error rate of the dataset")) == (False, False)
    page.close()


def _shaded(table: Locator) -> tuple[bool, bool]:
    """Whether the left and the right edge differ from the ground of the table, whatever stands on it."""
    shown = Image.open(io.BytesIO(table.screenshot())).convert("L")
    pixels = np.asarray(shown, dtype=np.int64)
    ground = np.median(pixels)
    left, right = (abs(float(np.median(pixels[:, at])) - float(ground)) > 20 for at in (1, -2))
    return left, right


def test_on_paper_no_table_is_cut_off(chromium: Browser, report: Path) -> None:
    page = chromium.new_page(viewport={"width": 688, "height": 1000})  # A4 less its margins
    page.emulate_media(media="print")
    page.goto(report.as_uri())
    cut_off = page.evaluate(
        "[...document.querySelectorAll('table, .plot, .screen')].filter(e => e.getBoundingClientRect().right > 690)"
        ".map(e => e.caption?.textContent ?? e.textContent.slice(0, 80))"
    )
    page.close()
    assert cut_off == []
