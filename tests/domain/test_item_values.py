import json
from datetime import UTC, date, datetime, time
from decimal import Decimal

import pytest
from hypothesis import given
from hypothesis import strategies as st

from app.domain.item_values import DEEPEST_JSON, LiteralFloat, Unusable, as_text, check_shown, json_safe


@pytest.mark.parametrize(
    ("value", "text"),
    [
        ("", ""),
        (" a ", " a "),
        (None, ""),
        (7, "7"),
        (True, "true"),
        (False, "false"),
        (0.1, "0.1"),
        (LiteralFloat("1e3"), "1e3"),
        (LiteralFloat("1.50"), "1.50"),
        (Decimal("1.50"), "1.50"),
        (date(2026, 11, 23), "2026-11-23"),
        (time(12, 30), "12:30:00"),
        (datetime(2026, 11, 23, 12, tzinfo=UTC), "2026-11-23T12:00:00+00:00"),
        ("שלום".encode(), "שלום"),
    ],
)
def test_a_single_value_is_text_as_it_was_written(value: object, text: str) -> None:
    assert as_text(value) == text


@pytest.mark.parametrize("value", [[], ["a"], {}, {"a": 1}, ("a",)])
def test_a_list_or_an_object_is_no_text(value: object) -> None:
    with pytest.raises(Unusable, match="not a list or an object"):
        as_text(value)


def test_binary_data_are_no_text() -> None:
    with pytest.raises(Unusable, match="column 'path'"):
        as_text(b"\xff\xfe")


@pytest.mark.parametrize(
    ("value", "kept"),
    [
        (float("nan"), "NaN"),
        (float("inf"), "Infinity"),
        (float("-inf"), "-Infinity"),
        (Decimal("1.5"), "1.5"),
        (date(2026, 11, 23), "2026-11-23"),
        (True, True),
        (7, 7),
        (None, None),
        ({1: [None, (2.5, b"x")]}, {"1": [None, [2.5, "x"]]}),
    ],
)
def test_values_of_other_columns_are_kept_as_json(value: object, kept: object) -> None:
    assert json_safe(value) == kept


@pytest.mark.parametrize("value", ["a\x00b", "\ud800", ["\x00"], {"\x00": 1}, b"\xff"])
def test_what_the_database_cannot_store_is_refused(value: object) -> None:
    with pytest.raises(Unusable):
        json_safe(value)


def nested(depth: int) -> object:
    value: object = "deep"
    for _ in range(depth):
        value = [value]
    return value


def test_nesting_has_an_end() -> None:
    json_safe(nested(DEEPEST_JSON))
    with pytest.raises(Unusable, match="nested deeper"):
        json_safe(nested(DEEPEST_JSON + 1))
    with pytest.raises(Unusable, match="nested deeper"):
        json_safe(nested(100_000))


@given(
    st.recursive(
        st.none() | st.booleans() | st.integers() | st.floats() | st.text(st.characters(exclude_categories=["Cs"])),
        lambda inner: st.lists(inner, max_size=3) | st.dictionaries(st.integers(), inner, max_size=3),
    )
)
def test_what_is_kept_is_strict_json(value: object) -> None:
    try:
        kept = json_safe(value)
    except Unusable:
        return
    json.dumps(kept, allow_nan=False)


@pytest.mark.parametrize("text", ["", "plain", "tab\tand\nlines\r\n", "😀 שלום ñ", "\u200d", "\x85", "]]> & <b>"])
def test_what_people_write_can_be_shown(text: str) -> None:
    check_shown(text)


@pytest.mark.parametrize(
    "code", [0x00, 0x08, 0x0B, 0x1B, 0x7F, 0x9F, 0xD800, 0xFDD0, 0xFFFE, 0xFFFF, 0x1FFFE, 0x10FFFF]
)
def test_what_no_page_may_hold_is_named_with_its_place(code: int) -> None:
    with pytest.raises(Unusable, match=rf"U\+{code:04X} at position 3"):
        check_shown(f"ab{chr(code)}cd")
