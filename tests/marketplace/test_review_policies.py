"""Review policies over the wire: who is approved, rejected and asked again, what it costs, and the record of it."""

from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor
from datetime import UTC, datetime, timedelta
from decimal import ROUND_DOWN, Decimal
from typing import TYPE_CHECKING, Any

import pytest
from botocore.exceptions import ClientError

from tests.marketplace.conftest import MovedClock
from tests.marketplace.people import Browser, expire_now, publish
from tests.marketplace.test_plurality import parameters
from tests.marketplace.test_reviewing import balance

if TYPE_CHECKING:
    from mypy_boto3_mturk import MTurkClient
    from mypy_boto3_mturk.type_defs import ReviewReportTypeDef

Enrol = Callable[[str], Browser]


def known_answers(**more: Any) -> dict[str, Any]:
    return {
        **parameters(AnswerKey={"one": ["A"], "two": ["B"]}, **more),
        "PolicyName": "ScoreMyKnownAnswers/2011-09-01",
    }


def plurality(**more: Any) -> dict[str, Any]:
    needed = {"QuestionIds": ["A", "B", "C", "D"], "QuestionAgreementThreshold": 50}
    return {**parameters(**{**needed, **more}), "PolicyName": "SimplePlurality/2011-09-01"}


def statuses(mturk: "MTurkClient", hit_id: str) -> list[str]:
    return [one["AssignmentStatus"] for one in mturk.list_assignments_for_hit(HITId=hit_id)["Assignments"]]


def did(report: "ReviewReportTypeDef") -> list[tuple[str, str, str]]:
    """What was done, how it ended, and the code where it failed."""
    return [
        (one["ActionName"], one["Status"], one.get("ErrorCode", "").removeprefix("AWS.MechanicalTurk."))
        for one in report["ReviewActions"]
    ]


def test_known_answers_approve_and_reject_at_once_and_pay_to_the_cent(mturk: "MTurkClient", worker: Enrol) -> None:
    policy = known_answers(
        ApproveIfKnownAnswerScoreIsAtLeast=100,
        ApproveReason="Both right",
        RejectIfKnownAnswerScoreIsLessThan=50,
        RejectReason="Both wrong",
    )
    hit = publish(mturk, AssignmentReviewPolicy=policy, MaxAssignments=3)
    assert balance(mturk) == ("9999.82", "0.18")
    worker("Ada").work(hit["HITTypeId"], one=" A ", two="B")
    worker("Bob").work(hit["HITTypeId"], one="A", two="b")
    worker("Mallory").work(hit["HITTypeId"], one="x", two="x")
    listed = mturk.list_assignments_for_hit(HITId=hit["HITId"])["Assignments"]
    assert [one["AssignmentStatus"] for one in listed] == ["Approved", "Submitted", "Rejected"]
    assert [one.get("RequesterFeedback") for one in listed] == ["Both right", None, "Both wrong"]
    assert balance(mturk) == ("9999.88", "0.06")
    shown = mturk.list_review_policy_results_for_hit(HITId=hit["HITId"])
    assert shown["AssignmentReviewPolicy"] == {"PolicyName": "ScoreMyKnownAnswers/2011-09-01"}
    assert "HITReviewPolicy" not in shown
    report = shown["AssignmentReviewReport"]
    found = [(one["Key"], one.get("QuestionId"), one["Value"]) for one in report["ReviewResults"]]
    assert found == [
        *[("KnownAnswerCorrect", "one", "1"), ("KnownAnswerCorrect", "two", "1"), ("KnownAnswerScore", None, "100")],
        *[("KnownAnswerCorrect", "one", "1"), ("KnownAnswerCorrect", "two", "0"), ("KnownAnswerScore", None, "50")],
        *[("KnownAnswerCorrect", "one", "0"), ("KnownAnswerCorrect", "two", "0"), ("KnownAnswerScore", None, "0")],
    ]
    assert {one["SubjectType"] for one in report["ReviewResults"]} == {"Assignment"}
    assert [one["SubjectId"] for one in report["ReviewResults"][::3]] == [one["AssignmentId"] for one in listed]
    done = [name for name, _, _ in did(report)]
    assert done == ["review", "approve", "review", "review", "reject"]
    assert report["ReviewActions"][0]["ActionId"] == report["ReviewResults"][0]["ActionId"]


