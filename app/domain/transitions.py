"""Which status may follow which. The database repeats what it can as constraints; everything else asks here."""

from collections.abc import Mapping
from enum import StrEnum

from app.domain.vocabulary import AssignmentStatus, BatchStatus, HITStatus, OperationStatus
from app.errors import IllegalTransition

Steps = Mapping[StrEnum, frozenset[StrEnum]]

BATCH: Steps = {
    BatchStatus.DRAFT: frozenset({BatchStatus.LIVE}),
    BatchStatus.LIVE: frozenset({BatchStatus.PAUSED, BatchStatus.STOPPING, BatchStatus.DONE}),
    BatchStatus.PAUSED: frozenset({BatchStatus.LIVE, BatchStatus.STOPPING, BatchStatus.DONE}),
    BatchStatus.STOPPING: frozenset({BatchStatus.STOPPED}),
    BatchStatus.STOPPED: frozenset(),
    BatchStatus.DONE: frozenset(),
}
HIT: Steps = {
    HITStatus.PLANNED: frozenset({HITStatus.PUBLISHING, HITStatus.CANCELLED}),
    HITStatus.PUBLISHING: frozenset({HITStatus.LIVE, HITStatus.PLANNED, HITStatus.CANCELLED}),
    HITStatus.LIVE: frozenset({HITStatus.DONE}),
    HITStatus.DONE: frozenset(),
    HITStatus.CANCELLED: frozenset(),
}
ASSIGNMENT: Steps = {
    AssignmentStatus.SUBMITTED: frozenset({AssignmentStatus.APPROVED, AssignmentStatus.REJECTED}),
    AssignmentStatus.REJECTED: frozenset({AssignmentStatus.APPROVED}),
    AssignmentStatus.APPROVED: frozenset(),
}
OPERATION: Steps = {
    OperationStatus.INTENDED: frozenset({OperationStatus.ACTING, OperationStatus.CANCELLED}),
    # Back to intended: the call failed in a way that may be repeated, or the lease of a dead runner ran out.
    OperationStatus.ACTING: frozenset({OperationStatus.INTENDED, OperationStatus.DONE, OperationStatus.FAILED}),
    OperationStatus.FAILED: frozenset({OperationStatus.INTENDED, OperationStatus.CANCELLED}),
    OperationStatus.DONE: frozenset(),
    OperationStatus.CANCELLED: frozenset(),
}


def check(steps: Steps, of: str, was: StrEnum, to: StrEnum) -> None:
    """Raise IllegalTransition unless `to` may follow `was`."""
    if to not in steps[was]:
        raise IllegalTransition(of, was, to)


def may(steps: Steps, to: StrEnum) -> list[StrEnum]:
    """The statuses from which `to` may be reached: for the WHERE of a compare-and-set."""
    return [was for was, follows in steps.items() if to in follows]
