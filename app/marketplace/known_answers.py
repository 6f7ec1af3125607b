"""The review policy ScoreMyKnownAnswers/2011-09-01: its parameters, and the score of one Assignment. Pure."""

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

from app.marketplace.answer_values import Given
from app.marketplace.policy_parameters import Parameters

NAME = "ScoreMyKnownAnswers/2011-09-01"
_YEAR_S = 31_536_000
# From 0 to 101: a score is a percentage, and beyond it stands "never" or "always".
_BEYOND = 101
_DEFAULT_MAXIMUM = 5
_KNOWN = frozenset(
    {
        "AnswerKey",
        "ApproveIfKnownAnswerScoreIsAtLeast",
        "ApproveReason",
        "RejectIfKnownAnswerScoreIsLessThan",
        "RejectReason",
        "ExtendIfKnownAnswerScoreIsLessThan",
        "ExtendMaximumAssignments",
        "ExtendMinimumTimeInSeconds",
    }
)


@dataclass(frozen=True, slots=True)
class KnownAnswersPolicy:
    """What was asked for; a threshold that is None asks for nothing."""

    answer_key: Mapping[str, frozenset[str]]
    approve_at_least: int | None
    approve_reason: str | None
    reject_less_than: int | None
    reject_reason: str | None
    extend_less_than: int | None
    extend_maximum_assignments: int
    extend_minimum_time_s: int


@dataclass(frozen=True, slots=True)
class KnownAnswersScore:
    """Which of the known answers are right, and how many of a hundred."""

    correct: Mapping[str, bool]
    percent: int


def read(policy: Mapping[str, Any], where: str) -> KnownAnswersPolicy:
    """The policy of a CreateHIT parameter. Raises ParameterValidationError."""
    given = Parameters(policy, where, _KNOWN)
    return KnownAnswersPolicy(
        answer_key=given.mapped("AnswerKey"),
        approve_at_least=given.integer("ApproveIfKnownAnswerScoreIsAtLeast", 0, _BEYOND),
        approve_reason=given.reason("ApproveReason"),
        reject_less_than=given.integer("RejectIfKnownAnswerScoreIsLessThan", 0, _BEYOND),
        reject_reason=given.reason("RejectReason"),
        extend_less_than=given.integer("ExtendIfKnownAnswerScoreIsLessThan", 0, _BEYOND),
        extend_maximum_assignments=given.integer("ExtendMaximumAssignments", 2, 25) or _DEFAULT_MAXIMUM,
        extend_minimum_time_s=given.integer("ExtendMinimumTimeInSeconds", 60, _YEAR_S) or 0,
    )


def score(answer_key: Mapping[str, frozenset[str]], given: Given) -> KnownAnswersScore:
    """Compare value sets exactly; the percentage is rounded down, as AWS's examples are."""
    correct = {name: given.get(name, frozenset()) == wanted for name, wanted in answer_key.items()}
    return KnownAnswersScore(correct, 100 * sum(correct.values()) // len(correct))
