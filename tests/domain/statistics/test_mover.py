import math

import pytest
from hypothesis import given
from hypothesis import strategies as st

from app.domain.statistics.intervals import Estimate, Interval
from app.domain.statistics.mover import ratio_interval, weighted_sum
from app.errors import InvalidInput


def estimate(low: float, value: float, high: float, error: float = 0.0, level: float = 0.95) -> Estimate:
    return Estimate(value, error, Interval(low, high, level))


def test_a_sum_is_as_uncertain_as_its_parts_at_right_angles() -> None:
    total = weighted_sum([estimate(1, 4, 8, 1.5), estimate(6, 10, 13, 2)], [1, 1])
    assert (total.value, total.standard_error) == (14, 2.5)
    assert (total.interval.low, total.interval.high) == (14 - 5, 14 + 5)


def test_a_part_at_zero_widens_the_sum_upwards_alone() -> None:
    total = weighted_sum([estimate(40, 50, 60), estimate(0, 0, 24)], [1, 1])
    assert (total.interval.low, total.interval.high) == (40, 50 + math.hypot(10, 24))


def test_one_part_keeps_its_interval() -> None:
    assert weighted_sum([estimate(0.1, 0.2, 0.4, 0.05)], [10]).interval == Interval(1, 4)


@pytest.mark.parametrize(
    ("parts", "weights"),
    [([], []), ([estimate(0, 1, 2)], [1.0, 2.0]), ([estimate(0, 1, 2), estimate(0, 1, 2, level=0.9)], [1.0, 1.0])],
)
def test_sums_that_do_not_add_up_are_refused(parts: list[Estimate], weights: list[float]) -> None:
    with pytest.raises(InvalidInput):
        weighted_sum(parts, weights)


def test_a_ratio_to_a_known_figure_is_the_interval_divided() -> None:
    found = ratio_interval(estimate(2, 4, 10), estimate(2, 2, 2))
    assert math.isclose(found.low, 1)
    assert math.isclose(found.high, 5)


def test_a_known_figure_by_an_uncertain_one_is_the_reciprocal_interval_to_first_order() -> None:
    found = ratio_interval(estimate(1, 1, 1), estimate(99, 100, 101))
    assert found.low == pytest.approx(1 / 101, rel=1e-3)
    assert found.high == pytest.approx(1 / 99, rel=1e-3)


def test_a_ratio_to_what_may_be_nothing_has_no_upper_end() -> None:
    assert ratio_interval(estimate(1, 2, 3), estimate(0, 1, 4)).high == math.inf


def test_nothing_by_something_starts_at_nothing() -> None:
    found = ratio_interval(estimate(0, 0, 3), estimate(8, 10, 12))
    assert found.low == 0
    assert 0.3 < found.high < 3 / 8


def test_a_ratio_to_nothing_has_no_value() -> None:
    with pytest.raises(ValueError, match="no value"):
        ratio_interval(estimate(0, 1, 2), estimate(0, 0, 1))


positive = st.tuples(st.floats(0, 1), st.floats(0.01, 1), st.floats(0, 5)).map(
    lambda t: estimate(t[0] * t[1], t[1], t[1] + t[2])
)


@given(positive, positive)
def test_a_ratio_lies_in_its_interval(top: Estimate, bottom: Estimate) -> None:
    found = ratio_interval(top, bottom)
    assert found.low <= top.value / bottom.value * (1 + 1e-9)
    assert found.high >= top.value / bottom.value * (1 - 1e-9)
