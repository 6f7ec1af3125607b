"""A document as one HTML page that needs nothing else, as the body of a page, and as Markdown."""

import re
from collections.abc import Sequence
from functools import cache
from pathlib import Path

from jinja2 import Environment, FileSystemLoader, StrictUndefined
from markupsafe import Markup

from app import __version__
from app.reporting.document import Block, Document
from app.reporting.svg import as_data_url, screen_url

# As wide as the HTML report on a desk has it.
_SCREEN_PX = (880, 600)
TEMPLATES = Path(__file__).parent / "templates"
STYLES = TEMPLATES / "report.css"

_MARKED = re.compile(r"([\\`*_\[\]<>#|~&])")
_BREAKS = re.compile(r"\s*[\r\n\v\f\x1c-\x1e\x85\u2028\u2029]\s*")
_AT_THE_START = re.compile(r"^(\d+)([.)])(?=\s)|^([-+=])")
_BLANK_LINES = re.compile(r"\n{3,}")


def html(document: Document) -> str:
    """One page: styles and drawings within, no script, nothing from elsewhere."""
    return _environment(escaped=True).get_template("report.html.j2").render(document=document, version=__version__)


def body_html(document: Document) -> Markup:
    """The sections alone, for a page that has STYLES and their colours; without style elements or attributes."""
    rendered = _environment(escaped=True).get_template("body.html.j2").render(document=document)
    return Markup(rendered)  # noqa: S704 - the template escaped everything in it


def markdown(document: Document) -> str:
    """GitHub's Markdown; drawings as data at its end, each beside a table that says the same."""
    text = _environment(escaped=False).get_template("report.md.j2").render(document=document)
    return _BLANK_LINES.sub("\n\n", text).strip() + "\n"


def in_markdown(text: str) -> str:
    """Text that Markdown shows as it is, on one line, within a table's cell too."""
    one_line = _BREAKS.sub(" ", text).strip()
    marked = _MARKED.sub(r"\\\1", one_line)
    return _AT_THE_START.sub(lambda m: f"{m[1]}\\{m[2]}" if m[1] else f"\\{m[3]}", marked)


def _code(lines: Sequence[str]) -> str:
    """Lines as Markdown's indented code, each as it is."""
    return "\n".join(f"    {part}".rstrip() for line in lines for part in line.splitlines() or [""])


def _kind(block: Block) -> str:
    return type(block).__name__


@cache
def _environment(*, escaped: bool) -> Environment:
    environment = Environment(
        loader=FileSystemLoader(TEMPLATES),
        autoescape=escaped,  # noqa: S701 - Markdown has its own escapes, in `in_markdown`
        undefined=StrictUndefined,
        trim_blocks=True,
        lstrip_blocks=True,
    )
    environment.filters |= {
        "kind": _kind,
        "md": in_markdown,
        "code": _code,
        "data_url": as_data_url,
        "screen_url": screen_url,
    }
    environment.globals["screen_px"] = _SCREEN_PX
    return environment
