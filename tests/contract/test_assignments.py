"""The life of an Assignment and the money behind it (mturk-facts §2.2, §3.2, §6)."""

from collections.abc import Callable
from datetime import timedelta
from decimal import Decimal
from typing import TYPE_CHECKING, Any

import pytest

from tests.contract.conftest import Post
from tests.contract.inputs import NOWHERE, fresh, publish
from tests.contract.refusing import INVALID, refused
from tests.marketplace.people import Browser, expire_now

if TYPE_CHECKING:
    from mypy_boto3_mturk import MTurkClient

# One process for all of them: they share a marketplace, and the table counts what all of them sent.
pytestmark = pytest.mark.xdist_group("contract")

Enrol = Callable[[str], Browser]
LetPass = Callable[..., None]
DONE = "This operation can be called with a status of: Submitted"


def balance(mturk: "MTurkClient") -> tuple[Decimal, Decimal]:
    """Available, and on hold."""
    shown = mturk.get_account_balance()
    return Decimal(shown["AvailableBalance"]), Decimal(shown["OnHoldBalance"])


def submitted(mturk: "MTurkClient", ada: Browser, **changed: Any) -> str:
    """The id of an Assignment that Ada has submitted."""
    hit = publish(mturk, **changed)
    return ada.work(hit["HITTypeId"], hit["HITId"])


def test_work_in_progress_is_invisible(mturk: "MTurkClient", ada: Browser, post: Post) -> None:
    hit = publish(mturk)
    assignment_id = ada.accept(hit["HITTypeId"], hit["HITId"])
    assert mturk.list_assignments_for_hit(HITId=hit["HITId"])["Assignments"] == []
    with refused("InvalidAssignmentState", "with a status of: Reviewable,Approved,Rejected"):
        mturk.get_assignment(AssignmentId=assignment_id)
    with refused("InvalidAssignmentState", "with a status of: null"):
        mturk.approve_assignment(AssignmentId=assignment_id)
    with refused("InvalidAssignmentState", "with a status of: null"):
        mturk.reject_assignment(AssignmentId=assignment_id, RequesterFeedback="Why so long?")
    answer = post("ListAssignmentsForHIT", {"HITId": hit["HITId"], "AssignmentStatuses": ["Pending"]})
    assert answer.status == 400


def test_submitted_work_has_its_times_and_those_of_decisions_only_once_decided(
    mturk: "MTurkClient", ada: Browser
) -> None:
    assignment_id = submitted(mturk, ada, AutoApprovalDelayInSeconds=3600, AssignmentDurationInSeconds=120)
    found = mturk.get_assignment(AssignmentId=assignment_id)
    one, hit = found["Assignment"], found["HIT"]
    assert (one["AssignmentStatus"], one["WorkerId"], one["HITId"]) == ("Submitted", ada.worker_id, hit["HITId"])
    assert one["Deadline"] - one["AcceptTime"] == timedelta(seconds=120)
    assert one["AutoApprovalTime"] - one["SubmitTime"] == timedelta(hours=1)
    assert not {"ApprovalTime", "RejectionTime", "RequesterFeedback"} & one.keys()
    assert "<QuestionIdentifier>choice</QuestionIdentifier>" in one["Answer"]
    assert mturk.list_assignments_for_hit(HITId=hit["HITId"])["Assignments"] == [one]


def test_assignments_are_listed_by_status_oldest_first(mturk: "MTurkClient", worker: Enrol) -> None:
    hit = publish(mturk)
    ids = [worker(name).work(hit["HITTypeId"], hit["HITId"]) for name in ("Ada", "Bob", "Cleo")]
    mturk.approve_assignment(AssignmentId=ids[0], RequesterFeedback="Thanks")
    mturk.reject_assignment(AssignmentId=ids[1], RequesterFeedback="No")

    def listed(*statuses: Any) -> list[str]:
        given = {"AssignmentStatuses": list(statuses)} if statuses else {}
        found = mturk.list_assignments_for_hit(HITId=hit["HITId"], MaxResults=100, **given)  # type: ignore[arg-type]
        return [one["AssignmentId"] for one in found["Assignments"]]

    assert listed() == listed("Submitted", "Approved", "Rejected") == ids
    assert [listed(word) for word in ("Approved", "Rejected", "Submitted")] == [[id] for id in ids]


