"""The form as a Worker's browser gets it."""

from html.parser import HTMLParser

import pytest
from hypothesis import given
from hypothesis import strategies as st

from app.marketplace import html_faults, question_forms
from tests.marketplace.question_forms.forms import (
    PICTURE,
    form,
    formatted,
    free_text,
    overview,
    question,
    selection,
    text_rules,
)

HOSTILE = "</textarea></select></fieldset><script>alert(1)</script>\"' onload=x שלום 👍"


class Page(HTMLParser):
    """The elements of a page with their attributes."""

    def __init__(self, html: str) -> None:
        super().__init__()
        self.found: list[tuple[str, dict[str, str]]] = []
        self.feed(html)

    def handle_starttag(self, tag: str, attrs: list[tuple[str, str | None]]) -> None:
        self.found.append((tag, {name: value or "" for name, value in attrs}))

    def all(self, tag: str) -> list[dict[str, str]]:
        return [attributes for name, attributes in self.found if name == tag]


def page(*parts: str, problems: dict[str, str] | None = None, given: dict[str, list[str]] | None = None) -> Page:
    html = question_forms.fields_html(question_forms.parse(form(*parts)), problems=problems or {}, given=given or {})
    assert html_faults.first_fault(html) is None
    return Page(html)


@pytest.mark.parametrize(
    ("answer", "tag", "count"),
    [
        (selection("a", "b"), "input", 2),
        (selection("a", "b", style="checkbox"), "input", 2),
        (selection("a", "b", style="dropdown"), "option", 3),
        (selection("a", "b", style="list", most=1), "option", 3),
        (selection("a", "b", style="multichooser"), "option", 2),
        (selection("a", "b", style="combobox"), "datalist", 1),
        (selection("a", "b", style="dropdown", contents={"a": PICTURE}), "img", 1),
        (free_text(lines=4), "textarea", 1),
        (free_text(), "input", 1),
    ],
)
def test_each_style_has_its_field(answer: str, tag: str, count: int) -> None:
    shown = page(question(answer))
    assert len(shown.all(tag)) == count
    named = [attributes for name, attributes in shown.found if name in {"input", "select", "textarea"}]
    assert {attributes["name"] for attributes in named} == {"q1"}


def test_every_field_has_a_name_for_a_screen_reader() -> None:
    shown = page(
        question(free_text()),
        question(selection("a", style="dropdown"), id="d"),
        question(selection("a", style="combobox"), id="c"),
        question(selection("a", other=text_rules()), id="o"),
    )
    ids = {attributes["id"] for _, attributes in shown.found if "id" in attributes}
    for tag in ("input", "select", "textarea"):
        for attributes in shown.all(tag):
            labels = attributes.get("aria-labelledby", "").split()
            assert set(labels) <= ids
            assert labels or "aria-label" in attributes or attributes["type"] in {"radio", "checkbox"}


def test_a_problem_stands_beside_its_question_and_what_was_typed_is_still_there() -> None:
    shown = page(
        question(free_text(default="before"), id="a"),
        question(selection("x", "y", other=""), id="b", required=True),
        given={"q1": ["typed <b>"], "q2": ["y"], "q2.other": ["mine"]},
        problems={"a": "Not <so>"},
    )
    text, *radios, own = shown.all("input")
    assert (text["value"], text["aria-invalid"], text["aria-describedby"]) == ("typed <b>", "true", "q1-problem")
    assert [radio["value"] for radio in radios if "checked" in radio] == ["y"]
    assert own["value"] == "mine"
    assert [link["href"] for link in shown.all("a")] == ["#q1"]


def test_nothing_hostile_becomes_markup() -> None:
    from html import escape

    text = escape(HOSTILE)
    shown = page(
        overview(f"<Title>{text}</Title><Text>{text}</Text><List><ListItem>{text}</ListItem></List>"),
        question(free_text(default=HOSTILE, lines=3), id=HOSTILE, content=f"<Text>{text}</Text>"),
        question(selection(HOSTILE, style="dropdown"), id="s"),
        question(selection(HOSTILE, other=text_rules(default=HOSTILE)), id="o"),
        overview(PICTURE.replace("A cat", text)),
        problems={HOSTILE: HOSTILE},
        given={"q2": [HOSTILE]},
    )
    assert shown.all("script") == []
    assert not any(name.startswith("on") for _, attributes in shown.found for name in attributes)
    assert len(shown.all("fieldset")) == 3


def test_formatted_content_is_written_anew_without_what_could_restyle_the_page() -> None:
    markup = (
        '<table border="1"><tr><td colspan="2" style="position:fixed" class="x">a&nbsp;<!-- no -->&lt;b&gt;</td></tr></table>'
        '<a href="https://example.org/?a=1&amp;b=2" target="_top">link</a><br/><img src="https://e.example/i.png" alt="I"/>'
    )
    html = question_forms.fields_html(question_forms.parse(form(overview(formatted(markup)), question(free_text()))))
    assert '<table border="1"><tr><td colspan="2">a\xa0&lt;b&gt;</td></tr></table>' in html
    assert '<a href="https://example.org/?a=1&amp;b=2" target="_blank" rel="noopener noreferrer">link</a><br>' in html
    assert "style" not in html
    assert "<!--" not in html


@given(st.text(max_size=60), st.text(max_size=60))
def test_any_text_typed_before_stays_text(text: str, choice: str) -> None:
    shown = page(
        question(free_text(lines=2)), question(selection("a", "b"), id="r"), given={"q1": [text], "q2": [choice]}
    )
    assert [tag for tag, _ in shown.found].count("textarea") == 1
    assert len(shown.all("input")) == 2
