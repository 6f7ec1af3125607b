import numpy as np
import pytest
from numpy.typing import NDArray

from app.domain.consensus.votes import Votes
from app.domain.statistics.anchoring import anchoring


def crowd(
    rng: np.random.Generator, *, pull: float, workers: int = 40, items: int = 60
) -> tuple[Votes, NDArray[np.int64]]:
    """Workers with likings of their own answer all Items, each in its own order; with chance `pull` they repeat themselves."""
    truth = rng.choice(4, size=items, p=(0.55, 0.25, 0.1, 0.1))
    likes = rng.dirichlet(np.ones(4), size=workers).cumsum(axis=1)
    place = rng.permuted(np.tile(np.arange(items), (workers, 1)), axis=1)
    label = np.zeros((workers, items), dtype=np.int64)
    for worker in range(workers):
        before = -1
        for item in place[worker]:
            own = truth[item] if rng.random() < 0.6 else int((rng.random() > likes[worker]).sum().clip(max=3))
            before = before if before >= 0 and rng.random() < pull else own
            label[worker, item] = before
    who, item = np.indices(label.shape)
    return Votes.of(item.ravel(), who.ravel(), label.ravel()), np.argsort(place, axis=1).ravel()


def test_a_previous_answer_that_pulls_the_next_is_seen() -> None:
    found = anchoring(*crowd(np.random.default_rng(1), pull=0.2))
    assert found.pull is not None
    # Where the own answer would have been the same nothing is gained: less than the chance of repeating.
    assert 0.05 < found.pull.value < 0.2
    assert found.p < 0.001
    assert (found.steps, found.workers) == (40 * 59, 40)


def test_neither_likings_nor_a_common_answer_count_as_a_pull() -> None:
    rng = np.random.default_rng(2)
    found = [anchoring(*crowd(rng, pull=0.0)) for _ in range(30)]
    pulls = [of.pull.value for of in found if of.pull]
    assert np.mean(pulls) == pytest.approx(0, abs=0.01)
    assert sum(of.p < 0.05 for of in found) <= 4


def test_one_worker_shows_no_spread_between_workers() -> None:
    items = np.arange(1_000)
    found = anchoring(Votes.of(items, items * 0, items % 3), items)
    assert found.pull is None
    assert np.isnan(found.p)


def test_workers_of_one_answer_each_have_no_previous_one() -> None:
    workers = np.arange(10_000)
    assert anchoring(Votes.of(workers // 5, workers, workers % 4), workers).steps == 0


def test_the_names_of_labels_and_the_order_of_rows_do_not_matter() -> None:
    rng = np.random.default_rng(3)
    votes, sequence = crowd(rng, pull=0.1, workers=8, items=30)
    renamed, row = rng.permutation(4), rng.permutation(len(votes))
    other = Votes.of(votes.item[row], votes.worker[row], renamed[votes.label[row]])
    found, again = anchoring(votes, sequence), anchoring(other, sequence[row])
    assert again.p == pytest.approx(found.p)
