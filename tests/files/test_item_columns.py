from pathlib import Path

import numpy as np
import pytest

from app.errors import InvalidInput
from app.files.item_columns import (
    CORRECTED_NAMES,
    GIVEN_NAMES,
    Probabilities,
    read_ids,
    read_item_column,
    read_positions,
)


def saved(path: Path, array: np.ndarray) -> Path:
    np.save(path / "a.npy", array, allow_pickle=True)
    return path / "a.npy"


@pytest.mark.parametrize("array", [np.array([2, 0], dtype=np.uint8), np.array([2.0, 0.0]), np.array(["b", "a"])])
def test_an_array_holds_one_label_an_item(array: np.ndarray, tmp_path: Path) -> None:
    found = read_item_column(saved(tmp_path, array), GIVEN_NAMES)
    assert found.ids is None
    assert not isinstance(found.values, Probabilities)
    assert found.values.tolist() == array.tolist()


def test_of_probabilities_the_largest_counts_and_ties_are_told() -> None:
    found = Probabilities(np.array([[0.1, 0.9], [0.5, 0.5], [0.7, 0.3]]))
    assert (found.most_probable.tolist(), found.ties) == ([1, 0, 0], 1)


@pytest.mark.parametrize(
    ("array", "message"),
    [
        (np.array([[0.5, np.nan]]), "1 Item has a probability that is no number"),
        (np.array([0.5]), "wanted a class an Item, or probabilities"),
        (np.array([np.nan]), "wanted a class an Item"),
        (np.array([2**63], dtype=np.uint64), r"holds 9\.22337e\+18 to .*, which are no numbers of classes"),
        (np.array([0, 1e300]), r"holds 0 to 1e\+300, which are no numbers of classes"),
        (np.zeros((2, 0)), "wanted a class an Item"),
        (np.array([[1], [1, 2]], dtype=object), "is no .npy array"),
    ],
)
def test_what_is_neither_is_refused(array: np.ndarray, message: str, tmp_path: Path) -> None:
    with pytest.raises(InvalidInput, match=message):
        read_item_column(saved(tmp_path, array), GIVEN_NAMES)


def test_a_table_is_read_by_the_first_name_that_it_has(tmp_path: Path) -> None:
    table = tmp_path / "labels.csv"
    table.write_text("ID,given_label,label,votes\n7,cat, dog ,given 2\n8,cat,,\n")
    given, corrected = (read_item_column(table, names) for names in (GIVEN_NAMES, CORRECTED_NAMES))
    assert given.ids == ["7", "8"]
    assert np.array_equal(np.asarray(given.values), ["cat", "cat"])
    assert np.array_equal(np.asarray(corrected.values), ["dog", ""])
    assert read_ids(table) == ["7", "8"]


def test_a_table_without_the_columns_is_refused_with_what_it_has(tmp_path: Path) -> None:
    (tmp_path / "a.csv").write_text("id,votes\n1,2\n")
    with pytest.raises(InvalidInput, match="has no column called given_label or given or label or class"):
        read_item_column(tmp_path / "a.csv", GIVEN_NAMES)


@pytest.mark.parametrize("array", [np.array([2, 0]), np.array([True, False, True])])
def test_positions_come_as_numbers_or_as_marks(array: np.ndarray, tmp_path: Path) -> None:
    assert sorted(read_positions(saved(tmp_path, array), items=3).tolist()) == [0, 2]


@pytest.mark.parametrize("array", [np.array([3]), np.array([-1]), np.array([1, 1]), np.array([0.5]), np.array([True])])
def test_positions_that_cannot_be_are_refused(array: np.ndarray, tmp_path: Path) -> None:
    with pytest.raises(InvalidInput, match=r"a\.npy: wanted"):
        read_positions(saved(tmp_path, array), items=3)
