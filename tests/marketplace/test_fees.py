from decimal import Decimal

import pytest

from app.marketplace.fees import fee_usd

MASTERS = "2F1QJWKUDD8XADTFD2Q0G6UTO95ALH"


@pytest.mark.parametrize(
    ("reward", "max_assignments", "fee"),
    [
        ("0.05", 5, "0.01"),
        ("0.01", 5, "0.01"),
        ("0.00", 1, "0.01"),
        ("0.50", 9, "0.10"),
        ("0.50", 10, "0.20"),
        ("0.10", 10, "0.04"),
        ("1.00", 1, "0.20"),
        ("0.52", 1, "0.10"),
        ("0.53", 1, "0.11"),
    ],
)
def test_the_fee_is_a_fifth_or_two_fifths_and_at_least_a_cent(reward: str, max_assignments: int, fee: str) -> None:
    assert fee_usd(Decimal(reward), max_assignments) == Decimal(fee)


def test_half_a_cent_is_rounded_up() -> None:
    assert fee_usd(Decimal("0.125"), 1) == Decimal("0.03")


def test_masters_cost_a_twentieth_of_the_reward_more() -> None:
    assert fee_usd(Decimal("1.00"), 1, [MASTERS]) == Decimal("0.25")
