"""ScoreMyKnownAnswers and SimplePlurality (mturk-facts §9), and the report of what they did."""

from collections.abc import Callable
from typing import TYPE_CHECKING, Any

import pytest

from tests.contract.conftest import Post
from tests.contract.inputs import EXTERNAL, hit_input, publish, type_input
from tests.marketplace.people import Browser

if TYPE_CHECKING:
    from mypy_boto3_mturk import MTurkClient

# One process for all of them: they share a marketplace, and the table counts what all of them sent.
pytestmark = pytest.mark.xdist_group("contract")

Enrol = Callable[[str], Browser]


def known(**more: str) -> Any:
    """ScoreMyKnownAnswers with two questions."""
    entries = [{"Key": "one", "Values": ["yes"]}, {"Key": "two", "Values": ["red", "blue"]}]
    parameters: list[dict[str, Any]] = [{"Key": "AnswerKey", "MapEntries": entries}]
    parameters += [{"Key": key, "Values": [value]} for key, value in more.items()]
    return {"PolicyName": "ScoreMyKnownAnswers/2011-09-01", "Parameters": parameters}


def plurality(*questions: str, **more: str) -> Any:
    """SimplePlurality over these questions."""
    given = {"QuestionAgreementThreshold": "50", **more}
    parameters: list[dict[str, Any]] = [{"Key": "QuestionIds", "Values": list(questions or ("one", "two"))}]
    parameters += [{"Key": key, "Values": [value]} for key, value in given.items()]
    return {"PolicyName": "SimplePlurality/2011-09-01", "Parameters": parameters}


def extending(score: str, seconds: str) -> Any:
    """SimplePlurality that asks for more Assignments below a score."""
    return plurality(
        ExtendIfHITAgreementScoreIsLessThan=score, ExtendMaximumAssignments="5", ExtendMinimumTimeInSeconds=seconds
    )


def test_a_hit_of_either_kind_takes_both_policies(mturk: "MTurkClient") -> None:
    policies = {
        "AssignmentReviewPolicy": known(ApproveIfKnownAnswerScoreIsAtLeast="50"),
        "HITReviewPolicy": plurality(),
    }
    made = [mturk.create_hit(**hit_input(), **policies)["HIT"]]
    type_id = mturk.create_hit_type(**type_input())["HITTypeId"]
    made.append(
        mturk.create_hit_with_hit_type(HITTypeId=type_id, LifetimeInSeconds=60, Question=EXTERNAL, **policies)["HIT"]
    )
    for hit in made:
        report = mturk.list_review_policy_results_for_hit(HITId=hit["HITId"])
        assert report["AssignmentReviewPolicy"]["PolicyName"] == "ScoreMyKnownAnswers/2011-09-01"
        assert report["HITReviewPolicy"]["PolicyName"] == "SimplePlurality/2011-09-01"


WRONG: list[tuple[str, Any]] = [
    ("AssignmentReviewPolicy", {"PolicyName": "Mine"}),
    ("AssignmentReviewPolicy", {"PolicyName": "ScoreMyKnownAnswers/2011-09-01"}),
    ("AssignmentReviewPolicy", plurality()),
    ("AssignmentReviewPolicy", known(ApproveIfKnownAnswerScoreIsAtLeast="102")),
    ("AssignmentReviewPolicy", known(ApproveIfKnownAnswerScoreIsAtLeast="-1")),
    ("AssignmentReviewPolicy", known(RejectIfKnownAnswerScoreIsLessThan="x")),
    ("AssignmentReviewPolicy", known(ExtendIfKnownAnswerScoreIsLessThan="50", ExtendMaximumAssignments="26")),
    ("AssignmentReviewPolicy", known(ExtendIfKnownAnswerScoreIsLessThan="50", ExtendMaximumAssignments="1")),
    ("AssignmentReviewPolicy", known(ExtendMinimumTimeInSeconds="59", ExtendIfKnownAnswerScoreIsLessThan="50")),
    ("AssignmentReviewPolicy", known(Unheard="1")),
    ("HITReviewPolicy", known()),
    ("HITReviewPolicy", {"PolicyName": "SimplePlurality/2011-09-01", "Parameters": []}),
    ("HITReviewPolicy", plurality(ExtendIfHITAgreementScoreIsLessThan="50")),
    ("HITReviewPolicy", extending("0", "3600")),
    ("HITReviewPolicy", extending("50", "3599")),
    ("HITReviewPolicy", plurality(DisregardAssignmentIfRejected="maybe")),
    ("HITReviewPolicy", {"PolicyName": "SimplePlurality/2011-09-01", "Parameters": [
        {"Key": "QuestionIds", "MapEntries": [{"Key": "one", "Values": ["yes"]}]}]}),
]  # fmt: skip


@pytest.mark.parametrize(("level", "policy"), WRONG, ids=range(len(WRONG)))
def test_a_policy_that_cannot_work_is_refused(level: str, policy: Any, post: Post, mturk: "MTurkClient") -> None:
    assert post("CreateHIT", hit_input(**{level: policy})).type == "ParameterValidationError"
    type_id = mturk.create_hit_type(**type_input())["HITTypeId"]
    given = {"HITTypeId": type_id, "LifetimeInSeconds": 60, "Question": EXTERNAL, level: policy}
    assert post("CreateHITWithHITType", given).type == "ParameterValidationError"


