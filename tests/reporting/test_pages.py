import re
from base64 import b64decode
from html.parser import HTMLParser

import pytest

from app.reporting.document import Bullets, Document, Facts, NotEnough, Plot, Quotation, Screen, Section, Table, Text
from app.reporting.pages import body_html, html, in_markdown, markdown

HOSTILE = "<img src=x onerror=alert(1)> | `a` **b** [c](http://evil.example) \n# no heading"

SCREEN = '<svg xmlns="http://www.w3.org/2000/svg" width="100%" height="100%"><script>alert(1)</script></svg>'


def document(text: str = HOSTILE) -> Document:
    table = Table(text, ("Item", "n"), ((text, "1"), ("2", text)))
    plot = Plot("p", text, text, '<svg class="plot"><title>t</title></svg>', table)
    screen = Screen("s", text, text, SCREEN)
    blocks = (Text(text), NotEnough(text), Bullets((text,)), Facts(((text, text),)), table, plot, screen)
    quotes = Quotation(text, (text,)), Quotation(text, (text,), folded=True)
    return Document(text, "local", text, (Section("one", text, (*blocks, *quotes)),))


class Elements(HTMLParser):
    def __init__(self, page: str) -> None:
        super().__init__()
        self.tags: list[tuple[str, dict[str, str | None]]] = []
        self.feed(page)

    def handle_starttag(self, tag: str, attrs: list[tuple[str, str | None]]) -> None:
        self.tags.append((tag, dict(attrs)))


def test_a_page_needs_nothing_from_elsewhere_and_runs_nothing() -> None:
    for tag, attributes in Elements(html(document())).tags:
        assert tag not in {"script", "link", "iframe", "object"}
        assert not [name for name in attributes if name.startswith("on") or name == "style"]
        assert (attributes.get("src") or "data:image/svg+xml").startswith("data:image/svg+xml")
        assert attributes.get("href", "#").startswith("#")  # type: ignore[union-attr]


def test_the_body_has_no_styles_of_its_own() -> None:
    assert "style" not in [tag for tag, _ in Elements(body_html(document())).tags]


def test_hostile_words_stay_words() -> None:
    page = html(document())
    assert "<img src=x" not in page
    assert "&lt;img src=x" in page


def test_every_table_has_a_caption_and_names_its_rows_and_columns() -> None:
    tags = Elements(html(document("words"))).tags
    names = [tag for tag, _ in tags]
    assert names.count("table") == names.count("caption") == 2
    assert {attributes.get("scope") for tag, attributes in tags if tag == "th"} == {"col", "row"}


def test_markdown_keeps_hostile_words_on_their_line_and_in_their_cell() -> None:
    lines = markdown(document()).splitlines()
    rows = [line for line in lines if line.startswith("|")]
    assert len({len(re.findall(r"(?<!\\)\|", row)) for row in rows}) == 1
    assert not [line for line in lines if line.startswith("# no heading")]
    unquoted = [line for line in lines if not line.startswith(("    ", "["))]
    assert not [line for line in unquoted if re.search(r"(?<!\\)<img", line)]


def test_markdown_brings_its_drawings_along() -> None:
    text = markdown(document("words"))
    assert "![words. words][p]" in text
    assert "[p]: data:image/svg+xml;base64," in text


def test_the_picture_of_a_page_fits_any_room_but_in_markdown_says_how_large_it_is() -> None:
    [shown] = [attributes for tag, attributes in Elements(html(document("words"))).tags if tag == "img"]
    assert shown["alt"] == "words"
    assert decoded(shown["src"] or "") == SCREEN
    [line] = [line for line in markdown(document("words")).splitlines() if line.startswith("[s]: ")]
    assert decoded(line).startswith('<svg xmlns="http://www.w3.org/2000/svg" width="880" height="600">')


def decoded(url: str) -> str:
    return b64decode(url.partition("base64,")[2]).decode()


@pytest.mark.parametrize(
    ("text", "expected"),
    [
        ("a|b", r"a\|b"),
        ("*a* _b_ `c`", r"\*a\* \_b\_ \`c\`"),
        ("two\r\nlines\u2028three", "two lines three"),
        ("1. no list", r"1\. no list"),
        ("- no list", r"\- no list"),
        ("0.5", "0.5"),
        ("–", "–"),
        ("back\\slash", r"back\\slash"),
    ],
)
def test_markdown_shows_text_as_it_is(text: str, expected: str) -> None:
    assert in_markdown(text) == expected
