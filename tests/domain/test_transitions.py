from enum import StrEnum

import pytest

from app.domain import transitions
from app.domain.transitions import ASSIGNMENT, BATCH, HIT, OPERATION, Steps, check, may
from app.domain.vocabulary import AssignmentStatus, BatchStatus, HITStatus, OperationStatus
from app.errors import IllegalTransition

TABLES: list[tuple[Steps, type[StrEnum]]] = [
    (BATCH, BatchStatus),
    (HIT, HITStatus),
    (ASSIGNMENT, AssignmentStatus),
    (OPERATION, OperationStatus),
]


def test_every_table_is_tested_here() -> None:
    assert [name for name in vars(transitions) if name.isupper()] == ["BATCH", "HIT", "ASSIGNMENT", "OPERATION"]


@pytest.mark.parametrize(("steps", "words"), TABLES)
def test_a_table_knows_every_status_and_no_other(steps: Steps, words: type[StrEnum]) -> None:
    assert set(steps) == set(words)
    assert set().union(*steps.values()) <= set(words)


@pytest.mark.parametrize(("steps", "words"), TABLES)
def test_every_status_but_the_first_can_be_reached(steps: Steps, words: type[StrEnum]) -> None:
    first, *others = words
    assert all(may(steps, word) for word in others)
    assert not any(first in follows and was == first for was, follows in steps.items())


@pytest.mark.parametrize(("steps", "words"), TABLES)
def test_what_the_table_lists_is_allowed_and_all_else_is_refused(steps: Steps, words: type[StrEnum]) -> None:
    for was in words:
        for to in words:
            if to in steps[was]:
                check(steps, "It", was, to)
                assert was in may(steps, to)
            else:
                with pytest.raises(IllegalTransition, match=f"It is {was} and cannot become {to}"):
                    check(steps, "It", was, to)
                assert was not in may(steps, to)


@pytest.mark.parametrize("over", [BatchStatus.DONE, BatchStatus.STOPPED])
def test_a_batch_that_is_over_stays_over(over: BatchStatus) -> None:
    # Done may be live again: a Worker is dropped, and their Items are asked for once more.
    assert BATCH[over] == (frozenset({BatchStatus.LIVE}) if over is BatchStatus.DONE else frozenset())


def test_a_hit_that_may_have_been_published_is_never_planned_again() -> None:
    assert may(HIT, HITStatus.PLANNED) == []
    # From done only since more is asked of a HIT that is known to the marketplace; from planned and cancelled only since
    # reconcile found it there.
    assert may(HIT, HITStatus.LIVE) == [HITStatus.PLANNED, HITStatus.PUBLISHING, HITStatus.DONE, HITStatus.CANCELLED]


@pytest.mark.parametrize("was", [OperationStatus.INTENDED, OperationStatus.ACTING, OperationStatus.FAILED])
@pytest.mark.parametrize("to", [OperationStatus.DONE, OperationStatus.CANCELLED])
def test_a_stop_may_close_every_operation_that_is_not_over(was: OperationStatus, to: OperationStatus) -> None:
    check(OPERATION, "Operation", was, to)


def test_an_operation_whose_runner_died_is_claimed_again() -> None:
    check(OPERATION, "Operation", OperationStatus.ACTING, OperationStatus.ACTING)


def test_a_rejection_may_be_taken_back_and_an_approval_may_not() -> None:
    check(ASSIGNMENT, "Assignment", AssignmentStatus.REJECTED, AssignmentStatus.APPROVED)
    with pytest.raises(IllegalTransition):
        check(ASSIGNMENT, "Assignment", AssignmentStatus.APPROVED, AssignmentStatus.REJECTED)
