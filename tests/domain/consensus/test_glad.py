import numpy as np
import pytest
from scipy.optimize import approx_fprime

from app.domain.consensus.glad import glad
from app.domain.consensus.outcome import Floats
from app.domain.consensus.votes import Votes
from tests.domain.consensus.crowds import ADA, BOB, MALLORY, crowd_of


def test_it_tells_who_is_able() -> None:
    ability = glad(crowd_of([ADA] * 4 + [BOB] * 4 + [MALLORY] * 4, items=200).votes).ability
    assert ability[:4].min() > ability[4:8].max() > ability[8:].max()


def test_an_item_on_which_the_able_differ_is_harder_than_one_on_which_they_agree() -> None:
    crowd = crowd_of([ADA] * 8, items=100, per_item=6, labels=3)
    said = crowd.votes.label.copy()
    disputed = crowd.votes.item == 0
    said[disputed] = np.arange(disputed.sum()) % 3
    ease = glad(Votes.of(crowd.votes.item, crowd.votes.worker, said)).ease
    assert ease[0] < np.quantile(ease, 0.1)


def log_posterior(found: Floats, votes: Votes) -> float:
    """Of alpha and log beta, the true labels summed out; but for a constant."""
    alpha, log_beta = found[: votes.workers], found[votes.workers :]
    logit = alpha[votes.worker] * np.exp(log_beta)[votes.item]
    right, wrong = -np.logaddexp(0, -logit), -np.logaddexp(0, logit) - np.log(votes.labels - 1)
    place = votes.item * votes.labels + votes.label
    evidence = np.bincount(place, right - wrong, votes.items * votes.labels).reshape(-1, votes.labels)
    likelihood = wrong.sum() + np.logaddexp.reduce(evidence, axis=1).sum()
    return float(likelihood - ((found - 1) ** 2).sum() / 2)


def noise(items: int) -> Votes:
    rng = np.random.default_rng(1)
    item = np.repeat(np.arange(items), 5)
    return Votes.of(item, rng.integers(0, 20, len(item)), rng.integers(0, 4, len(item)), labels=4)


@pytest.mark.parametrize("votes", [crowd_of([ADA] * 4 + [BOB] * 4, items=60).votes, noise(60)])
def test_it_ends_at_the_top_of_what_it_climbs(votes: Votes) -> None:
    found = glad(votes, max_iterations=1000, tolerance=1e-7)
    at = np.r_[found.ability, np.log(found.ease)]
    assert np.abs(approx_fprime(at, lambda x: log_posterior(x, votes))).max() < 1e-3


def test_its_usual_steps_come_near_the_top_also_where_it_is_flat() -> None:
    votes = noise(500)
    usual, far = (glad(votes, max_iterations=times, tolerance=below) for times, below in ((100, 1e-3), (1000, 1e-6)))
    reached, top = (log_posterior(np.r_[at.ability, np.log(at.ease)], votes) for at in (usual, far))
    assert top - 1 < reached < top + 0.1


def test_items_of_a_hundred_answers_do_not_run_beyond_the_bound() -> None:
    rng = np.random.default_rng(0)
    item = np.repeat(np.arange(30), 100)
    worker = np.concatenate([rng.permutation(400)[:100] for _ in range(30)])
    right = rng.random(len(item)) < rng.beta(1, 1, 400)[worker]
    votes = Votes.of(item, worker, np.where(right, item % 4, rng.integers(0, 4, len(item))), labels=4)
    early, late = (glad(votes, max_iterations=times, tolerance=1e-9) for times in (3, 300))
    assert late.ease.max() == pytest.approx(20)
    first, last = (log_posterior(np.r_[at.ability, np.log(at.ease)], votes) for at in (early, late))
    assert last > first - 0.05 * abs(first)


def test_nothing_at_all_is_no_crash() -> None:
    none = np.zeros(0, dtype=np.int64)
    assert glad(Votes.of(none, none, none, labels=2)).posterior.shape == (0, 2)


@pytest.mark.parametrize("labels", [2, 3])
def test_one_worker_is_believed_and_not_taken_for_a_guesser(labels: int) -> None:
    items = np.arange(1000)
    posterior = glad(Votes.of(items, items * 0, items % labels, labels=labels)).posterior
    right = posterior[items, items % labels]
    assert (right > 1 / labels + 0.1).all()
    assert np.ptp(right) < 1e-6