def test_decided_work_cannot_be_decided_again(mturk: "MTurkClient", ada: Browser) -> None:
    approved, rejected = submitted(mturk, ada), submitted(mturk, ada)
    mturk.approve_assignment(AssignmentId=approved)
    mturk.reject_assignment(AssignmentId=rejected, RequesterFeedback="")
    for id in (approved, rejected):
        with refused("InvalidAssignmentState", DONE):
            mturk.approve_assignment(AssignmentId=id)
        with refused("InvalidAssignmentState", DONE):
            mturk.approve_assignment(AssignmentId=id, OverrideRejection=False)
        with refused("InvalidAssignmentState", DONE):
            mturk.reject_assignment(AssignmentId=id, RequesterFeedback="again")
    with refused("InvalidAssignmentState", DONE):
        mturk.approve_assignment(AssignmentId=approved, OverrideRejection=True)


def test_a_rejection_is_overridden_within_30_days_of_the_submission(
    mturk: "MTurkClient", ada: Browser, let_pass: LetPass
) -> None:
    soon, late = submitted(mturk, ada), submitted(mturk, ada)
    for id in (soon, late):
        mturk.reject_assignment(AssignmentId=id, RequesterFeedback="No bird")
    let_pass(days=29, hours=23)
    mturk.approve_assignment(AssignmentId=soon, OverrideRejection=True, RequesterFeedback="It was a bird")
    one = mturk.get_assignment(AssignmentId=soon)["Assignment"]
    assert (one["AssignmentStatus"], one["RequesterFeedback"]) == ("Approved", "It was a bird")
    let_pass(hours=2)
    with refused("InvalidAssignmentState"):
        mturk.approve_assignment(AssignmentId=late, OverrideRejection=True)


def test_the_30_days_of_an_override_run_from_the_submission_not_from_the_rejection(
    mturk: "MTurkClient", ada: Browser, let_pass: LetPass
) -> None:
    assignment_id = submitted(mturk, ada)
    let_pass(days=20)
    mturk.reject_assignment(AssignmentId=assignment_id, RequesterFeedback="No bird")
    let_pass(days=11)
    with refused("InvalidAssignmentState"):
        mturk.approve_assignment(AssignmentId=assignment_id, OverrideRejection=True)


def test_work_approves_itself_when_its_delay_is_over(mturk: "MTurkClient", ada: Browser, let_pass: LetPass) -> None:
    assignment_id = submitted(mturk, ada, AutoApprovalDelayInSeconds=3600)
    default = submitted(mturk, ada)
    let_pass(minutes=59)
    assert mturk.get_assignment(AssignmentId=assignment_id)["Assignment"]["AssignmentStatus"] == "Submitted"
    let_pass(minutes=2)
    one = mturk.get_assignment(AssignmentId=assignment_id)["Assignment"]
    assert (one["AssignmentStatus"], one["ApprovalTime"]) == ("Approved", one["AutoApprovalTime"])
    with refused("InvalidAssignmentState", DONE):
        mturk.reject_assignment(AssignmentId=assignment_id, RequesterFeedback="too late")
    let_pass(days=30)
    assert mturk.get_assignment(AssignmentId=default)["Assignment"]["AssignmentStatus"] == "Approved"


def test_no_delay_approves_at_submission(mturk: "MTurkClient", ada: Browser) -> None:
    assignment_id = submitted(mturk, ada, AutoApprovalDelayInSeconds=0)
    assert mturk.get_assignment(AssignmentId=assignment_id)["Assignment"]["AssignmentStatus"] == "Approved"


