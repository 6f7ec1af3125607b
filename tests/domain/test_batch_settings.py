from decimal import Decimal
from typing import Any

import pytest

from app.domain.batch_settings import faults, money_faults, round_faults


def found(**changed: Any) -> dict[str | None, str]:
    """The faults of believable settings with some changed, by field."""
    values: dict[str, Any] = {
        "name": "Birds",
        "title": "Which label fits?",
        "description": "Look at a picture.",
        "instructions": "Choose.",
        "assignments_per_item": 5,
        "items_per_hit": 1,
        "quorum": 3,
        "assignment_duration_s": 1800,
        "lifetime_s": 604_800,
        "auto_approval_delay_s": 604_800,
    }
    return {problem.field: problem.message for problem in faults(**values | changed)}


def money(**amounts: Decimal | None) -> dict[str | None, str]:
    return {problem.field: problem.message for problem in money_faults(**amounts)}


def test_believable_settings_have_no_fault() -> None:
    assert found() == {}


@pytest.mark.parametrize(
    ("field", "value"),
    [
        ("name", " "),
        ("name", "x" * 201),
        ("name", "a\x00b"),
        ("instructions", "a\x00b"),
        ("title", ""),
        ("title", "x" * 129),
        ("description", ""),
        ("description", "x" * 2001),
        ("assignments_per_item", 0),
        ("items_per_hit", 0),
        ("items_per_hit", 51),
        ("quorum", 0),
        ("quorum", 6),
        ("assignment_duration_s", 29),
        ("assignment_duration_s", 31_536_001),
        ("lifetime_s", 29),
        ("lifetime_s", 31_536_001),
        ("auto_approval_delay_s", -1),
        ("auto_approval_delay_s", 2_592_001),
    ],
)
def test_each_limit_is_named_with_its_field(field: str, value: object) -> None:
    assert field in found(**{field: value})


@pytest.mark.parametrize(
    ("field", "value"),
    [
        ("name", "x" * 200),
        ("title", "x" * 128),
        ("description", "x" * 2000),
        ("instructions", ""),
        ("assignments_per_item", 9),
        ("items_per_hit", 50),
        ("quorum", 5),
        ("assignment_duration_s", 30),
        ("lifetime_s", 31_536_000),
        ("auto_approval_delay_s", 0),
        ("auto_approval_delay_s", 2_592_000),
    ],
)
def test_the_limits_themselves_are_allowed(field: str, value: object) -> None:
    assert found(**{field: value}) == {}


def test_ten_assignments_are_refused_for_the_doubled_fee() -> None:
    assert "doubles its fee" in found(assignments_per_item=10)["assignments_per_item"]


def test_one_assignment_with_a_quorum_of_one_is_allowed() -> None:
    assert found(assignments_per_item=1, quorum=1) == {}


def test_all_faults_are_told_at_once() -> None:
    assert set(found(name="", quorum=9, lifetime_s=1)) == {"name", "quorum", "lifetime_s"}


@pytest.mark.parametrize(
    ("reward", "says"),
    [
        ("0", "at least $0.01"),
        ("-0.01", "must not be negative"),
        ("0.051", "parts of a cent"),
        ("0.0000000000000000001", "parts of a cent"),
        ("1000.01", "at most $1000"),
        ("1E+30", "at most $1000"),
        ("NaN", "an amount such as"),
        ("sNaN", "an amount such as"),
        ("Infinity", "an amount such as"),
        ("-Infinity", "an amount such as"),
    ],
)
def test_a_reward_that_cannot_be_paid_is_refused(reward: str, says: str) -> None:
    assert says in money(reward_usd=Decimal(reward))["reward_usd"]


@pytest.mark.parametrize("reward", ["0.01", "0.05", "0.050", "1", "1E+2", "1000.00"])
def test_a_reward_in_whole_cents_is_fine(reward: str) -> None:
    assert money(reward_usd=Decimal(reward)) == {}


def test_a_cap_may_be_nothing_but_not_above_the_installations_limit() -> None:
    assert money(cap_usd=Decimal(0)) == {}
    assert money(cap_usd=Decimal(50), limit_usd=Decimal(50)) == {}
    assert "limit of $50" in money(cap_usd=Decimal("50.01"), limit_usd=Decimal(50))["cap_usd"]
    assert "at most $10000000" in money(cap_usd=Decimal("10000000.01"))["cap_usd"]


def rounds(**changed: Any) -> dict[str | None, str]:
    values: dict[str, Any] = {
        "assignments_per_item": 5,
        "first_assignments": 3,
        "repost_limit": 3,
        "pilot_items": 100,
        "release_agreement": 0.8,
    }
    return {problem.field: problem.message for problem in round_faults(**values | changed)}


def test_believable_rounds_have_no_fault() -> None:
    assert rounds() == {}
    assert rounds(first_assignments=None, pilot_items=None, release_agreement=None, repost_limit=0) == {}


@pytest.mark.parametrize(
    ("field", "value"),
    [
        ("first_assignments", 0),
        ("first_assignments", 6),
        ("repost_limit", -1),
        ("repost_limit", 21),
        ("pilot_items", 0),
        ("release_agreement", 0.0),
        ("release_agreement", 1.01),
        ("release_agreement", float("nan")),
    ],
)
def test_each_fault_of_the_rounds_is_named_with_its_field(field: str, value: object) -> None:
    assert list(rounds(**{field: value})) == [field]


def test_a_rule_of_release_without_a_pilot_is_a_fault() -> None:
    assert "has no effect without a pilot" in rounds(pilot_items=None)["release_agreement"]
