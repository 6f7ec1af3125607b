import numpy as np
import pytest
from numpy.typing import NDArray
from scipy import stats

from app.domain.consensus.votes import Votes
from app.domain.statistics.position_bias import PositionBias, position_bias
from app.errors import InvalidInput

GIVEN, GUESSED, BOTH = 0, 1, 2
ADA, MALLORY = 0, 1


def shown(rng: np.random.Generator, responses: int) -> NDArray[np.int64]:
    """Which of the two claims is shown first, by a fair coin."""
    return rng.integers(0, 2, responses)


def biased(label: NDArray[np.int64], worker: NDArray[np.int64], first: NDArray[np.int64]) -> PositionBias:
    return position_bias(Votes.of(np.arange(len(label)), worker, label, labels=4), first, 1 - first)


def test_mallory_who_takes_the_first_is_found_and_ada_who_likes_given_is_not() -> None:
    rng = np.random.default_rng(1)
    first, worker = shown(rng, 200), np.repeat([ADA, MALLORY], 100)
    label = np.where(worker == MALLORY, first, np.where(rng.random(200) < 0.9, GIVEN, GUESSED))
    found = biased(label, worker, first)
    assert found.first[MALLORY] == found.chosen[MALLORY] == 100
    assert found.adjusted_p[MALLORY] < 1e-10
    assert found.adjusted_p[ADA] > 0.05
    assert found.low[ADA] < 0.5 < found.high[ADA]


def test_the_test_is_the_exact_binomial_one() -> None:
    first = np.zeros(10, dtype=np.int64)
    found = biased(np.array([0] * 8 + [1] * 2), np.zeros(10, dtype=np.int64), first)
    assert found.p[0] == pytest.approx(stats.binomtest(8, 10).pvalue)


def test_answers_that_are_neither_claim_say_nothing() -> None:
    found = biased(np.full(5, BOTH), np.zeros(5, dtype=np.int64), np.zeros(5, dtype=np.int64))
    assert found.chosen.tolist() == [0]
    assert np.isnan(found.p[0])
    assert found.crowd is None
    assert np.isnan(found.crowd_p)


def test_the_crowds_share_knows_that_answers_of_one_worker_hang_together() -> None:
    rng = np.random.default_rng(2)
    first, worker = shown(rng, 2_000), np.repeat(np.arange(20), 100)
    always = np.where(worker % 2 == 0, first, 1 - first)  # half of them always take the first, half the last
    found = biased(always, worker, first).crowd
    assert found is not None
    assert found.value == pytest.approx(0.5)
    assert found.interval.width > 0.4


def test_a_little_of_everybodys_answers_shows_in_the_crowd() -> None:
    rng = np.random.default_rng(4)
    first, worker = shown(rng, 4_000), np.repeat(np.arange(400), 10)
    found = biased(np.where(rng.random(4_000) < 0.1, first, rng.integers(0, 2, 4_000)), worker, first)
    assert found.crowd is not None
    assert found.crowd.interval.low > 0.5
    assert found.crowd_p < 1e-6
    assert (found.adjusted_p > 0.05).all()


def test_among_workers_who_do_not_look_at_the_order_few_are_accused() -> None:
    rng = np.random.default_rng(3)
    accused = 0
    for _ in range(40):
        first, worker = shown(rng, 3_000), np.repeat(np.arange(30), 100)
        found = biased(rng.integers(0, 3, 3_000), worker, first)
        accused += int((found.adjusted_p < 0.05).any())
    assert accused <= 5


def test_every_response_needs_its_claims() -> None:
    with pytest.raises(InvalidInput, match="each of 2 Responses"):
        position_bias(
            Votes.of(np.arange(2), np.arange(2), np.arange(2)), np.zeros(1, dtype=int), np.zeros(2, dtype=int)
        )
