from collections import Counter
from dataclasses import replace

import numpy as np
import pytest

from app.marketplace.crowd.answer_key import Vote
from app.marketplace.crowd.behaviours import Answer, Behaviour, Choice, Known, SeenItem, Step
from app.marketplace.crowd.deciding import Member, attention, decide, replay, step
from app.marketplace.crowd.traits import PRESETS, Traits, comparable

SHOWN = (Choice.B, Choice.A, Choice.BOTH, Choice.NEITHER)
ITEM = SeenItem(1, "cat", "dog", SHOWN, media_url="https://pictures.test/1.png")
MANY = 3_000


def member(traits: Traits | Behaviour, number: int = 1, leader: int | None = None) -> Member:
    made = PRESETS[traits] if isinstance(traits, Behaviour) else traits
    return Member(number, f"Ada {number}", "kind", Behaviour.CAREFUL, made, leader)


def knows(truth: Choice | None, given: Choice = Choice.A) -> Known | None:
    return None if truth is None else Known(truth, given)


def item(at: int, shown: SeenItem = ITEM) -> SeenItem:
    return replace(shown, media_url=f"https://pictures.test/{at}.png")


def answers(
    traits: Traits | Behaviour, truth: Choice | None = Choice.A, *, shown: SeenItem = ITEM, done: int = 0
) -> list[Answer]:
    """One Worker's answers on many Items that look alike."""
    who = member(traits)
    return [decide(who, item(at, shown), knows(truth), seed=7, done=done) for at in range(MANY)]


def shares(given: list[Answer]) -> dict[Choice, float]:
    return {choice: count / len(given) for choice, count in Counter(answer.choice for answer in given).items()}


def median_ms(given: list[Answer]) -> float:
    return float(np.median([answer.elapsed_ms for answer in given]))


@pytest.mark.parametrize("truth", [Choice.A, Choice.B, Choice.BOTH, Choice.NEITHER])
def test_ada_is_right_about_93_times_of_100_whatever_the_truth(truth: Choice) -> None:
    assert shares(answers(Behaviour.CAREFUL, truth))[truth] == pytest.approx(0.93, abs=0.02)


def test_ada_errs_towards_the_other_label() -> None:
    said = shares(answers(Behaviour.CAREFUL, Choice.A))
    assert said[Choice.B] == pytest.approx(0.025, abs=0.012)
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
    broken = answers(Behaviour.CAREFUL, Choice.A, shown=replace(ITEM, loads=False))
    assert {answer.choice for answer in broken} == {Choice.CANNOT_TELL}


def test_bob_says_each_of_the_four_equally_often() -> None:
    said = shares(answers(Behaviour.GUESSING))
    assert said == {choice: pytest.approx(0.25, abs=0.03) for choice in SHOWN}


def test_mallory_always_says_what_stands_on_top() -> None:
    assert shares(answers(Behaviour.FIRST)) == {Choice.B: 1.0}


def test_sol_is_as_right_as_ada_and_ten_times_as_slow() -> None:
    slow, careful = answers(Behaviour.SLOW), answers(Behaviour.CAREFUL)
    assert shares(slow) == shares(careful)
    assert median_ms(slow) > 10 * median_ms(careful)


def test_a_script_answers_at_once_and_knows_nothing() -> None:
    said = answers(Behaviour.BOT)
    assert median_ms(said) < 200
    assert shares(said)[Choice.A] == pytest.approx(0.25, abs=0.03)


def test_samir_says_the_same_to_everything_and_another_samir_something_else() -> None:
    assert len(shares(answers(Behaviour.SAME))) == 1
    said = {decide(member(Behaviour.SAME, number), ITEM, None, seed=7).choice for number in range(1, 30)}
    assert said == {Choice.A, Choice.B, Choice.BOTH, Choice.NEITHER}


