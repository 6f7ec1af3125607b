from collections.abc import Callable
from typing import TYPE_CHECKING

import psycopg
import pytest

from tests.marketplace.conftest import MovedClock
from tests.marketplace.people import Browser, expire_now, publish, turk_code

if TYPE_CHECKING:
    from mypy_boto3_mturk import MTurkClient


def balance(mturk: "MTurkClient") -> tuple[str, str]:
    """Available and on hold."""
    shown = mturk.get_account_balance()
    return shown["AvailableBalance"], shown["OnHoldBalance"]


def test_creating_holds_reward_and_fee_and_approving_pays_them_to_the_cent(
    mturk: "MTurkClient", worker: Callable[[str], Browser]
) -> None:
    assert balance(mturk) == ("10000.00", "0.00")
    hit = publish(mturk, Reward="0.05", MaxAssignments=5)
    assert balance(mturk) == ("9999.70", "0.30")
    ada, bob = worker("Ada").work(hit["HITTypeId"]), worker("Bob").work(hit["HITTypeId"])
    mturk.approve_assignment(AssignmentId=ada, RequesterFeedback="Thank you")
    assert balance(mturk) == ("9999.70", "0.24")
    mturk.reject_assignment(AssignmentId=bob, RequesterFeedback="")
    assert balance(mturk) == ("9999.76", "0.18")
    expire_now(mturk, hit["HITId"])
    assert balance(mturk) == ("9999.94", "0.00")
    mturk.approve_assignment(AssignmentId=bob, OverrideRejection=True)
    assert balance(mturk) == ("9999.88", "0.00")


def test_ten_assignments_cost_two_fifths_more(mturk: "MTurkClient") -> None:
    publish(mturk, Reward="1.00", MaxAssignments=10)
    assert balance(mturk) == ("9986.00", "14.00")


def test_an_expiry_that_nobody_looks_at_still_releases_the_money(mturk: "MTurkClient", clock: MovedClock) -> None:
    publish(mturk, LifetimeInSeconds=60)
    clock.advance(seconds=61)
    assert balance(mturk) == ("10000.00", "0.00")


def test_a_hit_that_the_balance_does_not_cover_is_refused_and_leaves_nothing(mturk: "MTurkClient") -> None:
    with pytest.raises(mturk.exceptions.RequestError, match="insufficient funds") as refused:
        publish(mturk, Reward="100.00", MaxAssignments=84)
    assert turk_code(refused.value) == "AWS.MechanicalTurk.InsufficientFunds"
    with pytest.raises(mturk.exceptions.RequestError, match="insufficient funds"):
        publish(mturk, Reward="10000.00", MaxAssignments=1_000_000_000)
    assert mturk.list_hits()["NumResults"] == 0
    assert balance(mturk) == ("10000.00", "0.00")


def test_submitted_work_is_approved_by_itself_after_the_delay(
    mturk: "MTurkClient", worker: Callable[[str], Browser], clock: MovedClock
) -> None:
    hit = publish(mturk, MaxAssignments=1, AutoApprovalDelayInSeconds=3600)
    assignment_id = worker("Ada").work(hit["HITTypeId"])
    assert mturk.get_assignment(AssignmentId=assignment_id)["Assignment"]["AssignmentStatus"] == "Submitted"
    clock.advance(hours=1)
    shown = mturk.get_assignment(AssignmentId=assignment_id)
    assert shown["Assignment"]["AssignmentStatus"] == "Approved"
    assert shown["Assignment"]["ApprovalTime"] == shown["Assignment"]["AutoApprovalTime"]
    assert shown["HIT"]["NumberOfAssignmentsCompleted"] == 1
    assert balance(mturk) == ("9999.94", "0.00")
    with pytest.raises(mturk.exceptions.RequestError, match="status of: Submitted"):
        mturk.reject_assignment(AssignmentId=assignment_id, RequesterFeedback="Too late")


