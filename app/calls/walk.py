"""One walk over a Batch's operations of one kind: claim, call, write down. Every stage that calls the marketplace is one.

Intent: rows of the table of operations, written by whoever wanted the call. Act: `act`, in several threads, paced. Result:
`write`, several results a transaction, since each commit costs as much as a call. What a runner that dies leaves behind is
claimed again when its lease ends; so `act` repeats nothing that may have happened without looking it up.
"""

import math
import time
from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from datetime import UTC, datetime
from typing import Generic, TypeVar

from sqlalchemy.orm import Session

from app.db import leases
from app.db.engine import Database
from app.db.leases import Claimed
from app.domain.vocabulary import BatchId, OperationId, OperationKind
from app.errors import ServiceError
from app.logs import get_logger
from app.mturk.pacer import Pacer

log = get_logger(__name__)

CLAIM_SIZE = 50

Target = TypeVar("Target")
Outcome = TypeVar("Outcome")


@dataclass(frozen=True, slots=True)
class Turn:
    """Whose turn it is and how long it lasts: after `slice_s` seconds nothing more is claimed."""

    runner: str
    lease_s: float
    slice_s: float = math.inf


@dataclass(frozen=True, slots=True)
class Done(Generic[Target, Outcome]):
    """A call that was made: the operation, what it was about, and what came of it."""

    operation: Claimed
    target: Target
    outcome: Outcome


@dataclass(frozen=True, slots=True, kw_only=True)
class Stage(Generic[Target, Outcome]):
    """What a walk needs to know of the operations that it walks over.

    may_claim: in the claim's transaction, whether anything may be called now (locks what must not change meanwhile).
    claimed: in the same transaction, marks the targets as perhaps called from here on.
    load: the targets by operation, or the error that keeps one from being called; opens its own transactions. What it raises
    gives the whole claim back unacted.
    act: the call. Raises ServiceError.
    write: the results into the open transaction; the operations themselves are finished by the walk.
    failed: in a transaction of its own, decides by `leases.retry_later`, `fail` or `cancel` what becomes of the operation.
    """

    kind: OperationKind
    may_claim: Callable[[Session], bool]
    load: Callable[[Sequence[Claimed]], Mapping[OperationId, Target | ServiceError]]
    act: Callable[[Target], Outcome]
    write: Callable[[Session, Sequence[Done[Target, Outcome]], datetime], None]
    failed: Callable[[Session, Claimed, ServiceError, datetime], None]
    claimed: Callable[[Session, Sequence[Claimed]], None] = lambda db, claimed: None


@dataclass(slots=True)
class _Progress:
    ends_at: float  # on the monotonic clock
    done: int = 0
    failed_in_a_row: int = 0

    def goes_on(self) -> bool:
        """Whether another claim is worth making: as many failures in a row as a claim has mean an endpoint in trouble."""
        return self.failed_in_a_row < CLAIM_SIZE and time.monotonic() < self.ends_at


def walk(database: Database, pacer: Pacer, batch_id: BatchId, stage: Stage[Target, Outcome], turn: Turn) -> int:
    """Call until nothing is left to claim, the time is over, or the endpoint is in trouble. Returns how many succeeded.

    Any number of runners may walk over the same operations at the same time.
    """
    progress = _Progress(ends_at=time.monotonic() + turn.slice_s)

    def act(call: tuple[Claimed, Target]) -> Outcome:
        operation, target = call
        operation.check_lease()
        return stage.act(target)

    results: list[Done[Target, Outcome]] = []
    for (operation, target), outcome in pacer.each(act, _calls(database, batch_id, stage, turn, progress)):
        if isinstance(outcome, ServiceError):
            _write_failure(database, stage, operation, outcome, progress)
        else:
            results.append(Done(operation, target, outcome))
        if len(results) >= pacer.threads:
            _write_results(database, stage, results, progress)
            results = []
    _write_results(database, stage, results, progress)
    return progress.done


def _calls(
    database: Database, batch_id: BatchId, stage: Stage[Target, Outcome], turn: Turn, progress: _Progress
) -> Iterator[tuple[Claimed, Target]]:
    """Claim by claim, the calls to make; a claim is made when the one before it is used up, not when it is answered.

    To wait for each claim's last answer would cost a third of the rate.
    """
    while progress.goes_on() and (claimed := _claim(database, batch_id, stage, turn)):
        try:
            targets = stage.load(claimed)
        except ServiceError as error:
            with database.transaction() as db:
                leases.release(db, claimed)  # nothing was called for these: they wait for the next run
            log.warning("walk.interrupted", kind=stage.kind, operations=len(claimed), error=str(error))
            return
        for operation in claimed:
            target = targets[operation.id]
            if isinstance(target, ServiceError):
                _write_failure(database, stage, operation, target, progress)
            else:
                yield operation, target


def _claim(database: Database, batch_id: BatchId, stage: Stage[Target, Outcome], turn: Turn) -> list[Claimed]:
    with database.transaction() as db:
        if not stage.may_claim(db):
            return []
        claimed = leases.claim(db, stage.kind, batch_id, most=CLAIM_SIZE, lease_s=turn.lease_s, runner=turn.runner)
        if claimed:
            stage.claimed(db, claimed)
        return claimed


def _write_results(
    database: Database, stage: Stage[Target, Outcome], results: Sequence[Done[Target, Outcome]], progress: _Progress
) -> None:
    if not results:
        return
    now = datetime.now(UTC)
    with database.transaction() as db:
        stage.write(db, results, now)
        leases.finish(db, [done.operation for done in results], now=now)
    progress.done += len(results)
    progress.failed_in_a_row = 0


def _write_failure(
    database: Database, stage: Stage[Target, Outcome], operation: Claimed, error: ServiceError, progress: _Progress
) -> None:
    progress.failed_in_a_row += 1
    with database.transaction() as db:
        stage.failed(db, operation, error, datetime.now(UTC))
    log.warning(
        "operation.not_done",
        kind=stage.kind,
        operation_id=operation.id,
        hit_id=operation.hit_id,
        attempt=operation.attempt,
        error=str(error),
    )