def test_feedback_has_up_to_1024_characters_and_none_that_control(
    mturk: "MTurkClient", ada: Browser, post: Post
) -> None:
    for operation in ("ApproveAssignment", "RejectAssignment"):
        id = submitted(mturk, ada)
        for wrong in ("x" * 1025, "a\x01b", "a\x0bb", "\x1f", "\x08"):
            answer = post(operation, {"AssignmentId": id, "RequesterFeedback": wrong}, about="RequesterFeedback")
            assert (answer.type, answer.code) == ("ParameterValidationError", "InvalidParameterValue"), wrong
        feedback = "ü\t\n\r" + "x" * 1020
        assert post(operation, {"AssignmentId": id, "RequesterFeedback": feedback}).status == 200
        assert mturk.get_assignment(AssignmentId=id)["Assignment"]["RequesterFeedback"] == feedback


def test_an_assignment_that_is_not_there_does_not_exist_for_any_operation(post: Post, ada: Browser) -> None:
    for operation, more in (
        ("GetAssignment", {}),
        ("ApproveAssignment", {}),
        ("RejectAssignment", {"RequesterFeedback": "x"}),
        ("SendBonus", {"WorkerId": ada.worker_id, "BonusAmount": "1", "Reason": "x"}),
        ("ListBonusPayments", {}),
        ("GetFileUploadURL", {"QuestionIdentifier": "q"}),
    ):
        for id in (NOWHERE, "A", "3" * 64):
            answer = post(operation, {"AssignmentId": id, **more})
            assert (answer.type, answer.code) == ("RequestError", "AssignmentDoesNotExist"), (operation, answer)
            assert answer.message.startswith(f"Assignment {id} does not exist."), answer


def test_file_uploads_are_gone(mturk: "MTurkClient", ada: Browser) -> None:
    assignment_id = submitted(mturk, ada)
    with pytest.raises(mturk.exceptions.RequestError):
        mturk.get_file_upload_url(AssignmentId=assignment_id, QuestionIdentifier="choice")


@pytest.mark.parametrize(
    ("reward", "assignments", "unit"),
    # Fee 20 %, at least a cent, half up; from ten Assignments on another 20 % of the Reward.
    [("0.05", 5, "0.06"), ("0.01", 5, "0.02"), ("0.03", 1, "0.04"), ("0.10", 9, "0.12"), ("0.10", 10, "0.14"),
     ("0.13", 2, "0.16"), ("1", 1, "1.20"), ("0.37", 10, "0.52")],
)  # fmt: skip
def test_reward_and_fee_of_every_place_are_on_hold_from_the_start(
    reward: str, assignments: int, unit: str, mturk: "MTurkClient"
) -> None:
    available, on_hold = balance(mturk)
    cost = Decimal(unit) * assignments
    hit = publish(mturk, Reward=reward, MaxAssignments=assignments)
    assert balance(mturk) == (available - cost, on_hold + cost)
    expire_now(mturk, hit["HITId"])
    assert balance(mturk) == (available, on_hold)


def test_masters_cost_five_percent_of_the_reward_more(mturk: "MTurkClient") -> None:
    available, on_hold = balance(mturk)
    masters = {"QualificationTypeId": "2F1QJWKUDD8XADTFD2Q0G6UTO95ALH", "Comparator": "Exists"}
    publish(mturk, Reward="1.00", MaxAssignments=1, QualificationRequirements=[masters])
    assert balance(mturk) == (available - Decimal("1.25"), on_hold + Decimal("1.25"))


def test_approval_pays_from_the_hold_and_rejection_releases_it(mturk: "MTurkClient", worker: Enrol) -> None:
    available, on_hold = balance(mturk)
    hit = publish(mturk, Reward="0.10", MaxAssignments=2)
    paid, unpaid = (worker(name).work(hit["HITTypeId"], hit["HITId"]) for name in ("Ada", "Bob"))
    mturk.approve_assignment(AssignmentId=paid)
    assert balance(mturk) == (available - Decimal("0.24"), on_hold + Decimal("0.12"))
    mturk.reject_assignment(AssignmentId=unpaid, RequesterFeedback="")
    assert balance(mturk) == (available - Decimal("0.12"), on_hold)
    mturk.approve_assignment(AssignmentId=unpaid, OverrideRejection=True)
    assert balance(mturk) == (available - Decimal("0.24"), on_hold)


