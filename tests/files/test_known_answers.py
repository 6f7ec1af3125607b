import pytest

from app.files.known_answers import meant_for, told

KNOWN = ["given", "guessed", "both", "neither"]


@pytest.mark.parametrize(
    ("word", "meant"),
    [
        ("gessed", "guessed"),
        (" GUESED ", "guessed"),
        ("boht", "both"),
        ("nither", "neither"),
        ("give", "given"),
        ("other", None),
        ("dunno", None),
        ("cannot tell", None),
        ("", None),
    ],
)
def test_a_word_is_meant_for_the_known_one_that_differs_by_a_letter_or_two(word: str, meant: str | None) -> None:
    assert meant_for(word, KNOWN) == meant


def test_of_many_unknown_answers_the_most_frequent_are_told() -> None:
    unknown = {f"x{number}": number for number in range(1, 11)} | {"w": 3}
    said = told(unknown, KNOWN)
    assert said.startswith("'x10' 10 times, 'x9' 9 times, ")
    assert said.endswith("'x4' 4 times, 'w' 3 times and 3 more")


def test_a_long_answer_is_cut() -> None:
    assert told({"x" * 5000: 1}, KNOWN) == f"{'x' * 59 + '…'!r} 1 time"
