"""What makes a kind of Worker: numbers that a plan may set, and the presets of the behaviours.

Ada labels with care, Bob guesses, Mallory clicks the first answer, Sol takes very long, Dora drops out. Erin knows some
classes better than others, Tove leans towards what stands on top, Echo copies from the first of her group, Max is one of
many who ask the same language model, Robin is a script, Samir says the same to everything, Nod tires.
Nobody here has eyes: without an answer key even Ada picks one of the two labels at random.
"""

import math
from collections.abc import Mapping
from dataclasses import dataclass, field
from enum import StrEnum
from types import MappingProxyType

from app.marketplace.crowd.answer_key import Vote, plain
from app.marketplace.crowd.behaviours import Behaviour
from app.marketplace.crowd.errors import BadPlan

Confusion = Mapping[Vote, Mapping[Vote, float]]
"""[true][said] over given, guessed, both, neither; each row sums to 1."""

LabelConfusion = Mapping[str, Mapping[str, float]]
"""[true label][label it is taken for]; what a row lacks to 1 is "something else"."""

# What a row may be off by, since people write 0.33, 0.33, 0.33.
_ROUNDING = 0.011
_NOTHING: Mapping[Vote, Mapping[Vote, float]] = MappingProxyType({})
_NO_LABELS: Mapping[str, Mapping[str, float]] = MappingProxyType({})


class Way(StrEnum):
    """How an answer comes about. `look`: by skill; `guess`: any of the four; `top`: the first shown; `same`: always one."""

    LOOK = "look"
    GUESS = "guess"
    TOP = "top"
    SAME = "same"


@dataclass(frozen=True, slots=True)
class Traits:
    """A kind of Worker. Probabilities are per Item, `returns` and `leaves` per HIT.

    right: of an Item about which neither `labels` nor `confusion` says more.
    confusion, labels: skill by class. `labels` comes first where the true label has a row: what the Item is taken for is
        one of the two labels on the page, or else they say neither.
    position_bias: how often the top choice is taken without a look.
    repeats: how often a follower says what the first of their group says, wrong or right; 0: everybody for themselves.
    group_of: how many share one leader; 0: the whole kind does.
    tires_after: Assignments after which half of the attention is gone, and after as many again half of the rest: what is
        not attended to is guessed, and quicker. None: never.
    returns, leaves: give an accepted HIT back once; close the browser in the middle of one, for good.
    median_ms, spread: time for one Item; `spread` is the sigma of its lognormal distribution.
    """

    way: Way = Way.LOOK
    right: float = 0.93
    cannot_tell: float = 0.02
    confusion: Confusion = field(default_factory=lambda: _NOTHING)
    labels: LabelConfusion = field(default_factory=lambda: _NO_LABELS)
    position_bias: float = 0.0
    repeats: float = 0.0
    group_of: int = 0
    tires_after: int | None = None
    returns: float = 0.0
    leaves: float = 0.0
    median_ms: int = 5_000
    spread: float = 0.5


# Better with what the dataset has right than with what it has wrong, and worst with what is both: people look for one answer.
_SKILL: Confusion = MappingProxyType(
    {
        Vote.GIVEN: {Vote.GIVEN: 0.95, Vote.GUESSED: 0.02, Vote.BOTH: 0.02, Vote.NEITHER: 0.01},
        Vote.GUESSED: {Vote.GIVEN: 0.08, Vote.GUESSED: 0.86, Vote.BOTH: 0.04, Vote.NEITHER: 0.02},
        Vote.BOTH: {Vote.GIVEN: 0.16, Vote.GUESSED: 0.14, Vote.BOTH: 0.68, Vote.NEITHER: 0.02},
        Vote.NEITHER: {Vote.GIVEN: 0.1, Vote.GUESSED: 0.1, Vote.BOTH: 0.02, Vote.NEITHER: 0.78},
    }
)

PRESETS: Mapping[Behaviour, Traits] = MappingProxyType(
    {
        Behaviour.CAREFUL: Traits(),
        Behaviour.GUESSING: Traits(Way.GUESS, median_ms=1_500),
        Behaviour.FIRST: Traits(Way.TOP, median_ms=600),
        Behaviour.SLOW: Traits(median_ms=60_000),
        Behaviour.DROPOUT: Traits(returns=0.25, leaves=0.05),
        Behaviour.SKILLED: Traits(confusion=_SKILL),
        Behaviour.BIASED: Traits(right=0.9, position_bias=0.3, median_ms=3_000),
        Behaviour.COPYING: Traits(right=0.85, repeats=0.95, group_of=4, median_ms=1_200),
        Behaviour.LLM: Traits(right=0.92, cannot_tell=0.0, repeats=0.98, median_ms=2_500, spread=0.2),
        Behaviour.BOT: Traits(Way.GUESS, median_ms=160, spread=0.1),
        Behaviour.SAME: Traits(Way.SAME, median_ms=250, spread=0.2),
        Behaviour.TIRING: Traits(tires_after=30),
    }
)


def check(traits: Traits, *, of: str) -> None:
    """Raises BadPlan naming the first trait of the kind `of` that makes no sense."""
    for name in ("right", "cannot_tell", "position_bias", "repeats", "returns", "leaves"):
        if not 0 <= (value := getattr(traits, name)) <= 1:
            raise BadPlan(f"{of}: {name} must be from 0 to 1, not {value}")
    wrong = {
        "right and cannot_tell together must not exceed 1": traits.right + traits.cannot_tell > 1 + 1e-9,
        "returns and leaves together must not exceed 1": traits.returns + traits.leaves > 1 + 1e-9,
        f"group_of must be 0 (all together) or at least 2, not {traits.group_of}": traits.group_of < 0
        or traits.group_of == 1,
        f"tires_after must be at least 1, not {traits.tires_after}": traits.tires_after is not None
        and traits.tires_after < 1,
        f"median_ms must be 1 to 86400000, not {traits.median_ms}": not 1 <= traits.median_ms <= 86_400_000,  # noqa: PLR2004 - a day
        f"spread must be from 0 to 3, not {traits.spread}": not 0 <= traits.spread <= 3,  # noqa: PLR2004 - a twentyfold
    }
    for reason, holds in wrong.items():
        if holds:
            raise BadPlan(f"{of}: {reason}")
    for row, cells in traits.confusion.items():
        _check_row(f"{of}: confusion.{row}", cells, whole=True)
    for label, row_of_labels in traits.labels.items():
        _check_row(f"{of}: labels.{label}", row_of_labels, whole=False)


def comparable(labels: LabelConfusion) -> LabelConfusion:
    """The matrix with its labels as they are compared: see answer_key.plain."""
    return {plain(true): {plain(said): share for said, share in row.items()} for true, row in labels.items()}


def _check_row(where: str, cells: Mapping[str, float] | Mapping[Vote, float], *, whole: bool) -> None:
    if not all(0 <= cell <= 1 for cell in cells.values()):
        raise BadPlan(f"{where}: each number must be from 0 to 1")
    if Vote.CANNOT_TELL in cells:
        raise BadPlan(f"{where}: cannot_tell is a trait of its own, not a column")
    total = math.fsum(cells.values())
    if total > 1 + _ROUNDING or (whole and total < 1 - _ROUNDING):
        raise BadPlan(f"{where}: the numbers sum to {total:g}, not to {'' if whole else 'at most '}1")
