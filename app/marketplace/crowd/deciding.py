"""How simulated Workers answer. Pure: who, what is seen, what is true and a seed in, an answer out."""

import hashlib
from collections.abc import Sequence
from dataclasses import dataclass, replace
from urllib.parse import urlsplit

import numpy as np

from app.marketplace.crowd.answer_key import Vote, plain
from app.marketplace.crowd.behaviours import Answer, Behaviour, Choice, Known, SeenItem, Step
from app.marketplace.crowd.traits import Traits, Way

_FOUR = (Choice.A, Choice.B, Choice.BOTH, Choice.NEITHER)
_FASTEST_MS = 150
# A Worker without attention still needs this share of the time: the clicks themselves.
_CLICKS = 0.2
_REPLAY = Traits()
_COMMENTS = ("I am not sure what this shows.", "Too unclear to tell.", "I do not know one of these words.")
_NOT_LOADED = "It does not load."


@dataclass(frozen=True, slots=True)
class Member:
    """One Worker of a crowd. `kind` names the row of the plan; `leader`: whose answers they repeat, perhaps their own."""

    number: int
    name: str
    kind: str
    behaviour: Behaviour
    traits: Traits
    leader: int | None = None


def decide(member: Member, item: SeenItem, known: Known | None, *, seed: int, done: int = 0) -> Answer:
    """The answer of this Worker on this Item, after `done` Assignments of the session: the same in every run.

    A leader's answer does not depend on what the followers or the leader did before, so each of them can know it.
    """
    own = generator(seed, member.number, [item])
    traits = member.traits
    if member.leader is None:
        return _alone(member, item, known, own, seed=seed, done=done)
    if member.number != member.leader and own.random() >= traits.repeats:
        return _alone(member, item, known, own, seed=seed, done=done)
    seen = _in_order(item)
    leader = replace(member, number=member.leader)
    said = _alone(leader, seen, known, generator(seed, member.leader, [item]), seed=seed, done=0)
    if member.number == member.leader:
        return said
    return replace(said, elapsed_ms=_elapsed_ms(traits, own))


def step(traits: Traits, rng: np.random.Generator, *, returned_before: bool) -> Step:
    """What becomes of an accepted HIT. What they returned once they answer."""
    if traits.returns == traits.leaves == 0:
        return Step.ANSWER
    draw = rng.random()
    if draw < traits.leaves:
        return Step.LEAVE
    # The site offers the oldest HIT first, so a returned one comes back at once: returning it again would never end.
    return Step.RETURN if draw < traits.leaves + traits.returns and not returned_before else Step.ANSWER


def replay(choice: Choice, rng: np.random.Generator) -> Answer:
    """A vote that is given: only its time is made up, and a comment where the page asks for one."""
    comment = _COMMENTS[0] if choice is Choice.CANNOT_TELL else ""
    return Answer(choice, _elapsed_ms(_REPLAY, rng), comment)


def generator(seed: int, worker: int, items: Sequence[SeenItem]) -> np.random.Generator:
    """The generator for what this Worker does about these Items: the same in every run, whenever they meet."""
    digest = hashlib.sha256("\0".join(map(_identity, items)).encode("utf-8", "replace")).digest()
    return np.random.default_rng([seed, worker, int.from_bytes(digest[:8])])


def attention(traits: Traits, done: int) -> float:
    """The share of attention that is left after `done` Assignments: it halves every `tires_after`."""
    return 1.0 if traits.tires_after is None else float(0.5 ** (done / traits.tires_after))


def _alone(
    member: Member, item: SeenItem, known: Known | None, rng: np.random.Generator, *, seed: int, done: int
) -> Answer:
    traits = member.traits
    left = attention(traits, done)
    elapsed_ms = _elapsed_ms(traits, rng, share=_CLICKS + (1 - _CLICKS) * left)
    match traits.way:
        case Way.GUESS:
            return Answer(item.shown[rng.integers(len(item.shown))], elapsed_ms)
        case Way.TOP:
            return Answer(item.shown[0], elapsed_ms)
        case Way.SAME:
            return Answer(_FOUR[np.random.default_rng([seed, member.number]).integers(len(_FOUR))], elapsed_ms)
        case Way.LOOK:
            pass
    if left < 1 and rng.random() >= left:
        return Answer(item.shown[rng.integers(len(item.shown))], elapsed_ms)
    if traits.position_bias and rng.random() < traits.position_bias:
        return Answer(item.shown[0], elapsed_ms)
    return _looked(traits, item, known, rng, elapsed_ms)


