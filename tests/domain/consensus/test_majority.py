import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from app.domain.consensus.majority import quorum
from app.domain.consensus.votes import OPTIONS, VoteCounts
from app.domain.vocabulary import Category, Option

TABLES = st.lists(st.lists(st.integers(0, 9), min_size=4, max_size=4), min_size=1, max_size=30)
QUORUMS = st.integers(1, 6)


def votes(*rows: list[int]) -> VoteCounts:
    return VoteCounts(np.array(rows, dtype=np.int64).reshape(-1, 4))


def category_of(row: list[int], needed: int = 3) -> Category:
    return quorum(votes(row), quorum=needed).category(0)


@pytest.mark.parametrize(
    ("counts", "category"),
    [
        ([5, 0, 0, 0], "non-error"),
        ([3, 2, 0, 0], "non-error"),
        ([2, 3, 0, 0], "correctable"),
        ([0, 5, 0, 0], "correctable"),
        ([1, 1, 3, 0], "multi-label"),
        ([1, 0, 0, 4], "neither"),
        ([2, 2, 1, 0], "non-agreement"),
        ([2, 1, 1, 1], "non-agreement"),
        ([0, 2, 2, 1], "non-agreement"),
    ],
)
def test_three_of_five_decide_as_in_the_study(counts: list[int], category: str) -> None:
    assert category_of(counts) == category


@pytest.mark.parametrize("counts", [[3, 3, 0, 0], [3, 7, 0, 0], [3, 3, 3, 3]])
def test_given_is_tested_first_where_more_than_five_answered(counts: list[int]) -> None:
    # The study's own data hold Items with more than five votes.
    assert category_of(counts) is Category.NON_ERROR


@pytest.mark.parametrize("counts", [[0, 3, 3, 0], [2, 3, 0, 3], [0, 9, 0, 3], [2, 3, 3, 3]])
def test_where_several_others_reach_the_quorum_nothing_wins(counts: list[int]) -> None:
    assert category_of(counts) is Category.NON_AGREEMENT


def test_an_item_without_responses_is_in_non_agreement_with_no_agreement_at_all() -> None:
    result = quorum(votes([0, 0, 0, 0], [1, 0, 0, 0]), quorum=1)
    assert result.option(0) is None
    assert result.category(0) is Category.NON_AGREEMENT
    assert np.isnan(result.agreement).tolist() == [True, False]


def test_no_items_are_no_error() -> None:
    result = quorum(votes(), quorum=3)
    assert result.winner.shape == result.agreement.shape == (0,)


def test_agreement_is_the_leaders_share() -> None:
    result = quorum(votes([5, 0, 0, 0], [2, 2, 1, 0], [0, 1, 0, 3]), quorum=3)
    assert result.agreement.tolist() == [1.0, 0.4, 0.75]


@pytest.mark.parametrize("needed", [0, -1])
def test_a_quorum_below_one_is_refused(needed: int) -> None:
    with pytest.raises(ValueError, match="at least 1"):
        quorum(votes([1, 0, 0, 0]), quorum=needed)


def test_with_a_quorum_of_one_a_single_vote_decides_and_two_that_differ_do_not() -> None:
    assert category_of([0, 0, 0, 1], needed=1) is Category.NEITHER
    assert category_of([0, 1, 0, 1], needed=1) is Category.NON_AGREEMENT
    assert category_of([1, 1, 0, 0], needed=1) is Category.NON_ERROR


@given(table=TABLES, needed=QUORUMS)
def test_the_rule_is_its_own_description(table: list[list[int]], needed: int) -> None:
    result = quorum(votes(*table), quorum=needed)
    for number, row in enumerate(table):
        reached = [option for option, count in zip(OPTIONS, row, strict=True) if count >= needed]
        expected = Option.GIVEN if Option.GIVEN in reached else reached[0] if len(reached) == 1 else None
        assert result.option(number) == expected


@given(table=TABLES, needed=QUORUMS, seed=st.integers(0, 2**32 - 1))
def test_shuffling_the_items_shuffles_the_result(table: list[list[int]], needed: int, seed: int) -> None:
    order = np.random.default_rng(seed).permutation(len(table))
    counts = np.array(table, dtype=np.int64)
    plain, shuffled = quorum(VoteCounts(counts), quorum=needed), quorum(VoteCounts(counts[order]), quorum=needed)
    assert shuffled.winner.tolist() == plain.winner[order].tolist()
    np.testing.assert_array_equal(shuffled.agreement, plain.agreement[order])


@given(table=TABLES, needed=QUORUMS, others=st.permutations([1, 2, 3]))
def test_no_tie_is_broken_by_the_order_of_the_columns(table: list[list[int]], needed: int, others: list[int]) -> None:
    columns = [0, *others]
    counts = np.array(table, dtype=np.int64)
    plain = quorum(VoteCounts(counts), quorum=needed).winner
    renamed = quorum(VoteCounts(counts[:, columns]), quorum=needed).winner
    assert [columns[w] if w >= 0 else -1 for w in renamed.tolist()] == plain.tolist()


@given(row=st.lists(st.integers(0, 9), min_size=4, max_size=4), needed=QUORUMS)
def test_another_vote_for_the_given_label_never_unseats_it(row: list[int], needed: int) -> None:
    if category_of(row, needed) is Category.NON_ERROR:
        assert category_of([row[0] + 1, *row[1:]], needed) is Category.NON_ERROR
