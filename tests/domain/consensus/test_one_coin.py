import numpy as np
import pytest

from app.domain.consensus.one_coin import matrices_of, one_coin
from app.domain.consensus.votes import Votes
from tests.domain.consensus.crowds import ADA, BOB, crowd_of


def test_it_finds_how_often_each_worker_is_right() -> None:
    crowd = crowd_of([ADA] * 6 + [BOB] * 6, items=1_000)
    assert one_coin(crowd.votes).accuracy == pytest.approx([ADA] * 6 + [BOB] * 6, abs=0.08)


def test_a_vote_adds_its_workers_log_odds_to_its_label() -> None:
    votes = Votes.of(np.array([0, 0, 1]), np.array([0, 1, 0]), np.array([0, 1, 1]), labels=3)
    found = one_coin(votes)
    weight = np.log(found.accuracy[:2] * 2 / (1 - found.accuracy[:2]))
    assert np.diff(np.log(found.posterior[0, :2])) == pytest.approx([weight[1] - weight[0]], abs=1e-3)


def test_its_matrices_have_the_accuracy_on_the_diagonal_and_err_evenly() -> None:
    assert matrices_of(np.array([0.7]), 3)[0] == pytest.approx(np.full((3, 3), 0.15) + np.eye(3) * 0.55)
