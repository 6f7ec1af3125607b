"""What one Assignment costs beyond its Reward. Pure; amounts in USD, exact to the cent."""

from collections.abc import Iterable
from decimal import ROUND_HALF_UP, Decimal

CENT = Decimal("0.01")
MINIMUM_FEE_USD = CENT
BASE_RATE = Decimal("0.20")
MANY_ASSIGNMENTS_RATE = Decimal("0.20")
MASTERS_RATE = Decimal("0.05")
MANY_ASSIGNMENTS = 10
MASTERS_QUALIFICATION_IDS = frozenset({"2F1QJWKUDD8XADTFD2Q0G6UTO95ALH", "2ARFPLSP75KLA8M8DH1HTEQVJT3SY6"})


def fee_usd(reward_usd: Decimal, max_assignments: int, qualification_ids: Iterable[str] = ()) -> Decimal:
    """The fee for one approved Assignment: 20 % of the Reward, 20 % more on HITs with ten or more Assignments,
    5 % more where Masters are asked for; rounded half up to the cent, at least one cent.
    """
    rate = BASE_RATE
    if max_assignments >= MANY_ASSIGNMENTS:
        rate += MANY_ASSIGNMENTS_RATE
    if MASTERS_QUALIFICATION_IDS.intersection(qualification_ids):
        rate += MASTERS_RATE
    return max(MINIMUM_FEE_USD, (reward_usd * rate).quantize(CENT, ROUND_HALF_UP))
