"""The limits that the service model does not carry: the last value that is taken, and the first that is not."""

from collections.abc import Callable, Sequence
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

import pytest

from tests.contract.conftest import Post
from tests.contract.inputs import EXTERNAL, FORM, fresh, hit_input, publish, qualification_type, question_of, type_input

if TYPE_CHECKING:
    from mypy_boto3_mturk import MTurkClient

# One process for all of them: they share a marketplace, and the table counts what all of them sent.
pytestmark = pytest.mark.xdist_group("contract")

YEAR = 31_536_000
MONTH = 2_592_000


@dataclass(frozen=True, slots=True)
class Limit:
    """A parameter with values on both sides of its limits."""

    parameter: str
    taken: Sequence[Any]
    refused: Sequence[Any]


TYPE_LIMITS = [
    Limit("Title", ["T" + fresh(), (fresh() + "T" * 128)[:128]], ["", "T" * 129]),
    Limit("Description", ["D", "D" * 2000], ["", "D" * 2001]),
    Limit("Keywords", ["", "k" * 1000, "a, b, ü"], ["k" * 1001]),
    Limit("AssignmentDurationInSeconds", [30, YEAR], [29, 0, -1, YEAR + 1]),
    Limit("AutoApprovalDelayInSeconds", [0, MONTH], [-1, MONTH + 1]),
    Limit("Reward", ["0.01", "0.1", "1", "1."], ["", ".05", "0.055", "-1", "1e3", "1,00", "$1", "NaN", " 1"]),
    Limit(
        "QualificationRequirements",
        [[], [{"QualificationTypeId": "00000000000000000040", "Comparator": "GreaterThan", "IntegerValues": [1]}] * 10],
        [[{"QualificationTypeId": "00000000000000000040", "Comparator": "GreaterThan", "IntegerValues": [1]}] * 11],
    ),
]
HIT_LIMITS = [
    Limit("MaxAssignments", [1, 10], [0, -1, 1_000_000_001]),
    Limit("LifetimeInSeconds", [30, YEAR], [29, 0, -1, YEAR + 1]),
    Limit("RequesterAnnotation", ["", "a" * 255], ["a" * 256]),
    Limit("Question", [EXTERNAL, FORM, question_of(65_535)], ["", "text", question_of(65_536), "<HTMLQuestion/>"]),
]


def check(post: Post, operation: str, proper: Callable[[], dict[str, Any]], limit: Limit) -> None:
    """All values of the one side are taken, all of the other refused."""
    for value in limit.taken:
        answer = post(operation, {**proper(), limit.parameter: value})
        assert answer.status == 200, (limit.parameter, value, answer)
    for value in limit.refused:
        answer = post(operation, {**proper(), limit.parameter: value}, about=limit.parameter)
        assert (answer.status, answer.type) == (400, "ParameterValidationError"), (limit.parameter, value, answer)


def by_parameter(limits: Sequence[Limit]) -> list[Any]:
    return [pytest.param(limit, id=limit.parameter) for limit in limits]


@pytest.mark.parametrize("limit", by_parameter(TYPE_LIMITS))
def test_a_hit_type_takes_what_is_within_the_limits(limit: Limit, post: Post) -> None:
    check(post, "CreateHITType", type_input, limit)


@pytest.mark.parametrize("limit", by_parameter([*TYPE_LIMITS, *HIT_LIMITS]))
def test_a_hit_takes_what_is_within_the_limits(limit: Limit, post: Post) -> None:
    check(post, "CreateHIT", lambda: hit_input(Reward="0.01", MaxAssignments=1), limit)


@pytest.mark.parametrize("limit", by_parameter(HIT_LIMITS))
def test_a_hit_of_a_type_takes_what_is_within_the_limits(limit: Limit, post: Post, mturk: "MTurkClient") -> None:
    type_id = mturk.create_hit_type(**type_input(Reward="0.01"))["HITTypeId"]
    proper = {"HITTypeId": type_id, "LifetimeInSeconds": 60, "Question": EXTERNAL}
    check(post, "CreateHITWithHITType", lambda: dict(proper), limit)


def test_a_thousand_million_assignments_are_in_range_but_not_affordable(post: Post) -> None:
    answer = post("CreateHIT", hit_input(MaxAssignments=1_000_000_000))
    assert (answer.type, answer.code) == ("RequestError", "InsufficientFunds")


@pytest.mark.parametrize("operation", ["CreateHIT", "CreateHITWithHITType", "CreateAdditionalAssignmentsForHIT"])
def test_a_token_has_up_to_64_characters(operation: str, post: Post, mturk: "MTurkClient") -> None:
    hit = publish(mturk)
    proper: dict[str, Any] = {
        "CreateHIT": hit_input(),
        "CreateHITWithHITType": {"HITTypeId": hit["HITTypeId"], "LifetimeInSeconds": 60, "Question": EXTERNAL},
        "CreateAdditionalAssignmentsForHIT": {"HITId": hit["HITId"], "NumberOfAdditionalAssignments": 1},
    }[operation]
    short = chr(0x4E00 + int(fresh()[:3], 16))
    check(
        post, operation, lambda: proper, Limit("UniqueRequestToken", [short, (fresh() + "ü" * 64)[:64]], ["", "t" * 65])
    )


