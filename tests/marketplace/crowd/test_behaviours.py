from collections import Counter

import numpy as np
import pytest

from app.marketplace.crowd.behaviours import DECIDE, Answer, Behaviour, Choice, SeenItem, Step, replay, step

SHOWN = (Choice.B, Choice.A, Choice.BOTH, Choice.NEITHER)
ITEM = SeenItem(1, "cat", "dog", SHOWN, media_url="https://pictures.test/1.png")
MANY = 4_000


def answers(behaviour: Behaviour, truth: Choice | None, item: SeenItem = ITEM) -> list[Answer]:
    return [DECIDE[behaviour](item, truth, np.random.default_rng([7, seed])) for seed in range(MANY)]


def shares(given: list[Answer]) -> dict[Choice, float]:
    return {choice: count / len(given) for choice, count in Counter(answer.choice for answer in given).items()}


@pytest.mark.parametrize("truth", [Choice.A, Choice.B, Choice.BOTH, Choice.NEITHER])
def test_ada_is_right_about_93_times_of_100_whatever_the_truth(truth: Choice) -> None:
    assert shares(answers(Behaviour.CAREFUL, truth))[truth] == pytest.approx(0.93, abs=0.015)


def test_ada_errs_towards_the_other_label() -> None:
    said = shares(answers(Behaviour.CAREFUL, Choice.A))
    assert said[Choice.B] == pytest.approx(0.025, abs=0.01)
    assert said[Choice.B] > said[Choice.BOTH]


def test_ada_without_a_key_picks_either_label_and_nothing_else_but_cannot_tell() -> None:
    said = shares(answers(Behaviour.CAREFUL, None))
    assert said[Choice.A] == pytest.approx(0.49, abs=0.03)
    assert said[Choice.B] == pytest.approx(0.49, abs=0.03)
    assert set(said) == {Choice.A, Choice.B, Choice.CANNOT_TELL}


def test_who_cannot_tell_says_why_and_nobody_else_comments() -> None:
    for answer in answers(Behaviour.CAREFUL, Choice.A):
        assert bool(answer.comment) == (answer.choice is Choice.CANNOT_TELL)
    assert replay(Choice.CANNOT_TELL, np.random.default_rng(1)).comment


def test_ada_says_so_when_the_picture_does_not_load() -> None:
    broken = SeenItem(1, "cat", "dog", SHOWN, media_url="https://pictures.test/1.png", loads=False)
    assert {answer.choice for answer in answers(Behaviour.CAREFUL, Choice.A, broken)} == {Choice.CANNOT_TELL}


def test_bob_says_each_of_the_four_equally_often() -> None:
    said = shares(answers(Behaviour.GUESSING, Choice.A))
    assert said == {choice: pytest.approx(0.25, abs=0.025) for choice in SHOWN}


def test_mallory_always_says_what_stands_on_top() -> None:
    assert shares(answers(Behaviour.FIRST, Choice.A)) == {Choice.B: 1.0}


def test_sol_is_as_right_as_ada_and_ten_times_as_slow() -> None:
    slow, careful = answers(Behaviour.SLOW, Choice.A), answers(Behaviour.CAREFUL, Choice.A)
    assert shares(slow) == shares(careful)
    assert np.median([a.elapsed_ms for a in slow]) > 10 * np.median([a.elapsed_ms for a in careful])


def test_the_same_generator_gives_the_same_answer() -> None:
    assert answers(Behaviour.CAREFUL, None) == answers(Behaviour.CAREFUL, None)


def test_dora_returns_some_and_leaves_at_some_but_answers_what_she_returned() -> None:
    rngs = [np.random.default_rng([3, seed]) for seed in range(MANY)]
    steps = Counter(step(Behaviour.DROPOUT, rng, returned_before=False) for rng in rngs)
    assert steps[Step.RETURN] / MANY == pytest.approx(0.25, abs=0.03)
    assert steps[Step.LEAVE] / MANY == pytest.approx(0.05, abs=0.015)
    again = {step(Behaviour.DROPOUT, rng, returned_before=True) for rng in rngs}
    assert again == {Step.ANSWER, Step.LEAVE}


@pytest.mark.parametrize("behaviour", [kind for kind in Behaviour if kind is not Behaviour.DROPOUT])
def test_everybody_else_answers_what_they_accept(behaviour: Behaviour) -> None:
    assert {step(behaviour, np.random.default_rng(seed), returned_before=False) for seed in range(200)} == {Step.ANSWER}