def test_what_the_balance_does_not_cover_is_refused(mturk: "MTurkClient") -> None:
    before = balance(mturk)
    with refused("InsufficientFunds", "This Requester has insufficient funds in their account to complete this"):
        publish(mturk, Reward="5000", MaxAssignments=9)
    hit = publish(mturk, Reward="2000", MaxAssignments=1)
    with refused("InsufficientFunds"):
        mturk.create_additional_assignments_for_hit(HITId=hit["HITId"], NumberOfAdditionalAssignments=8)
    expire_now(mturk, hit["HITId"])
    assert balance(mturk) == before


def test_a_bonus_costs_its_fee_and_is_listed_by_hit_and_by_assignment(mturk: "MTurkClient", ada: Browser) -> None:
    assignment_id = submitted(mturk, ada)
    mturk.approve_assignment(AssignmentId=assignment_id)
    available, on_hold = balance(mturk)
    for amount in ("0.01", "0.33"):
        mturk.send_bonus(WorkerId=ada.worker_id, BonusAmount=amount, AssignmentId=assignment_id, Reason=f"for {amount}")
    assert balance(mturk) == (available - Decimal("0.42"), on_hold)
    hit_id = mturk.get_assignment(AssignmentId=assignment_id)["Assignment"]["HITId"]
    by_hit = mturk.list_bonus_payments(HITId=hit_id)["BonusPayments"]
    assert by_hit == mturk.list_bonus_payments(AssignmentId=assignment_id)["BonusPayments"]
    assert [(one["BonusAmount"], one["Reason"]) for one in by_hit] == [("0.01", "for 0.01"), ("0.33", "for 0.33")]
    with refused(INVALID):
        mturk.list_bonus_payments()


def test_a_bonus_costs_a_fifth_on_a_hit_with_many_assignments_too(mturk: "MTurkClient", ada: Browser) -> None:
    masters = {"QualificationTypeId": "2F1QJWKUDD8XADTFD2Q0G6UTO95ALH", "Comparator": "DoesNotExist"}
    assignment_id = submitted(mturk, ada, MaxAssignments=10, QualificationRequirements=[masters])
    available, on_hold = balance(mturk)
    mturk.send_bonus(WorkerId=ada.worker_id, BonusAmount="1.00", AssignmentId=assignment_id, Reason="good")
    assert balance(mturk) == (available - Decimal("1.20"), on_hold)


def test_a_bonus_token_pays_once_a_day(mturk: "MTurkClient", ada: Browser, let_pass: LetPass) -> None:
    assignment_id, token = submitted(mturk, ada), fresh()
    given = {"WorkerId": ada.worker_id, "BonusAmount": "1", "AssignmentId": assignment_id, "Reason": "good"}
    mturk.send_bonus(**given, UniqueRequestToken=token)
    with pytest.raises(mturk.exceptions.RequestError, match="has already been processed"):
        mturk.send_bonus(**given, UniqueRequestToken=token)
    assert mturk.list_bonus_payments(AssignmentId=assignment_id)["NumResults"] == 1
    let_pass(hours=25)
    mturk.send_bonus(**given, UniqueRequestToken=token)


def test_a_bonus_goes_to_the_worker_who_submitted_that_assignment(
    mturk: "MTurkClient", ada: Browser, worker: Enrol, post: Post
) -> None:
    hit = publish(mturk)
    held = ada.accept(hit["HITTypeId"], hit["HITId"])
    given = {"WorkerId": ada.worker_id, "BonusAmount": "1", "AssignmentId": held, "Reason": "good"}
    with refused("InvalidAssignmentState"):
        mturk.send_bonus(**given)
    ada.submit(held)
    assert post("SendBonus", {**given, "WorkerId": worker("Bob").worker_id}).status == 400
    assert post("SendBonus", {**given, "WorkerId": "A2NOBODY"}).status == 400
    for wrong in ("0", "0.00", ".5", "-1", "0.001", "", "1e2"):
        answer = post("SendBonus", {**given, "BonusAmount": wrong}, about="BonusAmount")
        assert answer.type == "ParameterValidationError", (wrong, answer)
    assert post("SendBonus", {**given, "Reason": ""}, about="Reason").type == "ParameterValidationError"
    assert mturk.list_bonus_payments(AssignmentId=held)["NumResults"] == 0
