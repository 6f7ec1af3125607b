import math

import numpy as np
import pytest
from scipy import stats

from app.domain.statistics.intervals import (
    Interval,
    around,
    bca,
    percentile,
    quantile,
    wilson,
    wilson_bounds,
)
from app.errors import InvalidInput


@pytest.mark.parametrize(("successes", "trials"), [(0, 10), (1, 10), (15, 148), (81, 263), (10, 10)])
def test_wilsons_interval_is_scipys(successes: int, trials: int) -> None:
    expected = stats.binomtest(successes, trials).proportion_ci(method="wilson")
    found = wilson(successes, trials)
    assert (found.low, found.high) == pytest.approx((expected.low, expected.high), abs=1e-12)


def test_without_trials_a_share_may_be_anything() -> None:
    assert wilson(0, 0) == Interval(0.0, 1.0, 0.95)


def test_more_successes_than_trials_are_refused() -> None:
    with pytest.raises(InvalidInput, match="11 successes of 10 trials"):
        wilson(11, 10)


def test_whole_arrays_get_the_same_intervals() -> None:
    successes, trials = np.array([0, 0, 3, 7, 7]), np.array([0, 4, 9, 7, 1000])
    low, high = wilson_bounds(successes, trials)
    single = [wilson(int(s), int(n)) for s, n in zip(successes, trials, strict=True)]
    assert low == pytest.approx([found.low for found in single])
    assert high == pytest.approx([found.high for found in single])


def test_quantiles_are_students_and_the_normal_ones() -> None:
    assert quantile(0.95) == pytest.approx(1.959964, abs=1e-6)
    assert quantile(0.95, degrees=4.5) == pytest.approx(stats.t.ppf(0.975, 4.5))


@pytest.mark.parametrize("level", [0.0, 1.0, 95.0, -0.1, math.nan])
def test_a_level_is_a_share(level: float) -> None:
    with pytest.raises(InvalidInput, match="level between 0 and 1"):
        quantile(level)


def test_an_interval_reaches_equally_far_to_either_side() -> None:
    plain = around(0.9, 0.1)
    assert plain.high - 0.9 == pytest.approx(0.9 - plain.low)
    share = around(0.9, 0.1, within=(0, 1))
    assert logit(share.high) - logit(0.9) == pytest.approx(logit(0.9) - logit(share.low))


def logit(share: float) -> float:
    return math.log(share / (1 - share))


def test_between_minus_one_and_one_it_is_fishers() -> None:
    found = around(0.5, 0.1, within=(-1, 1))
    reach = quantile(0.95) * 0.1 / (1 - 0.5**2)
    assert (found.low, found.high) == pytest.approx(
        (math.tanh(math.atanh(0.5) - reach), math.tanh(math.atanh(0.5) + reach))
    )


@pytest.mark.parametrize("standard_error", [0.01, 1.0, 1e6])
def test_no_interval_leaves_what_is_possible(standard_error: float) -> None:
    found = around(0.02, standard_error, within=(-0.25, 1))
    assert -0.25 <= found.low <= 0.02 <= found.high <= 1


def test_nothing_uncertain_is_the_value_alone() -> None:
    assert around(0.4, 0.0, within=(0, 1)).width == 0


def test_the_percentile_interval_is_the_middle_of_the_replicates() -> None:
    found = percentile(np.arange(1001.0), level=0.9)
    assert (found.low, found.high) == pytest.approx((50, 950))


def test_replicates_that_are_not_numbers_are_refused() -> None:
    with pytest.raises(InvalidInput, match="all finite"):
        percentile(np.array([1.0, np.nan]))


def test_bca_is_scipys() -> None:
    sample = np.random.default_rng(3).exponential(size=60)
    rng = np.random.default_rng(4)
    replicates = sample[rng.integers(0, 60, (5000, 60))].mean(axis=1)
    expected = stats.bootstrap(
        (sample,), np.mean, n_resamples=5000, method="BCa", rng=np.random.default_rng(4), batch=5000
    ).confidence_interval
    found = bca(float(sample.mean()), replicates, sample)
    assert (found.low, found.high) == pytest.approx((expected.low, expected.high), abs=0.02)


def test_bca_of_a_symmetric_sample_is_the_percentile_interval() -> None:
    replicates = np.linspace(-1, 1, 2001)
    found = bca(0.0, replicates, np.array([-1.0, 0.0, 1.0]))
    assert (found.low, found.high) == pytest.approx((-0.95, 0.95), abs=0.002)
