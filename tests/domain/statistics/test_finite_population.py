import math

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from app.domain.statistics.finite_population import share_of_set
from app.errors import InvalidInput


def test_where_all_are_checked_the_share_is_known() -> None:
    found = share_of_set(15, checked=100, size=100)
    assert (found.value, found.standard_error, found.interval.width) == (0.15, 0.0, 0.0)


def test_no_error_among_the_checked_does_not_mean_none_among_the_rest() -> None:
    # In an endless set the mid-P limit solves (1 - p)^200 / 2 = 0.025; in one of 100,000 it is all but that.
    endless = 1 - 0.05 ** (1 / 200)
    high = share_of_set(0, checked=200, size=100_000).interval.high
    assert share_of_set(0, checked=200, size=100_000).interval.low == 0
    assert math.isclose(high, endless, rel_tol=0.01)
    assert share_of_set(0, checked=200, size=400).interval.high < high


def test_the_limits_are_those_of_enumerating_every_possible_set() -> None:
    from scipy.stats import hypergeom

    possible = []
    for wrong in range(41):
        here = hypergeom.pmf(3, 40, wrong, 15) / 2
        if min(hypergeom.cdf(2, 40, wrong, 15), hypergeom.sf(3, 40, wrong, 15)) + here > 0.025:
            possible.append(wrong)
    found = share_of_set(3, checked=15, size=40).interval
    assert (found.low, found.high) == (min(possible) / 40, max(possible) / 40)


@given(st.integers(1, 60), st.data())
def test_right_and_wrong_mirror_each_other(size: int, data: st.DataObject) -> None:
    checked = data.draw(st.integers(1, size))
    errors = data.draw(st.integers(0, checked))
    found = share_of_set(errors, checked=checked, size=size)
    mirror = share_of_set(checked - errors, checked=checked, size=size)
    assert 0 <= found.interval.low <= found.value <= found.interval.high <= 1
    assert math.isclose(found.interval.low, 1 - mirror.interval.high, abs_tol=1e-9)


def test_sets_of_fifty_million_are_no_more_work() -> None:
    found = share_of_set(1870, checked=2500, size=50_000_000)
    assert found.interval.low == pytest.approx(0.7306, abs=2e-3)
    assert found.interval.high == pytest.approx(0.7647, abs=2e-3)


@pytest.mark.parametrize(("errors", "checked", "size"), [(1, 0, 10), (0, 0, 10), (3, 2, 10), (-1, 2, 10), (1, 11, 10)])
def test_counts_that_cannot_be_are_refused(errors: int, checked: int, size: int) -> None:
    with pytest.raises(InvalidInput):
        share_of_set(errors, checked=checked, size=size)


def test_on_average_over_sets_the_interval_holds_the_truth_as_often_as_it_says() -> None:
    rng = np.random.default_rng(4)
    held = []
    for _ in range(500):
        wrong = int(rng.integers(2, 60))
        seen = int(rng.hypergeometric(wrong, 1000 - wrong, 250))
        held.append(wrong / 1000 in share_of_set(seen, checked=250, size=1000).interval)
    assert 0.93 <= np.mean(held) <= 0.975
