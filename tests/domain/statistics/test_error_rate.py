import math

import numpy as np
import pytest

from app.domain.statistics.error_rate import DatasetErrorRate, Stratum, dataset_error_rate
from app.errors import InvalidInput


def rate_of(errors: int, overlooked: int, *, checked: int = 400, controls: int = 300) -> DatasetErrorRate:
    return dataset_error_rate(
        [Stratum("suspects", 1000, checked, errors)], Stratum("controls", 9000, controls, overlooked)
    )


def test_suspects_and_controls_weigh_as_much_as_they_stand_for() -> None:
    found = rate_of(200, 3)
    assert found.size == 10_000
    assert math.isclose(found.errors.value, 1000 * 200 / 400 + 9000 * 3 / 300)
    assert math.isclose(found.rate.value, 590 / 10_000)
    assert found.rate.value in found.rate.interval
    assert found.precision.value == 0.5
    assert found.recall is not None
    assert math.isclose(found.recall.value, 500 / 590)
    assert found.recall.value in found.recall.interval
    assert not found.lower_bound


def test_no_error_among_the_controls_does_not_mean_that_none_was_overlooked() -> None:
    found = rate_of(200, 0)
    assert found.recall is not None
    assert found.overlooked is not None
    assert (found.recall.value, found.recall.interval.high) == (1.0, 1.0)
    assert 0.8 < found.recall.interval.low < 0.9
    assert found.overlooked.value == 0
    assert found.overlooked.interval.high > 80
    # What is unknown of the rest reaches upwards alone.
    assert found.rate.interval.high - found.rate.value > 1.5 * (found.rate.value - found.rate.interval.low)


def test_a_finder_that_found_nothing_has_no_recall_to_speak_of() -> None:
    found = rate_of(0, 3)
    assert found.recall is not None
    assert (found.recall.value, found.recall.interval.low) == (0.0, 0.0)
    assert 0 < found.recall.interval.high < 0.5


def test_where_no_error_was_seen_recall_is_not_known() -> None:
    found = rate_of(0, 0)
    assert found.recall is None
    assert found.rate.value == 0
    assert found.rate.interval.high > 0.005


def test_without_controls_the_rate_is_a_lower_bound_and_recall_unknown() -> None:
    found = dataset_error_rate([Stratum("suspects", 275, 275, 54)], None, unsuspected=9725)
    assert found.lower_bound
    assert (found.recall, found.overlooked) == (None, None)
    assert math.isclose(found.rate.value, 0.0054)
    assert found.rate.interval.width == 0  # all suspects were checked


def test_where_all_were_suspected_the_rate_is_no_bound() -> None:
    found = dataset_error_rate([Stratum("model", 200, 200, 50), Stratum("people", 75, 75, 4)], None, unsuspected=0)
    assert not found.lower_bound
    assert (found.recall, found.overlooked) == (None, None)
    assert math.isclose(found.rate.value, 54 / 275)
    assert found.rate.value == found.precision.value


def test_suspects_may_come_from_several_finders() -> None:
    found = dataset_error_rate(
        [Stratum("model", 600, 300, 240), Stratum("people", 400, 100, 10)], Stratum("controls", 9000, 300, 3)
    )
    assert math.isclose(found.precision.value, (480 + 40) / 1000)
    assert math.isclose(found.errors.value, 480 + 40 + 90)


@pytest.mark.parametrize(
    ("suspects", "controls", "unsuspected", "says"),
    [
        ([], Stratum("controls", 10, 5, 0), None, "no suspects"),
        ([Stratum("s", 10, 0, 0)], Stratum("controls", 10, 5, 0), None, "s: 0 errors among 0 checked of 10"),
        ([Stratum("s", 10, 5, 6)], Stratum("controls", 10, 5, 0), None, "s: 6 errors among 5 checked of 10"),
        ([Stratum("s", 10, 5, 1)], Stratum("controls", 10, 0, 0), None, "controls: 0 errors among 0 checked of 10"),
        ([Stratum("s", 10, 5, 1)], None, None, "say how many Items were not suspected"),
        ([Stratum("s", 10, 5, 1)], Stratum("controls", 10, 5, 0), 11, "11 Items not suspected, and controls drawn from 10"),
    ],
)  # fmt: skip
def test_what_cannot_be_estimated_is_named(
    suspects: list[Stratum], controls: Stratum | None, unsuspected: int | None, says: str
) -> None:
    with pytest.raises(InvalidInput) as caught:
        dataset_error_rate(suspects, controls, unsuspected=unsuspected)
    assert says in str(caught.value)


def test_rate_and_recall_hold_the_truth_as_often_as_they_say() -> None:
    # Recall from poor to perfect, down to datasets whose controls mostly show no error at all.
    rng = np.random.default_rng(8)
    rates, recalls = [], []
    for _ in range(500):
        wrong, missed = int(rng.integers(100, 700)), int(rng.integers(0, 200))
        found = rate_of(
            int(rng.hypergeometric(wrong, 1000 - wrong, 400)), int(rng.hypergeometric(missed, 9000 - missed, 300))
        )
        rates.append((wrong + missed) / 10_000 in found.rate.interval)
        assert found.recall is not None
        recalls.append(wrong / (wrong + missed) in found.recall.interval)
    assert 0.925 <= np.mean(rates) <= 0.975
    assert 0.925 <= np.mean(recalls) <= 0.975
