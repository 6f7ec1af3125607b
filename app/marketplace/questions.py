"""The Question XML of a HIT: checked when the HIT is made, read when a Worker sees it."""

from dataclasses import dataclass
from urllib.parse import urlsplit
from xml.etree.ElementTree import Element, ParseError

from defusedxml.common import DefusedXmlException
from defusedxml.ElementTree import fromstring

from app.marketplace.wire_errors import ParameterValidationError, WireError, not_supported, out_of_range

SCHEMAS = "http://mechanicalturk.amazonaws.com/AWSMechanicalTurkDataSchemas/"
HTML_NAMESPACE = SCHEMAS + "2011-11-11/HTMLQuestion.xsd"
EXTERNAL_NAMESPACE = SCHEMAS + "2006-07-14/ExternalQuestion.xsd"
LARGEST_QUESTION = 65_535
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


def read(xml: str) -> HTMLQuestion | ExternalQuestion:
    """The question in `xml`. Raises ParameterValidationError naming the fault, RequestError for a QuestionForm."""
    size = len(xml.encode())
    if size > LARGEST_QUESTION:
        raise out_of_range("Question", f"of {size} bytes", 1, LARGEST_QUESTION)
    root = _root(xml)
    if root.tag == f"{{{HTML_NAMESPACE}}}HTMLQuestion":
        html, height = _children(root, HTML_NAMESPACE, "HTMLContent")
        if not html.strip():
            raise _fault("HTMLContent is empty")
        return HTMLQuestion(html, height)
    if root.tag == f"{{{EXTERNAL_NAMESPACE}}}ExternalQuestion":
        url, height = _children(root, EXTERNAL_NAMESPACE, "ExternalURL")
        return ExternalQuestion(_checked_url(url.strip()), height)
    raise _unknown_root(root)


def _root(xml: str) -> Element:
    try:
        # As bytes: an encoding declaration inside a str would be an error.
        root: Element = fromstring(_without_declaration(xml).encode(), forbid_dtd=True)
    except DefusedXmlException:
        raise _fault("a DTD is not allowed") from None
    except (ParseError, ValueError, RecursionError) as error:
        raise _fault(f"it is not well-formed XML ({error})") from None
    return root


def _without_declaration(xml: str) -> str:
    """The wire has decoded the text already, whatever encoding the XML declaration names."""
    text = xml.lstrip("\ufeff \t\r\n")
    return text.partition("?>")[2] if text.startswith("<?xml ") else text


def _children(root: Element, namespace: str, content: str) -> tuple[str, int]:
    names = [f"{{{namespace}}}{content}", f"{{{namespace}}}FrameHeight"]
    if [child.tag for child in root] != names or any(len(child) for child in root):
        raise _fault(f"{root.tag.partition('}')[2]} must hold {content} (as text or CDATA), then FrameHeight")
    height = (root[1].text or "").strip()
    if not height.isascii() or not height.isdigit() or len(height) > len(str(_TALLEST)) or int(height) > _TALLEST:
        raise _fault(f"FrameHeight must be an integer from 0 to {_TALLEST}")
    return root[0].text or "", int(height)


def _checked_url(url: str) -> str:
    try:
        parts = urlsplit(url)
        hostname = parts.hostname
    except ValueError:
        raise _fault("ExternalURL is not a URL") from None
    secure = parts.scheme == "https" or (parts.scheme == "http" and hostname in _LOOPBACK)
    if not secure or not hostname or any(character.isspace() for character in url):
        raise _fault("ExternalURL must be an https URL (http only to this machine)")
    return url


def _unknown_root(root: Element) -> WireError:
    name = root.tag.rpartition("}")[2]
    if name == "QuestionForm":
        return not_supported("A QuestionForm")
    if name in {"HTMLQuestion", "ExternalQuestion"}:
        wanted = HTML_NAMESPACE if name == "HTMLQuestion" else EXTERNAL_NAMESPACE
        return _fault(f"the xmlns of {name} must be exactly {wanted}")
    return _fault(f"the root element must be HTMLQuestion or ExternalQuestion, not {name[:80]}")


def _fault(what: str) -> ParameterValidationError:
    return ParameterValidationError(f"There was an error parsing the XML question data in your request: {what}.")