@pytest.mark.parametrize(
    ("truth", "given", "expected"),
    [
        (Choice.A, Choice.A, {Choice.A: 0.5, Choice.B: 0.5}),
        (Choice.B, Choice.B, {Choice.B: 0.5, Choice.A: 0.5}),
        (Choice.A, Choice.B, {Choice.NEITHER: 1.0}),
        (Choice.BOTH, Choice.A, {Choice.A: 0.2, Choice.BOTH: 0.8}),
        (Choice.BOTH, Choice.B, {Choice.B: 0.2, Choice.BOTH: 0.8}),
    ],
)
def test_a_confusion_matrix_speaks_of_given_and_guessed_whichever_of_the_labels_is_a(
    truth: Choice, given: Choice, expected: dict[Choice, float]
) -> None:
    skill = Traits(
        cannot_tell=0,
        confusion={
            Vote.GIVEN: {Vote.GIVEN: 0.5, Vote.GUESSED: 0.5},
            Vote.GUESSED: {Vote.NEITHER: 1.0},
            Vote.BOTH: {Vote.GIVEN: 0.2, Vote.BOTH: 0.8},
        },
    )
    said = [decide(member(skill), item(at), Known(truth, given), seed=7) for at in range(MANY)]
    assert shares(said) == {choice: pytest.approx(share, abs=0.03) for choice, share in expected.items()}


def test_what_the_matrix_does_not_speak_of_is_right_as_often_as_ever() -> None:
    skill = Traits(right=0.7, cannot_tell=0, confusion={Vote.GIVEN: {Vote.GIVEN: 1.0}})
    assert shares(answers(skill, Choice.NEITHER))[Choice.NEITHER] == pytest.approx(0.7, abs=0.03)


def test_a_worker_who_takes_cats_for_dogs_says_dog_and_for_something_else_neither() -> None:
    labels = comparable({" cat ": {"cat": 0.6, "dog": 0.3, "lynx": 0.1}})
    said = shares(answers(Traits(cannot_tell=0, labels=labels), Choice.A))
    assert said == {
        Choice.A: pytest.approx(0.6, abs=0.03),
        Choice.B: pytest.approx(0.3, abs=0.03),
        Choice.NEITHER: pytest.approx(0.1, abs=0.02),
    }
    assert shares(answers(Traits(right=1, cannot_tell=0, labels=labels), Choice.B)) == {Choice.B: 1.0}


def test_tove_takes_the_top_choice_more_often_than_it_is_right() -> None:
    biased = Traits(right=1.0, cannot_tell=0.0, position_bias=0.3)
    assert shares(answers(biased, Choice.A)) == {
        Choice.A: pytest.approx(0.7, abs=0.03),
        Choice.B: pytest.approx(0.3, abs=0.03),
    }
    assert shares(answers(biased, Choice.B)) == {Choice.B: 1.0}


def test_tired_workers_err_more_and_are_quicker() -> None:
    fresh, tired, spent = (answers(Behaviour.TIRING, done=done) for done in (0, 30, 300))
    assert shares(fresh)[Choice.A] == pytest.approx(0.93, abs=0.02)
    assert shares(tired)[Choice.A] == pytest.approx(0.93 / 2 + 0.25 / 2, abs=0.03)
    assert shares(spent)[Choice.A] == pytest.approx(0.25, abs=0.03)
    assert median_ms(fresh) > 1.5 * median_ms(tired) > 2 * median_ms(spent)


def test_attention_halves_every_so_many_assignments_and_not_at_all_for_most() -> None:
    assert [attention(Traits(tires_after=10), done) for done in (0, 10, 20)] == [1, 0.5, 0.25]
    assert attention(Traits(), 1_000) == 1


