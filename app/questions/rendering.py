"""A HIT template's source and the Items of one HIT → the page that a Worker sees.

A ShownItem has no field that could tell which label is the dataset's, so no page can.
"""

from collections.abc import Sequence
from dataclasses import dataclass
from functools import lru_cache

from jinja2 import DictLoader, StrictUndefined, Template, TemplateError
from jinja2.sandbox import ImmutableSandboxedEnvironment

from app.domain.vocabulary import MediaType
from app.errors import InvalidInput, Problem
from app.questions.characters import legal_in_html

# What an expression in a template may raise besides Jinja's own errors: {{ 1 / 0 }}, {{ 'a' + 1 }}, {{ range(10**9) }}.
_FAULTS_OF_A_TEMPLATE = (
    TemplateError,
    ArithmeticError,
    AttributeError,
    LookupError,
    RecursionError,
    TypeError,
    ValueError,
)


@dataclass(frozen=True, slots=True)
class ShownItem:
    """One Item as a Worker sees it. `position` counts from 1 within the HIT; `label_a` and `label_b` in secret order."""

    position: int
    media_type: MediaType
    label_a: str
    label_b: str
    media_url: str | None = None
    text: str | None = None


def render(source: str, items: Sequence[ShownItem], *, title: str, instructions: str) -> str:
    """The HTML5 page of one HIT.

    source: a Jinja2 template with the variables `items`, `title` and `instructions`; it runs in Jinja's sandbox, every
    value is escaped, and an unknown name is an error. Characters that HTML forbids come out as U+FFFD.
    Raises InvalidInput for Items that cannot be shown and for a faulty template.
    """
    if problems := _problems_of(items):
        raise InvalidInput(problems)
    try:
        page = _compiled(source).render(items=list(items), title=title, instructions=instructions)
    except _FAULTS_OF_A_TEMPLATE as fault:
        line = getattr(fault, "lineno", None)
        reason = str(fault) or type(fault).__name__
        raise InvalidInput([Problem(f"the HIT template cannot be rendered: {reason}", line=line)]) from fault
    return legal_in_html(page)


# Compiling takes sixty times as long as rendering, and a Batch's HITs share one source.
@lru_cache(maxsize=32)
def _compiled(source: str) -> Template:
    return _environment().from_string(source)


def _environment() -> ImmutableSandboxedEnvironment:
    return ImmutableSandboxedEnvironment(
        loader=DictLoader({}),  # a batch keeps its template as one string: nothing may be loaded later
        autoescape=True,
        undefined=StrictUndefined,
        trim_blocks=True,
        lstrip_blocks=True,
    )


def _problems_of(items: Sequence[ShownItem]) -> list[Problem]:
    if not items:
        return [Problem("a HIT shows at least one Item")]
    problems = []
    for expected, item in enumerate(items, start=1):
        if item.position != expected:
            problems.append(Problem(f"Item {expected} of the HIT has position {item.position}", field="position"))
        if item.media_type is MediaType.TEXT and item.text is None:
            problems.append(Problem(f"Item {expected} of the HIT has no text", field="text"))
        if item.media_type is not MediaType.TEXT and not item.media_url:
            problems.append(Problem(f"Item {expected} of the HIT has no media URL", field="media_url"))
    return problems
