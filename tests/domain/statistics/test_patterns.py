import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from app.domain.statistics.patterns import patterns_of


@given(st.lists(st.tuples(st.integers(0, 3), st.integers(0, 3), st.integers(0, 3)), max_size=30))
def test_each_item_has_the_pattern_that_is_its_row_and_no_two_are_alike(rows: list[tuple[int, int, int]]) -> None:
    counts = np.array(rows, dtype=np.int64).reshape(len(rows), 3)
    patterns, pattern = patterns_of(counts)
    np.testing.assert_array_equal(patterns[pattern], counts)
    assert len(patterns) == len(set(rows))


@pytest.mark.parametrize("most", [3, 40_000, 2**31 - 2])
def test_large_counts_are_told_apart_as_well(most: int) -> None:
    counts = np.random.default_rng(1).integers(0, most, (200, 6))
    patterns, pattern = patterns_of(np.vstack([counts, counts]))
    np.testing.assert_array_equal(patterns[pattern[:200]], counts)
    np.testing.assert_array_equal(pattern[:200], pattern[200:])
    assert len(patterns) == len(np.unique(counts, axis=0))
