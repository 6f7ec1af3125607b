"""One walk over a Batch's operations of one kind: claim, call, write down. Every stage that calls the marketplace is one.

Intent: rows of the table of operations, written by whoever wanted the call. Act: `act`, in several threads, paced. Result:
`write`, several results a transaction, since each commit costs as much as a call. What a runner that dies leaves behind is
claimed again when its lease ends; so `act` repeats nothing that may have happened without looking it up.
"""

import math
import time
from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from datetime import datetime
from typing import Generic, TypeVar

from sqlalchemy.orm import Session

from app.db import clock, leases
from app.db.engine import Database
from app.db.leases import Claimed, LeaseEnded
from app.domain.vocabulary import BatchId, OperationId, OperationKind
from app.errors import MarketplaceBusy, ServiceError
from app.logs import get_logger
from app.mturk.pacer import NotCalled, Pacer

log = get_logger(__name__)

CLAIM_SIZE = 50

Target = TypeVar("Target")
Outcome = TypeVar("Outcome")


@dataclass(frozen=True, slots=True)
class Turn:
    """Whose turn it is and how long it lasts: after `slice_s` seconds nothing more is claimed.

    others_wait: whether jobs wait for a place; then the turn is over after SHORTEST_TURN_S.
    """

    runner: str
    lease_s: float
    slice_s: float = math.inf
    others_wait: Callable[[Session], bool] = lambda db: False


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


# What makes or takes away is worth less hurry than what tells us something or keeps a promise: it waits in line.
_BULK = {
    OperationKind.PUBLISH,
    OperationKind.EXTEND,
    OperationKind.QUALIFY,
    OperationKind.BONUS,
    OperationKind.DELETE,
}
# How often a walk asks whether it may go on, and how long results wait for company before they are written: seconds.
LOOK_S, WRITE_WITHIN_S = 0.5, 1.0
# Polls and small Batches shall not wait for large ones to end their slices; and a turn must be worth its beginning and end.
SHORTEST_TURN_S = 5.0


@dataclass(slots=True)
class _Walk(Generic[Target, Outcome]):
    """One walk under way. Times are on the monotonic clock.

    in_hand: claimed, and neither called nor given up yet. results: made and not yet written.
    """

    database: Database
    batch_id: BatchId
    stage: Stage[Target, Outcome]
    turn: Turn
    began_at: float
    looked_at: float
    halted: bool = False
    others_waited: bool = False
    in_hand: dict[OperationId, Claimed] = field(default_factory=dict)
    results: list[Done[Target, Outcome]] = field(default_factory=list)
    first_result_at: float = math.inf
    done: int = 0
    failed_in_a_row: int = 0

    def goes_on(self) -> bool:
        """Whether another claim is worth making: as many failures in a row as a claim has mean an endpoint in trouble."""
        return (
            not self.halted
            and self.failed_in_a_row < CLAIM_SIZE
            and time.monotonic() < self.began_at + self.turn.slice_s
        )


def walk(database: Database, pacer: Pacer, batch_id: BatchId, stage: Stage[Target, Outcome], turn: Turn) -> int:
    """Call until nothing is left to claim, the time is over, or the endpoint is in trouble. Returns how many succeeded.

    Any number of runners may walk over the same operations at the same time. Where nothing may be claimed any more (the
    Batch was paused or stopped), no further call starts from about LOOK_S later on; what was claimed and not called is given
    back, as it is when the process is stopping.
    """
    now = time.monotonic()
    this = _Walk(database, batch_id, stage, turn, began_at=now, looked_at=now)

    def act(call: tuple[Claimed, Target]) -> Outcome:
        operation, target = call
        operation.check_lease()
        return stage.act(target)

    outcomes = pacer.each(
        act,
        _calls(this),
        urgent=stage.kind not in _BULK,
        halted=lambda: this.halted,
        idle=lambda: _look_around(this),
    )
    for (operation, target), outcome in outcomes:
        if isinstance(outcome, NotCalled | LeaseEnded):
            continue  # stays in hand
        del this.in_hand[operation.id]
        if isinstance(outcome, ServiceError):
            _write_failure(this, operation, outcome)
        else:
            this.first_result_at = min(this.first_result_at, time.monotonic())
            this.results.append(Done(operation, target, outcome))
        if len(this.results) >= pacer.threads:
            _write_results(this)
    _write_results(this)
    _give_back(this)
    return this.done


