from xml.etree.ElementTree import Element

from defusedxml.ElementTree import fromstring
from hypothesis import given
from hypothesis import strategies as st

from app.marketplace.answers import NAMESPACE, answer_xml, answered


def read_back(xml: str) -> dict[str, str]:
    root: Element = fromstring(xml.encode())
    return {
        (entry.findtext(f"{{{NAMESPACE}}}QuestionIdentifier") or ""): entry.findtext(f"{{{NAMESPACE}}}FreeText") or ""
        for entry in root
    }


def test_reserved_names_are_dropped_and_the_last_of_a_name_is_kept() -> None:
    fields = [("assignmentId", "3A"), ("q", "first"), ("hitId", "3B"), ("q", "last"), ("workerId", "A"), ("e", "")]
    assert answered(fields) == {"q": "last", "e": ""}


def test_characters_that_xml_cannot_carry_are_replaced_not_dropped() -> None:
    assert answered([("a\x00", "x\x1f\ud800y")]) == {"a\ufffd": "x\ufffd\ufffdy"}


@given(st.dictionaries(st.text(min_size=1), st.text(), min_size=1))
def test_whatever_was_answered_is_read_back(fields: dict[str, str]) -> None:
    kept = answered(fields.items())
    assert read_back(answer_xml(kept)) == kept
