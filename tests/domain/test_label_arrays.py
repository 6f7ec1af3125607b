import numpy as np
import pytest

from app.domain.correction_rules import CorrectionRules, Fate
from app.domain.corrections import changes_of
from app.domain.label_arrays import CorrectedLabels, LabelArray, class_names, corrected, of_items, position_of
from app.domain.study_sets import Label, StudyItem
from app.errors import InvalidInput

NUMBERS = np.array([4, 5, 6, 7], dtype=np.uint16)
WORDS = np.array(["cat", "dog", "cat", "eel"])


def wrong(id: Label, given: Label, guessed: Label, **names: str) -> StudyItem:
    return StudyItem(id, given, guessed, (0, 5, 0, 0), {}, **names)


def correct(original: LabelArray, *items: StudyItem, classes: tuple[str, ...] = ()) -> CorrectedLabels:
    rules = CorrectionRules(unresolved=Fate.DROP)
    return corrected(original, items, changes_of(items, rules), classes=classes)


def test_labels_change_where_the_ids_say_and_the_original_stays() -> None:
    found = correct(NUMBERS, wrong(1, 5, 9))
    assert (found.labels.tolist(), str(found.labels.dtype), found.kept.tolist()) == (
        [4, 9, 6, 7],
        "uint16",
        [0, 1, 2, 3],
    )
    assert NUMBERS.tolist() == [4, 5, 6, 7]


def test_dropped_items_are_taken_out_and_the_positions_that_stay_are_told() -> None:
    found = correct(NUMBERS, StudyItem("2", 6, 1, (0, 0, 0, 5), {}))
    assert (found.labels.tolist(), found.kept.tolist()) == ([4, 5, 7], [0, 1, 3])


def test_a_new_word_may_be_longer_than_all_others() -> None:
    assert correct(WORDS, wrong("3", "eel", "elephant")).labels.tolist() == ["cat", "dog", "cat", "elephant"]


def test_words_are_written_as_numbers_by_the_order_of_their_classes() -> None:
    found = correct(np.array([0, 1]), wrong(1, "dog", "cat"), classes=("cat", "dog"))
    assert found.labels.tolist() == [0, 0]
    with pytest.raises(InvalidInput, match=r"the label 'dog' is no number .* name the classes"):
        correct(np.array([0, 1]), wrong(1, "dog", "cat"))


def test_another_datasets_array_is_refused() -> None:
    with pytest.raises(InvalidInput, match="item 1: the given label is 4 and the array says 5; is it this dataset's"):
        correct(NUMBERS, wrong(1, 4, 9))


@pytest.mark.parametrize("id", [4, -1, "04", "test/neg/1_1", "²"])
def test_an_id_that_is_no_position_is_refused(id: Label) -> None:
    with pytest.raises(InvalidInput, match="the id is no position of the array, which has 4"):
        correct(NUMBERS, wrong(id, 4, 9))


def test_a_label_that_the_array_cannot_hold_is_refused() -> None:
    with pytest.raises(InvalidInput, match="the label 70000 is no number that the array"):
        correct(NUMBERS, wrong(0, 4, 70_000))


def test_positions_are_plain_whole_numbers() -> None:
    assert [position_of(id) for id in (0, "0", "12", 7)] == [0, 0, 12, 7]
    assert [position_of(id) for id in ("007", "1.0", "", -3, "9" * 5000)] == [None] * 5


def test_items_that_are_a_whole_dataset_make_its_array() -> None:
    assert of_items([wrong("1", "7", "8"), wrong("0", "3", "8")], otherwise="").tolist() == [3, 7]
    assert of_items([wrong(0, "07", "8"), wrong(1, "3", "8")], otherwise="").tolist() == ["07", "3"]
    assert of_items([wrong(0, str(2**63), "8"), wrong(1, "3", "8")], otherwise="").tolist() == [
        "9223372036854775808",
        "3",
    ]


@pytest.mark.parametrize("ids", [[], ["1", "2"], ["0", "a"], ["0", "00"]])
def test_items_that_are_none_are_refused(ids: list[str]) -> None:
    with pytest.raises(InvalidInput, match="are not the positions 0 to n-1 of a dataset; write a table"):
        of_items([wrong(id, "7", "8") for id in ids], otherwise="write a table")


def test_class_names_stand_in_the_order_of_their_numbers() -> None:
    assert class_names("cat, dog,eel") == ["cat", "dog", "eel"]
    assert class_names(None) == class_names("") == []


@pytest.mark.parametrize(
    ("text", "reason"),
    [
        ("cat,dog,", "'cat,dog,': the name of class 2 is empty"),
        (",", "the name of class 0 is empty"),
        ("cat,dog,cat", "two classes are called 'cat'"),
    ],
)
def test_class_names_that_could_be_anything_are_refused(text: str, reason: str) -> None:
    with pytest.raises(InvalidInput, match=f"classes: .*{reason}"):
        class_names(text)
