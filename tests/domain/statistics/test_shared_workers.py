import numpy as np
import pytest

from app.domain.statistics.intervals import wilson
from app.domain.statistics.shared_workers import Influence, share_estimate, variance
from app.errors import InvalidInput

FIRST = np.zeros(5, dtype=np.int64)


def influence_of(rng: np.random.Generator, *, pull: float, items: int = 4_000, workers: int = 400) -> Influence:
    """One answer an Item, by Workers who each pull their Items by a draw of spread `pull`."""
    worker = rng.integers(0, workers, items)
    pulls = rng.normal(0, pull, workers)
    found = pulls[worker] + rng.normal(0, 1, items)
    return Influence(found - found.mean(), found - found.mean(), np.arange(items), worker, workers)


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


def test_what_is_learned_from_the_same_responses_hides_no_variance() -> None:
    """Five Responses move an Item together; what another's answer would have been is the mean over few Items."""
    rng, items, workers = np.random.default_rng(7), 100, 10
    found, truth = [], []
    for _ in range(400):
        worker = np.argsort(rng.random((items, workers)), axis=1)[:, :5].ravel()
        place = np.repeat(np.arange(items), 5)
        pulls = rng.normal(0, 0.5, workers)
        response = pulls[worker] + rng.normal(0, 1, items)[place] + rng.normal(0, 0.3, 5 * items)
        found.append(variance(Influence(np.zeros(items), response, place, worker, workers)).workers)
        answered = np.bincount(worker, minlength=workers)
        truth.append(0.25 * (answered * (answered - 1)).sum() / items**2)
    assert np.mean(found) == pytest.approx(np.mean(truth), rel=0.04)


def test_busy_workers_who_pull_more_count_as_much_as_they_answered() -> None:
    rng, items = np.random.default_rng(8), 2_000
    activity = np.array([20.0] * 8 + [1.0] * 72)
    found, truth = [], []
    for _ in range(300):
        worker = rng.choice(80, size=items, p=activity / activity.sum())
        pulls = rng.normal(0, np.where(activity > 1, 0.6, 0.1))
        values = pulls[worker] + rng.normal(0, 1, items)
        answered = np.bincount(worker, minlength=80)
        truth.append((pulls**2 * answered * (answered - 1)).sum() / items**2)
        found.append(variance(Influence(values - values.mean(), values, np.arange(items), worker, 80)).workers)
    assert np.mean(found) == pytest.approx(np.mean(truth), rel=0.06)


def test_few_workers_leave_few_degrees_of_freedom() -> None:
    assert variance(influence_of(np.random.default_rng(3), pull=1.0, workers=12)).degrees < 15


def test_workers_of_one_answer_each_add_nothing() -> None:
    values = np.array([-1.0, 0.0, 1.0])
    found = variance(Influence(values, values, np.arange(3), np.arange(3), 3))
    assert (found.items, found.workers, found.degrees) == pytest.approx((1 / 3, 0.0, 2.0))


def test_one_item_has_no_variance() -> None:
    with pytest.raises(InvalidInput, match="wanted 2 or more"):
        variance(Influence(np.zeros(1), np.zeros(1), FIRST[:1], FIRST[:1], 1))


def test_a_constant_figure_has_none_either() -> None:
    found = variance(Influence(np.zeros(5), np.zeros(5), np.arange(5), FIRST, 1))
    assert (found.total, found.standard_error) == (0.0, 0.0)


def test_a_share_of_one_item_is_as_uncertain_as_one_trial() -> None:
    alone = Influence(np.zeros(1), np.zeros(3), FIRST[:3], np.arange(3), 3)
    found = share_estimate(0.6, alone).interval
    assert found == wilson(0.6, 1)
