import numpy as np

from app.domain.consensus.votes import OPTIONS, VoteCounts
from app.domain.vocabulary import Option


def test_triples_are_counted_by_item_and_option() -> None:
    items = np.array([0, 0, 2, 2, 2])
    options = np.array([0, 3, 1, 1, 2])
    counts = VoteCounts.from_triples(items, options, item_count=4).counts
    assert counts.tolist() == [[1, 0, 0, 1], [0, 0, 0, 0], [0, 2, 1, 0], [0, 0, 0, 0]]


def test_no_triples_are_no_votes() -> None:
    none = np.array([], dtype=np.intp)
    assert VoteCounts.from_triples(none, none, item_count=2).counts.tolist() == [[0] * 4] * 2


def test_the_columns_are_the_four_options() -> None:
    assert set(OPTIONS) == set(Option)
