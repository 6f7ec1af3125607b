"""The question's page → the Items on it, and answers → the fields that its form posts.

A browser runs the page's script (hit_templates/_shared/page.js). Nothing runs it here, so what it does to the form is
done again: draw the order of the labels, fill the hidden fields.
"""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from urllib.parse import urljoin

from app.marketplace.crowd.behaviours import Answer, Choice, SeenItem
from app.marketplace.crowd.errors import QuestionNotUnderstood
from app.marketplace.crowd.markup import Element
from app.marketplace.crowd.pages import Page

_FOUR = 4
_CHOICE = "-choice"
_FNV_OFFSET = 0x811C9DC5
_FNV_PRIME = 0x01000193


@dataclass(frozen=True, slots=True)
class Question:
    """The Items of one HIT; `prefixes[i]` begins the names of Item i's fields, as `r1` in `r1-choice`."""

    items: tuple[SeenItem, ...]
    prefixes: tuple[str, ...]


def read(page: Page, *, assignment_id: str) -> Question:
    """What the page shows to the Worker of this Assignment. Raises QuestionNotUnderstood for a question of another kind."""
    url = page.url
    items, prefixes = [], []
    for position, fieldset in enumerate(_item_fieldsets(page.root), start=1):
        radios = _radios(fieldset, url)
        label_a, label_b = (_label(fieldset, radios[choice], url) for choice in (Choice.A, Choice.B))
        media_url, text = _medium(fieldset, url)
        shown = arranged(list(radios), assignment_id=assignment_id, position=position)
        items.append(SeenItem(position, label_a, label_b, shown, media_url, text))
        prefixes.append(radios[Choice.A].get("name").removesuffix(_CHOICE))
    if not items:
        raise QuestionNotUnderstood(url, "it shows no Item with the choices that this crowd knows")
    return Question(tuple(items), tuple(prefixes))


def arranged(source: Sequence[Choice], *, assignment_id: str, position: int) -> tuple[Choice, ...]:
    """The four choices as shown: the first two change places when FNV-1a-32(assignment_id) + position is odd."""
    first, second, *rest = source[:_FOUR]
    if (_fnv1a_32(assignment_id.encode()) + position) % 2:
        return (second, first, *rest)
    return (first, second, *rest)


def filled_in(question: Question, assignment_id: str, answers: Sequence[Answer]) -> Mapping[str, str]:
    """The fields of the form after the Worker has answered, as a browser posts them."""
    fields = {"assignmentId": assignment_id}
    for item, prefix, answer in zip(question.items, question.prefixes, answers, strict=True):
        fields[f"{prefix}-choice"] = answer.choice
        fields[f"{prefix}-comment"] = answer.comment
        fields[f"{prefix}-order"] = ",".join(item.shown)
        fields[f"{prefix}-ms"] = str(answer.elapsed_ms)
    return fields


def _item_fieldsets(root: Element) -> list[Element]:
    return [fieldset for fieldset in root.all("fieldset") if fieldset.first("input", type="radio")]


def _radios(fieldset: Element, url: str) -> dict[Choice, Element]:
    """The radio buttons by value, in the source's order."""
    radios = {radio.get("value"): radio for radio in fieldset.all("input", type="radio")}
    names = {radio.get("name") for radio in radios.values()}
    if set(radios) != set(Choice) or len(names) != 1 or not all(name.endswith(_CHOICE) for name in names):
        raise QuestionNotUnderstood(url, f"an Item's choices are not {', '.join(Choice)}")
    return {Choice(value): radio for value, radio in radios.items()}


def _label(fieldset: Element, radio: Element, url: str) -> str:
    for label in fieldset.all("label"):
        if any(element is radio for element in label.all("input")):
            return label.text(without="kbd")
    raise QuestionNotUnderstood(url, "an Item's choice has no label")


def _medium(fieldset: Element, url: str) -> tuple[str | None, str | None]:
    """The medium's address or the text; exactly one is not None."""
    for element in fieldset.all("img", "audio", "video", "source"):
        if element.get("src"):
            return urljoin(url, element.get("src")), None
    for element in fieldset.all():
        if "text" in element.classes:
            return None, element.text()
    raise QuestionNotUnderstood(url, "an Item shows neither a medium nor a text")


def _fnv1a_32(data: bytes) -> int:
    value = _FNV_OFFSET
    for byte in data:
        value = (value ^ byte) * _FNV_PRIME % 2**32
    return value
