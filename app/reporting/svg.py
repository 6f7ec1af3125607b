"""Matplotlib's figures as SVG that stands inside a page: accessible, in the page's colours, without one inline style.

The console's policy forbids style attributes, so each becomes attributes of SVG's own. Text stays text.
"""

from __future__ import annotations

import io
import re
import threading
import warnings
from base64 import b64encode
from typing import TYPE_CHECKING, Any
from xml.etree import ElementTree

from app.reporting.palette import INK

if TYPE_CHECKING:
    from collections.abc import Callable

    from matplotlib.axes import Axes

WIDTH_IN = 5.2  # at a phone's width the text is still read
_SVG = "http://www.w3.org/2000/svg"
_LINK = "{http://www.w3.org/1999/xlink}href"
_HREF = re.compile(r"url\(#(?P<id>[^)]+)\)")
_FONTS = "system-ui, -apple-system, 'Segoe UI', 'DejaVu Sans', sans-serif"
# Matplotlib's settings are one set for the process.
_ONE_AT_A_TIME = threading.Lock()
_SETTINGS: dict[Any, Any] = {
    "svg.fonttype": "none",
    "text.parse_math": False,  # a model may be called $x$
    "font.size": 9.5,
    "axes.spines.top": False,
    "axes.spines.right": False,
    "axes.axisbelow": True,
    "text.color": INK,
    "axes.labelcolor": INK,
    "axes.edgecolor": INK,
    "axes.titlesize": "medium",
    "xtick.color": INK,
    "ytick.color": INK,
    "grid.color": INK,
    "grid.alpha": 0.15,
    "grid.linewidth": 0.8,
    "axes.linewidth": 0.8,
    "figure.facecolor": "none",
    "axes.facecolor": "none",
    "savefig.facecolor": "none",
    "legend.frameon": False,
}


def drawing(name: str, title: str, text: str, draw: Callable[[Axes], None], *, height_in: float = 2.6) -> str:
    """What `draw` puts on a pair of axes, as an `svg` element. name: unique in the page; text: said in its place.

    The same figures give the same bytes.
    """
    import matplotlib as mpl
    from matplotlib.backends.backend_svg import FigureCanvasSVG
    from matplotlib.figure import Figure

    written = io.BytesIO()
    with _ONE_AT_A_TIME, warnings.catch_warnings(), mpl.rc_context(_SETTINGS | {"svg.hashsalt": name}):
        warnings.filterwarnings("ignore", message="Glyph .* missing")  # the reader's browser has the font
        figure = Figure(figsize=(WIDTH_IN, height_in), layout="constrained")
        FigureCanvasSVG(figure)
        draw(figure.subplots())
        figure.savefig(written, format="svg", metadata={"Date": None, "Creator": None})
    root = ElementTree.fromstring(written.getvalue())  # noqa: S314 - matplotlib's own
    return _within_a_page(root, name, title, text)


def as_picture(svg: str) -> str:
    """The same as a file or image of its own: dark on white, wherever it is shown."""
    opened, _, rest = svg.partition(">")
    return f'{opened} xmlns="{_SVG}" color="#1b1f24">\n<rect width="100%" height="100%" fill="#fff"/>{rest}'


def as_data_url(svg: str) -> str:
    """`as_picture` as an address that holds the picture itself."""
    return _data_url(as_picture(svg))


def screen_url(svg: str, *, size_px: tuple[int, int] | None = None) -> str:
    """An address that holds the picture of a page. size_px: for viewers that do not say how large it is to be."""
    if size_px is not None:
        width, height = size_px
        svg = svg.replace('width="100%" height="100%"', f'width="{width}" height="{height}"', 1)
    return _data_url(svg)


def _data_url(svg: str) -> str:
    return f"data:image/svg+xml;base64,{b64encode(svg.encode()).decode()}"


def _within_a_page(root: ElementTree.Element, name: str, title: str, text: str) -> str:
    for unwanted in ("metadata",):
        for child in root.findall(f"{{{_SVG}}}{unwanted}"):
            root.remove(child)
    _drop_styles(root)
    for element in root.iter():
        element.tag = element.tag.removeprefix(f"{{{_SVG}}}")
        _in_attributes(element)
        _renamed(element, name)
    view = root.attrib["viewBox"]
    root.attrib.clear()
    root.attrib.update(
        {
            "class": "plot",
            "role": "img",
            "viewBox": view,
            "aria-labelledby": f"{name}-title {name}-text",
            "stroke-linejoin": "round",
            "font-family": _FONTS,
        }
    )
    for tag, content in (("desc", text), ("title", title)):
        element = ElementTree.Element(tag, {"id": f"{name}-{tag if tag == 'title' else 'text'}"})
        element.text = content
        root.insert(0, element)
    return ElementTree.tostring(root, encoding="unicode")


def _drop_styles(root: ElementTree.Element) -> None:
    for parent in list(root.iter()):
        for child in list(parent):
            if child.tag == f"{{{_SVG}}}style":
                parent.remove(child)


def _in_attributes(element: ElementTree.Element) -> None:
    """Each property of a style attribute as an attribute; the page chooses the fonts."""
    style = element.attrib.pop("style", "")
    for rule in filter(None, (part.strip() for part in style.split(";"))):
        key, value = (part.strip() for part in rule.split(":", 1))
        if key == "font":
            size = re.search(r"[\d.]+px", value)
            element.set("font-size", size[0] if size else "9.5px")
            if "bold" in value or "700" in value:
                element.set("font-weight", "bold")
        elif key != "font-family":
            element.set(key, value)
    if element.tag == "text" and "fill" not in element.attrib:
        element.set("fill", INK)
    for key, value in element.attrib.items():
        if value == INK:
            element.set(key, "currentColor")


def _renamed(element: ElementTree.Element, name: str) -> None:
    """Ids made unique in the page; those that nothing refers to go."""
    if element.tag == "g":
        element.attrib.pop("id", None)
    elif "id" in element.attrib:
        element.set("id", f"{name}-{element.attrib['id']}")
    if _LINK in element.attrib:
        element.set("href", f"#{name}-{element.attrib.pop(_LINK).removeprefix('#')}")
    for key, value in element.attrib.items():
        if found := _HREF.fullmatch(value):
            element.set(key, f"url(#{name}-{found['id']})")