def test_a_rejection_makes_room_for_another_worker_and_costs_nothing_more(mturk: "MTurkClient", worker: Enrol) -> None:
    policy = known_answers(
        RejectIfKnownAnswerScoreIsLessThan=100, ExtendIfKnownAnswerScoreIsLessThan=100, ExtendMaximumAssignments=2
    )
    hit = publish(mturk, AssignmentReviewPolicy=policy, MaxAssignments=1)
    worker("Mallory").work(hit["HITTypeId"], one="x", two="x")
    again = mturk.get_hit(HITId=hit["HITId"])["HIT"]
    assert (again["HITStatus"], again["MaxAssignments"], again["NumberOfAssignmentsAvailable"]) == ("Assignable", 2, 1)
    assert balance(mturk) == ("9999.94", "0.06")
    worker("Bob").work(hit["HITTypeId"], one="x", two="x")
    again = mturk.get_hit(HITId=hit["HITId"])["HIT"]
    assert (again["HITStatus"], again["MaxAssignments"]) == ("Reviewable", 2)
    assert balance(mturk) == ("10000.00", "0.00")
    report = mturk.list_review_policy_results_for_hit(HITId=hit["HITId"])["AssignmentReviewReport"]
    last = report["ReviewActions"][-1]
    assert (last["ActionName"], last["Status"], last["Result"]) == (
        "extend",
        "Succeeded",
        "Already extended to 2 assignments",
    )


def test_an_extension_gives_an_expired_hit_its_time(mturk: "MTurkClient", worker: Enrol, clock: MovedClock) -> None:
    policy = known_answers(ExtendIfKnownAnswerScoreIsLessThan=101, ExtendMinimumTimeInSeconds=7200)
    hit = publish(mturk, AssignmentReviewPolicy=policy, MaxAssignments=2, LifetimeInSeconds=60)
    ada = worker("Ada")
    taken = ada.accept(hit["HITTypeId"])
    clock.advance(minutes=5)
    assert balance(mturk) == ("9999.94", "0.06")
    assert ada.submit(taken, one="A", two="B").status_code == 200
    again = mturk.get_hit(HITId=hit["HITId"])["HIT"]
    assert (again["HITStatus"], again["NumberOfAssignmentsAvailable"]) == ("Assignable", 2)
    assert abs(again["Expiration"] - (datetime.now(UTC) + clock.ahead + timedelta(hours=2))) < timedelta(seconds=30)
    assert balance(mturk) == ("9999.82", "0.18")


def test_an_extension_that_the_balance_does_not_cover_fails_and_the_answer_counts(
    mturk: "MTurkClient", worker: Enrol
) -> None:
    hit = publish(mturk, MaxAssignments=1, AssignmentReviewPolicy=known_answers(ExtendIfKnownAnswerScoreIsLessThan=101))
    spend_all(mturk)
    assert balance(mturk)[0] == "0.04"
    worker("Ada").work(hit["HITTypeId"], one="A", two="B")
    assert statuses(mturk, hit["HITId"]) == ["Submitted"]
    assert mturk.get_hit(HITId=hit["HITId"])["HIT"]["MaxAssignments"] == 1
    report = mturk.list_review_policy_results_for_hit(HITId=hit["HITId"])["AssignmentReviewReport"]
    assert did(report)[-1] == ("extend", "Failed", "InsufficientFunds")


def spend_all(mturk: "MTurkClient") -> None:
    """Put what is left on hold, but for a few cents."""
    publish(mturk, Title="Dear", Reward="8333.25", MaxAssignments=1)
    assert balance(mturk)[0] == "0.04"


def test_nine_are_never_extended_to_ten(mturk: "MTurkClient", worker: Enrol) -> None:
    policy = known_answers(ExtendIfKnownAnswerScoreIsLessThan=101, ExtendMaximumAssignments=25)
    hit = publish(mturk, MaxAssignments=9, AssignmentReviewPolicy=policy)
    worker("Ada").work(hit["HITTypeId"], one="A", two="B")
    assert mturk.get_hit(HITId=hit["HITId"])["HIT"]["MaxAssignments"] == 9
    report = mturk.list_review_policy_results_for_hit(HITId=hit["HITId"])["AssignmentReviewReport"]
    assert did(report)[-1] == ("extend", "Failed", "InvalidMaximumAssignmentsIncrease")


CLOTHES = {
    "Ada": {"A": "coat", "B": "blue", "C": "large", "D": "Furry"},
    "Bob": {"A": "sweater", "B": "blue", "C": "large", "D": "fur"},
    "Cyd": {"A": "coat", "B": "green", "C": "large", "D": "furr"},
}


