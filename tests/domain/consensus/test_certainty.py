import numpy as np
import pytest

from app.domain.consensus.certainty import settle
from app.domain.consensus.outcome import NONE_WON, Outcome

OUTCOME = Outcome(
    "any",
    np.array([[0.95, 0.05, 0.0], [0.6, 0.3, 0.1], [0.5, 0.5, 0.0], [0.6, 0.2, 0.2], [0.92, 0.04, 0.04]]),
    np.array([0, 0, NONE_WON, 0, NONE_WON]),
)


def test_items_are_settled_from_the_threshold_upwards() -> None:
    found = settle(OUTCOME, threshold=0.95)
    assert found.settled.tolist() == [True, False, False, False, False]
    assert found.certainty.tolist() == [0.95, 0.6, 0.0, 0.6, 0.0]


def test_the_expert_sees_the_most_uncertain_first() -> None:
    assert settle(OUTCOME, threshold=0.9).queue.tolist() == [2, 1, 3, 4]


def test_an_item_without_a_winner_is_never_settled() -> None:
    assert not settle(OUTCOME, threshold=0.0).settled[[2, 4]].any()


def test_it_says_how_many_of_the_settled_will_be_wrong() -> None:
    assert settle(OUTCOME, threshold=0.6).expected_wrong == pytest.approx(0.05 + 0.4 + 0.4)


def test_a_threshold_is_a_probability() -> None:
    with pytest.raises(ValueError, match="a threshold is a probability"):
        settle(OUTCOME, threshold=1.5)
