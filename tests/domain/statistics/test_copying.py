import numpy as np
import pytest

from app.domain.consensus.votes import Votes
from app.domain.statistics.copying import CopyPairs, copy_groups, copy_pairs
from app.errors import InvalidInput
from tests.domain.statistics.crowds import Crowd, simulated


def with_copies(votes: Votes, source: int, *copies: int) -> Votes:
    """On Items that they share with `source`, `copies` give its answers."""
    label = votes.label.copy()
    of = dict(
        zip(votes.item[votes.worker == source].tolist(), votes.label[votes.worker == source].tolist(), strict=True)
    )
    for row in np.flatnonzero(np.isin(votes.worker, copies)):
        label[row] = of.get(int(votes.item[row]), label[row])
    return Votes.of(votes.item, votes.worker, label, items=votes.items, workers=votes.workers, labels=votes.labels)


def found_of(pairs: CopyPairs, at: float = 0.01) -> set[tuple[int, int]]:
    kept = pairs.adjusted_p <= at
    return set(zip(pairs.first[kept].tolist(), pairs.second[kept].tolist(), strict=True))


def test_a_worker_who_copies_from_another_is_found() -> None:
    votes = simulated(Crowd(400, 30, spammers=0.0, answers=9, uneven=0.0), np.random.default_rng(1))
    pairs = copy_pairs(with_copies(votes, 3, 17))
    assert found_of(pairs) == {(3, 17)}
    assert pairs.tested == 30 * 29 / 2
    assert 2 * pairs.expected[0] < pairs.same[0] < pairs.shared[0]


@pytest.mark.parametrize("spammers", [0.0, 0.3])
def test_careless_workers_on_hard_items_are_no_copies(spammers: float) -> None:
    rng = np.random.default_rng(2)
    accused = [found_of(copy_pairs(simulated(Crowd(300, 40, spammers=spammers), rng)), 0.05) for _ in range(20)]
    assert sum(map(bool, accused)) <= 2


def test_workers_who_are_right_together_are_no_copies() -> None:
    truth = np.random.default_rng(3).integers(0, 4, 200)
    item, worker = np.indices((200, 6))
    pairs = copy_pairs(Votes.of(item.ravel(), worker.ravel(), np.repeat(truth, 6)))
    assert (len(pairs.p), pairs.tested) == (0, 15)


def test_a_group_that_is_the_majority_shows_on_gold_items_alone() -> None:
    rng = np.random.default_rng(4)
    truth = rng.integers(0, 4, 200)
    label = np.where(rng.random((200, 8)) < 0.8, truth[:, None], rng.integers(0, 4, (200, 8)))
    label[:, 1:5] = label[:, [0]]
    item, worker = np.indices(label.shape)
    votes = Votes.of(item.ravel(), worker.ravel(), label.ravel())
    groups = copy_groups(votes, copy_pairs(votes, truth), right=truth)
    assert [of.workers for of in groups] == [(0, 1, 2, 3, 4)]
    assert groups[0].items == (label[:, 0] != truth).sum()
    assert not copy_groups(votes, copy_pairs(votes))


def test_honest_workers_whom_a_group_outvotes_on_some_items_are_no_copies() -> None:
    """Three follow a script that is often wrong, and win some Items: whoever is right there shares what counts as wrong."""
    accused, found = 0, 0
    for seed in range(10):
        rng = np.random.default_rng(seed)
        truth, item, worker = rng.integers(0, 4, 400), *np.indices((400, 11))
        right = np.array([0.9] * 3 + [0.6] * 5)
        honest = np.where(rng.random((400, 8)) < right, truth[:, None], rng.integers(0, 4, (400, 8)))
        script = np.where(rng.random(400) < 0.55, truth, rng.integers(0, 4, 400))
        slips = np.where(rng.random((400, 3)) < 0.1, rng.integers(0, 4, (400, 3)), script[:, None])
        asked = np.column_stack([rng.random((400, 8)).argsort(axis=1) < 5, np.ones((400, 3), dtype=bool)])
        votes = Votes.of(item[asked], worker[asked], np.column_stack([honest, slips])[asked])
        pairs = found_of(copy_pairs(votes))
        accused += any(first < 8 for first, _ in pairs)
        found += {(8, 9), (8, 10), (9, 10)} <= pairs
    assert (found, accused) == (10, 0)


def test_groups_are_linked_through_others_and_told_largest_first() -> None:
    votes = simulated(Crowd(600, 30, spammers=0.0, answers=12, uneven=0.0), np.random.default_rng(5))
    votes = with_copies(with_copies(votes, 3, 17), 5, 20, 25)
    groups = copy_groups(votes, copy_pairs(votes))
    assert [of.workers for of in groups] == [(5, 20, 25), (3, 17)]


def test_a_million_items_of_one_worker_and_ten_thousand_workers_of_one_item_have_no_pairs() -> None:
    items = np.arange(1_000_000)
    workers = np.arange(10_000)
    for votes in (Votes.of(items, items * 0, items % 4), Votes.of(workers * 0, workers, workers % 4)):
        pairs = copy_pairs(votes)
        assert (len(pairs.p), pairs.tested) == (0, 0)
        assert copy_groups(votes, pairs) == []


def test_no_responses_are_no_pairs() -> None:
    none = np.zeros(0, dtype=np.int64)
    votes = Votes.of(none, none, none)
    assert copy_groups(votes, copy_pairs(votes)) == []


def test_right_must_cover_the_items() -> None:
    with pytest.raises(InvalidInput, match="each of 2 Items"):
        copy_pairs(Votes.of(np.arange(2), np.arange(2), np.arange(2)), np.array([0]))


def test_the_names_of_labels_and_workers_and_the_order_of_rows_do_not_matter() -> None:
    rng = np.random.default_rng(6)
    votes = with_copies(simulated(Crowd(200, 12, answers=6), rng), 3, 7)
    renamed, row = rng.permutation(4), rng.permutation(len(votes))
    other = Votes.of(votes.item[row], votes.worker[row], renamed[votes.label[row]], workers=12, labels=4)
    found, again = copy_pairs(votes), copy_pairs(other)
    assert again.first.tolist() == found.first.tolist()
    assert again.p == pytest.approx(found.p)