def _looked(traits: Traits, item: SeenItem, known: Known | None, rng: np.random.Generator, elapsed_ms: int) -> Answer:
    """By skill; without a truth either label."""
    if not item.loads:
        return Answer(Choice.CANNOT_TELL, elapsed_ms, _NOT_LOADED)
    draw = rng.random()
    if draw < traits.cannot_tell:
        return Answer(Choice.CANNOT_TELL, elapsed_ms, _COMMENTS[rng.integers(len(_COMMENTS))])
    if known is None:
        # By the labels' order in the alphabet: which of them is `a` may differ from HIT to HIT.
        return Answer(_in_order(item).shown[rng.integers(2)], elapsed_ms)
    return Answer(_by_skill(traits, item, known, rng, draw), elapsed_ms)


def _by_skill(traits: Traits, item: SeenItem, known: Known, rng: np.random.Generator, draw: float) -> Choice:
    """The most special of what is known about the skill: the label's row, the answer's row, or `right`."""
    truth = known.truth
    if truth in {Choice.A, Choice.B}:
        labels = {Choice.A: plain(item.label_a), Choice.B: plain(item.label_b)}
        row = traits.labels.get(labels[truth])
        if row is not None:
            return _drawn([(choice, row.get(label, 0.0)) for choice, label in labels.items()], Choice.NEITHER, rng)
    cells = traits.confusion.get(_vote(known))
    if cells is not None:
        return _drawn([(_choice(said, known), share) for said, share in cells.items()], truth, rng)
    return truth if draw < traits.cannot_tell + traits.right else _mistaken(truth, rng)


def _drawn(shares: Sequence[tuple[Choice, float]], rest: Choice, rng: np.random.Generator) -> Choice:
    """One of the choices by its share; `rest` takes what is left to 1."""
    draw = rng.random()
    for choice, share in shares:
        if draw < share:
            return choice
        draw -= share
    return rest


def _vote(known: Known) -> Vote:
    if known.truth in {Choice.A, Choice.B}:
        return Vote.GIVEN if known.truth is known.given else Vote.GUESSED
    return Vote(known.truth.value)


def _choice(vote: Vote, known: Known) -> Choice:
    if vote in {Vote.GIVEN, Vote.GUESSED}:
        return known.given if vote is Vote.GIVEN else _other(known.given)
    return Choice(vote.value)


def _other(label: Choice) -> Choice:
    return Choice.B if label is Choice.A else Choice.A


def _mistaken(truth: Choice, rng: np.random.Generator) -> Choice:
    """The other label half of the time where one label is right; else any of the other three."""
    if truth in {Choice.A, Choice.B}:
        other = _other(truth)
        return (other, other, Choice.BOTH, Choice.NEITHER)[rng.integers(4)]
    others = [choice for choice in _FOUR if choice is not truth]
    return others[rng.integers(len(others))]


def _elapsed_ms(traits: Traits, rng: np.random.Generator, *, share: float = 1.0) -> int:
    return max(_FASTEST_MS, round(traits.median_ms * share * rng.lognormal(0.0, traits.spread)))


def _in_order(item: SeenItem) -> SeenItem:
    """The Item with the choices as nobody sees them, but all can agree on: the labels in the order of the alphabet."""
    first, second = (Choice.A, Choice.B) if item.label_a <= item.label_b else (Choice.B, Choice.A)
    return replace(item, shown=(first, second, Choice.BOTH, Choice.NEITHER))


def _identity(item: SeenItem) -> str:
    """Medium or text, and labels. Not the medium's host: between two runs it may be served elsewhere."""
    medium = item.text or ""
    if item.media_url is not None:
        parts = urlsplit(item.media_url)
        medium = f"{parts.path}?{parts.query}"
    return "\n".join([medium, *sorted([item.label_a, item.label_b])])
