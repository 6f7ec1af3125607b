"""The page of a HIT as a still picture: an SVG image that holds the page as it stands before anybody touches it.

Browsers treat an SVG that is shown as an image as just that (SVG 2, 2.3 "secure static mode"): nothing in it runs, fetches,
plays or takes the focus, whatever the page says. Scripts and addresses are left out all the same.
"""

import re
from collections.abc import Mapping
from urllib.parse import urlsplit
from xml.etree.ElementTree import Element, SubElement, tostring

from app.questions.characters import legal_in_xml
from app.questions.page_parser import PageParser

_SVG, _XHTML = "http://www.w3.org/2000/svg", "http://www.w3.org/1999/xhtml"
# A fragment of a page stands on the window's own colour, as it does in a browser; sticky parts need a box that scrolls.
_WINDOW = "html { display: block; height: 100%; overflow: hidden; background: Canvas; color: CanvasText }"
_BOX = (
    "display: grid; place-content: center; gap: 4px; width: 100%; min-height: 96px; padding: 12px; text-align: center;"
    " border: 2px dashed; border-radius: 8px; overflow-wrap: anywhere; opacity: .8"
)
# hit_templates/_shared/page.js, `enlarge`: pictures up to the first many pixels are shown larger, up to the second many.
_SMALL_PX, _ENLARGED_PX = 128, 280

_VOID = {"area", "br", "col", "embed", "hr", "img", "input", "source", "track", "wbr"}
_LEFT_OUT = {"script", "noscript", "template", "iframe", "object", "title"}
_UNSEEN = {"link", "meta", "base", "embed", "source", "track"}
_ADDRESSES = {"src", "srcset", "href", "action", "formaction", "poster", "data", "ping", "background", "xlink:href"}
# HTML's parser writes names small; SVG, alone, minds.
_CASED = {"viewbox": "viewBox", "preserveaspectratio": "preserveAspectRatio"}
_NAME = re.compile(r"[a-z][a-z0-9-]*", re.ASCII)
_EMBEDDED = re.compile(r"data:image/(png|jpeg|gif|webp|bmp);base64,[A-Za-z0-9+/=]+", re.ASCII)
# In styles: what fetches, but for `data:` addresses and parts of the page itself.
_FETCHING = re.compile(
    r"(?P<rule>@import\b[^;]*;?)|\b(?:url|src|image-set)\(\s*(?!['\"]?\s*(?:data:|#))[^)]*\)?", re.ASCII | re.IGNORECASE
)
# What HTML closes by itself where one of these begins.
_BLOCKS = {"div", "p", "ul", "ol", "dl", "pre", "form", "fieldset", "table", "section", "h1", "h2", "h3", "blockquote"}
_CELLS = {"td", "th", "tr"}
_CLOSED_BY = {"p": _BLOCKS, "li": {"li"}, "dt": {"dt", "dd"}, "dd": {"dt", "dd"}, "option": {"option"}} | {
    "td": _CELLS,
    "th": _CELLS,
    "tr": {"tr"},
}
_DEEPEST = 200


def still(page: str, *, sizes: Mapping[str, tuple[int, int]]) -> str:
    """The page as an `svg` element of no size of its own: the page fits itself to whatever room it is given.

    Pictures that the page holds as `data:` addresses stay; other media become boxes that name them. sizes: width and height
    in pixels by address, of pictures that the shared page's script enlarges where they are small.
    """
    reader = _Reader(sizes)
    reader.feed(page)
    reader.close()
    svg = Element("svg", {"xmlns": _SVG, "width": "100%", "height": "100%"})
    SubElement(svg, "foreignObject", {"width": "100%", "height": "100%"}).append(reader.html)
    return tostring(svg, encoding="unicode")


