import numpy as np
import pytest

from app.domain.consensus.outcome import NONE_WON
from app.domain.consensus.plurality import class_frequencies, plurality
from app.domain.consensus.votes import Votes


def votes_of(*rows: list[int], labels: int) -> Votes:
    """Each row an Item, each entry what another Worker said."""
    item = np.repeat(np.arange(len(rows)), [len(row) for row in rows])
    said = np.array([label for row in rows for label in row], dtype=np.int64)
    return Votes.of(item, np.arange(len(said)), said, items=len(rows), labels=labels)


def test_the_label_with_most_responses_wins_and_a_shared_lead_is_nobodys() -> None:
    assert plurality(votes_of([0, 0, 1], [2, 2, 1, 1], [1], labels=3)).label.tolist() == [0, NONE_WON, 1]


def test_the_posterior_is_the_share_with_one_response_spread_evenly() -> None:
    posterior = plurality(votes_of([0, 0, 1], [2, 2, 1, 1], labels=3)).posterior
    assert posterior[0] == pytest.approx([7 / 12, 4 / 12, 1 / 12])
    assert posterior[1] == pytest.approx([1 / 15, 7 / 15, 7 / 15])


def test_an_item_without_votes_gets_the_class_frequencies_and_no_winner() -> None:
    found = plurality(votes_of([0, 0, 1], [], labels=2))
    assert found.label.tolist() == [0, NONE_WON]
    assert found.posterior[1] == pytest.approx([2.5 / 4, 1.5 / 4])


def test_without_any_response_all_labels_are_as_likely() -> None:
    assert class_frequencies(np.zeros((3, 4), dtype=np.int64)).tolist() == [0.25] * 4


def test_of_one_label_alone_an_item_without_votes_has_no_winner_either() -> None:
    assert plurality(votes_of([0], [], labels=1)).label.tolist() == [0, NONE_WON]