def test_followers_repeat_their_leader_even_when_it_is_wrong_and_whatever_order_they_see() -> None:
    traits = Traits(right=0.5, cannot_tell=0.05, repeats=1.0)
    leader, follower = member(traits, 1, leader=1), member(traits, 2, leader=1)
    turned = replace(ITEM, shown=(Choice.A, *SHOWN[2:], Choice.B))
    for at in range(300):
        led, copied = (
            decide(who, item(at, shown), knows(Choice.A), seed=7, done=done)
            for who, shown, done in ((leader, ITEM, 0), (follower, turned, 50))
        )
        assert (led.choice, led.comment) == (copied.choice, copied.comment)


@pytest.mark.parametrize("traits", [Traits(), PRESETS[Behaviour.GUESSING], PRESETS[Behaviour.BIASED]])
def test_a_leaders_answer_is_the_same_when_the_labels_change_places(traits: Traits) -> None:
    who = member(replace(traits, repeats=0.9), 1, leader=1)
    turned = replace(ITEM, label_a="dog", label_b="cat")
    named = {Choice.A: Choice.B, Choice.B: Choice.A}
    for at in range(200):
        said = decide(who, item(at), None, seed=7).choice
        assert decide(who, item(at, turned), None, seed=7).choice is named.get(said, said)


def test_a_follower_who_repeats_half_the_time_agrees_with_the_leader_more_than_strangers_do() -> None:
    traits = Traits(right=0.5, cannot_tell=0, repeats=0.5)
    said = [
        [decide(member(traits, number, leader), item(at), knows(Choice.A), seed=7).choice for at in range(MANY)]
        for number, leader in ((1, 1), (2, 1), (3, None))
    ]
    agreeing, strangers = (sum(a is b for a, b in zip(said[0], said[other], strict=True)) / MANY for other in (1, 2))
    assert agreeing == pytest.approx(0.5 + strangers / 2, abs=0.03)


def test_workers_who_ask_the_same_model_make_the_same_mistakes() -> None:
    family = [member(Behaviour.LLM, number, leader=1) for number in range(1, 6)]
    wrong = [
        Counter(decide(who, item(at), knows(Choice.A), seed=7).choice for who in family)
        for at in range(600)
        if decide(family[0], item(at), knows(Choice.A), seed=7).choice is not Choice.A
    ]
    assert 0.04 < len(wrong) / 600 < 0.14
    assert sum(max(said.values()) >= 4 and said[Choice.A] <= 1 for said in wrong) > 0.95 * len(wrong)


@pytest.mark.parametrize("behaviour", list(Behaviour))
def test_the_same_seed_and_number_give_the_same_answers_and_others_give_others(behaviour: Behaviour) -> None:
    def said(seed: int, number: int) -> list[Answer]:
        who = member(behaviour, number, leader=1 if PRESETS[behaviour].repeats else None)
        return [decide(who, item(at), knows(Choice.A), seed=seed, done=at) for at in range(20)]

    assert said(1, 2) == said(1, 2)
    assert said(1, 2) != said(2, 2)
    assert said(1, 2) != said(1, 3)


def test_dora_returns_some_and_leaves_at_some_but_answers_what_she_returned() -> None:
    dora = PRESETS[Behaviour.DROPOUT]
    rngs = [np.random.default_rng([3, seed]) for seed in range(MANY)]
    steps = Counter(step(dora, rng, returned_before=False) for rng in rngs)
    assert steps[Step.RETURN] / MANY == pytest.approx(0.25, abs=0.03)
    assert steps[Step.LEAVE] / MANY == pytest.approx(0.05, abs=0.015)
    again = {step(dora, rng, returned_before=True) for rng in rngs}
    assert again == {Step.ANSWER, Step.LEAVE}


@pytest.mark.parametrize("behaviour", [kind for kind in Behaviour if kind is not Behaviour.DROPOUT])
def test_everybody_else_answers_what_they_accept(behaviour: Behaviour) -> None:
    steps = {step(PRESETS[behaviour], np.random.default_rng(seed), returned_before=False) for seed in range(200)}
    assert steps == {Step.ANSWER}
