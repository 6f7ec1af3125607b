"""Reward, fee and cost in USD, to the cent.

Source: mturk.com/pricing as of 2026-09-30 (mturk-facts §6): 20 % of the reward; another 20 % where a HIT has ten or more
Assignments, 5 % where it asks for Masters; at least one cent per Assignment; half a cent rounds up. Rejected work costs
nothing. `db/fees.py` says the same in SQL.
"""

from dataclasses import dataclass
from decimal import ROUND_HALF_UP, Decimal

CENT = Decimal("0.01")
BASE_RATE = Decimal("0.20")
MANY_ASSIGNMENTS_RATE = Decimal("0.20")
MASTERS_RATE = Decimal("0.05")
MANY_ASSIGNMENTS = 10
MINIMUM_FEE_USD = CENT
MINIMUM_REWARD_USD = CENT


@dataclass(frozen=True, slots=True)
class Price:
    """What one approved Assignment costs."""

    reward_usd: Decimal
    fee_usd: Decimal

    @property
    def total_usd(self) -> Decimal:
        """Reward and fee together."""
        return self.reward_usd + self.fee_usd


@dataclass(frozen=True, slots=True)
class Cost:
    """What a Batch costs if every Assignment is done and approved."""

    hits: int
    assignments: int
    reward_usd: Decimal
    fee_usd: Decimal

    @property
    def total_usd(self) -> Decimal:
        """Rewards and fees together."""
        return self.reward_usd + self.fee_usd


def assignment_price(reward_usd: Decimal, *, max_assignments: int, masters: bool) -> Price:
    """The price of one Assignment of a HIT that offers `max_assignments`, to `masters` alone or to everybody."""
    rate = BASE_RATE + (MANY_ASSIGNMENTS_RATE if max_assignments >= MANY_ASSIGNMENTS else 0)
    rate += MASTERS_RATE if masters else 0
    fee = (reward_usd * rate).quantize(CENT, ROUND_HALF_UP)
    return Price(reward_usd, max(fee, MINIMUM_FEE_USD))


def bonus_price(amount_usd: Decimal) -> Price:
    """A bonus with its fee: 20 % whatever the HIT offers, at least a cent (mturk-facts §6)."""
    return Price(amount_usd, max((amount_usd * BASE_RATE).quantize(CENT, ROUND_HALF_UP), MINIMUM_FEE_USD))


def batch_cost(*, hits: int, reward_usd: Decimal, assignments_per_hit: int, masters: bool = False) -> Cost:
    """The cost of `hits` HITs with `assignments_per_hit` Assignments each."""
    price = assignment_price(reward_usd, max_assignments=assignments_per_hit, masters=masters)
    assignments = hits * assignments_per_hit
    return Cost(hits, assignments, price.reward_usd * assignments, price.fee_usd * assignments)
