"""Every operation on a HIT in every state of it: done, or refused in MTurk's words (mturk-facts §2.1, §3.1)."""

from collections.abc import Callable
from datetime import UTC, datetime, timedelta
from typing import TYPE_CHECKING

import pytest
from botocore.exceptions import ClientError

from app.marketplace.lifecycle import Counts, is_purgeable, may_change_reward
from app.marketplace.store import HITStatus
from tests.marketplace.people import Browser, expire_now, publish

if TYPE_CHECKING:
    from mypy_boto3_mturk import MTurkClient
    from mypy_boto3_mturk.type_defs import HITTypeDef

NOW = datetime(2026, 11, 23, tzinfo=UTC)
STATES = ("Assignable", "Unassignable", "Reviewable", "Reviewing", "Disposed")
ANY_BUT_DISPOSED = "a status of: Assignable, Unassignable, Reviewable, Reviewing"


def bring_to(state: str, mturk: "MTurkClient", ada: Browser) -> "HITTypeDef":
    """A HIT in this state; what is Unassignable is with Ada."""
    hit = publish(mturk, MaxAssignments=1)
    hit_id = hit["HITId"]
    if state == "Unassignable":
        ada.accept(hit["HITTypeId"], hit_id)
    if state in {"Reviewable", "Reviewing", "Disposed"}:
        expire_now(mturk, hit_id)
    if state == "Reviewing":
        mturk.update_hit_review_status(HITId=hit_id)
    if state == "Disposed":
        mturk.delete_hit(HITId=hit_id)
    assert mturk.get_hit(HITId=hit_id)["HIT"]["HITStatus"] == state
    return hit


def extend(mturk: "MTurkClient", hit: "HITTypeDef") -> None:
    mturk.update_expiration_for_hit(HITId=hit["HITId"], ExpireAt=hit["Expiration"] + timedelta(hours=1))


def expire(mturk: "MTurkClient", hit: "HITTypeDef") -> None:
    expire_now(mturk, hit["HITId"])


def add_one(mturk: "MTurkClient", hit: "HITTypeDef") -> None:
    mturk.create_additional_assignments_for_hit(HITId=hit["HITId"], NumberOfAdditionalAssignments=1)


def delete(mturk: "MTurkClient", hit: "HITTypeDef") -> None:
    mturk.delete_hit(HITId=hit["HITId"])


def mark(mturk: "MTurkClient", hit: "HITTypeDef") -> None:
    mturk.update_hit_review_status(HITId=hit["HITId"])


def revert(mturk: "MTurkClient", hit: "HITTypeDef") -> None:
    mturk.update_hit_review_status(HITId=hit["HITId"], Revert=True)


def retype(mturk: "MTurkClient", hit: "HITTypeDef") -> None:
    mturk.update_hit_type_of_hit(HITId=hit["HITId"], HITTypeId=hit["HITTypeId"])


def read(mturk: "MTurkClient", hit: "HITTypeDef") -> None:
    assert mturk.list_assignments_for_hit(HITId=hit["HITId"])["NumResults"] == 0
    assert mturk.list_review_policy_results_for_hit(HITId=hit["HITId"])["HITId"] == hit["HITId"]


# What the operation makes of each state; a text that starts with a blank is the refusal.
TABLE: "dict[Callable[[MTurkClient, HITTypeDef], None], tuple[str, ...]]" = {
    extend: ("Assignable", "Unassignable", "Assignable", "Assignable", " " + ANY_BUT_DISPOSED),
    expire: ("Reviewable", "Unassignable", "Reviewable", "Reviewing", " " + ANY_BUT_DISPOSED),
    # An expired HIT stays so, however many Assignments it is given.
    add_one: ("Assignable", "Assignable", "Reviewable", "Reviewing", " " + ANY_BUT_DISPOSED),
    delete: (
        *[" a status of: Reviewing, Reviewable"] * 2,
        "Disposed",
        "Disposed",
        " a status of: Reviewing, Reviewable",
    ),
    mark: (*[" a status of: Reviewable"] * 2, "Reviewing", *[" a status of: Reviewable"] * 2),
    revert: (*[" a status of: Reviewing"] * 3, "Reviewable", " a status of: Reviewing"),
    retype: ("Assignable", "Unassignable", "Reviewable", "Reviewing", " " + ANY_BUT_DISPOSED),
    read: STATES,
}


@pytest.mark.parametrize("operation", TABLE, ids=lambda operation: operation.__name__)
def test_an_operation_is_done_or_refused_by_the_state_of_the_hit(
    operation: "Callable[[MTurkClient, HITTypeDef], None]", mturk: "MTurkClient", worker: Callable[[str], Browser]
) -> None:
    ada = worker("Ada")
    for state, then in zip(STATES, TABLE[operation], strict=True):
        hit = bring_to(state, mturk, ada)
        if not then.startswith(" "):
            operation(mturk, hit)
            assert mturk.get_hit(HITId=hit["HITId"])["HIT"]["HITStatus"] == then, state
            continue
        with pytest.raises(ClientError) as refused:
            operation(mturk, hit)
        answer = dict(refused.value.response)
        assert answer["TurkErrorCode"] == "AWS.MechanicalTurk.InvalidHITState", state
        assert f"This HIT is currently in the state '{state}'." in str(refused.value)
        assert then in str(refused.value)
        assert mturk.get_hit(HITId=hit["HITId"])["HIT"]["HITStatus"] == state


@pytest.mark.parametrize("status", list(HITStatus))
def test_a_hit_is_purged_when_it_is_done_and_120_days_have_passed(status: HITStatus) -> None:
    done = status.value in {"Reviewable", "Reviewing", "Disposed"}
    assert is_purgeable(status, NOW - timedelta(days=120), NOW) is done
    assert not is_purgeable(status, NOW - timedelta(days=120) + timedelta(seconds=1), NOW)
    assert not is_purgeable(status, None, NOW)


@pytest.mark.parametrize(
    ("counts", "may"),
    [
        (Counts(5, 0, 0, 0, 0), True),
        (Counts(5, 1, 0, 0, 0), False),
        (Counts(5, 0, 1, 0, 0), False),
        (Counts(5, 0, 0, 1, 0), False),
        (Counts(5, 0, 0, 0, 1), False),
    ],
)
def test_the_reward_may_change_until_somebody_accepts(counts: Counts, may: bool) -> None:
    assert may_change_reward(counts) is may
