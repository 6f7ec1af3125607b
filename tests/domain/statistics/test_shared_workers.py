import numpy as np
import pytest

from app.domain.statistics.intervals import wilson
from app.domain.statistics.shared_workers import Influence, share_estimate, variance
from app.errors import InvalidInput


def influence_of(rng: np.random.Generator, *, pull: float, items: int = 4_000, workers: int = 400) -> Influence:
    """One answer an Item, by Workers who each pull their Items by a draw of spread `pull`."""
    worker = rng.integers(0, workers, items)
    pulls = rng.normal(0, pull, workers)
    found = pulls[worker] + rng.normal(0, 1, items)
    return Influence(found - found.mean(), found - found.mean(), worker, workers)


def test_where_workers_are_all_alike_the_items_vary_alone() -> None:
    found = variance(influence_of(np.random.default_rng(1), pull=0.0))
    assert found.items == pytest.approx(1 / 4_000, rel=0.05)
    assert found.workers < found.items / 10


@pytest.mark.parametrize("pull", [0.3, 1.0])
def test_the_variance_between_workers_is_found(pull: float) -> None:
    found = variance(influence_of(np.random.default_rng(2), pull=pull))
    # Each Worker answered about ten Items: the sum over Workers of n (n - 1) is about the number of Items times ten.
    assert found.workers == pytest.approx(pull**2 * 10 / 4_000, rel=0.2)
    assert found.degrees > 100


def test_few_workers_leave_few_degrees_of_freedom() -> None:
    assert variance(influence_of(np.random.default_rng(3), pull=1.0, workers=12)).degrees < 15


def test_workers_of_one_answer_each_add_nothing() -> None:
    values = np.array([-1.0, 0.0, 1.0])
    found = variance(Influence(values, values, np.arange(3), 3))
    assert (found.items, found.workers, found.degrees) == pytest.approx((1 / 3, 0.0, 2.0))


def test_one_item_has_no_variance() -> None:
    with pytest.raises(InvalidInput, match="wanted 2 or more"):
        variance(Influence(np.zeros(1), np.zeros(1), np.zeros(1, dtype=np.int64), 1))


def test_a_constant_figure_has_none_either() -> None:
    found = variance(Influence(np.zeros(5), np.zeros(5), np.zeros(5, dtype=np.int64), 1))
    assert (found.total, found.standard_error) == (0.0, 0.0)


def test_a_share_of_one_item_is_as_uncertain_as_one_trial() -> None:
    alone = Influence(np.zeros(1), np.zeros(3), np.arange(3), 3)
    found = share_estimate(0.6, alone).interval
    assert found == wilson(0.6, 1)
