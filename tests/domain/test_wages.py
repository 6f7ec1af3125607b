from decimal import Decimal

import pytest
from hypothesis import given
from hypothesis import strategies as st

from app.domain.wages import (
    Earned,
    WorkTime,
    missing_usd,
    paid_time_s,
    proposed_reward,
    typical_s,
    work_time_s,
)


@pytest.mark.parametrize(
    ("hourly", "seconds", "reward"),
    [
        ("15", 12.0, "0.05"),
        ("15", 12.1, "0.06"),
        ("15", 0.0, "0.01"),
        ("15", 3600.0, "15.00"),
        ("7.25", 30.0, "0.07"),
        ("0.01", 1.0, "0.01"),
    ],
)
def test_a_reward_is_the_wage_for_its_time_up_to_the_cent(hourly: str, seconds: float, reward: str) -> None:
    assert proposed_reward(Decimal(hourly), seconds) == Decimal(reward)


@given(st.decimals(min_value="0.01", max_value="500", places=2), st.floats(min_value=0, max_value=100_000, width=32))
def test_a_proposed_reward_never_pays_less_than_asked_for_nor_a_cent_too_much(hourly: Decimal, seconds: float) -> None:
    exact = hourly * Decimal(str(round(seconds, 3))) / 3600
    reward = proposed_reward(hourly, seconds)
    assert exact <= reward < max(exact, Decimal("0.001")) + Decimal("0.01")


@pytest.mark.parametrize(
    ("taken", "measured", "counted"),
    [
        (60.0, 20.0, 20.0),
        (60.0, 600.0, 60.0),  # a page that claims more than passed
        (60.0, None, 60.0),
        (60.0, 0.0, 60.0),
        (None, 20.0, 20.0),
        (None, None, None),
        (-5.0, 20.0, 0.0),  # a marketplace whose clock jumped
    ],
)
def test_the_pages_time_counts_as_long_as_the_marketplaces_allows_it(
    taken: float | None, measured: float | None, counted: float | None
) -> None:
    assert work_time_s(WorkTime(taken, measured)) == counted


def test_one_who_left_the_page_open_does_not_move_the_typical_time() -> None:
    assert typical_s([10, 11, 12, 13, 90_000]) == 12
    assert typical_s([]) is None
    assert typical_s([0, 0]) is None


def test_an_assignment_is_paid_for_three_medians_at_most() -> None:
    assert paid_time_s([10, 20, 5000], median_s=20) == 10 + 20 + 60


def test_who_got_enough_is_short_of_nothing() -> None:
    enough = Earned([120.0, 120.0], Decimal("1.00"))
    assert missing_usd(enough, hourly_usd=Decimal(15), median_s=120) == 0


def test_the_difference_is_to_the_cent() -> None:
    short = Earned([120.0, 121.0], Decimal("0.10"))
    # 241 s at $15 are $1.00416…
    assert missing_usd(short, hourly_usd=Decimal(15), median_s=120) == Decimal("0.91")


@given(st.lists(st.floats(min_value=0, max_value=10_000, width=32), min_size=1, max_size=20))
def test_what_was_topped_up_is_missing_no_longer(times: list[float]) -> None:
    hourly, median_s = Decimal("12.50"), 100.0
    short = missing_usd(Earned(times, Decimal("0.05")), hourly_usd=hourly, median_s=median_s)
    assert missing_usd(Earned(times, Decimal("0.05") + short), hourly_usd=hourly, median_s=median_s) == 0
