import math

import numpy as np
import pytest

from app.domain.statistics.predictions import Predictions
from app.domain.statistics.stability import TestSetLabels, noise_curve, scores
from app.errors import InvalidInput

# Ten Items of three classes. Workers looked at the last four: two were mislabelled, one was right, one has no label at all.
GIVEN = np.array([0, 1, 2, 0, 1, 2, 0, 1, 2, 0])
CORRECTED = np.array([0, 1, 2, 0, 1, 2, 1, 2, 2, -1])
CHECKED = np.arange(10) >= 6
PRUNED = np.arange(10) == 9

# Parrot repeats given labels, mistakes included; sage knows the corrected ones and stumbles twice.
PARROT = GIVEN
SAGE = np.array([0, 1, 2, 0, 2, 1, 1, 2, 2, 1])


def labels() -> TestSetLabels:
    return TestSetLabels.of(GIVEN, CORRECTED, class_count=3, checked=CHECKED, pruned=PRUNED)


def predictions(*columns: np.ndarray, names: tuple[str, ...] = ("parrot", "sage")) -> Predictions:
    return Predictions.of(names[: len(columns)], np.column_stack(columns), class_count=3)


def test_models_are_scored_on_given_and_corrected_labels_on_all_items_and_on_the_checked_ones() -> None:
    parrot, sage = scores(predictions(PARROT, SAGE), labels())
    assert parrot.given_checked is not None
    assert parrot.corrected_checked is not None
    assert sage.given_checked is not None
    assert sage.corrected_checked is not None
    assert sage.on_mislabelled is not None
    assert (parrot.given.value, sage.given.value) == (1.0, 0.5)
    assert math.isclose(parrot.corrected.value, 7 / 9)
    assert math.isclose(sage.corrected.value, 7 / 9)
    assert math.isclose(parrot.given_checked.value, 1.0)
    assert math.isclose(parrot.corrected_checked.value, 1 / 3)
    assert math.isclose(sage.given_checked.value, 1 / 3)
    assert (sage.corrected_checked.value, sage.on_mislabelled.value) == (1.0, 1.0)
    assert parrot.corrected.value in parrot.corrected.interval


def test_equal_accuracies_share_the_better_rank() -> None:
    blind = np.zeros(10, dtype=int)
    rows = scores(predictions(blind, PARROT, SAGE, names=("blind", "parrot", "sage")), labels())
    assert [row.given_rank for row in rows] == [3, 1, 2]
    assert [row.corrected_rank for row in rows] == [3, 1, 1]


def test_without_checked_items_there_is_no_accuracy_on_them() -> None:
    unchecked = TestSetLabels.of(GIVEN, GIVEN, class_count=3)
    row = scores(predictions(PARROT), unchecked)[0]
    assert (row.given_checked, row.corrected_checked, row.on_mislabelled) == (None, None, None)
    assert row.corrected.value == 1.0


def test_changed_and_pruned_items_count_as_checked_where_nobody_says() -> None:
    found = TestSetLabels.of(GIVEN, CORRECTED, class_count=3, pruned=PRUNED)
    assert found.checked.tolist() == [False] * 6 + [True, True, False, True]
    assert math.isclose(found.noise_prevalence, 2 / 9)


def test_the_curve_begins_at_what_is_measured_and_ends_on_the_mislabelled_items() -> None:
    curve = noise_curve(predictions(PARROT, SAGE), labels(), points=5)
    assert curve.prevalence[[0, -1]].tolist() == [2 / 9, 1.0]
    assert curve.items[[0, -1]].tolist() == [9.0, 2.0]
    np.testing.assert_allclose(curve.corrected[0], [7 / 9, 7 / 9])
    np.testing.assert_allclose(curve.given[0], [1.0, 5 / 9])
    assert curve.corrected[-1].tolist() == [0.0, 1.0]
    assert curve.given[-1].tolist() == [1.0, 0.0]


def test_the_curve_is_what_removing_correct_items_at_random_gives_on_average() -> None:
    rng = np.random.default_rng(3)
    given = rng.integers(0, 4, 300)
    corrected = given.copy()
    corrected[:30] = (given[:30] + 1) % 4
    said = np.where(rng.random((300, 2)) < 0.7, corrected[:, None], rng.integers(0, 4, (300, 2)))
    known = Predictions.of(["a", "b"], said, class_count=4)
    curve = noise_curve(known, TestSetLabels.of(given, corrected, class_count=4), points=3)
    left = round(float(curve.items[1])) - 30
    removed = []
    for _ in range(4000):
        kept = np.concatenate([np.arange(30), rng.choice(np.arange(30, 300), left, replace=False)])
        removed.append((said[kept] == corrected[kept, None]).mean(axis=0))
    np.testing.assert_allclose(np.mean(removed, axis=0), curve.corrected[1], atol=0.004)


def test_what_is_said_of_pruned_items_does_not_matter() -> None:
    other = TestSetLabels.of(GIVEN, np.where(PRUNED, np.nan, CORRECTED), class_count=3, checked=CHECKED, pruned=PRUNED)
    np.testing.assert_array_equal(other.mislabelled, labels().mislabelled)


@pytest.mark.parametrize(
    ("given", "corrected", "checked", "pruned", "says"),
    [
        (GIVEN, GIVEN[:-1], None, None, "wanted equal lengths"),
        (GIVEN, np.where(GIVEN == 0, 7, GIVEN), None, None, "4 are no class of this test set: row 1 says class 7"),
        (GIVEN, CORRECTED, None, None, "row 10 says class -1"),
        (np.array([0, np.nan]), np.array([0, 0]), None, None, "given labels: 1 Item has no class (NaN)"),
        (GIVEN, CORRECTED, ~CHECKED, PRUNED, "2 Items have a corrected label and were not checked"),
        (GIVEN, GIVEN, None, np.ones(10, bool), "every Item is pruned"),
    ],
)  # fmt: skip
def test_labels_that_cannot_be_meant_are_named(
    given: np.ndarray, corrected: np.ndarray, checked: np.ndarray | None, pruned: np.ndarray | None, says: str
) -> None:
    with pytest.raises(InvalidInput) as caught:
        TestSetLabels.of(given, corrected, class_count=3, checked=checked, pruned=pruned)
    assert says in str(caught.value)


def test_without_a_mislabelled_item_noise_cannot_rise() -> None:
    with pytest.raises(InvalidInput, match="no Item is mislabelled"):
        noise_curve(predictions(PARROT), TestSetLabels.of(GIVEN, GIVEN, class_count=3))
    with pytest.raises(InvalidInput, match="no Item is labelled correctly"):
        noise_curve(predictions(PARROT), TestSetLabels.of(GIVEN, (GIVEN + 1) % 3, class_count=3))


def test_predictions_of_another_test_set_are_refused() -> None:
    with pytest.raises(InvalidInput, match="9 Items are predicted and the test set has 10"):
        scores(predictions(PARROT[:9]), labels())
