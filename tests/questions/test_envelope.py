from xml.etree.ElementTree import Element, fromstring

import pytest
from hypothesis import given
from hypothesis import strategies as st

from app.domain.vocabulary import MediaType
from app.errors import InvalidInput
from app.questions import catalogue
from app.questions.envelope import HTML_QUESTION_XMLNS, MAX_QUESTION_BYTES, html_question
from app.questions.rendering import ShownItem, render


def parts_of(question: str) -> tuple[Element, str, str]:
    root = fromstring(question.encode())
    content, height = list(root)
    return root, content.text or "", height.text or ""


def test_it_is_an_html_question_of_mturks_schema() -> None:
    root, content, height = parts_of(html_question("<p>Hi & bye</p>", frame_height=450))
    assert root.tag == f"{{{HTML_QUESTION_XMLNS}}}HTMLQuestion"
    assert [child.tag.rpartition("}")[2] for child in root] == ["HTMLContent", "FrameHeight"]
    assert (content, height) == ("<p>Hi & bye</p>", "450")


@pytest.mark.parametrize(
    "text", ["]]>", "a[b[0]]>1", "]]]]>>", "]]><![CDATA[", "&amp;amp; & < >", "🙃 \u202eעברית", ""]
)
def test_hostile_content_comes_back_unchanged(text: str) -> None:
    assert parts_of(html_question(text))[1] == text


@given(st.text(max_size=2000))
def test_any_text_comes_back_but_for_line_ends_and_forbidden_characters(text: str) -> None:
    content = parts_of(html_question(text))[1]
    assert len(content) <= len(text)
    normalised = text.replace("\r\n", "\n").replace("\r", "\n")
    assert all(here in (there, "\ufffd") for here, there in zip(content, normalised, strict=True))


def test_characters_that_xml_forbids_are_replaced() -> None:
    assert parts_of(html_question("a\x00b\ud800c\uffff"))[1] == "a\ufffdb\ufffdc\ufffd"


def test_a_question_of_exactly_the_limit_passes_and_one_byte_more_is_refused_with_both_sizes() -> None:
    room = MAX_QUESTION_BYTES - len(html_question(""))
    assert len(html_question("x" * room).encode()) == MAX_QUESTION_BYTES
    with pytest.raises(InvalidInput, match=r"65,536 bytes and MTurk takes at most 65,535"):
        html_question("x" * (room + 1))


def test_the_limit_counts_bytes_not_characters() -> None:
    with pytest.raises(InvalidInput, match="bytes"):
        html_question("🙃" * 20_000)


def test_a_negative_height_is_refused() -> None:
    with pytest.raises(InvalidInput, match="frame_height"):
        html_question("x", frame_height=-1)


@pytest.mark.parametrize("character", ["a", "é", "語", "🙃"])
def test_five_texts_of_2000_characters_fit_in_any_script(character: str) -> None:
    template = catalogue.load("text")
    items = [ShownItem(n, MediaType.TEXT, "positive", "negative", text=character * 2000) for n in range(1, 6)]
    html_question(render(template.source, items, title=template.title, instructions=template.instructions))


@pytest.mark.parametrize("template", catalogue.available(), ids=lambda template: template.name)
def test_the_examples_of_each_template_make_a_question(template: catalogue.HitTemplate) -> None:
    items = catalogue.example_items(template.name)
    page = render(template.source, items, title=template.title, instructions=template.instructions)
    assert parts_of(html_question(page, frame_height=template.frame_height))[1] == page
