import numpy as np
import pytest

from app.domain.consensus.methods import aggregate
from app.domain.consensus.outcome import NONE_WON
from app.domain.consensus.votes import Votes
from app.errors import InvalidInput
from tests.domain.consensus.crowds import BOB, accuracy, crowd_of

CROWD = crowd_of([BOB] * 12, items=500, per_item=3)


def test_a_good_model_helps_a_weak_crowd() -> None:
    rng = np.random.default_rng(3)
    guessed = np.where(rng.random(500) < 0.9, CROWD.true, rng.integers(0, 4, 500))
    found = aggregate(CROWD.votes, "crowdlab", pred_probs=np.full((500, 4), 0.05) + np.eye(4)[guessed] * 0.8)
    plain = aggregate(CROWD.votes)
    decided = found.label != NONE_WON
    ours, theirs = found.label[decided] == CROWD.true[decided], plain.label[decided] == CROWD.true[decided]
    assert ours.mean() > theirs.mean() + 0.02


def test_a_model_that_is_sure_and_knows_nothing_is_all_but_ignored() -> None:
    guessed = np.random.default_rng(3).integers(0, 4, 500)
    found = aggregate(CROWD.votes, "crowdlab", pred_probs=np.full((500, 4), 0.001) + np.eye(4)[guessed] * 0.996)
    assert np.abs(found.posterior - aggregate(CROWD.votes).posterior).max() < 0.25
    assert accuracy(found, CROWD.true) > accuracy(aggregate(CROWD.votes, "plurality"), CROWD.true) - 0.02


def test_the_model_is_named_and_breaks_no_tie() -> None:
    votes = Votes.of(np.array([0, 0, 1, 1]), np.array([0, 1, 0, 1]), np.array([0, 1, 1, 1]))
    found = aggregate(votes, "crowdlab", pred_probs=np.array([[0.01, 0.99], [0.5, 0.5]]))
    assert found.label.tolist() == [NONE_WON, 1]
    assert found.method == "crowdlab"
    assert any("a model took part as a rater" in note for note in found.notes)


def test_without_probabilities_it_says_what_it_needs() -> None:
    with pytest.raises(InvalidInput, match="pred_probs: this method needs the model's probabilities"):
        aggregate(CROWD.votes, "crowdlab")


def test_probabilities_of_another_shape_or_with_holes_are_refused_by_row() -> None:
    with pytest.raises(InvalidInput, match=r"wanted 500 items x 4 labels, got \(500, 3\)"):
        aggregate(CROWD.votes, "crowdlab", pred_probs=np.full((500, 3), 1 / 3))
    broken = np.full((500, 4), 0.25)
    broken[2, 1], broken[7] = np.nan, 0.5
    with pytest.raises(InvalidInput, match=r"line 3, pred_probs: no probabilities that sum to 1(.|\n)*line 8"):
        aggregate(CROWD.votes, "crowdlab", pred_probs=broken)
