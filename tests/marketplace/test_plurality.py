"""The pure half of both review policies, with the documentation's own examples (mturk-facts §9)."""

from typing import Any

import pytest
from hypothesis import given, strategies

from app.marketplace import answer_values, known_answers, plurality
from app.marketplace.answers import answer_xml
from app.marketplace.plurality import PluralityPolicy, QuestionAgreement
from app.marketplace.wire_errors import ParameterValidationError

WHERE = "HITReviewPolicy"


def parameters(**values: Any) -> dict[str, Any]:
    """A policy with these parameters: a text or number is one value, a list several, a dict MapEntries."""
    found = []
    for key, value in values.items():
        if isinstance(value, dict):
            entries = [{"Key": name, "Values": one} for name, one in value.items()]
            found.append({"Key": key, "MapEntries": entries})
        else:
            found.append({"Key": key, "Values": value if isinstance(value, list) else [str(value)]})
    return {"PolicyName": "irrelevant here", "Parameters": found}


def policy(*question_ids: str, threshold: int = 50) -> PluralityPolicy:
    return plurality.read(parameters(QuestionIds=list(question_ids), QuestionAgreementThreshold=threshold), WHERE)


def answers(**given_answers: str) -> answer_values.Given:
    return {name: frozenset({value}) for name, value in given_answers.items()}


CLOTHES = [
    answers(A="coat", B="blue", C="large", D="Furry"),
    answers(A="sweater", B="blue", C="large", D="fur"),
    answers(A="coat", B="green", C="large", D="furr"),
]


def test_the_documented_example_of_three_workers_and_four_questions_scores_75() -> None:
    found = plurality.agreement(policy("A", "B", "C", "D"), CLOTHES)
    assert found.percent == 75
    assert [found.questions[name].percent for name in "ABCD"] == [66, 66, 100, None]
    assert found.questions["A"].answer == frozenset({"coat"})
    assert [worker.percent for worker in found.workers] == [100, 66, 66]
    assert [(worker.correct, worker.incorrect) for worker in found.workers] == [(3, 0), (2, 1), (2, 1)]


def test_agreement_must_be_greater_than_the_threshold() -> None:
    half = [answers(A="x"), answers(A="x"), answers(A="y"), answers(A="z")]
    assert plurality.agreement(policy("A", threshold=49), half).percent == 100
    assert plurality.agreement(policy("A", threshold=50), half).percent == 0
    assert plurality.agreement(policy("A", threshold=100), [answers(A="x")] * 3).percent == 0


def test_a_tie_is_no_agreement() -> None:
    found = plurality.agreement(policy("A", threshold=10), [answers(A="x"), answers(A="y")])
    assert found.questions["A"] == QuestionAgreement(None, None)
    assert [worker.percent for worker in found.workers] == [None, None]


def test_no_answer_and_a_long_one_agree_with_nothing() -> None:
    long = "x" * 257
    assert plurality.agreement(policy("A", threshold=10), [answers(A=long)] * 3).percent == 0
    assert plurality.agreement(policy("A", threshold=10), [answers(A="x" * 256)] * 3).percent == 100
    assert plurality.agreement(policy("A", threshold=10), [{}, {}, {}]).percent == 0
    found = plurality.agreement(policy("A", threshold=60), [answers(A="x"), answers(A="x"), {}])
    assert found.questions["A"].percent == 66
    assert [worker.percent for worker in found.workers] == [100, 100, 0]


def test_several_values_agree_only_as_a_whole_set() -> None:
    both, one = {"A": frozenset({"1", "2"})}, answers(A="1")
    assert plurality.agreement(policy("A"), [both, both, one]).questions["A"].answer == frozenset({"1", "2"})


def test_nobody_agrees_on_nothing() -> None:
    found = plurality.agreement(policy("A"), [])
    assert (found.percent, list(found.workers)) == (0, [])


@given(strategies.permutations(CLOTHES))
def test_the_order_of_the_workers_does_not_matter(order: list[answer_values.Given]) -> None:
    found = plurality.agreement(policy("A", "B", "C", "D"), order)
    assert found.questions == plurality.agreement(policy("A", "B", "C", "D"), CLOTHES).questions


def test_known_answers_are_compared_exactly_apart_from_white_space() -> None:
    key = {name: frozenset({"B"}) for name in ("one", "two", "three")} | {"none": frozenset[str]()}
    xml = answer_xml({"one": " B\n", "two": "b", "three": "B.", "none": " ", "other": "B"})
    found = known_answers.score(key, answer_values.given(xml))
    assert found.correct == {"one": True, "two": False, "three": False, "none": True}
    assert found.percent == 50


def test_a_known_answer_of_two_values_is_not_met_by_one_of_them() -> None:
    key = {"q": frozenset({"A", "B"})}
    assert known_answers.score(key, answers(q="A")).percent == 0
    assert known_answers.score(key, {"q": frozenset({"B", "A"})}).percent == 100
    assert known_answers.score(key, {}).percent == 0


def test_selections_are_read_as_a_set() -> None:
    xml = (
        '<QuestionFormAnswers xmlns="urn:x"><Answer><QuestionIdentifier>q</QuestionIdentifier>'
        "<SelectionIdentifier>b</SelectionIdentifier><SelectionIdentifier> a </SelectionIdentifier></Answer>"
        "<Answer><QuestionIdentifier>r</QuestionIdentifier><FreeText/></Answer></QuestionFormAnswers>"
    )
    assert answer_values.given(xml) == {"q": {"a", "b"}, "r": frozenset()}


