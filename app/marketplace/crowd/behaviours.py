"""The words for simulated Workers: what they see, what they enter, what kinds of them there are."""

from dataclasses import dataclass
from enum import StrEnum


class Choice(StrEnum):
    """The values of the page's radio buttons."""

    A = "a"
    B = "b"
    BOTH = "both"
    NEITHER = "neither"
    CANNOT_TELL = "cannot_tell"


class Behaviour(StrEnum):
    """Kinds of simulated Workers. What each of them does stands in traits.PRESETS."""

    CAREFUL = "careful"
    GUESSING = "guessing"
    FIRST = "first"
    SLOW = "slow"
    DROPOUT = "dropout"
    SKILLED = "skilled"
    BIASED = "biased"
    COPYING = "copying"
    LLM = "llm"
    BOT = "bot"
    SAME = "same"
    TIRING = "tiring"


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
class Known:
    """What the answer key says of an Item, in the page's words: the right choice, and which of `a` and `b` is given."""

    truth: Choice
    given: Choice


@dataclass(frozen=True, slots=True)
class Answer:
    """What a Worker enters for one Item. `elapsed_ms`: from the Item's turn to its answer."""

    choice: Choice
    elapsed_ms: int
    comment: str = ""


NAMES = {
    Behaviour.CAREFUL: "Ada",
    Behaviour.GUESSING: "Bob",
    Behaviour.FIRST: "Mallory",
    Behaviour.SLOW: "Sol",
    Behaviour.DROPOUT: "Dora",
    Behaviour.SKILLED: "Erin",
    Behaviour.BIASED: "Tove",
    Behaviour.COPYING: "Echo",
    Behaviour.LLM: "Max",
    Behaviour.BOT: "Robin",
    Behaviour.SAME: "Samir",
    Behaviour.TIRING: "Nod",
}
