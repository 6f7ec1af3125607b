import pytest

from app.marketplace import questions
from app.marketplace.questions import EXTERNAL_NAMESPACE, ExternalQuestion, HTMLQuestion
from app.marketplace.wire_errors import WireError
from tests.marketplace.people import NAMESPACE, html_question


def external(url: str) -> str:
    return (
        f'<ExternalQuestion xmlns="{EXTERNAL_NAMESPACE}"><ExternalURL>{url}</ExternalURL>'
        "<FrameHeight>400</FrameHeight></ExternalQuestion>"
    )


def test_hostile_text_comes_back_as_it_was() -> None:
    page = "<html>👍 ]]> & &amp; שלום <script>if (a[b[0]]>1) x()</script></html>"
    assert questions.read(html_question(page, 0)) == HTMLQuestion(page, 0)


def test_an_xml_declaration_does_no_harm() -> None:
    assert questions.read('<?xml version="1.0" encoding="ISO-8859-1"?>\n' + html_question("ä")) == HTMLQuestion(
        "ä", 600
    )


def test_external_questions_are_https_or_of_this_machine() -> None:
    found = questions.read(external("https://example.org/q?a=1&amp;b=2"))
    assert found == ExternalQuestion("https://example.org/q?a=1&b=2", 400)
    assert isinstance(questions.read(external("http://127.0.0.1:8700/q")), ExternalQuestion)


@pytest.mark.parametrize(
    "xml",
    [
        "",
        "not xml",
        "<a/>",
        html_question().replace("2011-11-11", "2011-11-12"),
        html_question().replace(f' xmlns="{NAMESPACE}"', ""),
        html_question(" \n"),
        html_question().replace("600", "high"),
        html_question().replace("600", "-1"),
        html_question().replace("<FrameHeight>600</FrameHeight>", ""),
        html_question().replace("<![CDATA[", "").replace("]]>", "").replace('method="post"', "disabled"),
        '<!DOCTYPE a [<!ENTITY b "c">]>' + html_question(),
        html_question("x" * 65_535),
        external("http://example.org/"),
        external("ftp://example.org/"),
        external("https://"),
        external("javascript:alert(1)"),
        external("https://[half"),
        '<QuestionForm xmlns="http://mechanicalturk.amazonaws.com/x"/>',
    ],
)
def test_what_is_no_question_is_refused_with_a_reason(xml: str) -> None:
    with pytest.raises(WireError) as refused:
        questions.read(xml)
    assert refused.value.http_status == 400
    assert len(refused.value.message) < 400


def test_the_limit_counts_bytes_not_characters() -> None:
    with pytest.raises(WireError, match="65535"):
        questions.read(html_question("€" * 22_000))