COMPARING = [
    Limit("IntegerValues", [("EqualTo", [1]), ("In", [1]), ("In", list(range(15)))],
          [("EqualTo", [1, 2]), ("In", list(range(16))), ("In", []), ("Exists", [1]), ("LessThan", [])]),
    Limit("LocaleValues", [("EqualTo", [{"Country": "DE"}]), ("In", [{"Country": "DE"}] * 30),
                           ("NotIn", [{"Country": "US", "Subdivision": "CA"}])],
          [("EqualTo", [{"Country": "DE"}] * 2), ("In", [{"Country": "DE"}] * 31), ("LessThan", [{"Country": "DE"}]),
           ("EqualTo", [{"Country": "DE", "Subdivision": "BY"}]), ("DoesNotExist", [{"Country": "DE"}])]),
]  # fmt: skip


@pytest.mark.parametrize("operation", ["CreateHIT", "CreateHITType"])
@pytest.mark.parametrize("limit", by_parameter(COMPARING))
def test_a_requirement_compares_with_as_many_values_as_its_comparator_takes(
    limit: Limit, operation: str, post: Post
) -> None:
    id = "00000000000000000071" if limit.parameter == "LocaleValues" else "00000000000000000040"
    proper = hit_input if operation == "CreateHIT" else type_input

    def sent(case: tuple[str, list[Any]]) -> list[dict[str, Any]]:
        return [{"QualificationTypeId": id, "Comparator": case[0], limit.parameter: case[1]}]

    both = Limit("QualificationRequirements", [*map(sent, limit.taken)], [*map(sent, limit.refused)])
    check(post, operation, proper, both)


@pytest.mark.parametrize(
    "limit",
    by_parameter(
        [
            Limit("Description", ["D", "D" * 2000], ["", "D" * 2001]),
            Limit("Keywords", ["", "k" * 1000], ["k" * 1001]),
            Limit("RetryDelayInSeconds", [0, 1, YEAR], [-1]),
            Limit("AutoGrantedValue", [0, -5, 2**31 - 1], []),
            Limit("Name", [], [""]),
        ]
    ),
)
def test_a_qualification_type_takes_what_is_within_the_limits(limit: Limit, post: Post) -> None:
    def proper() -> dict[str, Any]:
        given = {"Name": fresh(), "Description": "d", "QualificationTypeStatus": "Active"}
        return {**given, "AutoGranted": True} if limit.parameter == "AutoGrantedValue" else given

    check(post, "CreateQualificationType", proper, limit)


def test_a_test_and_its_key_have_up_to_65535_bytes(post: Post) -> None:
    def proper() -> dict[str, Any]:
        return {
            "Name": fresh(), "Description": "d", "QualificationTypeStatus": "Active", "TestDurationInSeconds": 60,
        }  # fmt: skip

    longest = FORM.replace("</Text></QuestionContent>", "x" * (65_535 - len(FORM)) + "</Text></QuestionContent>")
    too_long = longest.replace("Which", "Which one")
    assert len(longest.encode()) == 65_535
    check(post, "CreateQualificationType", proper, Limit("Test", [longest], [too_long, "text", EXTERNAL]))


LISTS: list[tuple[str, dict[str, Any]]] = [
    ("ListHITs", {}),
    ("ListReviewableHITs", {}),
    ("ListWorkerBlocks", {}),
    ("ListQualificationRequests", {}),
    ("ListQualificationTypes", {"MustBeRequestable": False}),
]


@pytest.mark.parametrize(("operation", "proper"), LISTS)
def test_a_page_has_1_to_100_results(operation: str, proper: dict[str, Any], post: Post) -> None:
    check(post, operation, lambda: proper, Limit("MaxResults", [1, 100], [0, -1, 101]))
    check(post, operation, lambda: proper, Limit("NextToken", [], ["", "x", "x" * 255, "x" * 256, "e30", "W10"]))


def test_the_other_lists_have_pages_of_1_to_100_results(post: Post, mturk: "MTurkClient") -> None:
    hit_id = publish(mturk)["HITId"]
    type_id = qualification_type(mturk)
    for operation, proper in (
        ("ListAssignmentsForHIT", {"HITId": hit_id}),
        ("ListReviewPolicyResultsForHIT", {"HITId": hit_id}),
        ("ListBonusPayments", {"HITId": hit_id}),
        ("ListHITsForQualificationType", {"QualificationTypeId": type_id}),
        ("ListWorkersWithQualificationType", {"QualificationTypeId": type_id}),
    ):
        check(post, operation, proper.copy, Limit("MaxResults", [1, 100], [0, -1, 101]))
        check(post, operation, proper.copy, Limit("NextToken", [], ["", "x", "x" * 256]))
