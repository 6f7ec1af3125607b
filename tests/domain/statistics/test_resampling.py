import math

import numpy as np
import pytest

from app.domain.consensus.votes import Votes
from app.domain.statistics.intervals import Estimate, Floats, percentile
from app.domain.statistics.resampling import crossed_bootstrap, item_bootstrap
from app.errors import InvalidInput
from tests.domain.statistics.crowds import Crowd, simulated

NONE = np.zeros(0, dtype=np.int64)


def share_of_first(votes: Votes, weights: Floats) -> Floats:
    """The weighted share of answers with label 0."""
    found: Floats = weights @ (votes.label == 0) / weights.sum(axis=1)
    return found


def test_items_alone_give_the_standard_error_of_a_mean() -> None:
    values = np.random.default_rng(1).normal(3, 2, 400)
    replicates = item_bootstrap(
        400, lambda weights: weights @ values / weights.sum(axis=1), rng=np.random.default_rng(2), replicates=2000
    )
    assert replicates.std() == pytest.approx(values.std() / math.sqrt(400), rel=0.06)
    assert values.mean() in percentile(replicates)


def test_the_same_seed_gives_the_same_interval() -> None:
    votes = simulated(Crowd(60, 20), np.random.default_rng(1))
    first, second = (
        crossed_bootstrap(
            votes, lambda weights: share_of_first(votes, weights), rng=np.random.default_rng(7), replicates=50
        )
        for _ in range(2)
    )
    assert first == second


def test_several_figures_are_resampled_at_once() -> None:
    votes = simulated(Crowd(60, 20), np.random.default_rng(1))
    labels = np.eye(4)[votes.label]
    found = crossed_bootstrap(
        votes,
        lambda weights: weights @ labels / weights.sum(axis=1, keepdims=True),
        rng=np.random.default_rng(2),
        replicates=100,
        within=(0, 1),
    )
    assert [of.value for of in found] == pytest.approx(labels.mean(axis=0))
    assert all(0 < of.interval.low < of.value < of.interval.high < 1 for of in found)


def test_few_workers_who_answered_everything_leave_more_doubt_than_strangers() -> None:
    crowd = simulated(Crowd(400, 10, uneven=0.0), np.random.default_rng(3))
    strangers = Votes.of(crowd.item, np.arange(len(crowd)), crowd.label)
    known, unknown = (
        crossed_bootstrap(
            votes, lambda weights: share_of_first(crowd, weights), rng=np.random.default_rng(4), replicates=300
        )
        for votes in (crowd, strangers)
    )
    assert known[0].standard_error > 1.3 * unknown[0].standard_error


def test_intervals_hold_the_truth_as_often_as_they_say() -> None:
    rng = np.random.default_rng(5)
    found = [share_with_interval(simulated(Crowd(200, 50, answers=3), rng), rng) for _ in range(150)]
    truth = float(np.mean([of.value for of in found]))
    assert 0.91 <= np.mean([truth in of.interval for of in found]) <= 0.985


def share_with_interval(votes: Votes, rng: np.random.Generator) -> Estimate:
    return crossed_bootstrap(
        votes, lambda weights: share_of_first(votes, weights), rng=rng, replicates=100, within=(0, 1)
    )[0]


def test_nothing_to_resample_is_an_error() -> None:
    with pytest.raises(InvalidInput, match="no Items"):
        item_bootstrap(0, lambda weights: weights[:, 0], rng=np.random.default_rng(1))
    with pytest.raises(InvalidInput, match="no Responses"):
        crossed_bootstrap(Votes.of(NONE, NONE, NONE), lambda weights: weights[:, 0], rng=np.random.default_rng(1))


def test_a_figure_that_is_no_number_is_an_error() -> None:
    votes = simulated(Crowd(20, 10), np.random.default_rng(1))
    with pytest.raises(InvalidInput, match="not a number"):
        crossed_bootstrap(votes, lambda weights: np.full(len(weights), np.nan), rng=np.random.default_rng(1))
