"""What crowd is wanted, and who does what in it."""

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from itertools import groupby
from types import MappingProxyType

import numpy as np

from app.marketplace.crowd import arrivals, traits
from app.marketplace.crowd.answer_key import AnswerKey
from app.marketplace.crowd.arrivals import Arrival
from app.marketplace.crowd.behaviours import NAMES, Behaviour
from app.marketplace.crowd.deciding import Member
from app.marketplace.crowd.errors import BadPlan
from app.marketplace.crowd.traits import PRESETS, Traits

_MOST_WORKERS = 10_000
_MOST_AT_ONCE = 256

Mix = Mapping[Behaviour, float]
"""The weight of each behaviour in a crowd; weights need not sum to 1."""

ALL_CAREFUL: Mix = MappingProxyType({Behaviour.CAREFUL: 1.0})


@dataclass(frozen=True, slots=True)
class Kind:
    """Workers of one kind: a behaviour, perhaps with other traits than its preset's. `weight`: its share of the crowd."""

    name: str
    behaviour: Behaviour
    weight: float
    traits: Traits


@dataclass(frozen=True, slots=True)
class CrowdPlan:
    """A crowd.

    kinds: who they are in detail; empty: what the mix says.
    replay: hand in the key's votes instead of answers by behaviour; of the mix, only dropping out is then used.
    concurrency: how many requests may be under way at a time.
    max_assignments: how many each Worker submits at most; None: as many as there are.
    time_scale: how much of the time that an answer takes is really waited; 0 waits for nothing.
    patience_s: how long a Worker who finds no work keeps looking before going home.
    arrival: when they come; None: all at once.
    enter: a recruitment link, where {worker} and {session} become ids of their own; empty: they enrol.
    """

    workers: int = 5
    mix: Mix = field(default_factory=lambda: ALL_CAREFUL)
    key: AnswerKey | None = None
    replay: bool = False
    seed: int = 0
    concurrency: int = 8
    max_assignments: int | None = None
    time_scale: float = 0.0
    patience_s: float = 2.0
    kinds: Sequence[Kind] = ()
    arrival: Arrival | None = None
    enter: str = ""


def check(plan: CrowdPlan) -> None:
    """Raises BadPlan naming the first value that makes no sense."""
    weights = [kind.weight for kind in plan.kinds] or list(plan.mix.values())
    positive = sum(weights) > 0 and all(0 <= weight < float("inf") for weight in weights)
    wrong = {
        f"workers must be 1 to {_MOST_WORKERS}, not {plan.workers}": not 1 <= plan.workers <= _MOST_WORKERS,
        f"concurrency must be 1 to {_MOST_AT_ONCE}, not {plan.concurrency}": not 1 <= plan.concurrency <= _MOST_AT_ONCE,
        f"max_assignments must be at least 1, not {plan.max_assignments}": plan.max_assignments is not None
        and plan.max_assignments < 1,
        f"seed must not be negative: {plan.seed}": plan.seed < 0,
        f"time_scale must be a number from 0: {plan.time_scale}": not 0 <= plan.time_scale < float("inf"),
        f"patience_s must be a number from 0: {plan.patience_s}": not 0 <= plan.patience_s < float("inf"),
        "the weights of the mix must be positive numbers": not positive,
        "replay needs an answer key with votes": plan.replay
        and (plan.key is None or not any(entry.votes for entry in plan.key.entries)),
        "two kinds have the same name": len({kind.name for kind in plan.kinds}) < len(plan.kinds),
    }
    for reason, holds in wrong.items():
        if holds:
            raise BadPlan(reason)
    for kind in plan.kinds:
        traits.check(kind.traits, of=kind.name)
    if plan.arrival is not None:
        arrivals.check(plan.arrival)


def parse_mix(text: str) -> Mix:
    """A mix written as `careful=0.7,guessing=0.3`; a name alone has weight 1. Raises BadPlan."""
    mix: dict[Behaviour, float] = {}
    for part in filter(None, (part.strip() for part in text.split(","))):
        name, _, weight = part.partition("=")
        try:
            behaviour = Behaviour(name.strip())
        except ValueError:
            raise BadPlan(f"no behaviour is called {name.strip()!r}; there are {', '.join(Behaviour)}") from None
        try:
            mix[behaviour] = mix.get(behaviour, 0.0) + float(weight or 1)
        except ValueError:
            raise BadPlan(f"the weight of {behaviour} is not a number: {weight!r}") from None
    if not mix:
        raise BadPlan("the mix is empty; write for example careful=0.7,guessing=0.3")
    return mix


def kinds_of(plan: CrowdPlan) -> Sequence[Kind]:
    """The kinds of Workers in the plan, those without a weight left out; of a mix in the order of Behaviour."""
    mixed = [
        Kind(behaviour.value, behaviour, plan.mix[behaviour], PRESETS[behaviour])
        for behaviour in Behaviour
        if behaviour in plan.mix
    ]
    return [kind for kind in plan.kinds or mixed if kind.weight > 0]


def cast(plan: CrowdPlan) -> list[Member]:
    """The Workers, numbered from 1, their kinds in an order drawn from the seed.

    Numbers follow the weights by largest remainder; equal remainders go to the kind that is named first.
    """
    kinds = kinds_of(plan)
    weights = np.array([kind.weight for kind in kinds])
    shares = weights / weights.sum() * plan.workers
    counts = np.floor(shares).astype(int)
    by_remainder = np.argsort(-(shares - counts).round(9), kind="stable")
    counts[by_remainder[: plan.workers - counts.sum()]] += 1
    roles = [kind for kind, count in zip(kinds, counts, strict=True) for _ in range(count)]
    order = np.random.default_rng(plan.seed).permutation(len(roles))
    crowd = [_member(number, roles[at]) for number, at in enumerate(order, start=1)]
    return sorted(_with_leaders(crowd), key=lambda member: member.number)


def _member(number: int, kind: Kind) -> Member:
    # A name of the plan's may be too long for the site, and the report shows it anyway.
    return Member(number, f"{NAMES[kind.behaviour]} {number}", kind.name, kind.behaviour, kind.traits)


def _with_leaders(crowd: Sequence[Member]) -> Iterator[Member]:
    """The first of each group leads it; a group of one has nobody to copy from."""
    for _, same in groupby(sorted(crowd, key=lambda member: member.kind), key=lambda member: member.kind):
        members = list(same)
        size = members[0].traits.group_of or len(members)
        for begin in range(0, len(members), size):
            group = members[begin : begin + size]
            leads = members[0].traits.repeats > 0 and len(group) > 1
            for member in group:
                yield _led(member, group[0].number) if leads else member


def _led(member: Member, leader: int) -> Member:
    return Member(member.number, member.name, member.kind, member.behaviour, member.traits, leader)
