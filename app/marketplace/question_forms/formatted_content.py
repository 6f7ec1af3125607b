"""FormattedContent: the subset of XHTML that MTurk takes, checked when the form is read, written out anew for Workers.

Nothing of the Requester's own markup reaches a page: what is shown is built from the checked tree.
"""

import html
import re
from html.entities import html5
from urllib.parse import urlsplit
from xml.etree.ElementTree import Element, ParseError

from defusedxml.common import DefusedXmlException
from defusedxml.ElementTree import fromstring
from markupsafe import Markup

from app.marketplace.xml_documents import fault, shown

_INLINE = {"a", "b", "big", "cite", "code", "del", "dfn", "em", "font", "i", "ins", "kbd", "q", "s", "samp", "small"}
_INLINE |= {"span", "strike", "strong", "sub", "sup", "tt", "u", "var", "br", "img"}
_BLOCKS = {"blockquote", "center", "div", "h1", "h2", "h3", "h4", "h5", "h6", "hr", "p", "pre"}
_LISTS = {"dd", "dl", "dt", "li", "ol", "ul"}
_TABLES = {"caption", "col", "colgroup", "table", "tbody", "td", "tfoot", "th", "thead", "tr"}
ELEMENTS = frozenset(_INLINE | _BLOCKS | _LISTS | _TABLES)
_EMPTY = frozenset({"br", "col", "hr", "img"})
_WORDS = {"abbr", "alt", "axis", "cite", "dir", "headers", "href", "lang", "scope", "src", "summary", "title", "type"}
_LOOKS = {"align", "bgcolor", "border", "cellpadding", "cellspacing", "clear", "color", "compact", "face", "frame"}
_LOOKS |= {"height", "hspace", "noshade", "nowrap", "rules", "size", "valign", "vspace", "width"}
_NUMBERS = {"colspan", "rowspan", "span", "start", "value"}
_ATTRIBUTES = frozenset(_WORDS | _LOOKS | _NUMBERS)
# Taken so that old forms go on working, but without any effect: they could only restyle our page.
_DROPPED = frozenset({"class", "id", "style", "name", "target", "rel"})
_URLS = {"href": ("http", "https", "mailto"), "src": ("http", "https"), "cite": ("http", "https")}
_DEEPEST = 60
_NAMED = re.compile(r"&([A-Za-z][A-Za-z0-9]*);")
_XML_NAMES = frozenset({"lt", "gt", "amp", "quot", "apos"})


def parse(markup: str) -> Element:
    """The checked tree, inside one `div`. Raises ParameterValidationError for what is not of the subset."""
    try:
        root: Element = fromstring(f"<div>{_NAMED.sub(_entity, markup)}</div>".encode(), forbid_dtd=True)
    except DefusedXmlException:
        raise _invalid("a DTD is not allowed") from None
    except (ParseError, ValueError, RecursionError) as error:
        raise _invalid(f"it is not well-formed ({error})") from None
    for child in root:
        _check(child, 1)
    return root


def to_html(tree: Element) -> Markup:
    """The tree as HTML; the `div` around it is left out."""
    return Markup(_inside(tree))  # noqa: S704 - every name is of the lists above, every text and value is escaped


def to_text(tree: Element) -> str:
    """The words alone, for places that can show no markup."""
    return " ".join("".join(tree.itertext()).split()) or next((i.get("alt", "") for i in tree.iter("img")), "")


def _entity(match: re.Match[str]) -> str:
    name = match[1]
    return match[0] if name in _XML_NAMES else html5.get(name + ";", match[0])


def _check(element: Element, depth: int) -> None:
    if depth > _DEEPEST:
        raise _invalid("it is nested too deeply")
    if element.tag not in ELEMENTS:
        raise _invalid(f"the element {shown(element.tag)} is not allowed")
    for name, value in element.attrib.items():
        if name not in _ATTRIBUTES | _DROPPED:
            raise _invalid(f"the attribute {shown(name)} is not allowed")
        if name in _URLS and not is_address(value, _URLS[name]):
            raise _invalid(f"{name} must be an address of {', '.join(_URLS[name])}")
    for child in element:
        _check(child, depth + 1)


def is_address(url: str, schemes: tuple[str, ...] = ("http", "https")) -> bool:
    """Is this a whole URL of one of these schemes?"""
    try:
        parts = urlsplit(url.strip())
        named = parts.scheme in schemes and bool(parts.hostname or (parts.scheme == "mailto" and parts.path))
    except ValueError:
        return False
    return named and all(character.isprintable() and not character.isspace() for character in url.strip())


def _inside(element: Element) -> str:
    parts = [html.escape(element.text or "")]
    for child in element:
        attributes = "".join(
            f' {name}="{html.escape(value)}"' for name, value in child.attrib.items() if name not in _DROPPED
        )
        if child.tag == "a":
            attributes += ' target="_blank" rel="noopener noreferrer"'
        end = "" if child.tag in _EMPTY else f"{_inside(child)}</{child.tag}>"
        parts.append(f"<{child.tag}{attributes}>{end}{html.escape(child.tail or '')}")
    return "".join(parts)


def _invalid(what: str) -> Exception:
    return fault(f"FormattedContent does not validate against the XHTML subset: {what}")
