import numpy as np
import pytest

from app.domain.statistics.speed import speed
from app.errors import InvalidInput

ADA, BOB, MALLORY = 0, 1, 2


def test_the_median_of_each_worker() -> None:
    found = speed(np.array([1, 0, 0, 0, 1]), np.array([10.0, 5.0, 1.0, 3.0, 20.0]), workers=3)
    assert found.timed.tolist() == [3, 2, 0]
    assert found.median_ms[:2].tolist() == [3.0, 15.0]
    assert np.isnan(found.median_ms[MALLORY])
    assert np.isnan(found.share[MALLORY])


def test_mallory_is_faster_than_anybody_reads() -> None:
    rng = np.random.default_rng(1)
    worker = np.repeat([ADA, BOB, MALLORY], [400, 400, 100])
    took = np.exp(rng.normal(np.where(worker == MALLORY, np.log(300), np.log(6_000)), 0.4))
    found = speed(worker, took, workers=3)
    assert 5_000 < found.crowd_ms < 7_000
    assert 600 < found.cut_ms < 3_000
    assert found.share[MALLORY] > 0.95
    assert found.fast[[ADA, BOB]].sum() < 8


def test_where_all_take_the_same_time_nobody_is_too_fast() -> None:
    found = speed(np.zeros(50, dtype=np.int64), np.full(50, 2_000.0), workers=1)
    assert found.cut_ms == pytest.approx(1_000)
    assert found.fast[0] == 0


def test_answers_that_were_not_timed_are_left_out() -> None:
    found = speed(np.array([0, 0, 1]), np.array([np.nan, 4.0, np.nan]), workers=2)
    assert found.timed.tolist() == [1, 0]
    assert found.median_ms[0] == 4.0


def test_nothing_timed_is_no_figure() -> None:
    found = speed(np.zeros(0, dtype=np.int64), np.zeros(0), workers=1)
    assert np.isnan(found.cut_ms)
    assert np.isnan(found.crowd_ms)


def test_times_below_zero_are_refused() -> None:
    with pytest.raises(InvalidInput, match="below 0 ms"):
        speed(np.array([0]), np.array([-1.0]), workers=1)
