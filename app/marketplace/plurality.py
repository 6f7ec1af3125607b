"""The review policy SimplePlurality/2011-09-01: its parameters, and how far a HIT's Workers agree. Pure."""

from collections import Counter
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any

from app.marketplace.answer_values import Given
from app.marketplace.policy_parameters import Parameters
from app.marketplace.wire_errors import ParameterValidationError

NAME = "SimplePlurality/2011-09-01"
# Longer answers take no part.
LONGEST_ANSWER = 256
_HOUR_S, _YEAR_S = 3600, 31_536_000
_BEYOND = 101
_MOST_ASSIGNMENTS = 1_000_000_000
_KNOWN = frozenset(
    {
        # The documentation spells it both ways.
        "QuestionIds",
        "QuestionIDs",
        "QuestionAgreementThreshold",
        "DisregardAssignmentIfRejected",
        "DisregardAssignmentIfKnownAnswerScoreIsLessThan",
        "ExtendIfHITAgreementScoreIsLessThan",
        "ExtendMaximumAssignments",
        "ExtendMinimumTimeInSeconds",
        "ApproveIfWorkerAgreementScoreIsAtLeast",
        "RejectIfWorkerAgreementScoreIsLessThan",
        "RejectReason",
    }
)


@dataclass(frozen=True, slots=True)
class PluralityPolicy:
    """What was asked for; a threshold that is None asks for nothing."""

    question_ids: tuple[str, ...]
    question_threshold: int
    disregard_rejected: bool
    disregard_known_answers_less_than: int | None
    extend_less_than: int | None
    extend_maximum_assignments: int
    extend_minimum_time_s: int
    approve_at_least: int | None
    reject_less_than: int | None
    reject_reason: str | None


@dataclass(frozen=True, slots=True)
class QuestionAgreement:
    """The agreed answer of one question and the percentage of Workers who gave it; both None without agreement."""

    answer: frozenset[str] | None
    percent: int | None


@dataclass(frozen=True, slots=True)
class WorkerAgreement:
    """On how many agreed questions a Worker gave the agreed answer; percent is None where no question is agreed."""

    correct: int
    incorrect: int
    percent: int | None


@dataclass(frozen=True, slots=True)
class Agreement:
    """Per question, per Assignment (in the order that was given), and of the HIT: the percentage of agreed questions."""

    questions: Mapping[str, QuestionAgreement]
    workers: Sequence[WorkerAgreement]
    percent: int


def read(policy: Mapping[str, Any], where: str) -> PluralityPolicy:
    """The policy of a CreateHIT parameter. Raises ParameterValidationError."""
    given = Parameters(policy, where, _KNOWN)
    if "QuestionIds" in given and "QuestionIDs" in given:
        raise ParameterValidationError(f"{where} has the parameter QuestionIds twice.")
    extend_less_than = given.integer("ExtendIfHITAgreementScoreIsLessThan", 1, 100)
    maximum, time_s = _extension(given, required=extend_less_than is not None)
    return PluralityPolicy(
        question_ids=given.listed("QuestionIDs" if "QuestionIDs" in given else "QuestionIds"),
        question_threshold=given.required_integer("QuestionAgreementThreshold", 0, _BEYOND),
        disregard_rejected=given.boolean("DisregardAssignmentIfRejected"),
        disregard_known_answers_less_than=given.integer("DisregardAssignmentIfKnownAnswerScoreIsLessThan", 0, _BEYOND),
        extend_less_than=extend_less_than,
        extend_maximum_assignments=maximum,
        extend_minimum_time_s=time_s,
        approve_at_least=given.integer("ApproveIfWorkerAgreementScoreIsAtLeast", 0, _BEYOND),
        reject_less_than=given.integer("RejectIfWorkerAgreementScoreIsLessThan", 0, _BEYOND),
        reject_reason=given.reason("RejectReason"),
    )


def agreement(policy: PluralityPolicy, assignments: Sequence[Given]) -> Agreement:
    """How far these Assignments agree on the policy's questions. Percentages are rounded down, as AWS's examples are.

    A question's answer is agreed when more than `question_threshold` percent of the Assignments gave it and no other
    answer was given as often. No answer, and one above 256 characters, agrees with nothing.
    """
    questions = {
        question_id: _question([_counted(given, question_id) for given in assignments], policy.question_threshold)
        for question_id in policy.question_ids
    }
    agreed = {name: found.answer for name, found in questions.items() if found.answer is not None}
    return Agreement(
        questions,
        [_worker(given, agreed) for given in assignments],
        100 * len(agreed) // len(questions),
    )


def _extension(given: Parameters, *, required: bool) -> tuple[int, int]:
    """ExtendMaximumAssignments and ExtendMinimumTimeInSeconds, which are required once an extension is asked for."""
    read_integer = given.required_integer if required else given.integer
    maximum = read_integer("ExtendMaximumAssignments", 1, _MOST_ASSIGNMENTS)
    return maximum or 0, read_integer("ExtendMinimumTimeInSeconds", _HOUR_S, _YEAR_S) or 0


def _counted(given: Given, question_id: str) -> frozenset[str] | None:
    answer = given.get(question_id)
    if not answer or any(len(value) > LONGEST_ANSWER for value in answer):
        return None
    return answer


def _question(answers: Sequence[frozenset[str] | None], threshold: int) -> QuestionAgreement:
    counts = Counter(answer for answer in answers if answer is not None).most_common(2)
    if not counts or (len(counts) > 1 and counts[0][1] == counts[1][1]):
        return QuestionAgreement(None, None)
    percent = 100 * counts[0][1] // len(answers)
    return QuestionAgreement(counts[0][0], percent) if percent > threshold else QuestionAgreement(None, None)


def _worker(given: Given, agreed: Mapping[str, frozenset[str]]) -> WorkerAgreement:
    correct = sum(_counted(given, question_id) == answer for question_id, answer in agreed.items())
    percent = 100 * correct // len(agreed) if agreed else None
    return WorkerAgreement(correct, len(agreed) - correct, percent)
