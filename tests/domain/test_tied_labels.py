import numpy as np

from app.domain.consensus.outcome import NONE_WON, Outcome
from app.domain.tied_labels import break_ties

LABELS = ["cat", "dog", "eel"]


def tied(number: int) -> Outcome:
    posterior = np.tile([0.45, 0.45, 0.1], (number, 1))
    return Outcome("plurality", posterior, np.full(number, NONE_WON))


def labels_of(outcome: Outcome, tasks: list[str], *, seed: int = 0, labels: list[str] = LABELS) -> list[str]:
    answered = np.ones(len(tasks), dtype=bool)
    return [labels[n] for n in break_ties(outcome, tasks=tasks, labels=labels, answered=answered, seed=seed)]


def test_only_leaders_win_and_over_many_tasks_alike() -> None:
    found = labels_of(tied(2000), [f"t{n}" for n in range(2000)])
    assert set(found) == {"cat", "dog"}
    assert 900 < found.count("cat") < 1100


def test_the_lot_hangs_on_seed_and_task_not_on_the_order_of_rows_or_columns() -> None:
    tasks = [f"t{n}" for n in range(50)]
    found = labels_of(tied(50), tasks)
    assert labels_of(tied(50), tasks) == found
    assert labels_of(tied(50), tasks[::-1]) == found[::-1]
    turned = Outcome("plurality", tied(50).posterior[:, [1, 0, 2]], np.full(50, NONE_WON))
    assert labels_of(turned, tasks, labels=["dog", "cat", "eel"]) == found
    assert labels_of(tied(50), tasks, seed=1) != found


def test_labels_that_won_stay_and_tasks_without_answers_get_none() -> None:
    outcome = Outcome("plurality", np.array([[0.5, 0.5], [0.5, 0.5]]), np.array([0, NONE_WON]))
    found = break_ties(outcome, tasks=["a", "b"], labels=["x", "y"], answered=np.array([True, False]), seed=0)
    assert found.tolist() == [0, NONE_WON]


def test_where_the_posterior_holds_more_than_the_answers_these_alone_say_what_is_tied() -> None:
    sure = Outcome("crowdlab", np.tile([0.9, 0.05, 0.05], (200, 1)), np.full(200, NONE_WON))
    answers = np.tile([2.0, 2.0, 1.0], (200, 1))
    tasks = [f"t{n}" for n in range(200)]
    found = break_ties(sure, tasks=tasks, labels=LABELS, answered=np.ones(200, dtype=bool), seed=0, scores=answers)
    assert 70 < (found == 0).sum() < 130
    assert set(found.tolist()) == {0, 1}
