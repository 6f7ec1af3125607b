"""The test of a Qualification Type as a Requester gives it: questions, time and, if they like, the key."""

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

from app.marketplace import question_forms
from app.marketplace.operations import limits
from app.marketplace.question_forms import answer_key
from app.marketplace.wire_errors import ParameterValidationError, out_of_range

LARGEST_TEST = 65_535


@dataclass(frozen=True, slots=True)
class Test:
    """A QuestionForm, the seconds that a Worker has for it, and the AnswerKey that scores it."""

    questions: str
    duration_s: int
    answer_key: str | None


def checked(params: Mapping[str, Any]) -> Test | None:
    """The test in the parameters Test, TestDurationInSeconds and AnswerKey; an empty one is none.

    Raises ParameterValidationError: they are given together, and each must be right.
    """
    questions, key, duration_s = params.get("Test"), params.get("AnswerKey"), params.get("TestDurationInSeconds")
    if duration_s is not None and not 1 <= duration_s <= limits.YEAR_S:
        raise out_of_range("TestDurationInSeconds", duration_s, 1, limits.YEAR_S)
    if not questions:
        if key:
            raise ParameterValidationError("An AnswerKey needs a Test.")
        return None
    if duration_s is None:
        raise ParameterValidationError("A Test needs TestDurationInSeconds.")
    _check_size("Test", questions)
    form = question_forms.parse(questions, parameter="Test")
    if key:
        _check_size("AnswerKey", key)
        answer_key.check(answer_key.parse(key), form)
    return Test(questions, duration_s, key or None)


def _check_size(parameter: str, document: str) -> None:
    size = len(document.encode())
    if size > LARGEST_TEST:
        raise out_of_range(parameter, f"of {size} bytes", 1, LARGEST_TEST)