def test_plurality_scores_the_documented_example_when_the_hit_becomes_reviewable(
    mturk: "MTurkClient", worker: Enrol
) -> None:
    policy = plurality(ApproveIfWorkerAgreementScoreIsAtLeast=100, RejectIfWorkerAgreementScoreIsLessThan=60)
    hit = publish(mturk, MaxAssignments=3, HITReviewPolicy=policy)
    for name, answers in CLOTHES.items():
        worker(name).work(hit["HITTypeId"], **answers)
    assert statuses(mturk, hit["HITId"]) == ["Approved", "Submitted", "Submitted"]
    assert balance(mturk) == ("9999.82", "0.12")
    report = mturk.list_review_policy_results_for_hit(HITId=hit["HITId"])["HITReviewReport"]
    found = {(one["Key"], one["SubjectType"], one.get("QuestionId")): one["Value"] for one in report["ReviewResults"]}
    assert found["HitAgreementScore", "HIT", None] == "75"
    assert found["AgreedAnswer", "HIT", "A"] == "coat"
    assert found["AnswerAgreementScore", "HIT", "B"] == "66"
    assert found["AgreedAnswerFound", "HIT", "D"] == "false"
    assert ("AgreedAnswer", "HIT", "D") not in found
    scores = [one["Value"] for one in report["ReviewResults"] if one["Key"] == "WorkerAgreementScore"]
    assert scores == ["100", "66", "66"]
    assert did(report) == [("review", "Succeeded", ""), ("approve", "Succeeded", "")]


def test_plurality_asks_more_workers_until_they_agree(mturk: "MTurkClient", worker: Enrol) -> None:
    policy = plurality(
        QuestionIds="A",
        ExtendIfHITAgreementScoreIsLessThan=100,
        ExtendMaximumAssignments=4,
        ExtendMinimumTimeInSeconds=3600,
        ApproveIfWorkerAgreementScoreIsAtLeast=100,
        RejectIfWorkerAgreementScoreIsLessThan=100,
        RejectReason="The others said otherwise",
    )
    hit = publish(mturk, MaxAssignments=2, HITReviewPolicy=policy)
    worker("Ada").work(hit["HITTypeId"], A="x")
    worker("Bob").work(hit["HITTypeId"], A="y")
    again = mturk.get_hit(HITId=hit["HITId"])["HIT"]
    assert (again["HITStatus"], again["MaxAssignments"], again["NumberOfAssignmentsAvailable"]) == ("Assignable", 3, 1)
    assert again["Expiration"] - hit["Expiration"] == timedelta(hours=1)
    assert balance(mturk) == ("9999.82", "0.18")
    worker("Cyd").work(hit["HITTypeId"], A="x")
    assert statuses(mturk, hit["HITId"]) == ["Approved", "Rejected", "Approved"]
    assert balance(mturk) == ("9999.88", "0.00")
    report = mturk.list_review_policy_results_for_hit(HITId=hit["HITId"])["HITReviewReport"]
    assert [name for name, _, _ in did(report)] == ["review", "extend", "review", "approve", "reject", "approve"]
    rejected = mturk.list_assignments_for_hit(HITId=hit["HITId"], AssignmentStatuses=["Rejected"])["Assignments"]
    assert rejected[0]["RequesterFeedback"] == "The others said otherwise"


def test_an_expired_hit_is_extended_with_the_money_that_its_expiry_set_free(
    mturk: "MTurkClient", worker: Enrol, clock: MovedClock
) -> None:
    policy = plurality(
        QuestionIds="A",
        ExtendIfHITAgreementScoreIsLessThan=100,
        ExtendMaximumAssignments=3,
        ExtendMinimumTimeInSeconds=3600,
    )
    mturk_hit = publish(mturk, MaxAssignments=2, HITReviewPolicy=policy, LifetimeInSeconds=600)
    publish(mturk, Title="Dear", Reward="8333.15", MaxAssignments=1, LifetimeInSeconds=31_536_000)
    assert balance(mturk)[0] == "0.10"
    clock.advance(minutes=11)
    again = mturk.get_hit(HITId=mturk_hit["HITId"])["HIT"]
    assert (again["HITStatus"], again["MaxAssignments"]) == ("Assignable", 3)
    assert balance(mturk)[0] == "0.04"
    clock.advance(minutes=61)
    assert mturk.get_hit(HITId=mturk_hit["HITId"])["HIT"]["HITStatus"] == "Reviewable"
    assert balance(mturk)[0] == "0.22"


