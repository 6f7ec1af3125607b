"""AnswerFormatRegex: JavaScript's meaning, and no way to keep the server busy."""

import time

import pytest

from app.marketplace.question_forms import formats
from app.marketplace.question_forms.formats import Patience
from app.marketplace.wire_errors import ParameterValidationError


@pytest.mark.parametrize(
    ("pattern", "flags", "text", "expected"),
    [
        ("b", "", "abc", True),
        ("^b", "", "abc", False),
        ("^\\d{5}(-\\d{4})?$", "", "12345-6789", True),
        ("^\\d+$", "", "١٢٣", False),
        ("^\\w+$", "", "é", False),
        ("^[\\w.]+@[\\w-]+$", "", "a.b@c-d", True),
        ("^[^\\s]+$", "", "a b", False),
        ("^a$", "", "a\n", False),
        ("^b$", "m", "a\nb\nc", True),
        ("^YES$", "i", "yes", True),
        ("a.b", "s", "a\nb", True),
        ("a.b", "", "a\nb", False),
        ("a[^]b", "", "a\nb", True),
        ("a[]", "", "a", False),
        ("^(?!.*bad).+$", "", "a bad word", False),
        ("(a)\\1", "g", "aa", True),
        ("(?<year>\\d{4})", "u", "in 2026", True),
        ("[[]", "", "[", True),
        ("a{,2}", "", "a{,2}", True),
        ("x{y}", "", "x{y}", True),
        ("\\$", "", "$", True),
        ("^.{1,99999}$", "", "a" * 50_000, True),
    ],
)
def test_patterns_mean_what_they_mean_in_a_browser(pattern: str, flags: str, text: str, *, expected: bool) -> None:
    assert formats.fits(text, formats.checked(pattern, flags, ""), Patience(60)) is expected


@pytest.mark.parametrize(
    "pattern",
    [
        "(?:(?:a{1000}){1000}){1000}",
        "((((((a?){50}){50}){50}){50}){50})b",
        "a{999999999}",
        "a" * 1001,
        "(",
        "[a",
        "a**",
        "\\",
        "(" * 900,
    ],
)
def test_patterns_that_cannot_be_used_are_refused_at_once(pattern: str) -> None:
    started = time.thread_time()
    with pytest.raises(ParameterValidationError, match="AnswerFormatRegex"):
        formats.checked(pattern, "", "")
    assert time.thread_time() - started < 1


def test_a_pattern_that_runs_away_is_given_up_and_the_text_passes() -> None:
    patience, started = Patience(0.1), time.monotonic()
    wanted = [formats.checked(f"^(a|aa)+{letter}$", "", "") for letter in "bcdefgh"]
    assert all(formats.fits("a" * 5000, one, patience) for one in wanted)
    assert time.monotonic() - started < 60  # without patience: for ever
