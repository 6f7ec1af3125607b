import numpy as np

from app.domain.consensus.collapse import collapse_of
from app.domain.consensus.log_space import floored
from app.domain.consensus.plurality import plurality
from app.domain.consensus.wawa import wawa
from app.domain.consensus.worker_models import Fitted, has_collapsed, judged
from tests.domain.consensus.crowds import ADA, BOB, crowd_of

CROWD = crowd_of([ADA] * 6 + [BOB] * 6)
GOOD = np.full(12, 0.8)


def test_a_model_that_says_what_the_crowd_says_is_sound() -> None:
    assert collapse_of(CROWD.votes, plurality(CROWD.votes).posterior, GOOD) is None


def test_a_label_that_swallowed_another_raises_the_alarm() -> None:
    posterior = plurality(CROWD.votes).posterior.copy()
    posterior[:, 0] += posterior[:, 1] + posterior[:, 2]
    posterior[:, 1:3] = 0
    reason = collapse_of(CROWD.votes, posterior, GOOD)
    assert reason is not None
    assert "away from the plurality's" in reason


def test_workers_who_would_be_right_by_chance_raise_the_alarm() -> None:
    reason = collapse_of(CROWD.votes, plurality(CROWD.votes).posterior, np.full(12, 0.25))
    assert reason == "the workers would be right 25% of the time, which is chance"


def test_what_collapsed_is_the_plurality_under_its_own_name_and_says_so() -> None:
    swallowed = floored(np.tile([1.0, 0.0, 0.0, 0.0], (400, 1)))
    found = judged("one-coin", CROWD.votes, Fitted(swallowed, lambda chosen: np.ones((len(chosen), 4)), GOOD, None))
    assert found.method == "one-coin"
    assert has_collapsed(found)
    assert found.notes[0].startswith("collapsed: ")
    assert found.notes[0].endswith("fell back to plurality")
    assert found.label.tolist() == plurality(CROWD.votes).label.tolist()
    assert found.worker_accuracy is not None
    assert found.worker_accuracy.tolist() == wawa(CROWD.votes).skill.tolist()