def test_what_the_known_answers_disqualify_the_plurality_disregards(mturk: "MTurkClient", worker: Enrol) -> None:
    hit = publish(
        mturk,
        MaxAssignments=3,
        AssignmentReviewPolicy=known_answers(),
        HITReviewPolicy=plurality(
            QuestionIds="C",
            DisregardAssignmentIfKnownAnswerScoreIsLessThan=100,
            ApproveIfWorkerAgreementScoreIsAtLeast=100,
            RejectIfWorkerAgreementScoreIsLessThan=100,
        ),
    )
    worker("Ada").work(hit["HITTypeId"], one="A", two="B", C="blue")
    worker("Bob").work(hit["HITTypeId"], one="x", two="B", C="red")
    worker("Mallory").work(hit["HITTypeId"], one="x", two="x", C="red")
    assert statuses(mturk, hit["HITId"]) == ["Approved", "Submitted", "Submitted"]


@pytest.mark.parametrize(("flag", "agreed"), [("T", "true"), ("F", "false")])
def test_rejected_work_is_disregarded_on_demand(mturk: "MTurkClient", worker: Enrol, flag: str, agreed: str) -> None:
    hit = publish(
        mturk, MaxAssignments=3, HITReviewPolicy=plurality(QuestionIds="A", DisregardAssignmentIfRejected=flag)
    )
    mallory = worker("Mallory").work(hit["HITTypeId"], A="x")
    mturk.reject_assignment(AssignmentId=mallory, RequesterFeedback="")
    worker("Ada").work(hit["HITTypeId"], A="y")
    expire_now(mturk, hit["HITId"])
    results = mturk.list_review_policy_results_for_hit(HITId=hit["HITId"])["HITReviewReport"]["ReviewResults"]
    assert results[0]["Key"] == "AgreedAnswerFound"
    assert results[0]["Value"] == agreed


def test_an_action_on_work_that_is_decided_already_says_so(mturk: "MTurkClient", worker: Enrol) -> None:
    policy = plurality(QuestionIds="A", ApproveIfWorkerAgreementScoreIsAtLeast=100)
    hit = publish(mturk, MaxAssignments=2, HITReviewPolicy=policy)
    ada = worker("Ada").work(hit["HITTypeId"], A="x")
    mturk.reject_assignment(AssignmentId=ada, RequesterFeedback="Too fast")
    bob = worker("Bob")
    taken = bob.accept(hit["HITTypeId"])
    bob.submit(taken, A="x")
    report = mturk.list_review_policy_results_for_hit(HITId=hit["HITId"])["HITReviewReport"]
    assert did(report)[1:] == [("approve", "Failed", "InvalidAssignmentState"), ("approve", "Succeeded", "")]
    assert statuses(mturk, hit["HITId"]) == ["Rejected", "Approved"]


def test_the_reports_come_in_pages_with_a_token_on_the_last_one(mturk: "MTurkClient", worker: Enrol) -> None:
    hit = publish(mturk, MaxAssignments=1, AssignmentReviewPolicy=known_answers(), HITReviewPolicy=plurality())
    worker("Ada").work(hit["HITTypeId"], one="A", two="B", A="1", B="2", C="3", D="4")
    whole = mturk.list_review_policy_results_for_hit(HITId=hit["HITId"])
    wanted = {level: whole[level] for level in ("AssignmentReviewReport", "HITReviewReport")}
    gathered: dict[str, dict[str, list[Any]]] = {}
    page, tokens = mturk.list_review_policy_results_for_hit(HITId=hit["HITId"], MaxResults=3), []
    while "NextToken" in page:
        tokens.append(page["NextToken"])
        for level in wanted:
            for name, rows in page[level].items():  # type: ignore[literal-required]
                gathered.setdefault(level, {}).setdefault(name, []).extend(rows)
        page = mturk.list_review_policy_results_for_hit(HITId=hit["HITId"], MaxResults=3, NextToken=tokens[-1])
    assert gathered == wanted
    assert len(set(tokens)) == len(tokens)
    assert whole["NextToken"]


def test_levels_results_and_actions_are_left_out_on_demand(mturk: "MTurkClient", worker: Enrol) -> None:
    hit = publish(mturk, MaxAssignments=1, AssignmentReviewPolicy=known_answers(), HITReviewPolicy=plurality())
    worker("Ada").work(hit["HITTypeId"], one="A", two="B")
    only = mturk.list_review_policy_results_for_hit(HITId=hit["HITId"], PolicyLevels=["HIT"], RetrieveActions=False)
    assert "AssignmentReviewPolicy" not in only
    assert "AssignmentReviewReport" not in only
    assert set(only["HITReviewReport"]) == {"ReviewResults"}
    neither = mturk.list_review_policy_results_for_hit(HITId=hit["HITId"], RetrieveActions=False, RetrieveResults=False)
    assert neither["HITReviewReport"] == {}
    assert "NextToken" not in neither
    plain = publish(mturk, Title="Without a policy")
    assert "HITReviewReport" not in mturk.list_review_policy_results_for_hit(HITId=plain["HITId"])
    with pytest.raises(mturk.exceptions.RequestError, match="does not exist"):
        mturk.list_review_policy_results_for_hit(HITId="3UNKNOWN")


