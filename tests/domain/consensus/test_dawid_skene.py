import numpy as np
import pytest

from app.domain.consensus.confusion import NO_SHRINKAGE, Shrinkage, crowd_matrix, worker_matrices
from app.domain.consensus.dawid_skene import dawid_skene
from app.domain.consensus.tallies import Tallies
from app.domain.consensus.votes import Votes
from tests.domain.consensus.crowds import ADA, BOB, MALLORY, crowd_of


def test_a_table_of_votes_gives_evidence_and_expected_confusions() -> None:
    votes = Votes.of(np.array([0, 0, 1]), np.array([0, 1, 1]), np.array([1, 0, 0]), items=3, labels=2)
    tallies = Tallies.of(votes)
    matrices = np.array([[[0.9, 0.1], [0.2, 0.8]], [[0.7, 0.3], [0.4, 0.6]]])
    assert tallies.evidence(matrices)[0] == pytest.approx([0.1 + 0.7, 0.8 + 0.4])
    posterior = np.array([[0.25, 0.75], [1.0, 0.0], [0.5, 0.5]])
    confusions = tallies.confusions(posterior)
    assert confusions[0] == pytest.approx(np.array([[0, 0.25], [0, 0.75]]))
    assert confusions[1] == pytest.approx(np.array([[1.25, 0], [0.75, 0]]))
    assert tallies.answered.tolist() == [True, True, False]


def test_confusions_of_workers_are_found_as_worker_true_said() -> None:
    """Two Workers who take label 1 for 0 half the time, beside six who are careful."""
    rng = np.random.default_rng(6)
    true = rng.integers(0, 3, 600)
    item, worker = np.repeat(np.arange(600), 8), np.tile(np.arange(8), 600)
    careful = np.where(rng.random(4800) < 0.9, true[item], (true[item] + rng.integers(1, 3, 4800)) % 3)
    biased = np.where((true[item] == 1) & (rng.random(4800) < 0.5), 0, true[item])
    votes = Votes.of(item, worker, np.where(worker < 2, biased, careful))
    found = dawid_skene(votes)
    assert found.confusion[:2, 1, 0] == pytest.approx([0.5, 0.5], abs=0.1)
    assert found.confusion.sum(axis=2) == pytest.approx(np.ones((8, 3)))
    assert (found.posterior.argmax(axis=1) == true).mean() > 0.98


def test_it_tells_who_cares_from_who_does_not_look() -> None:
    crowd = crowd_of([ADA] * 5 + [BOB] * 5 + [MALLORY] * 5)
    right = np.trace(dawid_skene(crowd.votes).confusion, axis1=1, axis2=2) / 4
    assert right[:5].min() > right[5:10].max() > right[10:].max()


def test_an_item_without_votes_gets_the_prior_of_the_classes() -> None:
    crowd = crowd_of([ADA] * 6, items=50)
    votes = Votes.of(crowd.votes.item, crowd.votes.worker, crowd.votes.label, items=51, labels=4)
    found = dawid_skene(votes)
    assert found.posterior[50] == pytest.approx(found.prior)
    assert found.prior == pytest.approx(np.bincount(crowd.true, minlength=4) / 50, abs=0.03)


def test_a_worker_without_own_answers_has_the_crowds_matrix() -> None:
    counts = np.zeros((2, 2, 2))
    counts[0] = [[80, 20], [40, 60]]
    found = worker_matrices(counts, Shrinkage())
    assert found[1] == pytest.approx(crowd_matrix(counts, 1.0), abs=1e-6)


def test_few_answers_move_a_worker_less_than_many() -> None:
    few, many = np.array([[2.0, 2.0], [0.0, 4.0]]), np.array([[200.0, 200.0], [0.0, 400.0]])
    crowd = np.array([[900.0, 100.0], [100.0, 900.0]])
    found = worker_matrices(np.stack([few, many, crowd]), Shrinkage())
    assert found[1, 0, 1] == pytest.approx(0.5, abs=0.02)
    assert 0.15 < found[0, 0, 1] < 0.4


def test_unshrunk_matrices_are_the_counts_shares_with_no_zero() -> None:
    found = worker_matrices(np.array([[[3.0, 1.0], [0.0, 2.0]]]), NO_SHRINKAGE)
    assert found[0] == pytest.approx(np.array([[0.75, 0.25], [0.0, 1.0]]), abs=1e-9)
    assert (found > 0).all()
