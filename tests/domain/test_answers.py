import pytest

from app.domain.answers import as_option, as_shown
from app.domain.vocabulary import Choice, Option


@pytest.mark.parametrize(
    ("choice", "a_is_given", "option"),
    [
        (Choice.A, True, Option.GIVEN),
        (Choice.A, False, Option.GUESSED),
        (Choice.B, True, Option.GUESSED),
        (Choice.B, False, Option.GIVEN),
        (Choice.BOTH, True, Option.BOTH),
        (Choice.BOTH, False, Option.BOTH),
        (Choice.NEITHER, True, Option.NEITHER),
        (Choice.NEITHER, False, Option.NEITHER),
        (Choice.CANNOT_TELL, True, None),
        (Choice.CANNOT_TELL, False, None),
    ],
)
def test_the_pages_words_become_the_owners(choice: Choice, a_is_given: bool, option: Option | None) -> None:
    assert as_option(choice, a_is_given=a_is_given) is option


def test_the_order_shown_is_told_in_the_owners_words() -> None:
    shown = [Choice.B, Choice.A, Choice.BOTH, Choice.NEITHER]
    assert as_shown(shown, a_is_given=True) == ["guessed", "given", "both", "neither"]
    assert as_shown(shown, a_is_given=False) == ["given", "guessed", "both", "neither"]