def test_a_policy_stands_at_its_own_level_only(mturk: "MTurkClient") -> None:
    for swapped in ({"AssignmentReviewPolicy": plurality()}, {"HITReviewPolicy": known_answers()}):
        with pytest.raises(ClientError, match="PolicyName") as refused:
            publish(mturk, **swapped)
        assert refused.value.response["Error"]["Code"] == "ParameterValidationError"


def test_a_faulty_policy_makes_no_hit(mturk: "MTurkClient") -> None:
    hit_type = mturk.create_hit_type(Title="t", Description="d", Reward="0.05", AssignmentDurationInSeconds=60)[
        "HITTypeId"
    ]
    with pytest.raises(ClientError, match="ExtendMaximumAssignments"):
        publish(mturk, AssignmentReviewPolicy=known_answers(ExtendMaximumAssignments=26))
    with pytest.raises(ClientError, match="QuestionIds is required"):
        mturk.create_hit_with_hit_type(
            HITTypeId=hit_type,
            LifetimeInSeconds=60,
            Question=publish(mturk)["Question"],
            HITReviewPolicy={"PolicyName": "SimplePlurality/2011-09-01"},
        )
    assert mturk.list_hits()["NumResults"] == 1


def all_but(mturk: "MTurkClient", cents: int) -> None:
    """Put the rest of the balance on hold."""
    left = Decimal(balance(mturk)[0]) - Decimal(cents) / 100
    reward = (left / Decimal("1.2")).quantize(Decimal("0.01"), ROUND_DOWN)
    publish(mturk, Title="Dear", Reward=f"{reward}", MaxAssignments=1, LifetimeInSeconds=31_536_000)
    rest = Decimal(balance(mturk)[0]) - Decimal(cents) / 100
    if rest:
        publish(
            mturk, Title="Cheap", Reward=f"{rest - Decimal('0.01')}", LifetimeInSeconds=31_536_000, MaxAssignments=1
        )
    assert Decimal(balance(mturk)[0]) * 100 == cents


def test_of_two_extensions_at_once_the_balance_covers_one_and_both_answers_count(
    mturk: "MTurkClient", worker: Enrol
) -> None:
    policy = known_answers(ExtendIfKnownAnswerScoreIsLessThan=101)
    hits = [publish(mturk, MaxAssignments=1, AssignmentReviewPolicy=policy) for _ in range(2)]
    ada, bob = worker("Ada"), worker("Bob")
    taken = [ada.accept(hits[0]["HITTypeId"], hits[0]["HITId"]), bob.accept(hits[1]["HITTypeId"], hits[1]["HITId"])]
    all_but(mturk, 6)
    with ThreadPoolExecutor() as pool:
        shown = list(pool.map(lambda pair: pair[0].submit(pair[1], one="A"), zip((ada, bob), taken, strict=True)))
    assert [one.status_code for one in shown] == [200, 200]
    assert sorted(mturk.get_hit(HITId=hit["HITId"])["HIT"]["MaxAssignments"] for hit in hits) == [1, 2]
    assert balance(mturk)[0] == "0.00"


def test_hits_that_expire_together_are_extended_as_far_as_the_money_goes(
    mturk: "MTurkClient", clock: MovedClock
) -> None:
    policy = plurality(
        ExtendIfHITAgreementScoreIsLessThan=100, ExtendMaximumAssignments=2, ExtendMinimumTimeInSeconds=3600
    )
    hits = [publish(mturk, MaxAssignments=1, HITReviewPolicy=policy, LifetimeInSeconds=60) for _ in range(2)]
    all_but(mturk, 5)
    clock.advance(seconds=61)
    # 5 cents and the 6 that its own expiry sets free are too little for two Assignments; with the other's they are not.
    found = sorted(mturk.get_hit(HITId=hit["HITId"])["HIT"]["MaxAssignments"] for hit in hits)
    assert found == [1, 2]
    assert balance(mturk)[0] == "0.05"
