import numpy as np

from app.domain.consensus.outcome import NONE_WON, Outcome, leaders


def test_the_leader_is_the_largest_score_of_a_row() -> None:
    assert leaders(np.array([[0.2, 0.5, 0.3], [0.7, 0.1, 0.2]])).tolist() == [1, 0]


def test_a_shared_lead_is_nobodys_even_where_rounding_differs() -> None:
    assert leaders(np.array([[0.3, 0.1 + 0.2, 0.4], [0.3, 0.1 + 0.2, 0.1]])).tolist() == [2, NONE_WON]


def test_counts_have_leaders_too() -> None:
    assert leaders(np.array([[2, 2, 1], [0, 3, 2]])).tolist() == [NONE_WON, 1]


def test_without_labels_nothing_leads() -> None:
    assert leaders(np.zeros((2, 0))).tolist() == [NONE_WON, NONE_WON]


def test_an_item_without_votes_has_no_winner_whatever_the_prior_says() -> None:
    found = Outcome.of("any", np.array([[0.9, 0.1], [0.9, 0.1]]), np.array([True, False]))
    assert found.label.tolist() == [0, NONE_WON]
