"""The check that an HTMLQuestion's page is HTML5."""

import time
from typing import TYPE_CHECKING

import pytest
from botocore.exceptions import ClientError
from hypothesis import given
from hypothesis import strategies as st

from app.domain.vocabulary import MediaType
from app.marketplace import html_faults
from app.questions import catalogue
from app.questions.rendering import ShownItem, render
from tests.marketplace.people import PAGE, html_question, publish

if TYPE_CHECKING:
    from mypy_boto3_mturk import MTurkClient


@pytest.mark.parametrize(
    ("page", "what"),
    [
        ("<body><p>a</p></body><body>", "second body tag"),
        ("<html><html>", "second html tag"),
        ('<p class="a"id="b">', "no space between attributes"),
        ("<p a=1 a=2>", "occurs twice"),
        ("<p>AT&T</p>", "&amp;"),
        ("<p>&nosuch;</p>", "&amp;"),
        ("<p>&copy 2026</p>", "&amp;"),
        ("<p>&#;</p>", "&amp;"),
        ('<a href="?a=1&nosuch;">', "&amp;"),
        ("a < b", "&lt;"),
        ("<3", "&lt;"),
        ("<p", "tag is not well-formed"),
        ('<p a="', "tag is not well-formed"),
        ("</p x>", "end tag"),
        ("<!-- never", "comment is not closed"),
        ("<!doctype html", "declaration is not closed"),
        ("<script>x()", "script is not closed"),
        ("<title>x", "title is not closed"),
    ],
)
def test_the_known_faults_are_named(page: str, what: str) -> None:
    found = html_faults.first_fault(page)
    assert found is not None
    assert what in found
    assert len(found) < 200


@pytest.mark.parametrize(
    "page",
    [
        PAGE,
        "",
        "just text",
        "<!DOCTYPE html><!-- <body> --><html><head><title>a < b & c</title></head><body>&amp;&#x1F44D;&#38;</body></html>",
        "<script>if (a<b && c>d) document.write('<body><body>')</script>",
        "<SCRIPT>a</Script ><style>a>b{}</style><textarea><p a=1 a=2></textarea>",
        '<a href="?a=1&b=2&copy=3">Q & A</a><br/><input disabled/><input value=a/b required>',
        '<p data-x=\'"\' title="a > b">x</p>',
        "<svg viewBox='0 0 1 1'><script/><![CDATA[ < & ]]></svg>",
        "<crowd-form answer-format='flatten-objects'></crowd-form>",
    ],
)
def test_pages_without_them_pass(page: str) -> None:
    assert html_faults.first_fault(page) is None


@pytest.mark.parametrize("name", ["text", "image", "audio"])
def test_our_own_templates_pass_and_take_no_time(name: str) -> None:
    template = catalogue.load(name)
    words = 'Tom & "Jerry" <b> 👍 שלום' if name == "text" else None
    url = None if name == "text" else "https://media.example/a?b=1&c=2"
    items = [ShownItem(n, MediaType(name), "cat & co", "<dog>", text=words, media_url=url) for n in range(1, 9)]
    page = render(template.source, items, title=template.title, instructions=template.instructions)
    started = time.thread_time()
    assert html_faults.first_fault(page) is None
    assert time.thread_time() - started < 0.1


@given(st.text(alphabet="<>/!-=\"'&;#a b\n[]?", max_size=80))
def test_any_text_gets_an_answer(page: str) -> None:
    found = html_faults.first_fault(page)
    assert found is None or found


@pytest.mark.parametrize(
    "piece", ["<", "&", "<a ", "<a b='", "</", "<!--", "&#", "<a" + " " * 50, "<script>", "=", "<a b" + "=" * 9]
)
def test_no_page_keeps_it_busy(piece: str) -> None:
    started = time.thread_time()
    html_faults.first_fault(piece * (65_535 // len(piece)))
    assert time.thread_time() - started < 1


def test_a_hit_with_such_a_page_is_refused(mturk: "MTurkClient") -> None:
    page = PAGE.replace("</body>", "</body><body>")
    with pytest.raises(ClientError, match="does not validate as HTML5: there is a second body tag") as refused:
        publish(mturk, Question=html_question(page))
    assert refused.value.response["Error"]["Code"] == "ParameterValidationError"
    assert mturk.list_hits()["NumResults"] == 0