class _Reader(PageParser):
    """Builds the page as well-formed XML, as far as a picture has use for it."""

    def __init__(self, sizes: Mapping[str, tuple[int, int]]) -> None:
        super().__init__()
        self.html = Element("html", {"xmlns": _XHTML})
        self._head, self._body = SubElement(self.html, "head"), SubElement(self.html, "body")
        SubElement(self._head, "style").text = _WINDOW
        self._open = [self._body]
        self._silent: list[str] = []
        self._sizes = sizes

    def handle_starttag(self, tag: str, attrs: list[tuple[str, str | None]]) -> None:
        given = _allowed(attrs)
        if tag in _LEFT_OUT:
            self._silent.append(tag)
        elif self._silent or tag in _UNSEEN or tag == "head":
            return
        elif tag in {"html", "body"}:
            (self.html if tag == "html" else self._body).attrib.update(given)
        elif tag == "style":
            self._open.append(SubElement(self._head, "style", given))
        elif tag in {"img", "audio", "video"}:
            self._medium(tag, dict(attrs), given)
        elif len(self._open) < _DEEPEST and _NAME.fullmatch(tag):
            self._element(tag, given)

    def handle_endtag(self, tag: str) -> None:
        if self._silent:
            if tag == self._silent[-1]:
                self._silent.pop()
            return
        names = [element.tag for element in self._open]
        if tag in names[1:]:
            del self._open[len(names) - 1 - names[::-1].index(tag) :]

    def handle_data(self, data: str) -> None:
        if self._silent or self._open[-1].tag in {"audio", "video"}:
            return
        here, text = self._open[-1], legal_in_xml(data)
        if here.tag == "style":
            text = _silenced(text)
        if len(here):
            here[-1].tail = (here[-1].tail or "") + text
        else:
            here.text = (here.text or "") + text

    def _element(self, tag: str, given: dict[str, str]) -> None:
        while tag in _CLOSED_BY.get(self._open[-1].tag, ()):
            self._open.pop()
        if tag == "fieldset":
            given.pop("disabled", None)  # shared page's script: it may be answered once the HIT is accepted
        element = SubElement(self._open[-1], tag, given | ({"xmlns": _SVG} if tag == "svg" else {}))
        if tag not in _VOID:
            self._open.append(element)

    def _medium(self, tag: str, attrs: Mapping[str, str | None], given: dict[str, str]) -> None:
        src = attrs.get("src") or ""
        if tag == "img" and _EMBEDDED.fullmatch(src):
            SubElement(self._open[-1], "img", given | {"src": src} | self._enlarged(src, given))
            return
        box = SubElement(self._open[-1], "div", {"style": _BOX})
        name = attrs.get("alt") or attrs.get("aria-label") or tag
        SubElement(box, "div").text = legal_in_xml(f"{'▶ ' if tag != 'img' else ''}{name}")
        if address := place_of(src):
            SubElement(box, "small").text = legal_in_xml(address)
        if tag != "img":
            self._open.append(Element(tag))  # what stands within is for browsers that play nothing

    def _enlarged(self, src: str, given: Mapping[str, str]) -> dict[str, str]:
        """What the shared page's script does to a small picture."""
        width, height = self._sizes.get(src, (0, 0))
        if not 1 <= max(width, height) <= _SMALL_PX:
            return {}
        times = _ENLARGED_PX // max(width, height)
        return {"class": f"{given.get('class', '')} small".strip(), "width": str(width * times)}


def _allowed(attrs: list[tuple[str, str | None]]) -> dict[str, str]:
    """Attributes that neither run nor fetch; one without a value has its own name for it, as XML wants it."""
    return {
        _CASED.get(name, name): legal_in_xml(name if value is None else _silenced(value))
        for name, value in attrs
        if _NAME.fullmatch(name) and not name.startswith("on") and name not in _ADDRESSES and name != "xmlns"
    }


def _silenced(styles: str) -> str:
    """The styles without what they fetch."""
    return _FETCHING.sub(lambda found: "" if found["rule"] else "none", styles)


def place_of(address: str) -> str:
    """Where a medium is, without what may be a key: `https://host/path`; empty for what is no address on the web."""
    try:
        parts = urlsplit(address)
    except ValueError:
        return ""
    known = parts.hostname and parts.scheme in {"http", "https"}
    return f"{parts.scheme}://{parts.hostname}{parts.path}" if known else ""
