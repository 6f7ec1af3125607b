import numpy as np
import pytest

from app.domain.consensus.votes import Votes
from app.domain.statistics.straight_lining import straight_lining

MALLORY = 9


def crowd(rng: np.random.Generator, *, items: int = 200, one_label: float = 0.25) -> Votes:
    """Nine Workers who are right in 85 of 100 Items and Mallory, who always says label 0; everybody answers everything."""
    rest = (1 - one_label) / 3
    truth = rng.choice(4, size=items, p=(one_label, rest, rest, rest))
    label = np.where(rng.random((items, 10)) < 0.85, truth[:, None], rng.integers(0, 4, (items, 10)))
    label[:, MALLORY] = 0
    item, worker = np.indices(label.shape)
    return Votes.of(item.ravel(), worker.ravel(), label.ravel())


def test_mallory_who_always_says_the_same_is_found() -> None:
    votes = crowd(np.random.default_rng(1))
    found = straight_lining(votes, votes.item)
    assert found.longest[MALLORY] == 200
    assert found.entropy[MALLORY] == 0
    assert found.expected_entropy[MALLORY] > 1.9
    assert found.adjusted_p[MALLORY] < 1e-6
    assert (found.adjusted_p[:MALLORY] > 0.05).all()


def test_where_nearly_all_items_are_alike_careful_workers_are_no_straight_liners() -> None:
    votes = crowd(np.random.default_rng(2), one_label=0.95)
    found = straight_lining(votes, votes.item)
    assert found.longest[0] > 10
    assert (found.adjusted_p[:MALLORY] > 0.05).all()


def test_runs_are_counted_in_the_order_of_answering() -> None:
    votes = Votes.of(np.arange(6), np.zeros(6, dtype=np.int64), np.array([1, 0, 1, 0, 1, 0]))
    assert straight_lining(votes, np.arange(6)).longest.tolist() == [1]
    assert straight_lining(votes, np.array([0, 3, 1, 4, 2, 5])).longest.tolist() == [3]


def test_one_worker_alone_can_only_be_described() -> None:
    items = np.arange(1_000)
    found = straight_lining(Votes.of(items, items * 0, items * 0), items)
    assert (found.answers[0], found.longest[0], found.entropy[0], found.compared[0]) == (1_000, 1_000, 0.0, 0)
    assert np.isnan(found.p[0])
    assert np.isnan(found.expected_entropy[0])


def test_no_responses_and_workers_without_any() -> None:
    none = np.zeros(0, dtype=np.int64)
    found = straight_lining(Votes.of(none, none, none, workers=2, labels=4), none)
    assert found.longest.tolist() == [0, 0]
    assert np.isnan(found.entropy).all()


def test_the_names_of_labels_and_the_order_of_rows_do_not_matter() -> None:
    rng = np.random.default_rng(3)
    votes = crowd(rng)
    renamed, row = rng.permutation(4), rng.permutation(len(votes))
    other = Votes.of(votes.item[row], votes.worker[row], renamed[votes.label[row]])
    found, again = straight_lining(votes, votes.item), straight_lining(other, other.item)
    assert again.p == pytest.approx(found.p)
    assert again.entropy == pytest.approx(found.entropy)
    assert again.longest.tolist() == found.longest.tolist()
