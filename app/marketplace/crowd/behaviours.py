"""How simulated Workers answer. Pure: what is seen, what is true and a generator in, an answer out.

Ada labels with care, Bob guesses, Mallory clicks the first answer, Sol takes very long, Dora drops out.
Nobody here has eyes: without an answer key even Ada picks one of the two labels at random.
"""

from collections.abc import Callable
from dataclasses import dataclass
from enum import StrEnum

import numpy as np


class Choice(StrEnum):
    """The values of the page's radio buttons."""

    A = "a"
    B = "b"
    BOTH = "both"
    NEITHER = "neither"
    CANNOT_TELL = "cannot_tell"


class Behaviour(StrEnum):
    """Kinds of simulated Workers."""

    CAREFUL = "careful"
    GUESSING = "guessing"
    FIRST = "first"
    SLOW = "slow"
    DROPOUT = "dropout"


class Step(StrEnum):
    """What a Worker does with a HIT that they have accepted. `leave`: close the browser and never come back."""

    ANSWER = "answer"
    RETURN = "return"
    LEAVE = "leave"


@dataclass(frozen=True, slots=True)
class SeenItem:
    """One Item as it stands on the screen. `shown`: the four choices from top to bottom; `loads`: the medium came."""

    position: int
    label_a: str
    label_b: str
    shown: tuple[Choice, ...]
    media_url: str | None = None
    text: str | None = None
    loads: bool = True


@dataclass(frozen=True, slots=True)
class Answer:
    """What a Worker enters for one Item. `elapsed_ms`: from the Item's turn to its answer."""

    choice: Choice
    elapsed_ms: int
    comment: str = ""


Truth = Choice
"""The right choice, in the page's words."""

Decide = Callable[[SeenItem, Truth | None, np.random.Generator], Answer]

NAMES = {
    Behaviour.CAREFUL: "Ada",
    Behaviour.GUESSING: "Bob",
    Behaviour.FIRST: "Mallory",
    Behaviour.SLOW: "Sol",
    Behaviour.DROPOUT: "Dora",
}
RIGHT = 0.93
CANNOT_TELL = 0.02
RETURNS = 0.25
LEAVES = 0.05
_CAREFUL_MS, _GUESSING_MS, _FIRST_MS, _SLOW_MS = 5_000, 1_500, 600, 60_000
_SPREAD = 0.5
_FASTEST_MS = 150
_COMMENTS = ("I am not sure what this shows.", "Too unclear to tell.", "I do not know one of these words.")
_NOT_LOADED = "It does not load."


def careful(item: SeenItem, truth: Truth | None, rng: np.random.Generator) -> Answer:
    """Right in 93 of 100 Items, cannot tell in 2, else wrong in a plausible way; without a truth, either label."""
    elapsed_ms = _elapsed_ms(_CAREFUL_MS, rng)
    if not item.loads:
        return Answer(Choice.CANNOT_TELL, elapsed_ms, _NOT_LOADED)
    draw = rng.random()
    if draw < CANNOT_TELL:
        return Answer(Choice.CANNOT_TELL, elapsed_ms, _COMMENTS[rng.integers(len(_COMMENTS))])
    if truth is None:
        return Answer((Choice.A, Choice.B)[rng.integers(2)], elapsed_ms)
    return Answer(truth if draw < CANNOT_TELL + RIGHT else _mistaken(truth, rng), elapsed_ms)


def guessing(item: SeenItem, truth: Truth | None, rng: np.random.Generator) -> Answer:
    """Any of the four choices."""
    return Answer(item.shown[rng.integers(len(item.shown))], _elapsed_ms(_GUESSING_MS, rng))


def first_answer(item: SeenItem, truth: Truth | None, rng: np.random.Generator) -> Answer:
    """The choice that stands on top."""
    return Answer(item.shown[0], _elapsed_ms(_FIRST_MS, rng))


def slow(item: SeenItem, truth: Truth | None, rng: np.random.Generator) -> Answer:
    """As careful, in about a minute an Item."""
    answer = careful(item, truth, rng)
    return Answer(answer.choice, _elapsed_ms(_SLOW_MS, rng), answer.comment)


DECIDE: dict[Behaviour, Decide] = {
    Behaviour.CAREFUL: careful,
    Behaviour.GUESSING: guessing,
    Behaviour.FIRST: first_answer,
    Behaviour.SLOW: slow,
    Behaviour.DROPOUT: careful,
}


def step(behaviour: Behaviour, rng: np.random.Generator, *, returned_before: bool) -> Step:
    """What becomes of an accepted HIT. Only drop-outs do not answer, and what they returned once they answer."""
    if behaviour is not Behaviour.DROPOUT:
        return Step.ANSWER
    draw = rng.random()
    if draw < LEAVES:
        return Step.LEAVE
    # The site offers the oldest HIT first, so a returned one comes back at once: returning it again would never end.
    return Step.RETURN if draw < LEAVES + RETURNS and not returned_before else Step.ANSWER


def replay(choice: Choice, rng: np.random.Generator) -> Answer:
    """A vote that is given: only its time is made up, and a comment where the page asks for one."""
    comment = _COMMENTS[0] if choice is Choice.CANNOT_TELL else ""
    return Answer(choice, _elapsed_ms(_CAREFUL_MS, rng), comment)


def _mistaken(truth: Truth, rng: np.random.Generator) -> Choice:
    """The other label half of the time where one label is right; else any of the other three."""
    if truth in {Choice.A, Choice.B}:
        other = Choice.B if truth is Choice.A else Choice.A
        return (other, other, Choice.BOTH, Choice.NEITHER)[rng.integers(4)]
    others = [choice for choice in (Choice.A, Choice.B, Choice.BOTH, Choice.NEITHER) if choice is not truth]
    return others[rng.integers(len(others))]


def _elapsed_ms(median_ms: int, rng: np.random.Generator) -> int:
    return max(_FASTEST_MS, round(median_ms * rng.lognormal(0.0, _SPREAD)))
