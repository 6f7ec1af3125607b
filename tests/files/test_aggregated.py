from pathlib import Path

import numpy as np
import pytest

from app.domain.consensus.outcome import NONE_WON, Outcome
from app.files.aggregated import tasks_table, workers_table
from app.files.long_answers import LongAnswers, read_answers

LABEL = np.array([1, NONE_WON])
OUTCOME = Outcome("plurality", np.array([[0.25, 0.75], [0.5, 0.5]]), LABEL)


@pytest.fixture
def answers(tmp_path: Path) -> LongAnswers:
    (tmp_path / "a.csv").write_text("task,worker,label\n007,ada,no\n007,bob,yes\n008,ada,yes\n")
    return read_answers(tmp_path / "a.csv")


def test_a_task_has_its_label_and_all_probabilities(answers: LongAnswers) -> None:
    assert tasks_table(answers, OUTCOME, LABEL).to_pylist() == [
        {"task": "007", "label": "yes", "p_no": 0.25, "p_yes": 0.75},
        {"task": "008", "label": None, "p_no": 0.5, "p_yes": 0.5},
    ]


def test_a_worker_has_shares_of_what_can_be_compared(answers: LongAnswers) -> None:
    ada, bob = workers_table(answers, OUTCOME, LABEL, np.array([0, 1])).to_pylist()
    assert ada == {
        "worker": "ada",
        "answers": 2,
        "accuracy": None,
        "agreement": 0.0,
        "gold_answers": 2,
        "gold_accuracy": 1.0,
    }
    assert (bob["agreement"], bob["gold_answers"], bob["gold_accuracy"]) == (1.0, 1, 0.0)
    judged = Outcome("x", OUTCOME.posterior, LABEL, worker_accuracy=np.array([0.9, np.nan]))
    assert workers_table(answers, judged, LABEL, None).to_pydict()["accuracy"] == [0.9, None]
    assert workers_table(answers, judged, LABEL, None).to_pydict()["gold_accuracy"] == [None, None]


def test_one_worker_alone_is_not_judged(tmp_path: Path) -> None:
    (tmp_path / "one.csv").write_text("task,worker,label\n1,ada,no\n2,ada,yes\n")
    judged = Outcome("x", np.full((2, 2), 0.5), LABEL, worker_accuracy=np.array([0.8]))
    (ada,) = workers_table(read_answers(tmp_path / "one.csv"), judged, np.array([0, 1]), np.array([0, 0])).to_pylist()
    assert (ada["accuracy"], ada["agreement"], ada["gold_accuracy"]) == (None, 1.0, 0.5)
