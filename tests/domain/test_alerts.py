from datetime import UTC, datetime, timedelta
from decimal import Decimal

import numpy as np
import pytest

from app.domain import alerts
from app.domain.alerts import Activity, Ending, Finding, Funds, Open, Retried, Shares, Undecided
from app.domain.vocabulary import AlertKind, DifferenceKind

NOW = datetime(2026, 11, 24, 12, 0, tzinfo=UTC)
OPTIONS = ["given", "guessed", "both", "neither"]


def ago(seconds: float) -> datetime:
    return NOW - timedelta(seconds=seconds)


# --- stalled ---


@pytest.mark.parametrize(
    ("quiet_s", "gap_s", "open_hits", "is_stalled"),
    [
        (3599, None, 5, False),
        (3600, None, 5, True),
        (3600, 5.0, 5, True),  # ten times five seconds are less than an hour
        (3600, 600.0, 5, False),  # usually every ten minutes: an hour and forty minutes are needed
        (5999, 600.0, 5, False),
        (6000, 600.0, 5, True),
        (90_000, None, 0, False),  # nothing to do for anybody
    ],
)
def test_a_batch_is_stalled_after_an_hour_or_ten_usual_gaps(
    quiet_s: float, gap_s: float | None, open_hits: int, is_stalled: bool
) -> None:
    said = alerts.stalled(Activity(open_hits, ago(quiet_s), gap_s), now=NOW)
    assert (said is not None) is is_stalled


def test_it_says_how_long_and_how_many() -> None:
    said = alerts.stalled(Activity(1, ago(3 * 3600), 90.0), now=NOW)
    assert said is not None
    assert "for 3 h" in said
    assert "1 HIT with" in said
    assert "every 90 s" in said


# --- low balance ---


def funds(available: str, needed: str, profile: str = "local") -> Funds:
    return Funds(Decimal(available), Decimal(needed), profile)


def test_a_balance_that_covers_what_is_needed_to_the_cent_is_enough() -> None:
    assert alerts.low_balance(funds("6.00", "6.00"), already=False) is None
    assert alerts.low_balance(funds("5.99", "6.00"), already=False) is not None
    assert alerts.low_balance(funds("0.00", "0.00"), already=False) is None


def test_an_open_alert_needs_a_tenth_to_spare_before_it_ends() -> None:
    assert alerts.low_balance(funds("6.59", "6.00"), already=True) is not None
    assert alerts.low_balance(funds("6.60", "6.00"), already=True) is None
    assert alerts.low_balance(funds("0.00", "0.00"), already=True) is None


def test_it_says_how_much_is_missing_and_how_to_refill() -> None:
    said = alerts.low_balance(funds("1.20", "6.00"), already=False)
    assert said is not None
    assert "labeljury marketplace deposit 4.80" in said
    said = alerts.low_balance(funds("1.20", "6.00", "production"), already=False)
    assert said is not None
    assert "Add $4.80 to the account" in said


# --- clocks that run out ---


def test_the_warning_is_a_tenth_of_the_time_and_never_longer_than_its_limit() -> None:
    assert alerts.expiry_window_s(3600) == 360
    assert alerts.expiry_window_s(7 * 86_400) == 6 * 3600
    assert alerts.approval_window_s(3 * 86_400) == 7.2 * 3600
    assert alerts.approval_window_s(30 * 86_400) == 24 * 3600
    assert alerts.approval_window_s(0) == 0


def test_hits_near_their_end_are_told_with_what_becomes_of_them() -> None:
    assert alerts.near_expiry(Ending(0, 0, NOW), now=NOW) is None
    said = alerts.near_expiry(Ending(5, 3, ago(-600)), now=NOW)
    assert said is not None
    assert "5 HITs" in said
    assert "in 10 min" in said
    assert "3 will be offered again" in said
    assert "2 HITs will not" in said


def test_undecided_work_is_told_with_what_waits_for_a_person() -> None:
    assert alerts.auto_approval(Undecided(0, 0, NOW), now=NOW) is None
    said = alerts.auto_approval(Undecided(4, 1, ago(-7200)), now=NOW)
    assert said is not None
    assert "4 Assignments" in said
    assert "in 2 h" in said
    assert "1 of them wait" in said


# --- answers that change ---


def agreement(mean: float, size: int) -> np.ndarray[tuple[int], np.dtype[np.float64]]:
    rng = np.random.default_rng(7)
    return np.clip(rng.normal(mean, 0.15, size), 0.2, 1.0)


def test_a_clear_drop_of_agreement_is_told() -> None:
    said = alerts.disagreement(agreement(0.85, 300), agreement(0.65, 100), already=False)
    assert said is not None
    assert "latest 100 Items" in said


