"""A Worker's Answer XML as a table: one row for each question, every value as it was given."""

from collections.abc import Sequence
from dataclasses import dataclass
from xml.etree.ElementTree import Element, ParseError

from defusedxml.common import DefusedXmlException
from defusedxml.ElementTree import fromstring

_CHOSEN = {"SelectionIdentifier", "OtherSelectionText"}


@dataclass(frozen=True, slots=True)
class Row:
    """One question's answer. `is_choice`: selections, of which there may be several or none; else one text."""

    question: str
    values: tuple[str, ...]
    is_choice: bool


def rows(answer_xml: str | None) -> Sequence[Row]:
    """The answers in their order; none where there is no XML that could be read, which is then shown as it is."""
    if not answer_xml:
        return []
    try:
        # As bytes: an encoding declaration inside a str would be an error.
        root: Element = fromstring(answer_xml.encode(), forbid_dtd=True)
    except (ParseError, DefusedXmlException, ValueError):
        return []
    return [_row(answer) for answer in root]


def _row(answer: Element) -> Row:
    parts = [(part.tag.rpartition("}")[2], part.text or "") for part in answer]
    question = next((text for name, text in parts if name == "QuestionIdentifier"), "")
    given = [(name, text) for name, text in parts if name != "QuestionIdentifier"]
    return Row(question, tuple(text for _, text in given), any(name in _CHOSEN for name, _ in given))
