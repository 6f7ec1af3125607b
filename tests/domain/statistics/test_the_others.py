import numpy as np
import pytest

from app.domain.consensus.votes import Votes
from app.domain.statistics.the_others import NONE, chances_from_others, leader_among_others, leaders
from tests.domain.statistics.crowds import Crowd, simulated


def votes_of(rows: list[list[int]]) -> Votes:
    """A row for each Item: what Workers 0, 1, … said."""
    item, worker = np.nonzero(np.array(rows) >= 0)
    return Votes.of(item, worker, np.array(rows)[item, worker], items=len(rows), labels=4)


def test_ones_own_answer_is_left_out() -> None:
    assert leader_among_others(votes_of([[0, 0, 1]])).tolist() == [NONE, NONE, 0]


def test_one_other_is_not_enough() -> None:
    assert leader_among_others(votes_of([[0, 1]])).tolist() == [NONE, NONE]


def test_where_two_labels_lead_nothing_can_be_said() -> None:
    assert leaders(votes_of([[0, 0, 1, 1, 2], [0, 0, 0, 1, 1], [-1, -1, -1, -1, -1]])).tolist() == [NONE, 0, NONE]


@pytest.mark.parametrize("seed", range(5))
def test_it_is_what_one_would_count_by_hand(seed: int) -> None:
    votes = simulated(Crowd(30, 12), np.random.default_rng(seed))
    found = leader_among_others(votes)
    for row in range(len(votes)):
        others = votes.label[(votes.item == votes.item[row]) & (np.arange(len(votes)) != row)]
        counts = np.bincount(others, minlength=4)
        clear = (counts == counts.max()).sum() == 1
        assert found[row] == (counts.argmax() if clear else NONE)


def test_the_chances_of_all_labels_add_up_to_one() -> None:
    votes = simulated(Crowd(30, 12), np.random.default_rng(1))
    rows = np.arange(len(votes))
    total = sum(chances_from_others(votes, rows, np.full(len(votes), label)) for label in range(4))
    assert total == pytest.approx(np.ones(len(votes)))


def test_without_others_the_crowd_decides() -> None:
    votes = Votes.of(np.arange(4), np.arange(4), np.array([0, 0, 0, 1]))
    assert chances_from_others(votes, np.array([3]), np.array([0])) == pytest.approx([0.75])
