from collections import Counter
from itertools import pairwise

import numpy as np
from hypothesis import given
from hypothesis import strategies as st

from app.domain.packing import Sized, pack, place
from app.domain.vocabulary import ItemId

SIZES = st.lists(st.integers(0, 1000), max_size=60)


def sized(sizes: list[int]) -> list[Sized]:
    return [Sized(ItemId(number), size) for number, size in enumerate(sizes)]


@given(sizes=SIZES, per_hit=st.integers(1, 10), budget=st.integers(1, 2000))
def test_every_item_is_packed_once_and_in_order(sizes: list[int], per_hit: int, budget: int) -> None:
    groups = list(pack(sized(sizes), per_hit=per_hit, byte_budget=budget))
    assert [item for group in groups for item in group] == list(range(len(sizes)))


@given(sizes=SIZES, per_hit=st.integers(1, 10), budget=st.integers(1, 2000))
def test_no_hit_passes_a_limit_unless_one_item_alone_does(sizes: list[int], per_hit: int, budget: int) -> None:
    for group in pack(sized(sizes), per_hit=per_hit, byte_budget=budget):
        assert 1 <= len(group) <= per_hit
        assert sum(sizes[item] for item in group) <= budget or len(group) == 1


@given(sizes=SIZES, per_hit=st.integers(1, 10), budget=st.integers(1, 2000))
def test_no_hit_is_closed_before_it_must_be(sizes: list[int], per_hit: int, budget: int) -> None:
    groups = list(pack(sized(sizes), per_hit=per_hit, byte_budget=budget))
    for group, following in pairwise(groups):
        full = len(group) == per_hit
        assert full or sum(sizes[item] for item in group) + sizes[following[0]] > budget


def test_nothing_makes_no_hit() -> None:
    assert list(pack([], per_hit=5, byte_budget=100)) == []


def test_items_that_fill_the_page_exactly_stay_together() -> None:
    assert list(pack(sized([50, 50, 1]), per_hit=5, byte_budget=100)) == [[0, 1], [2]]


def test_positions_count_from_one_in_the_groups_order() -> None:
    group = [ItemId(7), ItemId(3), ItemId(5)]
    placed = place(group, np.random.default_rng(1))
    assert [(p.position, p.item_id) for p in placed] == [(1, 7), (2, 3), (3, 5)]


def test_the_same_seed_places_the_same_way() -> None:
    group = [ItemId(number) for number in range(50)]
    assert place(group, np.random.default_rng(7)) == place(group, np.random.default_rng(7))
    assert place(group, np.random.default_rng(7)) != place(group, np.random.default_rng(8))


def test_either_label_is_the_first_about_equally_often() -> None:
    placed = place([ItemId(number) for number in range(10_000)], np.random.default_rng(7))
    assert 4_800 < Counter(p.a_is_given for p in placed)[True] < 5_200
