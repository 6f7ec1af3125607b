"""How many Items, with how many answers each, an error share wants to be known so well, and what that costs.

From a pilot: how Items differ in what Workers say of them (see `repeatability`), and how Workers differ (`variance_components`).
The plan is for the study's error share: an Item is an error unless the given label reaches the quorum, more than half of k
answers. With n Items checked of N suspects, each Worker answering a of them, its variance is

    V = [(1 - n/N) e (1 - e) + (n/N) R + τ k (a - 1)] / n

e: the error share that panels of k find; R: the panel's own variance of an Item's verdict; τ: how far one Worker pulls the
verdict, the Workers' variance times the square of the mean chance that one answer decides. These are the variances of
`study_table`, foreseen instead of observed; what a dozen Workers or fewer add by not showing well how they differ is not.
"""

import math
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from decimal import Decimal
from typing import Self

import numpy as np

from app.domain.consensus.votes import OPTIONS, Votes
from app.domain.pricing import Cost, batch_cost
from app.domain.statistics.intervals import LEVEL, Floats, wilson
from app.domain.statistics.repeatability import AnswerShares, answer_shares
from app.domain.statistics.variance_components import VarianceComponents, variance_components
from app.domain.vocabulary import Option
from app.errors import InvalidInput, Problem

ANSWERS = (3, 5, 7, 9)
_ENDLESS = 100_000_000


@dataclass(frozen=True, slots=True)
class Pilot:
    """What a pilot shows: `shares` of answers that Items have, `components` of "this answer does not confirm the given label"."""

    shares: AnswerShares
    components: VarianceComponents
    answers_per_worker: float


@dataclass(frozen=True, slots=True)
class Terms:
    """What is offered and who is there.

    items_per_hit: Items of one HIT · reward_usd: of one Assignment · suspects: Items there are to check (None: no end) ·
    answers_per_worker: how many Items one Worker answers (None: as in the pilot) · workers: how many Workers there are at most;
    a Worker then answers more where more is to be done · masters: whether Masters alone are asked, for a higher fee.
    """

    reward_usd: Decimal
    items_per_hit: int = 1
    suspects: int | None = None
    answers_per_worker: float | None = None
    workers: int | None = None
    masters: bool = False


@dataclass(frozen=True, slots=True)
class Alternative:
    """One way: `items` with `answers` each. None where no number of Items is enough; `width` is then the least there is.

    error_share: that panels of so many would find on average · same_again: the chance of an Item to get the same verdict from
    another such panel · width: expected, of the interval of the error share.
    """

    answers: int
    quorum: int
    items: int | None
    width: float
    error_share: float
    same_again: float
    cost: Cost | None


@dataclass(frozen=True, slots=True)
class Plan:
    """Alternatives in the order asked for; of those that reach the width the cheapest, of equally cheap ones the most answers."""

    width: float
    alternatives: tuple[Alternative, ...]
    cheapest: Alternative | None
    workers_known: bool


def pilot_of(votes: Votes) -> Pilot:
    """What the pilot's votes show; labels are OPTIONS, in that order, then any others.

    Raises InvalidInput for fewer than two Items or where none has two Responses.
    """
    if votes.labels < len(OPTIONS):
        raise InvalidInput([Problem(f"{votes.labels} labels: wanted {', '.join(OPTIONS)}, then others", field="pilot")])
    refuses = (votes.label != OPTIONS.index(Option.GIVEN)).astype(np.float64)
    components = variance_components(votes, refuses)
    per_worker = np.bincount(votes.worker).astype(float)
    # Of a Response taken at random, how many its Worker gave: what counts is who gives most of them.
    load = float((per_worker**2).sum() / per_worker.sum())
    return Pilot(answer_shares(votes.counts()), components, load)


def plan(
    pilot: Pilot,
    terms: Terms,
    *,
    width: float,
    answers: Sequence[int] = ANSWERS,
    least_same_again: float = 0.0,
    level: float = LEVEL,
) -> Plan:
    """For each number of answers the least number of Items whose interval is expected no wider than `width`.

    A verdict of few answers is cheap and chancy; the width says nothing of that. `same_again` does, and the cheapest is taken
    among the alternatives that have `least_same_again` of it.
    Raises InvalidInput for a width outside 0 to 1, no or impossible answers, or impossible terms.
    """
    _check(terms, width, answers)
    rows = [_alternative(pilot, terms, width, k, level) for k in answers]
    good = [row for row in rows if row.cost is not None and row.same_again >= least_same_again]
    cheapest = min(good, key=lambda row: (row.cost.total_usd if row.cost else Decimal(0), -row.answers), default=None)
    return Plan(width, tuple(rows), cheapest, pilot.components.workers_known)