def test_a_delay_of_zero_approves_at_once(mturk: "MTurkClient", worker: Callable[[str], Browser]) -> None:
    hit = publish(mturk, AutoApprovalDelayInSeconds=0)
    worker("Ada").work(hit["HITTypeId"])
    listed = mturk.list_assignments_for_hit(HITId=hit["HITId"])["Assignments"]
    assert [one["AssignmentStatus"] for one in listed] == ["Approved"]


def test_a_second_approval_is_refused(mturk: "MTurkClient", worker: Callable[[str], Browser]) -> None:
    assignment_id = worker("Ada").work(publish(mturk)["HITTypeId"])
    mturk.approve_assignment(AssignmentId=assignment_id)
    with pytest.raises(mturk.exceptions.RequestError, match="status of: Submitted") as refused:
        mturk.approve_assignment(AssignmentId=assignment_id)
    assert turk_code(refused.value) == "AWS.MechanicalTurk.InvalidAssignmentState"


def test_a_rejection_is_overridden_only_on_demand_and_within_thirty_days(
    mturk: "MTurkClient", worker: Callable[[str], Browser], clock: MovedClock
) -> None:
    assignment_id = worker("Mallory").work(publish(mturk)["HITTypeId"])
    mturk.reject_assignment(AssignmentId=assignment_id, RequesterFeedback="Always the first answer")
    with pytest.raises(mturk.exceptions.RequestError, match="status of: Submitted"):
        mturk.approve_assignment(AssignmentId=assignment_id)
    clock.advance(days=31)
    with pytest.raises(mturk.exceptions.RequestError, match="30 days"):
        mturk.approve_assignment(AssignmentId=assignment_id, OverrideRejection=True)


def test_work_in_progress_is_invisible(mturk: "MTurkClient", worker: Callable[[str], Browser]) -> None:
    hit = publish(mturk)
    assignment_id = worker("Ada").accept(hit["HITTypeId"])
    assert mturk.list_assignments_for_hit(HITId=hit["HITId"])["NumResults"] == 0
    with pytest.raises(mturk.exceptions.RequestError, match="status of: Reviewable,Approved,Rejected"):
        mturk.get_assignment(AssignmentId=assignment_id)
    with pytest.raises(mturk.exceptions.RequestError, match="status of: null"):
        mturk.approve_assignment(AssignmentId=assignment_id)


def test_feedback_with_control_characters_is_refused(mturk: "MTurkClient", worker: Callable[[str], Browser]) -> None:
    assignment_id = worker("Ada").work(publish(mturk)["HITTypeId"])
    for feedback in ("a\x01b", "x" * 1025):
        with pytest.raises(Exception, match="ParameterValidationError"):
            mturk.approve_assignment(AssignmentId=assignment_id, RequesterFeedback=feedback)
    mturk.approve_assignment(AssignmentId=assignment_id, RequesterFeedback="Danke 👍\nWeiter so")
    assert mturk.get_assignment(AssignmentId=assignment_id)["Assignment"]["RequesterFeedback"].startswith("Danke 👍")


def test_the_ledger_sums_to_the_balances(
    mturk: "MTurkClient", worker: Callable[[str], Browser], clock: MovedClock, database_url: str
) -> None:
    hit = publish(mturk, MaxAssignments=3, LifetimeInSeconds=600, AutoApprovalDelayInSeconds=60)
    worker("Ada").work(hit["HITTypeId"])
    worker("Bob").accept(hit["HITTypeId"])
    clock.advance(hours=1)
    mturk.list_hits()
    with psycopg.connect(database_url) as connection:
        row = connection.execute(
            "SELECT sum(available_delta_usd)::text, sum(on_hold_delta_usd)::text FROM marketplace.transactions"
        ).fetchone()
        assert row == ("9999.94", "0.00") == balance(mturk)
        with pytest.raises(psycopg.Error, match="append-only"):
            connection.execute("DELETE FROM marketplace.transactions")
