import math

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from app.domain.statistics.error_rate import Stratum
from app.domain.statistics.ranking import precision_curve, stop_by_errors_left, stop_by_precision
from app.errors import InvalidInput

FALLING = np.linspace(0.95, 0.05, 1000)
CONTROLS = Stratum("controls", 9000, 300, 3)  # 90 errors to expect


def drawn(chances: np.ndarray, seed: int = 1) -> np.ndarray:
    return (np.random.default_rng(seed).random(len(chances)) < chances).astype(np.int64)


def test_precision_along_a_short_ranking() -> None:
    curve = precision_curve(np.array([1, 1, 0, 1, 0, 0]), window=3)
    np.testing.assert_allclose(curve.so_far, [1, 1, 2 / 3, 3 / 4, 3 / 5, 3 / 6])
    np.testing.assert_allclose(curve.running, [2 / 3, 2 / 3, 2 / 3, 1 / 3, 1 / 3, 1 / 3])
    np.testing.assert_allclose(curve.fitted, [1, 1, 0.5, 0.5, 0, 0])
    assert curve.rank.tolist() == [1, 2, 3, 4, 5, 6]


def test_unchecked_suspects_are_passed_over() -> None:
    wrong = np.array([1, np.nan, 0, np.nan, np.nan])
    curve = precision_curve(wrong, checked=np.array([True, False, True, False, False]), window=50)
    assert curve.rank.tolist() == [1, 3]
    assert (curve.suspects, curve.window) == (5, 2)


def test_one_checked_item_is_a_curve_of_one_point_that_says_little() -> None:
    curve = precision_curve(np.array([1]))
    assert (curve.running[0], curve.fitted[0], curve.so_far[0]) == (1, 1, 1)
    assert curve.low[0] < 0.3


@given(st.lists(st.booleans(), min_size=1, max_size=80), st.integers(1, 30))
def test_the_fit_never_rises_and_keeps_the_number_of_errors(wrong: list[bool], window: int) -> None:
    curve = precision_curve(np.array(wrong, dtype=int), window=window)
    assert (np.diff(curve.fitted) <= 1e-12).all()
    assert math.isclose(curve.fitted.sum(), sum(wrong), abs_tol=1e-9)
    assert (curve.low <= curve.running).all()
    assert (curve.running <= curve.high).all()


def test_checking_stops_where_one_more_is_not_worth_it() -> None:
    # The true precision falls below a half at rank 500.
    point = stop_by_precision(precision_curve(drawn(FALLING)), at_least=0.5)
    assert point.reached
    assert 420 < point.rank < 580
    assert point.next_precision < 0.5
    assert point.found + point.left_suspects == pytest.approx(drawn(FALLING).sum())


def test_to_be_certain_it_takes_some_more() -> None:
    curve = precision_curve(drawn(FALLING))
    likely, certain = (stop_by_precision(curve, at_least=0.5, certain=flag) for flag in (False, True))
    assert certain.reached
    assert likely.rank < certain.rank < 800


def test_a_few_right_items_at_the_end_are_no_reason_to_stop() -> None:
    point = stop_by_precision(precision_curve(np.array([1] * 60 + [0] * 4), window=20), at_least=0.5)
    assert (point.reached, point.rank, point.found) == (False, 64, 60)
    assert point.next_precision == 0.8


def test_a_ranking_that_is_bad_from_the_start_is_not_worth_checking() -> None:
    point = stop_by_precision(precision_curve(np.zeros(200, int)), at_least=0.1)
    assert (point.reached, point.rank, point.found) == (True, 0, 0)


def test_suspects_behind_what_was_checked_are_expected_to_be_no_worse_than_the_last_window() -> None:
    checked = np.arange(400) < 100
    wrong = np.where(checked, np.tile([1, 0], 200), 0)
    point = stop_by_precision(precision_curve(wrong, checked=checked), at_least=0.2)
    assert not point.reached
    assert point.left_suspects == 150


def test_checking_stops_where_few_errors_are_left() -> None:
    curve = precision_curve(drawn(FALLING))
    point = stop_by_errors_left(curve, at_most=150, controls=CONTROLS)
    assert point.reached
    assert point.overlooked is not None
    assert point.overlooked.value == 90
    assert 59 < point.left_suspects <= 60
    assert point.left <= 150
    assert 600 < point.rank < 750


def test_where_the_controls_alone_hold_too_many_no_rank_will_do() -> None:
    point = stop_by_errors_left(precision_curve(drawn(FALLING)), at_most=50, controls=CONTROLS)
    assert (point.reached, point.rank, point.left_suspects) == (False, 1000, 0)
    assert point.left == 90


def test_where_few_errors_are_left_before_the_first_check_nothing_need_be_checked() -> None:
    point = stop_by_errors_left(precision_curve(np.array([1, 0, 0])), at_most=500, controls=CONTROLS)
    assert (point.reached, point.rank) == (True, 0)


@pytest.mark.parametrize(
    ("wrong", "checked", "window", "says"),
    [
        (np.array([1, 0]), np.zeros(2, bool), 5, "none of the suspects is checked"),
        (np.array([]), None, 5, "none of the suspects is checked"),
        (np.array([1, np.nan]), None, 5, "rank 2 is checked and neither right (0) nor wrong (1): nan"),
        (np.array([1, 2]), None, 5, "rank 2 is checked and neither"),
        (np.array([1, 0]), np.ones(3, bool), 5, "wanted one verdict and one mark per suspect"),
        (np.array([1, 0]), None, 0, "a window of 1 or more"),
    ],
)
def test_what_is_no_ranking_is_named(wrong: np.ndarray, checked: np.ndarray | None, window: int, says: str) -> None:
    with pytest.raises(InvalidInput) as caught:
        precision_curve(wrong, checked=checked, window=window)
    assert says in str(caught.value)


def test_goals_that_cannot_be_are_named() -> None:
    curve = precision_curve(np.array([1, 0]))
    with pytest.raises(InvalidInput, match="at_least"):
        stop_by_precision(curve, at_least=0)
    with pytest.raises(InvalidInput, match="at_most"):
        stop_by_errors_left(curve, at_most=-1, controls=CONTROLS)


def test_the_running_interval_holds_the_windows_precision_as_often_as_it_says() -> None:
    middle = slice(475, 525)
    held = [
        curve.low[499] <= FALLING[middle].mean() <= curve.high[499]
        for curve in (precision_curve(drawn(FALLING, seed)) for seed in range(600))
    ]
    assert 0.93 <= np.mean(held) <= 0.975


def test_to_be_certain_is_to_err_seldom() -> None:
    # All along the ranking precision is just what is asked: stopping is always wrong.
    flat = np.full(1000, 0.5)
    wrongly = [
        stop_by_precision(precision_curve(drawn(flat, s)), at_least=0.5, certain=True).reached for s in range(300)
    ]
    assert np.mean(wrongly) <= 0.06
