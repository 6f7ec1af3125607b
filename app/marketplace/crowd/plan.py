"""What crowd is wanted, and who does what in it."""

from collections.abc import Mapping
from dataclasses import dataclass, field
from types import MappingProxyType

import numpy as np

from app.marketplace.crowd.answer_key import AnswerKey
from app.marketplace.crowd.behaviours import Behaviour
from app.marketplace.crowd.errors import BadPlan

_MOST_WORKERS = 10_000
_MOST_AT_ONCE = 256

Mix = Mapping[Behaviour, float]
"""The weight of each behaviour in a crowd; weights need not sum to 1."""

ALL_CAREFUL: Mix = MappingProxyType({Behaviour.CAREFUL: 1.0})


@dataclass(frozen=True, slots=True)
class CrowdPlan:
    """A crowd.

    replay: hand in the key's votes instead of answers by behaviour; the mix is then not used.
    concurrency: how many requests may be under way at a time.
    max_assignments: how many each Worker submits at most; None: as many as there are.
    time_scale: how much of the time that an answer takes is really waited; 0 waits for nothing.
    patience_s: how long a Worker who finds no work keeps looking before going home.
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


def check(plan: CrowdPlan) -> None:
    """Raises BadPlan naming the first value that makes no sense."""
    positive = sum(plan.mix.values()) > 0 and all(0 <= weight < float("inf") for weight in plan.mix.values())
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
    }
    for reason, holds in wrong.items():
        if holds:
            raise BadPlan(reason)


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


def cast(plan: CrowdPlan) -> list[Behaviour]:
    """Each Worker's behaviour, in an order drawn from the seed.

    Numbers follow the weights by largest remainder; equal remainders go to the behaviour that is named first in Behaviour.
    """
    behaviours = [behaviour for behaviour in Behaviour if plan.mix.get(behaviour, 0) > 0]
    weights = np.array([plan.mix[behaviour] for behaviour in behaviours])
    shares = weights / weights.sum() * plan.workers
    counts = np.floor(shares).astype(int)
    by_remainder = np.argsort(-(shares - counts).round(9), kind="stable")
    counts[by_remainder[: plan.workers - counts.sum()]] += 1
    roles = [behaviour for behaviour, count in zip(behaviours, counts, strict=True) for _ in range(count)]
    return [roles[at] for at in np.random.default_rng(plan.seed).permutation(len(roles))]
