"""Items → the groups that are shown in one HIT each."""

from collections.abc import Iterable, Iterator
from dataclasses import dataclass

import numpy as np

from app.domain.vocabulary import ItemId


@dataclass(frozen=True, slots=True)
class Sized:
    """An Item and the bytes it adds to the question's page."""

    item_id: ItemId
    bytes: int


@dataclass(frozen=True, slots=True)
class Placed:
    """An Item's place in a HIT; `a_is_given` is the secret that the page does not tell."""

    item_id: ItemId
    position: int
    a_is_given: bool


def pack(items: Iterable[Sized], *, per_hit: int, byte_budget: int) -> Iterator[list[ItemId]]:
    """Groups of up to `per_hit` Items in the order given, closed early where `byte_budget` would be passed.

    An Item larger than the budget stands alone; whether it fits at all is the import's question.
    """
    group: list[ItemId] = []
    used = 0
    for item in items:
        if group and (len(group) == per_hit or used + item.bytes > byte_budget):
            yield group
            group, used = [], 0
        group.append(item.item_id)
        used += item.bytes
    if group:
        yield group


def place(group: list[ItemId], rng: np.random.Generator) -> list[Placed]:
    """Positions from 1; which label is shown as `a` is drawn for each Item."""
    coins = rng.integers(0, 2, size=len(group), dtype=np.int8)
    return [
        Placed(item_id, position, bool(coin))
        for position, (item_id, coin) in enumerate(zip(group, coins, strict=True), 1)
    ]
