import numpy as np
import pytest
from scipy import stats

from app.domain.statistics.significance import adjusted, binomial_at_least, binomial_either_way, poisson_at_least

SUCCESSES = np.array([0, 1, 5, 9, 10, 0])
TRIALS = np.array([10, 10, 10, 10, 10, 0])


@pytest.mark.parametrize("chance", [0.5, 0.1])
def test_the_binomial_tail_is_scipys(chance: float) -> None:
    assert binomial_at_least(SUCCESSES, TRIALS, chance) == pytest.approx(
        stats.binom.sf(SUCCESSES - 1, TRIALS, chance), abs=1e-12
    )


def test_with_a_fair_coin_either_way_is_the_usual_two_sided_test() -> None:
    usual = [stats.binomtest(int(k), int(n)).pvalue if n else 1.0 for k, n in zip(SUCCESSES, TRIALS, strict=True)]
    assert binomial_either_way(SUCCESSES, TRIALS) == pytest.approx(usual)


def test_the_poisson_tail_is_scipys() -> None:
    counts, means = np.array([0, 1, 3, 20]), np.array([0.5, 0.5, 2.0, 4.0])
    assert poisson_at_least(counts, means) == pytest.approx(stats.poisson.sf(counts - 1, means))


def test_adjusted_p_values_are_scipys() -> None:
    p = np.random.default_rng(1).random(50) ** 3
    assert adjusted(p) == pytest.approx(stats.false_discovery_control(p))


def test_no_test_stays_none_and_does_not_count() -> None:
    found = adjusted(np.array([0.01, np.nan, 0.04]))
    assert found[[0, 2]] == pytest.approx([0.02, 0.04])
    assert np.isnan(found[1])


def test_left_out_p_values_of_one_count() -> None:
    p = np.array([0.001, 0.01, *[1.0] * 8])
    assert adjusted(p[:2], tested=10) == pytest.approx(adjusted(p)[:2])


def test_nothing_adjusted_is_nothing() -> None:
    assert adjusted(np.zeros(0)).size == 0
