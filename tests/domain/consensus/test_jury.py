import numpy as np
import pytest

from app.domain.consensus.jury import jury
from app.domain.consensus.methods import aggregate
from app.domain.consensus.plurality import smoothed_shares
from app.domain.consensus.votes import Votes
from tests.domain.consensus.crowds import ADA, BOB, MALLORY, accuracy, crowd_of


def test_a_quarter_of_it_are_the_counts() -> None:
    votes = Votes.of(np.array([0, 0, 0]), np.array([0, 1, 2]), np.array([0, 0, 1]))
    found = jury(votes, np.array([[0.2, 0.8]]))
    assert found == pytest.approx(0.25 * smoothed_shares(votes.counts()) + np.array([[0.15, 0.6]]))


def test_among_spammers_it_is_right_more_often_than_the_plurality() -> None:
    crowd = crowd_of([ADA] * 6 + [BOB] * 6 + [MALLORY] * 10, items=600)
    assert (
        accuracy(aggregate(crowd.votes), crowd.true) > accuracy(aggregate(crowd.votes, "plurality"), crowd.true) + 0.05
    )


def test_it_is_rather_too_careful_than_too_sure_and_gold_items_mend_that() -> None:
    crowd = crowd_of([ADA] * 8 + [BOB] * 8, items=2_000)
    found, told = aggregate(crowd.votes), aggregate(crowd.votes, gold=np.where(np.arange(2_000) < 100, crowd.true, -1))
    right = accuracy(found, crowd.true)
    assert right - 0.12 < found.posterior.max(axis=1).mean() < right
    assert told.posterior.max(axis=1).mean() == pytest.approx(right, abs=0.03)
