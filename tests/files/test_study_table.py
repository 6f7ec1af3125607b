from app.domain.study_sets import LabelSetItem, LabelSets, StudyItem, StudySet
from app.domain.vocabulary import Option
from app.files.study_table import items_table

SINGLE = StudySet(
    "pets",
    (
        StudyItem(1, 3, 4, (0, 4, 0, 1), {}, "cat", "dog"),
        StudyItem("b", "cat", "dog", (1, 1, 0, 0), {"neutral": 3}),
        StudyItem("c", "cat", "dog", (0, 0, 0, 0), {}),
    ),
    frozenset(Option),
)
SEVERAL = LabelSets("sounds", (LabelSetItem(2, frozenset({"b", "a"}), frozenset({"c"}), {"a": 5, "b": 1, "c": 3}),))


def test_a_line_tells_labels_category_and_the_answers_behind_it() -> None:
    first, second, third = items_table([SINGLE]).to_pylist()
    assert first == {
        "dataset": "pets",
        "id": "1",
        "given_label": "cat",
        "guessed_label": "dog",
        "category": "correctable",
        "consensus_label": "dog",
        "votes": "guessed 4, neither 1",
        "given": 0,
        "guessed": 4,
        "both": 0,
        "neither": 1,
        "other": 0,
        "answers": 5,
    }
    assert (second["category"], second["consensus_label"], second["other"]) == ("non-agreement", None, 3)
    assert (third["category"], third["answers"]) == (None, 0)


def test_label_sets_are_lists_with_their_ticks() -> None:
    [line] = items_table([SEVERAL]).to_pylist()
    assert (line["given_label"], line["consensus_label"]) == ('["a", "b"]', '["a", "c"]')
    assert (line["category"], line["votes"], line["answers"]) == ("error", "a 5, b 1, c 3", None)


def test_a_label_set_that_nobody_was_asked_about_has_no_category() -> None:
    unasked = LabelSetItem(3, frozenset({"a"}), frozenset({"c"}), {})
    [line] = items_table([LabelSets("sounds", (unasked,))]).to_pylist()
    assert (line["category"], line["consensus_label"], line["votes"]) == (None, None, "")
