import math

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from app.domain.statistics.shifts import chi_square_tail, mean_drop, shares_move


@pytest.mark.parametrize(
    ("statistic", "degrees", "tail"),
    # The printed tables: 5 %, 1 % and 0.1 % points.
    [
        (3.841459, 1, 0.05),
        (5.991465, 2, 0.05),
        (7.814728, 3, 0.05),
        (9.487729, 4, 0.05),
        (11.344867, 3, 0.01),
        (10.827566, 1, 0.001),
        (16.266236, 3, 0.001),
    ],
)
def test_the_tail_of_chi_square_is_the_printed_one(statistic: float, degrees: int, tail: float) -> None:
    assert math.isclose(chi_square_tail(statistic, degrees=degrees), tail, rel_tol=1e-5)


def test_a_table_worked_by_hand() -> None:
    # 2 × 2: 30/70 against 50/50; Pearson's X² = 200 (30·50 - 70·50)² / (100·100·80·120) = 8.3333
    moved = shares_move([30, 70], [50, 50])
    assert math.isclose(moved.p, chi_square_tail(25 / 3, degrees=1), rel_tol=1e-9)
    assert math.isclose(moved.size, 0.2)
    assert math.isclose(shares_move([30, 70], [50, 50], answers_per_item=5).p, chi_square_tail(5 / 3, degrees=1))


def test_options_that_too_few_chose_are_counted_together() -> None:
    apart = shares_move([500, 300, 3, 2], [100, 60, 1, 1])
    together = shares_move([500, 300, 5], [100, 60, 2])
    assert math.isclose(apart.p, together.p)
    assert math.isclose(shares_move([500, 300], [100, 62]).p, shares_move([500, 299, 1], [100, 60, 2]).p)
    assert shares_move([500, 300, 20, 20], [80, 50, 0, 30]).p < 0.001


@pytest.mark.parametrize(("earlier", "latest"), [([0, 0], [5, 5]), ([7, 0], [9, 0]), ([2, 1], [0, 3])])
def test_without_enough_to_compare_nothing_moved(earlier: list[int], latest: list[int]) -> None:
    assert shares_move(earlier, latest).p == 1.0


@given(st.lists(st.integers(0, 400), min_size=4, max_size=4), st.lists(st.integers(0, 400), min_size=4, max_size=4))
def test_a_chance_is_a_chance_and_the_order_of_options_means_nothing(earlier: list[int], latest: list[int]) -> None:
    moved = shares_move(earlier, latest)
    turned = shares_move(earlier[::-1], latest[::-1])
    assert 0 <= moved.p <= 1
    assert math.isclose(moved.p, turned.p, rel_tol=1e-9, abs_tol=1e-12)
    assert moved.size == turned.size


def test_the_level_is_kept_where_nothing_moves() -> None:
    rng = np.random.default_rng(7)
    p = [0.5, 0.3, 0.15, 0.05]
    looks = [shares_move(rng.multinomial(2000, p).tolist(), rng.multinomial(300, p).tolist()).p for _ in range(2000)]
    assert 0.03 < np.mean(np.array(looks) < 0.05) < 0.07
    drops = [mean_drop(rng.random(500), rng.random(100)).p for _ in range(2000)]
    assert 0.03 < np.mean(np.array(drops) < 0.05) < 0.07


def test_a_mean_that_rises_is_no_drop() -> None:
    low, high = np.linspace(0.2, 0.4, 100), np.linspace(0.7, 0.9, 100)
    assert mean_drop(low, high).p > 0.999
    assert mean_drop(high, low).p < 1e-9
    assert math.isclose(mean_drop(high, low).size, 0.5)


def test_samples_that_do_not_vary_are_compared_by_their_means() -> None:
    ones = np.ones(60)
    assert mean_drop(ones, ones).p == 1.0
    assert mean_drop(ones, ones * 0.6).p == 0.0
