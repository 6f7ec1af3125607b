"""The Question XML of a HIT: checked when the HIT is made, read when a Worker sees it."""

from dataclasses import dataclass
from functools import lru_cache
from urllib.parse import urlsplit
from xml.etree.ElementTree import Element

from app.marketplace import html_faults, question_forms
from app.marketplace.question_forms import QuestionForm
from app.marketplace.wire_errors import WireError
from app.marketplace.xml_documents import SCHEMAS, fault, integer_of, name_of, root_of

HTML_NAMESPACE = SCHEMAS + "2011-11-11/HTMLQuestion.xsd"
EXTERNAL_NAMESPACE = SCHEMAS + "2006-07-14/ExternalQuestion.xsd"
_LOOPBACK = {"localhost", "127.0.0.1", "::1"}
_TALLEST = 100_000


@dataclass(frozen=True, slots=True)
class HTMLQuestion:
    """A page that the marketplace serves. Height 0 means: as high as the window allows."""

    html: str
    frame_height: int


@dataclass(frozen=True, slots=True)
class ExternalQuestion:
    """A page that the Requester serves."""

    url: str
    frame_height: int


Question = HTMLQuestion | ExternalQuestion | QuestionForm


def check(xml: str) -> None:
    """Raise ParameterValidationError unless `xml` is a question for a new HIT: an HTMLQuestion's page must be HTML5."""
    question = read(xml)
    if isinstance(question, HTMLQuestion) and (found := html_faults.first_fault(question.html)) is not None:
        raise fault(f"HTMLContent does not validate as HTML5: {found}", "XHTMLParseError")


# Shown again to every Worker, as a page and as the frame around it.
@lru_cache(maxsize=64)
def read(xml: str) -> Question:
    """The question in `xml`. Raises ParameterValidationError naming the fault."""
    root = root_of(xml, "Question")
    if root.tag == f"{{{HTML_NAMESPACE}}}HTMLQuestion":
        html, height = _children(root, HTML_NAMESPACE, "HTMLContent")
        if not html.strip():
            raise fault("HTMLContent is empty")
        return HTMLQuestion(html, height)
    if root.tag == f"{{{EXTERNAL_NAMESPACE}}}ExternalQuestion":
        url, height = _children(root, EXTERNAL_NAMESPACE, "ExternalURL")
        return ExternalQuestion(_checked_url(url.strip()), height)
    if root.tag.rpartition("}")[2] == "QuestionForm":
        return question_forms.parse(xml)
    raise _unknown_root(root)


def html_question(html: str, frame_height: int = 0) -> str:
    """An HTMLQuestion's XML around a page."""
    # An end of CDATA inside the page is split over two sections.
    content = html.replace("]]>", "]]]]><![CDATA[>")
    return (
        f'<HTMLQuestion xmlns="{HTML_NAMESPACE}"><HTMLContent><![CDATA[{content}]]></HTMLContent>'
        f"<FrameHeight>{frame_height}</FrameHeight></HTMLQuestion>"
    )


def _children(root: Element, namespace: str, content: str) -> tuple[str, int]:
    names = [f"{{{namespace}}}{content}", f"{{{namespace}}}FrameHeight"]
    if [child.tag for child in root] != names or any(len(child) for child in root):
        raise fault(f"{name_of(root)} must hold {content} (as text or CDATA), then FrameHeight")
    return root[0].text or "", integer_of(root[1].text, "FrameHeight", 0, _TALLEST)


def _checked_url(url: str) -> str:
    try:
        parts = urlsplit(url)
        hostname = parts.hostname
    except ValueError:
        raise fault("ExternalURL is not a URL") from None
    secure = parts.scheme == "https" or (parts.scheme == "http" and hostname in _LOOPBACK)
    if not secure or not hostname or any(character.isspace() for character in url):
        raise fault("ExternalURL must be an https URL (http only to this machine)")
    return url


def _unknown_root(root: Element) -> WireError:
    name = name_of(root)
    if name in {"HTMLQuestion", "ExternalQuestion"}:
        wanted = HTML_NAMESPACE if name == "HTMLQuestion" else EXTERNAL_NAMESPACE
        return fault(f"the xmlns of {name} must be exactly {wanted}")
    return fault(f"the root element must be HTMLQuestion, ExternalQuestion or QuestionForm, not {name}")
