import numpy as np
import pytest
from numpy.typing import NDArray

from app.domain.consensus.votes import Votes
from app.domain.statistics.intervals import wilson
from app.domain.statistics.worker_accuracy import (
    accuracy_against_others,
    accuracy_on_gold,
    confusion_against_others,
    confusion_on_gold,
)
from app.errors import InvalidInput
from tests.domain.statistics.crowds import Crowd, simulated
from tests.domain.statistics.test_the_others import votes_of

ADA, BOB, MALLORY = 0, 1, 2


def test_gold_items_show_who_is_right() -> None:
    votes = votes_of([[0, 0, 3], [1, 1, 3], [2, 0, 3], [3, 3, 3], [0, 1, 3]])
    found = accuracy_on_gold(votes, np.array([0, 1, 2, 3, -1]))
    assert found.judged.tolist() == [4, 4, 4]
    assert found.right.tolist() == [4, 3, 1]
    assert (found.low[BOB], found.high[BOB]) == pytest.approx((wilson(3, 4).low, wilson(3, 4).high))


def test_a_worker_without_judged_answers_is_expected_to_be_like_the_crowd() -> None:
    votes = votes_of([[0, 0, -1], [1, 0, -1], [0, -1, 0]])
    found = accuracy_on_gold(votes, np.array([0, 1, -1]))
    assert np.isnan(found.share[MALLORY])
    assert (found.low[MALLORY], found.high[MALLORY]) == (0.0, 1.0)
    assert found.shrunk[MALLORY] == found.crowd == 0.75


def test_without_gold_nothing_is_judged() -> None:
    found = accuracy_on_gold(votes_of([[0, 0, 1]]), np.array([-1]))
    assert found.judged.tolist() == [0, 0, 0]
    assert np.isnan(found.crowd)


def test_truth_must_name_known_labels() -> None:
    with pytest.raises(InvalidInput, match="label below 4"):
        accuracy_on_gold(votes_of([[0, 0, 1]]), np.array([4]))


def drawn(rng: np.random.Generator, *, alike: bool) -> tuple[Votes, NDArray[np.float64]]:
    """200 Workers with 5 to 50 answers on gold Items whose right label is 0, and how good they really are."""
    skill = np.full(200, 0.8) if alike else rng.beta(8, 2, 200)
    worker = np.repeat(np.arange(200), rng.integers(5, 51, 200))
    return Votes.of(np.arange(len(worker)), worker, (rng.random(len(worker)) > skill[worker]).astype(np.int64)), skill


def test_shrunk_accuracies_are_nearer_to_the_truth() -> None:
    votes, skill = drawn(np.random.default_rng(2), alike=False)
    found = accuracy_on_gold(votes, np.zeros(votes.items, dtype=np.int64))
    assert found.strength == pytest.approx(10, rel=0.5)
    assert np.square(found.shrunk - skill).mean() < 0.8 * np.square(found.share - skill).mean()


def test_where_workers_differ_by_chance_alone_all_are_expected_alike() -> None:
    votes, skill = drawn(np.random.default_rng(3), alike=True)
    found = accuracy_on_gold(votes, np.zeros(votes.items, dtype=np.int64))
    assert found.strength > 100
    assert found.shrunk == pytest.approx(skill, abs=0.03)


def test_against_the_others_mallory_stands_out() -> None:
    votes = votes_of([[0, 0, 0, 3], [1, 1, 1, 3], [2, 2, 2, 3], [1, 1, 1, 3]])
    found = accuracy_against_others(votes)
    assert found.share.tolist() == [1, 1, 1, 0]


def test_confusion_says_what_is_taken_for_what() -> None:
    votes = votes_of([[0, 0, 1], [0, 0, 1], [1, 0, 1]])
    found = confusion_on_gold(votes, np.array([0, 0, 1]))
    assert found.counts[MALLORY, :2, :2].tolist() == [[0, 2], [0, 1]]
    assert found.shares.sum(axis=2) == pytest.approx(np.ones((3, 4)))
    assert found.shares[MALLORY, 0, 1] > found.shares[ADA, 0, 1]
    assert (found.shares > 0).all()


def test_more_cells_than_memory_holds_are_refused() -> None:
    workers = np.arange(10_000)
    with pytest.raises(InvalidInput, match="take the four answers"):
        confusion_against_others(Votes.of(workers, workers, workers % 1_000))


def test_renamed_labels_and_shuffled_rows_give_the_same_confusion_under_new_names() -> None:
    rng = np.random.default_rng(4)
    votes = simulated(Crowd(80, 10), rng)
    renamed, row = rng.permutation(4), rng.permutation(len(votes))
    other = Votes.of(votes.item[row], votes.worker[row], renamed[votes.label[row]], workers=10, labels=4)
    found, again = confusion_against_others(votes), confusion_against_others(other)
    assert again.shares[:, renamed][:, :, renamed] == pytest.approx(found.shares)
    assert accuracy_against_others(other).shrunk == pytest.approx(accuracy_against_others(votes).shrunk)