def test_question_ids_come_as_values_or_with_commas_and_in_both_spellings() -> None:
    for values in ({"QuestionIds": ["a", "b"]}, {"QuestionIds": "a, b"}, {"QuestionIDs": ["a,b"]}):
        assert plurality.read(parameters(QuestionAgreementThreshold=50, **values), WHERE).question_ids == ("a", "b")


KEY = {"q": ["A"]}


@pytest.mark.parametrize(
    ("values", "fault"),
    [
        ({}, "AnswerKey is required"),
        ({"AnswerKey": "A"}, "needs MapEntries"),
        ({"AnswerKey": {}}, "needs MapEntries"),
        ({"AnswerKey": {"": ["A"]}}, "needs MapEntries"),
        ({"AnswerKey": KEY, "ApproveIfKnownAnswerScoreIsAtLeast": 102}, "range from 0 to 101"),
        ({"AnswerKey": KEY, "ApproveIfKnownAnswerScoreIsAtLeast": "79.5"}, "not valid"),
        ({"AnswerKey": KEY, "ApproveIfKnownAnswerScoreIsAtLeast": "-1"}, "not valid"),
        ({"AnswerKey": KEY, "ApproveIfKnownAnswerScoreIsAtLeast": ["1", "2"]}, "exactly one value"),
        ({"AnswerKey": KEY, "ApproveIfKnownAnswerScoreIsAtLeast": KEY}, "no MapEntries"),
        ({"AnswerKey": KEY, "RejectIfKnownAnswerScoreIsLessThan": 102}, "range from 0 to 101"),
        ({"AnswerKey": KEY, "ExtendIfKnownAnswerScoreIsLessThan": 102}, "range from 0 to 101"),
        ({"AnswerKey": KEY, "ExtendMaximumAssignments": 1}, "range from 2 to 25"),
        ({"AnswerKey": KEY, "ExtendMaximumAssignments": 26}, "range from 2 to 25"),
        ({"AnswerKey": KEY, "ExtendMinimumTimeInSeconds": 59}, "range from 60 to 31536000"),
        ({"AnswerKey": KEY, "ExtendMinimumTimeInSeconds": 31_536_001}, "range from 60 to 31536000"),
        ({"AnswerKey": KEY, "RejectReason": "x" * 1025}, "from 0 to 1024"),
        ({"AnswerKey": KEY, "ApproveIfScoreIsAtLeast": 1}, "no parameter"),
    ],
)
def test_faulty_known_answer_parameters_are_refused(values: dict[str, Any], fault: str) -> None:
    with pytest.raises(ParameterValidationError, match=fault):
        known_answers.read(parameters(**values), "AssignmentReviewPolicy")


def test_the_limits_of_known_answer_parameters_are_allowed() -> None:
    found = known_answers.read(
        parameters(
            AnswerKey=KEY,
            ApproveIfKnownAnswerScoreIsAtLeast=101,
            RejectIfKnownAnswerScoreIsLessThan=0,
            ExtendIfKnownAnswerScoreIsLessThan=101,
            ExtendMaximumAssignments=25,
            ExtendMinimumTimeInSeconds=60,
        ),
        "AssignmentReviewPolicy",
    )
    assert (found.approve_at_least, found.reject_less_than, found.extend_maximum_assignments) == (101, 0, 25)
    assert known_answers.read(parameters(AnswerKey=KEY), "AssignmentReviewPolicy").extend_maximum_assignments == 5


NEEDED = {"QuestionIds": "q", "QuestionAgreementThreshold": 50}


@pytest.mark.parametrize(
    ("values", "fault"),
    [
        ({"QuestionAgreementThreshold": 50}, "QuestionIds is required"),
        ({"QuestionIds": "q"}, "QuestionAgreementThreshold is required"),
        ({**NEEDED, "QuestionIds": ["q", "q"]}, "not valid"),
        ({**NEEDED, "QuestionIds": [" "]}, "not valid"),
        ({**NEEDED, "QuestionIDs": "r"}, "twice"),
        ({**NEEDED, "DisregardAssignmentIfRejected": "perhaps"}, "not valid"),
        ({**NEEDED, "ExtendIfHITAgreementScoreIsLessThan": 0}, "range from 1 to 100"),
        ({**NEEDED, "ExtendIfHITAgreementScoreIsLessThan": 101}, "range from 1 to 100"),
        ({**NEEDED, "ExtendIfHITAgreementScoreIsLessThan": 50}, "ExtendMaximumAssignments is required"),
        (
            {**NEEDED, "ExtendIfHITAgreementScoreIsLessThan": 50, "ExtendMaximumAssignments": 3},
            "ExtendMinimumTimeInSeconds is required",
        ),
        ({**NEEDED, "ExtendMinimumTimeInSeconds": 3599}, "range from 3600 to 31536000"),
        ({**NEEDED, "AnswerKey": KEY}, "no parameter"),
    ],
)
def test_faulty_plurality_parameters_are_refused(values: dict[str, Any], fault: str) -> None:
    with pytest.raises(ParameterValidationError, match=fault):
        plurality.read(parameters(**values), WHERE)


def test_a_parameter_given_twice_is_refused() -> None:
    twice = parameters(**NEEDED)
    twice["Parameters"] *= 2
    with pytest.raises(ParameterValidationError, match="twice"):
        plurality.read(twice, WHERE)
