"""Operations claimed in batches under a lease: the list that every spending or visible marketplace call comes from.

Intent: a row in `operations`, written with the change that wants it. Act: `claim` commits that a runner is about to call.
Result: `finish`, `retry_later` or `fail`. A runner that dies leaves its rows `acting`; when the lease ends they are
claimed again, and since the call may have happened, whoever claims them repeats it only in a way that cannot double it.
"""

import math
import time
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from datetime import datetime, timedelta
from typing import Any

from sqlalchemy import ColumnElement, and_, text, tuple_, update
from sqlalchemy.orm import Session

from app.db.tables import Operation
from app.domain.vocabulary import (
    AssignmentId,
    BatchId,
    HitGroupId,
    HITId,
    OperationId,
    OperationKind,
    OperationStatus,
    WorkerId,
)
from app.errors import ServiceError

# Seconds to wait before attempt 2, 3, …; the last value repeats.
BACKOFF_S = (1, 2, 5, 15, 60)

_CLAIM = """
    WITH free AS (
        SELECT id FROM operations AS f
        WHERE batch_id = :batch_id AND kind = :kind {ready}
          AND ((status = 'intended' AND not_before <= now()) OR (status = 'acting' AND lease_until < now()))
        ORDER BY id
        LIMIT :most
        FOR UPDATE SKIP LOCKED
    )
    UPDATE operations AS o
    SET status = 'acting', leased_by = :runner, lease_until = now() + make_interval(secs => :lease_s),
        attempts = o.attempts + 1, first_attempt_at = coalesce(o.first_attempt_at, now())
    FROM free WHERE o.id = free.id
    RETURNING o.id, o.hit_id, o.assignment_id, o.group_id, o.worker_id, o.arguments, o.attempts, o.first_attempt_at
"""
# A HIT is published once its group has its HIT type and all the Workers that it keeps out.
_READY = {
    OperationKind.PUBLISH: """
        AND EXISTS (SELECT 1 FROM hits AS h JOIN hit_groups AS g ON g.id = h.group_id
                    WHERE h.id = f.hit_id AND g.hit_type_id IS NOT NULL
                      AND NOT EXISTS (SELECT 1 FROM operations AS q WHERE q.group_id = g.id AND q.kind = 'qualify'
                                      AND q.status IN ('intended', 'acting', 'failed')))
    """
}


# The longest that one call may take, retries included (`mturk/client.py`): no call starts later than this before the
# lease ends, so that none is under way when somebody else claims its operation.
LONGEST_CALL_S = 100.0


class LeaseEnded(ServiceError):
    """The time in which an operation may be acted on is over; nothing was called."""


@dataclass(frozen=True, slots=True)
class Claimed:
    """An operation that this runner may act on until its lease ends. `attempt` counts from 1.

    hit_id: 0 where the operation is of none; `assignment_id` likewise: which are set follows from the kind.
    act_before: on this process's monotonic clock, in seconds; later than that the call may not be started.
    """

    id: OperationId
    hit_id: HITId
    assignment_id: AssignmentId
    attempt: int
    first_attempt_at: datetime
    act_before: float = math.inf
    group_id: HitGroupId | None = None
    worker_id: WorkerId | None = None
    arguments: Mapping[str, Any] = field(default_factory=dict)

    def check_lease(self) -> None:
        """Raise LeaseEnded when it is too late to start the call."""
        if time.monotonic() >= self.act_before:
            raise LeaseEnded(f"operation {self.id}: its lease ends too soon to start the call")


def claim(
    db: Session, kind: OperationKind, batch_id: BatchId, *, most: int, lease_s: float, runner: str
) -> list[Claimed]:
    """Up to `most` operations of one kind and Batch that nobody else holds, now leased to `runner`, oldest first."""
    # Read before the claim, so that our view of the lease ends before the database's.
    act_before = time.monotonic() + lease_s - min(LONGEST_CALL_S, lease_s / 2)
    rows = db.execute(
        text(_CLAIM.format(ready=_READY.get(kind, ""))),
        {"batch_id": batch_id, "kind": kind, "most": most, "lease_s": lease_s, "runner": runner},
    ).all()
    claimed = [
        Claimed(
            OperationId(row.id),
            HITId(row.hit_id or 0),
            AssignmentId(row.assignment_id or 0),
            row.attempts,
            row.first_attempt_at,
            act_before,
            row.group_id,
            row.worker_id,
            row.arguments,
        )
        for row in rows
    ]
    return sorted(claimed, key=lambda operation: operation.id)


def finish(db: Session, operations: Sequence[Claimed], *, now: datetime) -> None:
    """The calls were made and their results are written in this transaction."""
    db.execute(
        update(Operation)
        .where(_still_ours(operations))
        .values(status=OperationStatus.DONE, finished_at=now, lease_until=None, error=None)
    )


def retry_later(db: Session, operation: Claimed, *, error: str, now: datetime) -> None:
    """The call did not succeed in a way that may be repeated; the next attempt waits a little longer each time.

    Nothing changes where the operation is no longer ours: the lease ended and somebody else acts on it, or has done it.
    """
    wait_s = BACKOFF_S[min(operation.attempt, len(BACKOFF_S)) - 1]
    db.execute(
        update(Operation)
        .where(_still_ours([operation]))
        .values(
            status=OperationStatus.INTENDED, not_before=now + timedelta(seconds=wait_s), lease_until=None, error=error
        )
    )


def fail(db: Session, operation: Claimed, *, error: str, now: datetime) -> None:
    """The marketplace refused; a person must look. Nothing changes where the operation is no longer ours."""
    db.execute(
        update(Operation)
        .where(_still_ours([operation]))
        .values(status=OperationStatus.FAILED, finished_at=now, lease_until=None, error=error)
    )


def cancel(db: Session, operation: Claimed, *, error: str, now: datetime) -> None:
    """It is not wanted any more, or can never be done. Nothing changes where the operation is no longer ours."""
    db.execute(
        update(Operation)
        .where(_still_ours([operation]))
        .values(status=OperationStatus.CANCELLED, finished_at=now, lease_until=None, error=error)
    )


def release(db: Session, operations: Sequence[Claimed]) -> None:
    """Give claimed operations back unacted: nothing was called for them."""
    db.execute(
        update(Operation)
        .where(_still_ours(operations))
        .values(status=OperationStatus.INTENDED, lease_until=None, attempts=Operation.attempts - 1)
    )


def _still_ours(operations: Sequence[Claimed]) -> ColumnElement[bool]:
    """Every claim counts one attempt up: the attempt's number tells our claim from a later one, which is left alone."""
    claims = [(operation.id, operation.attempt) for operation in operations]
    return and_(tuple_(Operation.id, Operation.attempts).in_(claims), Operation.status == OperationStatus.ACTING)
