"""What every method in the list must hold to: a result that depends on the answers alone."""

import numpy as np
import pytest

from app.domain.consensus.methods import METHODS, aggregate
from app.domain.consensus.outcome import NONE_WON, Floats, Outcome
from app.domain.consensus.votes import Votes
from app.errors import InvalidInput
from tests.domain.consensus.crowds import ADA, BOB, MALLORY, accuracy, crowd_of

CROWD = crowd_of([ADA] * 6 + [BOB] * 8 + [MALLORY] * 3, items=240)
NAMES = [method.name for method in METHODS]
every_method = pytest.mark.parametrize("name", NAMES)


def model_of(true: np.ndarray[tuple[int, ...], np.dtype[np.int64]], labels: int) -> Floats:
    """Probabilities of a model that is right on seven Items of ten, and sure of itself."""
    rng = np.random.default_rng(8)
    guessed = np.where(rng.random(len(true)) < 0.7, true, rng.integers(0, labels, len(true)))
    return np.full((len(true), labels), 0.05 / labels) + np.eye(labels)[guessed] * 0.95


MODEL = model_of(CROWD.true, CROWD.votes.labels)


def run(name: str, votes: Votes, model: Floats | None = None) -> Outcome:
    if name == "crowdlab":
        even = np.full((votes.items, votes.labels), 1 / votes.labels)
        return aggregate(votes, name, pred_probs=even if model is None else model)
    return aggregate(votes, name)


def votes_of(*triples: tuple[int, int, int], items: int, workers: int, labels: int) -> Votes:
    item, worker, label = np.array(triples, dtype=np.int64).reshape(-1, 3).T
    return Votes.of(item, worker, label, items=items, workers=workers, labels=labels)


def holds(outcome: Outcome, votes: Votes) -> None:
    """A defined result: probabilities, none 0, labels in range, winners only where somebody answered."""
    assert outcome.posterior.shape == (votes.items, votes.labels)
    assert np.isfinite(outcome.posterior).all()
    assert (outcome.posterior > 0).all()
    assert outcome.posterior.sum(axis=1) == pytest.approx(np.ones(votes.items))
    assert outcome.label.shape == (votes.items,)
    assert set(outcome.label.tolist()) <= {NONE_WON, *range(votes.labels)}
    unanswered = np.bincount(votes.item, minlength=votes.items) == 0
    assert (outcome.label[unanswered] == NONE_WON).all()
    if outcome.worker_accuracy is not None:
        assert outcome.worker_accuracy.shape == (votes.workers,)
        silent = np.bincount(votes.worker, minlength=votes.workers) == 0
        assert np.isnan(outcome.worker_accuracy[silent]).all()
        assert np.isfinite(outcome.worker_accuracy[~silent]).all()


@every_method
def test_it_finds_the_truth_of_a_crowd_with_more_care_than_spam(name: str) -> None:
    found = run(name, CROWD.votes, MODEL)
    holds(found, CROWD.votes)
    assert found.method == name
    assert accuracy(found, CROWD.true) > 0.7
    assert not any(note.startswith("collapsed") for note in found.notes)


@every_method
def test_renamed_labels_are_renamed_in_the_result_and_nothing_else(name: str) -> None:
    votes, renamed = CROWD.votes, np.array([2, 0, 3, 1])
    other = Votes.of(votes.item, votes.worker, renamed[votes.label], items=votes.items, labels=votes.labels)
    found, again = run(name, votes, MODEL), run(name, other, MODEL[:, np.argsort(renamed)])
    assert again.posterior[:, renamed] == pytest.approx(found.posterior, abs=2e-4)
    assert np.where(found.label >= 0, renamed[found.label], NONE_WON).tolist() == again.label.tolist()


@every_method
def test_the_order_of_the_rows_plays_no_part(name: str) -> None:
    votes, order = CROWD.votes, np.random.default_rng(3).permutation(len(CROWD.votes))
    shuffled = Votes.of(votes.item[order], votes.worker[order], votes.label[order], labels=votes.labels)
    found, again = run(name, votes, MODEL), run(name, shuffled, MODEL)
    assert again.posterior == pytest.approx(found.posterior, abs=2e-4)
    assert again.label.tolist() == found.label.tolist()


