import numpy as np
import pytest

from app.domain.consensus.votes import Votes
from app.domain.statistics.variance_components import variance_components
from app.errors import InvalidInput


def crossed(rng: np.random.Generator, *, items: int, workers: int, answers: int) -> Votes:
    who = np.argsort(rng.random((items, workers)), axis=1)[:, :answers].ravel()
    what = np.repeat(np.arange(items), answers)
    return Votes.of(what, who, np.zeros(len(who), int), items=items, workers=workers)


def test_the_components_of_a_simulated_crowd_are_found_again_on_average() -> None:
    rng = np.random.default_rng(1)
    found = []
    for _ in range(150):
        votes = crossed(rng, items=120, workers=25, answers=4)
        effects = (
            rng.normal(0, 2, 120)[votes.item] + rng.normal(0, 1, 25)[votes.worker] + rng.normal(0, 0.5, len(votes))
        )
        parts = variance_components(votes, 10 + effects)
        found.append((parts.mean, parts.items, parts.workers, parts.rest))
    np.testing.assert_allclose(np.mean(found, axis=0), [10, 4, 1, 0.25], rtol=0.06)


def test_a_balanced_table_worked_by_hand() -> None:
    # Two Items by two Workers, y = 0 2 / 4 10: mean squares 36 (Items), 16 (Workers), 4 (rest).
    votes = Votes.of(np.array([0, 0, 1, 1]), np.array([0, 1, 0, 1]), np.zeros(4, int))
    parts = variance_components(votes, np.array([0.0, 2, 4, 10]))
    np.testing.assert_allclose([parts.mean, parts.items, parts.workers, parts.rest], [4, 16, 6, 4])
    assert parts.workers_known


def test_where_nobody_answers_twice_workers_cannot_be_told_from_the_rest() -> None:
    votes = Votes.of(np.array([0, 0, 1, 1]), np.arange(4), np.zeros(4, int))
    parts = variance_components(votes, np.array([0.0, 2, 4, 10]))
    assert (parts.workers, parts.workers_known) == (0.0, False)
    np.testing.assert_allclose([parts.items, parts.rest], [13, 10])


def test_one_worker_shows_nothing_of_workers() -> None:
    votes = Votes.of(np.array([0, 0, 1, 1]), np.zeros(4, int), np.zeros(4, int))
    assert not variance_components(votes, np.array([0.0, 2, 4, 10])).workers_known


def test_all_alike_has_no_variance() -> None:
    votes = crossed(np.random.default_rng(2), items=20, workers=6, answers=3)
    parts = variance_components(votes, np.ones(60))
    assert (parts.mean, parts.items, parts.workers, parts.rest) == (1, 0, 0, 0)


def test_numbers_that_no_item_or_worker_has_do_not_matter() -> None:
    item, worker, value = np.array([0, 0, 3, 3]), np.array([0, 5, 0, 5]), np.array([0.0, 2, 4, 10])
    sparse = Votes.of(item, worker, np.zeros(4, int), items=9, workers=9)
    assert variance_components(sparse, value).items == pytest.approx(16)


@pytest.mark.parametrize(
    ("item", "value", "says"),
    [
        ([0, 0], [1.0, 0.0], "two Items or more"),
        ([0, 1], [1.0, 0.0], "some with several Responses"),
        ([], [], "two Items or more"),
        ([0, 0, 1], [1.0, np.nan, 0.0], "some are NaN"),
    ],
)
def test_a_pilot_that_shows_nothing_is_named(item: list[int], value: list[float], says: str) -> None:
    votes = Votes.of(np.array(item, int), np.arange(len(item)), np.zeros(len(item), int))
    with pytest.raises(InvalidInput, match=says):
        variance_components(votes, np.array(value))
