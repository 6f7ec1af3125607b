from collections.abc import Callable

import numpy as np
import pytest

from app.domain.consensus.majority import quorum
from app.domain.consensus.votes import VoteCounts
from app.domain.statistics.readings import CATEGORIES
from app.domain.statistics.repeatability import repeatability
from app.domain.vocabulary import Category
from app.errors import InvalidInput


def panel(rng: np.random.Generator, shares: np.ndarray, answers: int = 5) -> np.ndarray:
    return np.array([rng.multinomial(answers, row) for row in shares], dtype=np.int64)


def categories(counts: np.ndarray) -> np.ndarray:
    return np.eye(len(CATEGORIES))[quorum(VoteCounts(counts[:, :4]), quorum=3).winner]


CROWDS: dict[str, Callable[[np.random.Generator], np.ndarray]] = {
    "each Item its own": lambda rng: rng.dirichlet([0.8, 0.5, 0.1, 0.2], 2000),
    "clear ones and doubtful ones": lambda rng: np.where(
        rng.random((2000, 1)) < 0.6, [0.92, 0.04, 0.02, 0.02], [0.1, 0.6, 0.1, 0.2]
    ),
    "nearly all clear": lambda rng: np.where(
        rng.random((2000, 1)) < 0.9, [0.97, 0.01, 0.01, 0.01], [0.3, 0.3, 0.2, 0.2]
    ),
    "all alike": lambda rng: np.tile([0.5, 0.3, 0.1, 0.1], (2000, 1)),
}


@pytest.mark.parametrize("crowd", CROWDS)
def test_it_says_what_two_panels_of_a_simulated_crowd_do(crowd: str) -> None:
    rng = np.random.default_rng(6)
    shares = CROWDS[crowd](rng)
    first, second = panel(rng, shares), panel(rng, shares)
    found = repeatability(first, quorum_size=3)
    assert found.same == pytest.approx((categories(first) * categories(second)).sum(axis=1).mean(), abs=0.03)
    np.testing.assert_allclose(found.noise, (categories(first) != categories(second)).mean(axis=0) / 2, atol=0.02)
    np.testing.assert_allclose(found.chance.mean(axis=0), categories(second).mean(axis=0), atol=0.03)


def test_chances_of_an_item_sum_to_one_and_follow_its_answers() -> None:
    counts = np.array([[5, 0, 0, 0]] * 30 + [[0, 5, 0, 0]] * 10 + [[2, 2, 1, 0]] * 5)
    found = repeatability(counts, quorum_size=3)
    np.testing.assert_allclose(found.chance.sum(axis=1), 1)
    assert found.chance[0].argmax() == CATEGORIES.index(Category.NON_ERROR)
    assert found.chance[30].argmax() == CATEGORIES.index(Category.CORRECTABLE)


def test_equal_items_have_equal_chances_whatever_their_order() -> None:
    counts = panel(np.random.default_rng(1), np.random.default_rng(2).dirichlet([1, 1, 1, 1], 50))
    order = np.random.default_rng(3).permutation(50)
    np.testing.assert_allclose(
        repeatability(counts[order], quorum_size=3).chance, repeatability(counts, quorum_size=3).chance[order]
    )


def test_a_unanimous_crowd_would_say_the_same_again() -> None:
    found = repeatability(np.array([[5, 0, 0, 0]] * 40), quorum_size=3)
    assert found.same > 0.99
    assert found.noise.max() < 0.01


def test_where_the_quorum_is_not_reached_by_so_few_answers_all_is_non_agreement() -> None:
    found = repeatability(np.array([[1, 1, 0, 0], [2, 0, 0, 0]]), quorum_size=3)
    assert found.chance[:, CATEGORIES.index(Category.NON_AGREEMENT)].tolist() == [1.0, 1.0]
    assert found.same == 1.0


def test_other_answers_are_answers() -> None:
    # Of four options and two others: with the others left out every Item would be unanimous.
    found = repeatability(np.array([[3, 0, 0, 0, 1, 1]] * 50), quorum_size=3)
    assert 0.5 < found.same < 0.85


def test_an_item_without_answers_has_the_chances_of_one_that_nobody_knows() -> None:
    counts = np.array([[5, 0, 0, 0]] * 30 + [[0, 5, 0, 0]] * 10 + [[0, 0, 0, 0]])
    found = repeatability(counts, quorum_size=3)
    np.testing.assert_allclose(found.chance[-1, :2], [0.75, 0.25], atol=0.02)
    assert found.same == pytest.approx(repeatability(counts[:-1], quorum_size=3).same)


def test_a_quorum_below_half_and_hundreds_of_answers_are_no_trouble() -> None:
    rng = np.random.default_rng(5)
    counts = panel(rng, rng.dirichlet([1, 1, 1, 1], 60), answers=400)
    found = repeatability(counts, quorum_size=3)
    assert np.isfinite(found.chance).all()
    np.testing.assert_allclose(found.chance.sum(axis=1), 1)


def test_without_any_answer_nothing_can_be_said() -> None:
    with pytest.raises(InvalidInput, match="no Responses"):
        repeatability(np.zeros((3, 4), dtype=np.int64), quorum_size=3)
