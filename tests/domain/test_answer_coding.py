from app.domain.answer_coding import ROLE_CODES, ClassCodes


def test_roles_are_numbered_as_the_options_stand() -> None:
    assert {option.value: code for option, code in ROLE_CODES.items()} == {
        "given": 0,
        "guessed": 1,
        "both": 2,
        "neither": 3,
    }


def test_class_numbers_stay_and_words_are_numbered_as_they_are_sorted() -> None:
    assert ClassCodes.of(["10", "9", "0"]).codes == {"0": 0, "9": 9, "10": 10}
    assert ClassCodes.of(["dog", "cat", "dog"]).codes == {"cat": 0, "dog": 1}
    assert ClassCodes.of(["007", "1"]).codes == {"007": 0, "1": 1}
    assert ClassCodes.of([]).codes == {}
