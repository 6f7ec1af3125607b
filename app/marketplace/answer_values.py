"""What a Worker answered to each question, read back from the Answer XML, for comparison."""

from collections.abc import Mapping
from xml.etree.ElementTree import Element

from defusedxml.ElementTree import fromstring

Given = Mapping[str, frozenset[str]]


def given(answer_xml: str) -> Given:
    """Per QuestionIdentifier the set of values: the text, or the selections. White space around a value does not count.

    An answer without a value is an empty set, as is none at all: `given(xml).get(question_id, frozenset())`.
    """
    # As bytes: an encoding declaration inside a str would be an error.
    root: Element = fromstring(answer_xml.encode())
    return dict(_answer(answer) for answer in root)


def values(texts: list[str]) -> frozenset[str]:
    """The texts as a set to compare with; empty ones are none."""
    return frozenset(text.strip() for text in texts if text.strip())


def _answer(answer: Element) -> tuple[str, frozenset[str]]:
    name = ""
    texts: list[str] = []
    for part in answer:
        if part.tag.endswith("}QuestionIdentifier"):
            name = part.text or ""
        else:
            texts.append(part.text or "")
    return name, values(texts)
