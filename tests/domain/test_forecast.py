"""The forecast: an interval that the truth falls into, narrower the more is known."""

from itertools import product

import numpy as np
import pytest

from app.domain.forecast import PRIORS, Alike, Interval, assignments
from app.domain.redundancy import Asking, needed_by

ASKING = Asking(quorum=3, first=3, most=5)


def rng(seed: int = 1) -> np.random.Generator:
    return np.random.default_rng(seed)


def before(items: int, asking: Asking = ASKING, per_hit: float = 1, seed: int = 1) -> Interval:
    return assignments(asking, begun=[], not_begun=items, items_per_hit=per_hit, rng=rng(seed))


def crowd(items: int, shares: tuple[float, ...], seed: int) -> tuple[list[tuple[int, ...]], int]:
    """The states after the first answers of that many Items of an imagined Batch, and what all of them take in the end."""
    random = rng(seed)
    states, total = [], 0
    for own in random.dirichlet(shares, size=items):
        counts, first = [0] * 5, None
        while more := needed_by((counts[0], counts[1], counts[2], counts[3]), counts[4], ASKING):
            for answer in random.choice(5, size=more, p=own):
                counts[answer] += 1
            first = first or tuple(counts)
        states.append(first or tuple(counts))
        total += sum(counts)
    return states, total


def alike(states: list[tuple[int, ...]]) -> list[Alike]:
    kinds = sorted(set(states))
    return [Alike((a, b, c, d, e), states.count((a, b, c, d, e))) for a, b, c, d, e in kinds]


def test_it_lies_between_what_is_asked_at_first_and_at_most() -> None:
    found = before(1000)
    assert 3000 <= found.low < found.expected < found.high <= 5000


def test_it_is_exact_where_all_are_asked_at_once() -> None:
    assert before(1000, Asking(quorum=3, first=5, most=5)) == Interval(5000, 5000, 5000)


def test_every_way_in_which_an_item_may_stand_can_be_continued() -> None:
    kinds = [state for state in product(range(4), repeat=5) if sum(state) <= ASKING.most]
    for asking in (ASKING, Asking(quorum=2, first=1, most=3), Asking(quorum=3, first=2, most=7)):
        for state in kinds:
            a, b, c, d, e = state
            begun = [Alike((a, b, c, d, e), 1)]
            found = assignments(asking, begun=begun, not_begun=0, items_per_hit=1, rng=rng())
            assert found.high <= asking.most, state


def test_no_items_take_nothing() -> None:
    assert before(0) == Interval(0, 0, 0)


def test_the_same_seed_gives_the_same_forecast() -> None:
    assert before(100, seed=4) == before(100, seed=4)


@pytest.mark.parametrize("shares", PRIORS)
@pytest.mark.parametrize("seed", range(3))
def test_before_launch_a_batch_like_any_of_the_studys_falls_into_it(shares: tuple[float, ...], seed: int) -> None:
    _, total = crowd(400, shares, seed)
    found = before(400)
    assert found.low <= total <= found.high


def test_in_mid_batch_it_narrows_and_covers_the_truth_about_as_often_as_it_says() -> None:
    hit = 0
    for seed in range(30):
        states, total = crowd(200, PRIORS[seed % len(PRIORS)], seed)
        found = assignments(ASKING, begun=alike(states[:100]), not_begun=100, items_per_hit=1, rng=rng(seed))
        assert found.high - found.low < (before(200).high - before(200).low) / 2
        hit += found.low <= total <= found.high
    assert hit >= 24  # nine of ten on average: 27 of 30


def test_a_batch_unlike_the_study_is_told_by_its_own_items() -> None:
    everyone_agrees = assignments(
        ASKING, begun=[Alike((3, 0, 0, 0, 0), 500)], not_begun=500, items_per_hit=1, rng=rng()
    )
    assert everyone_agrees.high < 3150
    split = assignments(ASKING, begun=[Alike((2, 1, 0, 0, 0), 500)], not_begun=500, items_per_hit=1, rng=rng())
    assert split.low > 4000


def test_items_that_are_answered_take_what_they_took() -> None:
    found = assignments(ASKING, begun=[Alike((3, 0, 0, 0, 0), 10)], not_begun=0, items_per_hit=1, rng=rng())
    assert found == Interval(30, 30, 30)


def test_a_hit_of_several_items_takes_as_many_as_the_one_that_needs_most() -> None:
    alone, together = before(1000), before(1000, per_hit=5)
    assert together.expected > alone.expected / 5
    assert 600 <= together.low <= together.high <= 1000
    begun = [Alike((3, 0, 0, 0, 0), 50), Alike((2, 1, 0, 0, 0), 50)]
    half_way = assignments(ASKING, begun=begun, not_begun=100, items_per_hit=5, rng=rng())
    assert 120 <= half_way.low <= half_way.high <= 200


def test_more_answers_than_may_be_asked_for_do_no_harm() -> None:
    found = assignments(ASKING, begun=[Alike((4, 2, 0, 0, 0), 3)], not_begun=0, items_per_hit=1, rng=rng())
    assert found == Interval(15, 15, 15)
