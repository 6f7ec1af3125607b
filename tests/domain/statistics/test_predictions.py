import numpy as np
import pytest

from app.domain.statistics.predictions import Predictions, in_order_of
from app.errors import InvalidInput


def test_classes_written_as_floats_are_whole_numbers_again() -> None:
    found = Predictions.of(["a", "b"], np.array([[0.0, 2.0], [1.0, 1.0]]), class_count=3)
    assert found.classes.dtype == np.int64
    assert found.classes.tolist() == [[0, 2], [1, 1]]
    assert found.models == ("a", "b")


@pytest.mark.parametrize(
    ("classes", "says"),
    [
        (np.array([[0.0], [np.nan]]), "predictions of a: 1 Item has no class (NaN), the first in row 2"),
        (np.array([[0], [3]]), "1 is no class of this test set: row 2 says class 3, there are classes 0 to 2"),
        (np.array([[-1], [0]]), "row 1 says class -1"),
        (np.array([[0.5], [0.0]]), "row 1 says class 0.5"),
        (np.array([[np.inf], [0.0]]), "row 1 says class inf"),
        (np.array([["cat"], ["dog"]]), "map class names to numbers"),
        (np.array([0, 1]), "wanted (items, 1 models)"),
        (np.array([[0, 1]]), "wanted (items, 1 models)"),
    ],
)
def test_what_is_no_class_is_named(classes: np.ndarray, says: str) -> None:
    with pytest.raises(InvalidInput) as caught:
        Predictions.of(["a"], classes, class_count=3)
    assert says in str(caught.value)


def test_each_model_that_is_wrong_is_named() -> None:
    with pytest.raises(InvalidInput) as caught:
        Predictions.of(["a", "b", "c"], np.array([[0, 9, 9]]), class_count=3)
    assert [problem.field for problem in caught.value.problems] == ["predictions of b", "predictions of c"]


def test_two_models_of_one_name_are_refused() -> None:
    with pytest.raises(InvalidInput, match="two models are called a"):
        Predictions.of(["a", "a"], np.array([[0, 1]]), class_count=3)


def test_predictions_are_brought_into_the_test_sets_order() -> None:
    assert in_order_of(["x", 7, "y"], ["7", "y", "x"], field="resnet.csv").tolist() == [2, 0, 1]


def test_unknown_missing_and_doubled_items_are_named() -> None:
    with pytest.raises(InvalidInput) as caught:
        in_order_of(["a", "b", "c"], ["a", "a", "x", "y", "b"], field="resnet.csv")
    assert [str(problem) for problem in caught.value.problems] == [
        "resnet.csv: 2 Items are not in the test set (drop them, or give the ids of this test set): x, y",
        "resnet.csv: 1 Item is predicted twice: a",
        "resnet.csv: 1 Item has no prediction (predict them, or leave this model out): c",
    ]


def test_of_many_unknown_items_five_are_shown() -> None:
    with pytest.raises(InvalidInput, match=r"7 Items are not in .*: 0, 1, 2, 3, 4, …"):
        in_order_of([], list(range(7)), field="f")
