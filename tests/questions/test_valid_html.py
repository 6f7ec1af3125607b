"""MTurk refuses pages that are not valid HTML5: a bare `&`, a second body, attributes without space between them."""

import re
from html.parser import HTMLParser

import pytest
from playwright.sync_api import Browser

from app.questions import catalogue
from app.questions.rendering import ShownItem, render
from tests.browsing import PATIENCE_MS

VOID = {"meta", "input", "img", "br"}
HOSTILE = "a & b &amp; &nosuch; <b> </fieldset> \"q\" 'q' ]]> <!-- --> </script><body>"
templates = pytest.mark.parametrize("template", catalogue.available(), ids=lambda template: template.name)


class StrictParser(HTMLParser):
    """Keeps the start tags, and every fault that HTML would forgive."""

    def __init__(self) -> None:
        super().__init__(convert_charrefs=False)
        self.tags: list[str] = []
        self.faults: list[str] = []
        self.doctypes: list[str] = []
        self._open: list[str] = []

    def handle_decl(self, decl: str) -> None:
        self.doctypes.append(decl)

    def handle_starttag(self, tag: str, attrs: list[tuple[str, str | None]]) -> None:
        self.tags.append(tag)
        names = [name for name, _ in attrs]
        if len(set(names)) < len(names):
            self.faults.append(f"an attribute twice in {self.get_starttag_text()}")
        if re.search(r'"[^\s>=/]', re.sub(r'="[^"]*"(?=[\s>])', "", self.get_starttag_text() or "")):
            self.faults.append(f"no space between attributes in {self.get_starttag_text()}")
        if tag not in VOID:
            self._open.append(tag)

    def handle_endtag(self, tag: str) -> None:
        if not self._open or self._open.pop() != tag:
            self.faults.append(f"</{tag}> at {self.getpos()} closes nothing")

    def handle_data(self, data: str) -> None:
        inside = self._open[-1] if self._open else ""
        if inside not in {"script", "style"} and re.search(r"[&<]", data):
            self.faults.append(f"a bare & or < in {data!r}")

    def close(self) -> None:
        super().close()
        self.faults += [f"<{tag}> is never closed" for tag in self._open]


def hostile_page(template: catalogue.HitTemplate) -> str:
    items = [
        ShownItem(n, template.media_type, HOSTILE, HOSTILE, media_url="data:,?a=1&b=2&copy=3", text=HOSTILE)
        for n in (1, 2, 3)
    ]
    return render(template.source, items, title=HOSTILE, instructions=HOSTILE)


def parsed(page: str) -> StrictParser:
    parser = StrictParser()
    parser.feed(page)
    parser.close()
    return parser


@templates
def test_every_tag_is_closed_and_every_ampersand_escaped(template: catalogue.HitTemplate) -> None:
    parser = parsed(hostile_page(template))
    assert parser.faults == []
    assert parser.doctypes == ["DOCTYPE html"]
    assert [parser.tags.count(tag) for tag in ("html", "head", "body", "form")] == [1, 1, 1, 1]


@templates
def test_ids_are_unique_and_labels_hold_what_they_name(template: catalogue.HitTemplate) -> None:
    page = hostile_page(template)
    ids = re.findall(r' id="([^"]*)"', page)
    names = re.findall(r' name="(r\d+-(?:order|ms|comment))"', page)
    assert len(set(ids)) == len(ids)
    assert len(set(names)) == len(names) == 9


@pytest.mark.browser
@templates
def test_a_browser_finds_no_more_and_no_fewer_elements_than_are_written(
    chromium: Browser, template: catalogue.HitTemplate
) -> None:
    page = hostile_page(template)
    blank = chromium.new_page()
    blank.set_default_timeout(PATIENCE_MS)
    script = (
        "page => [...new DOMParser().parseFromString(page, 'text/html').querySelectorAll('*')].map(e => e.localName)"
    )
    assert blank.evaluate(script, page) == parsed(page).tags
    blank.close()
