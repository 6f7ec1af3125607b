import numpy as np
import pytest

from app.domain.consensus.mace import mace, matrices_of
from app.domain.consensus.votes import Votes
from tests.domain.consensus.crowds import ADA, crowd_of


def test_a_worker_who_always_says_the_same_knows_nothing_and_has_that_habit() -> None:
    crowd = crowd_of([ADA] * 6, items=300)
    votes = Votes.of(
        np.concatenate([crowd.votes.item, np.arange(300)]),
        np.concatenate([crowd.votes.worker, np.full(300, 6)]),
        np.concatenate([crowd.votes.label, np.full(300, 2)]),
    )
    found = mace(votes)
    assert found.competence[:6].min() > 0.7
    assert found.competence[6] < 0.1
    assert found.habit[6, 2] > 0.95


def test_its_matrices_are_what_is_known_and_what_is_said_anyway() -> None:
    found = mace(crowd_of([ADA] * 6).votes)
    matrices = matrices_of(found)
    assert matrices.sum(axis=2) == pytest.approx(np.ones((6, 4)))
    assert matrices[0, 1, 2] == pytest.approx((1 - found.competence[0]) * found.habit[0, 2])