def test_a_drop_that_is_small_or_rests_on_few_items_is_not() -> None:
    assert alerts.disagreement(agreement(0.85, 3000), agreement(0.80, 1000), already=False) is None
    assert alerts.disagreement(agreement(0.85, 99), agreement(0.5, 100), already=False) is None
    assert alerts.disagreement(agreement(0.85, 300), agreement(0.5, 49), already=False) is None
    assert alerts.disagreement(agreement(0.85, 100), agreement(0.5, 50), already=False) is not None


def test_an_open_disagreement_ends_only_well_below_what_raised_it() -> None:
    earlier, latest = agreement(0.85, 3000), agreement(0.78, 1000)
    assert alerts.disagreement(earlier, latest, already=False) is None
    assert alerts.disagreement(earlier, latest, already=True) is not None
    assert alerts.disagreement(earlier, agreement(0.84, 1000), already=True) is None


def test_shares_that_move_are_told_with_the_option_that_moved_most() -> None:
    said = alerts.drift(Shares(OPTIONS, [1200, 900, 300, 100], [60, 210, 20, 10]), already=False)
    assert said is not None
    assert "“guessed” made up 36%" in said
    assert "70%" in said


@pytest.mark.parametrize(
    ("earlier", "latest", "answers_per_item"),
    [
        ([1200, 900, 300, 100], [120, 90, 61, 29], 1.0),  # less than a tenth
        ([199, 100, 50, 50], [20, 160, 10, 10], 1.0),  # 399 earlier answers
        ([600, 500, 50, 50], [20, 160, 10, 9], 1.0),  # 199 latest ones
        ([600, 500, 50, 50], [110, 150, 20, 20], 40.0),  # each Item answered so often that there are few Items
    ],
)
def test_shares_that_move_little_or_on_few_answers_are_not(
    earlier: list[int], latest: list[int], answers_per_item: float
) -> None:
    assert alerts.drift(Shares(OPTIONS, earlier, latest, answers_per_item), already=False) is None


def test_an_open_drift_stays_until_no_share_is_off_by_half_of_that() -> None:
    earlier = [1000, 1000, 250, 250]
    assert alerts.drift(Shares(OPTIONS, earlier, [145, 95, 30, 30]), already=False) is None
    assert alerts.drift(Shares(OPTIONS, earlier, [145, 95, 30, 30]), already=True) is not None
    assert alerts.drift(Shares(OPTIONS, earlier, [125, 115, 30, 30]), already=True) is None


# --- the rest ---


def test_what_a_marketplace_says_of_a_worker_does_not_leave_the_house() -> None:
    said = alerts.attention("AssociateQualification: no Worker A2SUAM7ZK4QOWL; HIT 3XJOUITW8URHJKX8DDHN3J2LNHXTQK", 0)
    assert said == "AssociateQualification: no Worker (a Worker); HIT 3XJOUITW8URHJKX8DDHN3J2LNHXTQK"


def test_attention_is_what_the_batch_says_then_refusals_then_calls_that_never_succeed() -> None:
    assert alerts.attention(None, 0) is None
    assert alerts.attention("Out of funds", 3) == "Out of funds"
    assert alerts.attention(None, 1) == "1 call refused by the marketplace: see what it says on the Batch's page"
    assert "nonsense" in (alerts.attention(None, 0, Retried(7, "nonsense")) or "")


def test_differences_are_told_by_kind() -> None:
    assert alerts.differences({}) is None
    said = alerts.differences({DifferenceKind.HIT_MISSING: 2, DifferenceKind.BONUS_MISSING: 1})
    assert said is not None
    assert "1 × bonus missing, 2 × hit missing" in said


def test_half_a_minute_without_a_job_runner_is_told() -> None:
    assert alerts.no_runner(29.9) is None
    assert alerts.no_runner(30) is not None


def test_an_alert_ends_once_it_has_been_over_for_its_time_and_only_if_somebody_looked() -> None:
    looked_at = set(AlertKind)
    drifting = Open(1, AlertKind.DRIFT, "batch 7", seen_at=ago(599))
    assert alerts.change([], [drifting], looked_at, now=NOW).over == []
    drifting = Open(1, AlertKind.DRIFT, "batch 7", seen_at=ago(600))
    assert alerts.change([], [drifting], looked_at, now=NOW).over == [1]
    assert alerts.change([], [drifting], {AlertKind.STALLED}, now=NOW).over == []
    again = Finding(AlertKind.DRIFT, "batch 7", "moves")
    assert alerts.change([again], [drifting], looked_at, now=NOW).over == []
    other = Finding(AlertKind.DRIFT, "batch 8", "moves")
    assert alerts.change([other], [drifting], looked_at, now=NOW).over == [1]


def test_every_kind_says_how_long_it_must_be_over() -> None:
    assert set(alerts.CALM_S) == set(AlertKind)
