import numpy as np
import pytest

from app.domain.consensus.methods import aggregate
from app.domain.consensus.outcome import NONE_WON
from app.domain.consensus.quorum import quorum_of_labels
from app.domain.consensus.votes import Votes
from app.errors import InvalidInput


def votes_of(*rows: list[int], labels: int) -> Votes:
    item = np.repeat(np.arange(len(rows)), [len(row) for row in rows])
    said = np.array([label for row in rows for label in row], dtype=np.int64)
    return Votes.of(item, np.arange(len(said)), said, items=len(rows), labels=labels)


def test_a_label_wins_when_enough_workers_said_it() -> None:
    votes = votes_of([4, 4, 4, 0, 1], [2, 2, 0, 0, 1], [1], [], labels=5)
    assert quorum_of_labels(votes, quorum=3).label.tolist() == [4, NONE_WON, NONE_WON, NONE_WON]


def test_where_two_labels_reach_the_quorum_neither_wins() -> None:
    assert quorum_of_labels(votes_of([0, 0, 1, 1, 1], labels=2), quorum=2).label.tolist() == [NONE_WON]


def test_a_quorum_below_one_is_refused() -> None:
    with pytest.raises(ValueError, match="at least 1"):
        quorum_of_labels(votes_of([0], labels=1), quorum=0)
    with pytest.raises(InvalidInput, match="quorum: a quorum is at least 1"):
        aggregate(votes_of([0], labels=1), "quorum", quorum=0)