def _look_around(this: _Walk[Target, Outcome]) -> None:
    """What must not wait for the next answer: it may be slow, and the next slot far off."""
    now = time.monotonic()
    if now - this.looked_at >= LOOK_S and not this.halted:
        with this.database.transaction() as db:
            this.halted = not this.stage.may_claim(db) or _gives_way(this, db)
        this.looked_at = time.monotonic()
    if now - this.first_result_at >= WRITE_WITHIN_S:
        _write_results(this)


def _gives_way(this: _Walk[Target, Outcome], db: Session) -> bool:
    """Whether others still wait for a place that already did at the last look; those who find one are gone by then."""
    if time.monotonic() - this.began_at < SHORTEST_TURN_S:
        return False
    waited, this.others_waited = this.others_waited, this.turn.others_wait(db)
    return waited and this.others_waited


def _calls(this: _Walk[Target, Outcome]) -> Iterator[tuple[Claimed, Target]]:
    """Claim by claim, the calls to make; a claim is made when the one before it is used up, not when it is answered.

    To wait for each claim's last answer would cost a third of the rate.
    """
    while this.goes_on() and (claimed := _claim(this)):
        this.in_hand.update((operation.id, operation) for operation in claimed)
        try:
            targets = this.stage.load(claimed)
        except ServiceError as error:
            # Nothing was called for these: they wait for the next run.
            log.warning("walk.interrupted", kind=this.stage.kind, operations=len(claimed), error=str(error))
            return
        for operation in claimed:
            target = targets[operation.id]
            if isinstance(target, ServiceError):
                del this.in_hand[operation.id]
                _write_failure(this, operation, target)
            else:
                yield operation, target


def _claim(this: _Walk[Target, Outcome]) -> list[Claimed]:
    stage, turn = this.stage, this.turn
    with this.database.transaction() as db:
        if not stage.may_claim(db):
            return []
        claimed = leases.claim(db, stage.kind, this.batch_id, most=CLAIM_SIZE, lease_s=turn.lease_s, runner=turn.runner)
        if claimed:
            stage.claimed(db, claimed)
        return claimed


def _give_back(this: _Walk[Target, Outcome]) -> None:
    """What was claimed and not called is free for whoever goes on."""
    if not this.in_hand:
        return
    with this.database.transaction() as db:
        leases.release(db, list(this.in_hand.values()))
    log.info("operations.given_back", kind=this.stage.kind, batch_id=this.batch_id, operations=len(this.in_hand))


def _write_results(this: _Walk[Target, Outcome]) -> None:
    if not this.results:
        return
    with this.database.transaction() as db:
        now = clock.now(db)  # what is written is compared with the database's clock: ours may be hours off
        this.stage.write(db, this.results, now)
        leases.finish(db, [done.operation for done in this.results], now=now)
    this.done += len(this.results)
    this.results, this.first_result_at = [], math.inf
    this.failed_in_a_row = 0


def _write_failure(this: _Walk[Target, Outcome], operation: Claimed, error: ServiceError) -> None:
    this.failed_in_a_row += 1
    with this.database.transaction() as db:
        this.stage.failed(db, operation, error, clock.now(db))
    # That the endpoint is busy is nobody's fault and nothing to do about: the pace is lowered, and it is tried again.
    tell = log.info if isinstance(error, MarketplaceBusy) else log.warning
    tell(
        "operation.not_done",
        kind=this.stage.kind,
        operation_id=operation.id,
        hit_id=operation.hit_id,
        attempt=operation.attempt,
        error=str(error),
    )
