"""The page of a compensation HIT: what it is for, what it pays, and one button."""

from decimal import Decimal
from functools import cache

from jinja2 import StrictUndefined, Template
from jinja2.sandbox import ImmutableSandboxedEnvironment

from app.questions.catalogue import FOLDER
from app.questions.characters import legal_in_html

FRAME_HEIGHT = 480


def compensation_page(*, title: str, reason: str, amount_usd: Decimal) -> str:
    """The HTML5 page. `reason` is what the Worker reads; everything is escaped."""
    return legal_in_html(_template().render(title=title, reason=reason, amount_usd=f"{amount_usd:.2f}"))


@cache
def _template() -> Template:
    environment = ImmutableSandboxedEnvironment(autoescape=True, undefined=StrictUndefined, trim_blocks=True)
    return environment.from_string((FOLDER / "_shared" / "compensation.html").read_text(encoding="utf-8"))
