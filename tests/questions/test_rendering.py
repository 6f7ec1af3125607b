from dataclasses import fields

import pytest

from app.domain.vocabulary import MediaType
from app.errors import InvalidInput
from app.questions import catalogue
from app.questions.rendering import ShownItem, render

HOSTILE = (
    "a & b ]]> <script>alert(1)</script> </textarea> \"quotes\" 'single' {{ 7 * 7 }} {% raw %} 🙃 \u202eעברית\x00\x0b"
)


def text_item(position: int = 1, *, text: str = "A text.", label_a: str = "cat", label_b: str = "dog") -> ShownItem:
    return ShownItem(position, MediaType.TEXT, label_a, label_b, text=text)


def page_of(source: str, *items: ShownItem) -> str:
    return render(source, items or [text_item()], title="T", instructions="I")


def test_markup_and_template_code_in_items_are_only_text() -> None:
    page = page_of("{% for item in items %}{{ item.text }}|{{ item.label_a }}{% endfor %}", text_item(text=HOSTILE))
    assert "<script>" not in page
    assert "&lt;script&gt;alert(1)&lt;/script&gt;" in page
    assert "{{ 7 * 7 }}" in page


def test_characters_that_html_forbids_are_replaced() -> None:
    assert page_of("{{ items[0].text }}", text_item(text="a\x00b\ud800c")) == "a\ufffdb\ufffdc"


@pytest.mark.parametrize(
    "source",
    [
        "{{ nobody_knows_this }}",
        "{% for item in items %}",
        '{% include "/etc/passwd" %}',
        "{{ items.__class__.__mro__[1].__subclasses__() }}",
        "{{ items.append(1) }}",
        "{{ 1 / 0 }}",
        "{{ range(10 ** 9)|list }}",
        "{{ 'a' + 1 }}",
    ],
)
def test_a_template_that_errs_or_reaches_out_is_refused(source: str) -> None:
    with pytest.raises(InvalidInput, match="HIT template cannot be rendered"):
        page_of(source)


def test_a_fault_in_the_syntax_is_named_with_its_line() -> None:
    with pytest.raises(InvalidInput) as caught:
        page_of("one\n{% if %}")
    assert caught.value.problems[0].line == 2


@pytest.mark.parametrize(
    ("items", "fault"),
    [
        ([], "at least one Item"),
        ([text_item(2)], "Item 1 of the HIT has position 2"),
        ([text_item(1), text_item(1)], "Item 2 of the HIT has position 1"),
        ([ShownItem(1, MediaType.TEXT, "a", "b")], "has no text"),
        ([ShownItem(1, MediaType.IMAGE, "a", "b", text="x")], "has no media URL"),
        ([ShownItem(1, MediaType.AUDIO, "a", "b", media_url="")], "has no media URL"),
    ],
)
def test_items_that_cannot_be_shown_are_refused(items: list[ShownItem], fault: str) -> None:
    with pytest.raises(InvalidInput, match=fault):
        render("x", items, title="T", instructions="I")


def test_a_shown_item_has_no_room_for_whose_label_is_whose() -> None:
    assert {field.name for field in fields(ShownItem)} == {
        "position",
        "media_type",
        "label_a",
        "label_b",
        "media_url",
        "text",
    }


@pytest.mark.parametrize("template", catalogue.available(), ids=lambda template: template.name)
@pytest.mark.parametrize("given", ["cat", "dog"])
def test_the_page_is_the_same_whichever_label_is_the_datasets(template: catalogue.HitTemplate, given: str) -> None:
    guessed = {"cat": "dog", "dog": "cat"}[given]
    label_a, label_b = sorted([given, guessed])  # the draw of `a` and `b` happens to be equal
    item = ShownItem(1, template.media_type, label_a, label_b, media_url="https://example.org/1", text="x")
    page = render(template.source, [item], title=template.title, instructions=template.instructions)
    expected = ShownItem(1, template.media_type, "cat", "dog", media_url="https://example.org/1", text="x")
    assert page == render(template.source, [expected], title=template.title, instructions=template.instructions)
    assert "given" not in page.lower()
    assert "guess" not in page.lower()