@dataclass(frozen=True, slots=True)
class _Panel:
    """What panels of k Workers do, on average over Items."""

    answers: int
    quorum: int
    error_share: float
    noise: float
    pull: float

    @classmethod
    def of(cls, pilot: Pilot, answers: int) -> Self:
        from scipy.special import bdtr, bdtrc, comb  # not worth their time where nobody asks

        quorum = answers // 2 + 1
        given = pilot.shares.points[:, OPTIONS.index(Option.GIVEN)]
        weights = pilot.shares.weights
        errors: Floats = np.asarray(bdtr(quorum - 1, answers, given))
        confirmed: Floats = np.asarray(bdtrc(quorum - 1, answers, given))
        decides = comb(answers - 1, quorum - 1) * given ** (quorum - 1) * (1 - given) ** (answers - quorum)
        pull = pilot.components.workers * float(weights @ decides) ** 2
        return cls(answers, quorum, float(weights @ errors), float(weights @ (errors * confirmed)), pull)

    def width(self, items: int, terms: Terms, load: float, level: float) -> float:
        checked = items / terms.suspects if terms.suspects else 0.0
        if terms.workers is not None:
            load = max(load, items * self.answers / terms.workers)
        share = self.error_share
        each = (
            (1 - checked) * share * (1 - share) + checked * self.noise + self.pull * self.answers * max(load - 1, 0.0)
        )
        trials = share * (1 - share) * items / each
        return wilson(share * trials, trials, level=level).width


def _alternative(pilot: Pilot, terms: Terms, width: float, answers: int, level: float) -> Alternative:
    panel = _Panel.of(pilot, answers)
    load = terms.answers_per_worker or pilot.answers_per_worker
    most = terms.suspects or _ENDLESS
    reached = panel.width(most, terms, load, level)
    items = None
    if reached <= width:
        items = _least(most, lambda n: panel.width(n, terms, load, level) <= width)
        reached = panel.width(items, terms, load, level)
    return Alternative(
        answers=answers,
        quorum=panel.quorum,
        items=items,
        width=reached,
        error_share=panel.error_share,
        same_again=1 - 2 * panel.noise,
        cost=_cost(items, answers, terms) if items else None,
    )


def _cost(items: int, answers: int, terms: Terms) -> Cost:
    hits = math.ceil(items / terms.items_per_hit)
    return batch_cost(hits=hits, reward_usd=terms.reward_usd, assignments_per_hit=answers, masters=terms.masters)


def _least(most: int, enough: Callable[[int], bool]) -> int:
    """The smallest number from 1 to `most` that is enough, where `most` is and more never hurts."""
    low, high = 1, most
    while low < high:
        middle = (low + high) // 2
        if enough(middle):
            high = middle
        else:
            low = middle + 1
    return low


def _check(terms: Terms, width: float, answers: Sequence[int]) -> None:
    load = terms.answers_per_worker
    wrong = [
        (not 0 < width < 1, "width", f"{width}: wanted a width between 0 and 1, such as 0.05"),
        (not answers or min(answers, default=1) < 1, "answers", "wanted one number of answers or more, each from 1 on"),
        (terms.items_per_hit < 1, "items_per_hit", f"{terms.items_per_hit}: a HIT shows one Item or more"),
        (terms.suspects is not None and terms.suspects < 1, "suspects", f"{terms.suspects}: wanted 1 or more"),
        (load is not None and not 1 <= load < math.inf, "answers_per_worker", f"{load}: wanted a number from 1 on"),
        (
            terms.workers is not None and terms.workers < max(answers, default=1),
            "workers",
            f"{terms.workers} Workers cannot give an Item {max(answers, default=1)} answers, each one at most",
        ),
    ]
    if problems := [Problem(message, field=field) for is_wrong, field, message in wrong if is_wrong]:
        raise InvalidInput(problems)