@every_method
def test_a_batch_given_twice_is_decided_twice_the_same(name: str) -> None:
    votes, items = CROWD.votes, CROWD.votes.items
    doubled = Votes.of(
        np.concatenate([votes.item, votes.item + items]),
        np.tile(votes.worker, 2),
        np.tile(votes.label, 2),
        workers=votes.workers,
        labels=votes.labels,
    )
    found, again = run(name, votes, MODEL), run(name, doubled, np.tile(MODEL, (2, 1)))
    assert again.label[:items].tolist() == again.label[items:].tolist()
    assert again.posterior[:items] == pytest.approx(again.posterior[items:], abs=1e-9)
    assert (again.label[:items] == found.label).mean() > 0.98


@every_method
def test_one_more_worker_who_does_not_look_costs_next_to_nothing(name: str) -> None:
    votes, rng = CROWD.votes, np.random.default_rng(4)
    noise = rng.permutation(votes.items)[:100]
    noisy = Votes.of(
        np.concatenate([votes.item, noise]),
        np.concatenate([votes.worker, np.full(len(noise), votes.workers)]),
        np.concatenate([votes.label, rng.integers(0, votes.labels, len(noise))]),
        labels=votes.labels,
    )
    found, again = run(name, votes, MODEL), run(name, noisy, MODEL)
    assert accuracy(again, CROWD.true) > accuracy(found, CROWD.true) - 0.03
    assert (again.label == found.label).mean() > 0.9


@every_method
def test_without_responses_nothing_wins_and_every_label_is_as_likely(name: str) -> None:
    votes = votes_of(items=3, workers=2, labels=2)
    found = run(name, votes)
    holds(found, votes)
    assert found.posterior.tolist() == [[0.5, 0.5]] * 3
    assert any(note.startswith("no responses") for note in found.notes)


@every_method
@pytest.mark.parametrize(
    ("votes", "labels"),
    [
        pytest.param(votes_of((1, 0, 1), items=2, workers=1, labels=2), None, id="one response"),
        pytest.param(votes_of((0, 0, 0), items=1, workers=1, labels=1), None, id="one label"),
        pytest.param(
            votes_of(*[(i, 0, i % 3) for i in range(60)], items=60, workers=1, labels=3), None, id="one worker"
        ),
        pytest.param(
            votes_of(*[(i // 20, i, i % 2) for i in range(80)], items=4, workers=80, labels=2), None, id="one each"
        ),
        pytest.param(
            votes_of(*[(i // 5, i % 7, 2) for i in range(100)], items=20, workers=7, labels=4), 2, id="one answer"
        ),
        pytest.param(
            votes_of(*[(i // 5, i % 5, i % 2) for i in range(50)], items=10, workers=9, labels=6), None, id="unchosen"
        ),
        pytest.param(votes_of(*[(0, 0, 1)] * 5, items=1, workers=1, labels=2), 1, id="the same response five times"),
    ],
)
def test_extremes_have_a_defined_result(name: str, votes: Votes, labels: int | None) -> None:
    found = run(name, votes)
    holds(found, votes)
    if labels is not None:
        assert set(found.label.tolist()) <= {labels}


def test_many_items_of_one_worker_and_many_workers_of_one_answer_are_no_burden() -> None:
    rng = np.random.default_rng(1)
    alone = Votes.of(np.arange(20_000), np.zeros(20_000, dtype=np.int64), rng.integers(0, 4, 20_000), labels=4)
    holds(aggregate(alone), alone)
    strangers = Votes.of(np.arange(10_000) // 5, np.arange(10_000), rng.integers(0, 4, 10_000), labels=4)
    holds(aggregate(strangers), strangers)


def test_more_labels_than_matrices_can_hold_are_refused_by_dawid_skene_and_decided_by_the_jury() -> None:
    votes = votes_of((0, 0, 0), (0, 1, 0), (1, 0, 8_000), (1, 1, 8_000), items=2, workers=2, labels=8_001)
    with pytest.raises(InvalidInput, match="too many for matrices"):
        aggregate(votes, "dawid-skene")
    assert aggregate(votes).label.tolist() == [0, 8_000]
