from decimal import Decimal

import pytest
from hypothesis import given
from hypothesis import strategies as st

from app.domain.pricing import assignment_price, batch_cost

CENTS = st.integers(1, 100_000).map(lambda cents: Decimal(cents) / 100)


@pytest.mark.parametrize(
    ("reward", "fee"),
    [
        ("0.01", "0.01"),  # the floor: a fifth of a cent is charged as a cent
        ("0.02", "0.01"),
        ("0.05", "0.01"),
        ("0.07", "0.01"),  # 1.4 cents
        ("0.08", "0.02"),  # 1.6 cents
        ("0.10", "0.02"),
        ("0.12", "0.02"),  # 2.4 cents
        ("0.13", "0.03"),  # 2.6 cents
        ("1.00", "0.20"),
        ("12.34", "2.47"),
    ],
)
def test_the_fee_is_a_fifth_of_the_reward_and_at_least_a_cent(reward: str, fee: str) -> None:
    assert assignment_price(Decimal(reward), max_assignments=5, masters=False).fee_usd == Decimal(fee)


@pytest.mark.parametrize(("reward", "fee"), [("0.075", "0.02"), ("0.125", "0.03"), ("0.025", "0.01")])
def test_half_a_cent_rounds_up(reward: str, fee: str) -> None:
    # Banker's rounding would make 0.02 of 0.025.
    assert assignment_price(Decimal(reward), max_assignments=5, masters=False).fee_usd == Decimal(fee)


@pytest.mark.parametrize(("assignments", "fee"), [(1, "0.10"), (9, "0.10"), (10, "0.20"), (11, "0.20")])
def test_from_ten_assignments_on_the_fee_doubles(assignments: int, fee: str) -> None:
    assert assignment_price(Decimal("0.50"), max_assignments=assignments, masters=False).fee_usd == Decimal(fee)


@pytest.mark.parametrize(
    ("reward", "assignments", "fee"),
    [
        ("0.01", 5, "0.01"),  # the floor
        ("0.10", 5, "0.03"),  # 2.5 cents
        ("0.50", 5, "0.13"),  # 12.5 cents
        ("1.00", 5, "0.25"),
        ("0.50", 10, "0.23"),  # 22.5 cents
    ],
)
def test_masters_cost_a_twentieth_of_the_reward_more(reward: str, assignments: int, fee: str) -> None:
    assert assignment_price(Decimal(reward), max_assignments=assignments, masters=True).fee_usd == Decimal(fee)
    cost = batch_cost(hits=3, reward_usd=Decimal(reward), assignments_per_hit=assignments, masters=True)
    assert cost.fee_usd == Decimal(fee) * assignments * 3


def test_a_batch_costs_its_assignments() -> None:
    cost = batch_cost(hits=275, reward_usd=Decimal("0.05"), assignments_per_hit=5)
    assert (cost.hits, cost.assignments) == (275, 1375)
    assert (cost.reward_usd, cost.fee_usd, cost.total_usd) == (Decimal("68.75"), Decimal("13.75"), Decimal("82.50"))


def test_an_empty_batch_costs_nothing() -> None:
    assert batch_cost(hits=0, reward_usd=Decimal("0.05"), assignments_per_hit=5).total_usd == 0


@given(reward=CENTS, hits=st.integers(0, 10_000), assignments=st.integers(1, 20))
def test_a_batch_costs_exactly_the_sum_of_its_assignments(reward: Decimal, hits: int, assignments: int) -> None:
    price = assignment_price(reward, max_assignments=assignments, masters=False)
    cost = batch_cost(hits=hits, reward_usd=reward, assignments_per_hit=assignments)
    assert cost.total_usd == price.total_usd * hits * assignments
    assert cost.total_usd == cost.total_usd.quantize(Decimal("0.01"))


@given(reward=CENTS, assignments=st.integers(1, 20))
def test_a_higher_reward_never_has_a_lower_fee(reward: Decimal, assignments: int) -> None:
    more = assignment_price(reward + Decimal("0.01"), max_assignments=assignments, masters=False)
    assert (
        more.fee_usd >= assignment_price(reward, max_assignments=assignments, masters=False).fee_usd >= Decimal("0.01")
    )
