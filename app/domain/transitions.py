"""Which status may follow which.

A Batch's steps are asked for here, by compare-and-set. The other three tables record the rule: those rows change by the
hundred, in statements of the pipeline and of `db/leases.py` whose WHERE names the old status. The database repeats what
it can as constraints.
"""

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
    # Nobody can ask for more. Reconcile alone goes back to stopping (`pipeline/repairs.py`), where a HIT of it turns out to
    # be open, or work of it not collected.
    BatchStatus.STOPPED: frozenset(),
    # Live again: a Worker was dropped afterwards, and their Items are asked for once more.
    BatchStatus.DONE: frozenset({BatchStatus.LIVE}),
}
HIT: Steps = {
    # Live at once: reconcile found it on the marketplace; a backup of before it was published had been restored.
    HITStatus.PLANNED: frozenset({HITStatus.PUBLISHING, HITStatus.LIVE, HITStatus.CANCELLED}),
    # Live: the call's reply came, or a stop found the HIT in the marketplace's list. Cancelled: a stop did not find it, or no
    # call was made. Never back to planned: a claim that is given back stays one that may have been acted on.
    HITStatus.PUBLISHING: frozenset({HITStatus.LIVE, HITStatus.CANCELLED}),
    HITStatus.LIVE: frozenset({HITStatus.DONE}),
    # Live again: more Assignments are asked for, since an answer of it does not count any longer.
    HITStatus.DONE: frozenset({HITStatus.LIVE}),
    # Reconcile found that it was published all the same: known, expired, and what it has brought collected.
    HITStatus.CANCELLED: frozenset({HITStatus.LIVE}),
}
ASSIGNMENT: Steps = {
    AssignmentStatus.SUBMITTED: frozenset({AssignmentStatus.APPROVED, AssignmentStatus.REJECTED}),
    # The rejection was overridden, by us or by another program.
    AssignmentStatus.REJECTED: frozenset({AssignmentStatus.APPROVED}),
    AssignmentStatus.APPROVED: frozenset(),
}
OPERATION: Steps = {
    # Where no runner is at it, a stop closes a publishing operation itself. Done: it looked for the HIT in the marketplace's
    # list and found it. Cancelled: it did not find it, or no attempt was ever made.
    OperationStatus.INTENDED: frozenset({OperationStatus.ACTING, OperationStatus.DONE, OperationStatus.CANCELLED}),
    # Intended again: the call failed in a way that may be repeated, or the claim was given back unacted.
    # Acting again: the lease of a dead runner ran out, and another one claimed the operation.
    OperationStatus.ACTING: frozenset(
        {
            OperationStatus.INTENDED,
            OperationStatus.ACTING,
            OperationStatus.DONE,
            OperationStatus.FAILED,
            OperationStatus.CANCELLED,
        }
    ),
    # Intended again: the Batch was resumed.
    OperationStatus.FAILED: frozenset({OperationStatus.INTENDED, OperationStatus.DONE, OperationStatus.CANCELLED}),
    OperationStatus.DONE: frozenset(),
    # Reconcile found that it had happened all the same.
    OperationStatus.CANCELLED: frozenset({OperationStatus.DONE}),
}


def check(steps: Steps, of: str, was: StrEnum, to: StrEnum) -> None:
    """Raise IllegalTransition unless `to` may follow `was`."""
    if to not in steps[was]:
        raise IllegalTransition(of, was, to)


def may(steps: Steps, to: StrEnum) -> list[StrEnum]:
    """The statuses from which `to` may be reached: for the WHERE of a compare-and-set."""
    return [was for was, follows in steps.items() if to in follows]
