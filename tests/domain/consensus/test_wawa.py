import numpy as np
import pytest

from app.domain.consensus.votes import Votes
from app.domain.consensus.wawa import wawa


def test_votes_weigh_as_much_as_their_worker_agrees_with_the_plurality() -> None:
    item, worker = np.repeat(np.arange(4), 3), np.tile(np.arange(3), 4)
    said = np.array([0, 0, 1, 1, 1, 0, 0, 0, 0, 1, 1, 0])
    found = wawa(Votes.of(item, worker, said))
    assert found.skill.tolist() == [1.0, 1.0, 0.25]
    assert found.weighted[0].tolist() == [2.0, 0.25]
    assert found.posterior()[0] == pytest.approx([2.5 / 3.25, 0.75 / 3.25])


def test_agreeing_with_one_of_two_tied_leaders_is_half_an_agreement() -> None:
    found = wawa(Votes.of(np.array([0, 0]), np.array([0, 1]), np.array([0, 1]), workers=3))
    assert found.skill[:2].tolist() == [0.5, 0.5]
    assert np.isnan(found.skill[2])
