import numpy as np
import pytest
from numpy.typing import NDArray

from app.domain.consensus.votes import Counts, Votes
from app.domain.statistics.intervals import Estimate, Floats, wilson
from app.domain.statistics.item_shares import shares
from app.errors import InvalidInput
from tests.domain.statistics.crowds import LABELS, Crowd, simulated


def quorum(counts: Counts) -> Floats:
    """A column for each label with three answers or more, and one for no such label."""
    reached = counts >= 3
    return np.column_stack([reached, ~reached.any(axis=1)]).astype(float)


def figures(found: list[Estimate]) -> NDArray[np.float64]:
    return np.array([[of.value, of.standard_error, of.interval.low, of.interval.high] for of in found])


def test_a_share_is_of_the_items_with_responses() -> None:
    votes = Votes.of(np.repeat([0, 1, 3], 3), np.tile([0, 1, 2], 3), np.array([0, 0, 0, 1, 1, 1, 0, 1, 2]), items=9)
    assert [of.value for of in shares(votes, quorum)] == pytest.approx([1 / 3, 1 / 3, 0, 1 / 3])


def test_no_responses_are_an_error() -> None:
    none = np.zeros(0, dtype=np.int64)
    with pytest.raises(InvalidInput, match="no Responses"):
        shares(Votes.of(none, none, none), quorum)


def test_workers_of_one_answer_each_are_independent() -> None:
    crowd = simulated(Crowd(200, 20), np.random.default_rng(1))
    votes = Votes.of(crowd.item, np.arange(len(crowd)), crowd.label, labels=LABELS)
    for found in shares(votes, quorum):
        binomial = wilson(found.value * 200, 200)
        assert found.interval.low == pytest.approx(binomial.low, abs=0.002)
        assert found.interval.high == pytest.approx(binomial.high, abs=0.002)


def test_what_nobody_saw_is_as_rare_as_the_items_allow() -> None:
    votes = Votes.of(np.repeat(np.arange(50), 3), np.tile([0, 1, 2], 50), np.zeros(150, dtype=np.int64), labels=2)
    always, never, open_ = shares(votes, quorum)
    assert always.interval == wilson(50, 50)
    assert never.interval == open_.interval == wilson(0, 50)


def test_one_item_is_one_trial() -> None:
    votes = Votes.of(np.zeros(3, dtype=np.int64), np.arange(3), np.array([0, 0, 0]), labels=2)
    assert shares(votes, quorum)[0].interval == wilson(1, 1)


def test_items_with_one_answer_each_have_shares_too() -> None:
    votes = Votes.of(np.arange(400), np.arange(400) % 40, np.arange(400) // 40 % 2)
    found = shares(votes, lambda counts: counts.astype(float))
    assert [of.value for of in found] == pytest.approx([0.5, 0.5])
    assert found[0].interval.low == pytest.approx(0.45, abs=0.01)


def test_a_worker_who_pulls_many_items_widens_the_interval() -> None:
    # Eight Workers, each of whom always says one thing: the share depends on who came.
    workers = np.arange(800) % 8
    stubborn = Votes.of(np.arange(800), workers, workers % 2)
    found = shares(stubborn, lambda counts: counts.astype(float))
    assert found[0].interval.low < 0.2
    assert found[0].interval.high > 0.8


def test_the_names_of_labels_and_the_order_of_rows_do_not_matter() -> None:
    rng = np.random.default_rng(11)
    votes = simulated(Crowd(60, 20), rng)
    renamed, row = rng.permutation(LABELS), rng.permutation(len(votes))
    items, workers = rng.permutation(votes.items), rng.permutation(votes.workers)
    other = Votes.of(items[votes.item[row]], workers[votes.worker[row]], renamed[votes.label[row]], labels=LABELS)
    found = figures(shares(other, quorum))
    assert found[[*renamed, LABELS]] == pytest.approx(figures(shares(votes, quorum)))


def test_a_rule_may_give_parts_and_see_any_number_of_answers() -> None:
    votes = simulated(Crowd(60, 20), np.random.default_rng(2))
    kept = np.random.default_rng(3).random(len(votes)) < 0.6
    votes = Votes.of(votes.item[kept], votes.worker[kept], votes.label[kept], items=votes.items, labels=LABELS)
    found = shares(votes, lambda counts: counts / counts.sum(axis=1, keepdims=True))
    assert sum(of.value for of in found) == pytest.approx(1)
    assert all(0 < of.interval.low < of.value < of.interval.high < 1 for of in found)
