from xml.etree.ElementTree import fromstring

import pytest
from hypothesis import given
from hypothesis import strategies as st

from app.questions.characters import legal_in_html, legal_in_xml

HOSTILE = "\x00\x08\x0b\x0c\x1f\ud800\udfff\ufffe\uffff"


def test_what_xml_forbids_becomes_a_replacement_character() -> None:
    assert legal_in_xml(f"a{HOSTILE}b") == "a" + "\ufffd" * len(HOSTILE) + "b"


@pytest.mark.parametrize("character", ["\x7f", "\x80", "\x9f", "\ufdd0", "\U0001fffe", "\U0010ffff", *HOSTILE])
def test_what_html_forbids_becomes_a_replacement_character(character: str) -> None:
    assert legal_in_html(f"a{character}b") == "a\ufffdb"


def test_tabs_line_ends_emoji_and_right_to_left_marks_are_kept() -> None:
    text = "\t\n\r\x85é🙃\u200f\u202eعربى\U0001f9d1\u200d\U0001f680"
    assert legal_in_xml(text) == text
    assert legal_in_html(text) == text


@given(st.text(st.characters(exclude_categories=())))
def test_any_text_whatever_makes_well_formed_xml(text: str) -> None:
    escaped = legal_in_xml(text).replace("&", "&amp;").replace("<", "&lt;").replace(">", "&gt;")
    fromstring(f"<a>{escaped}</a>".encode())