@pytest.mark.parametrize(
    ("answers", "more", "status"),
    [
        ({"one": "yes"}, {"ApproveIfKnownAnswerScoreIsAtLeast": "50"}, "Approved"),
        ({"one": "Yes"}, {"ApproveIfKnownAnswerScoreIsAtLeast": "50"}, "Submitted"),
        ({"one": " yes "}, {"ApproveIfKnownAnswerScoreIsAtLeast": "50"}, "Approved"),
        ({"one": "no"}, {"ApproveIfKnownAnswerScoreIsAtLeast": "0"}, "Approved"),
        ({"one": "yes"}, {"ApproveIfKnownAnswerScoreIsAtLeast": "101"}, "Submitted"),
        ({"one": "no"}, {"RejectIfKnownAnswerScoreIsLessThan": "50", "RejectReason": "Look again"}, "Rejected"),
        ({"one": "yes"}, {"RejectIfKnownAnswerScoreIsLessThan": "0"}, "Submitted"),
        ({"one": "yes"}, {"RejectIfKnownAnswerScoreIsLessThan": "101"}, "Rejected"),
    ],
)
def test_known_answers_decide_at_submission(
    answers: dict[str, str], more: dict[str, str], status: str, mturk: "MTurkClient", ada: Browser
) -> None:
    hit = publish(mturk, AssignmentReviewPolicy=known(**more))
    id = ada.work(hit["HITTypeId"], hit["HITId"], **answers)
    one = mturk.get_assignment(AssignmentId=id)["Assignment"]
    assert one["AssignmentStatus"] == status
    if "RejectReason" in more:
        assert one["RequesterFeedback"] == "Look again"


def test_a_low_score_asks_for_one_more(mturk: "MTurkClient", ada: Browser) -> None:
    policy = known(ExtendIfKnownAnswerScoreIsLessThan="50", ExtendMaximumAssignments="3")
    hit = publish(mturk, MaxAssignments=1, AssignmentReviewPolicy=policy)
    ada.work(hit["HITTypeId"], hit["HITId"], one="no", two="no")
    now = mturk.get_hit(HITId=hit["HITId"])["HIT"]
    assert (now["MaxAssignments"], now["HITStatus"]) == (2, "Assignable")


def test_plurality_scores_as_in_mturks_own_example(mturk: "MTurkClient", worker: Enrol) -> None:
    # Three Workers, four questions, of which three are agreed on: HIT agreement 75 (mturk-facts §9).
    questions = ("a", "b", "c", "d")
    policy = plurality(
        *questions, ApproveIfWorkerAgreementScoreIsAtLeast="60", RejectIfWorkerAgreementScoreIsLessThan="40"
    )
    hit = publish(mturk, MaxAssignments=3, HITReviewPolicy=policy)
    given = [("x", "x", "x", "1"), ("x", "x", "y", "2"), ("y", "y", "x", "3")]
    ids = [
        worker(f"Worker {number}").work(hit["HITTypeId"], hit["HITId"], **dict(zip(questions, answers, strict=True)))
        for number, answers in enumerate(given)
    ]
    report = mturk.list_review_policy_results_for_hit(HITId=hit["HITId"], PolicyLevels=["HIT"])
    assert "AssignmentReviewReport" not in report
    results = report["HITReviewReport"]["ReviewResults"]
    by_hit = {
        one["Key"]: one["Value"] for one in results if one["SubjectId"] == hit["HITId"] and "QuestionId" not in one
    }
    assert "75" in by_hit.values(), by_hit
    assert len({one.get("QuestionId") for one in results} - {None}) == 4
    statuses = [mturk.get_assignment(AssignmentId=id)["Assignment"]["AssignmentStatus"] for id in ids]
    # They match 3, 2 and 1 of the three agreed questions: 100, 67 and 33.
    assert statuses == ["Approved", "Approved", "Rejected"]
    actions = report["HITReviewReport"]["ReviewActions"]
    done = {(one["TargetId"], one["Status"]) for one in actions if one["TargetType"] == "Assignment"}
    assert done == {(id, "Succeeded") for id in ids}


def test_the_report_is_filtered_by_level_and_kind_and_paged(mturk: "MTurkClient", ada: Browser) -> None:
    hit = publish(mturk, AssignmentReviewPolicy=known(ApproveIfKnownAnswerScoreIsAtLeast="1"))
    ada.work(hit["HITTypeId"], hit["HITId"], one="yes", two="red")

    def report(**given: Any) -> tuple[int, int]:
        found = mturk.list_review_policy_results_for_hit(HITId=hit["HITId"], **given).get("AssignmentReviewReport", {})
        return len(found.get("ReviewResults", [])), len(found.get("ReviewActions", []))

    results, actions = report()
    assert results
    assert actions
    assert report(PolicyLevels=["Assignment", "HIT"]) == (results, actions)
    assert report(PolicyLevels=["HIT"]) == (0, 0)
    assert report(RetrieveActions=False) == (results, 0)
    assert report(RetrieveResults=False) == (0, actions)
    first = mturk.list_review_policy_results_for_hit(HITId=hit["HITId"], MaxResults=1)
    seen = 1
    while "NextToken" in first:
        assert seen <= results + actions + 1
        first = mturk.list_review_policy_results_for_hit(HITId=hit["HITId"], MaxResults=1, NextToken=first["NextToken"])
        shown = first.get("AssignmentReviewReport", {})
        seen += len(shown.get("ReviewResults", [])) + len(shown.get("ReviewActions", []))
    assert seen == results + actions
