"""Bonuses: asked for in a sheet or one by one, shown with their cost, paid once.

Intent: an operation with the bonus and its fee owed, in one transaction under the cap. Act: the marketplace is asked which
bonuses the Assignment has had; only where this one is not among them it is sent. Result: the bonus is paid. So a bonus is
looked up before every attempt, early or late: MTurk forgets request tokens after 24 h, its list forgets nothing.
"""

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import datetime
from decimal import Decimal
from functools import partial

from sqlalchemy import text
from sqlalchemy.orm import Session

from app.calls.walk import Done, Stage, Turn, walk
from app.db import attention, audit, leases, ledger
from app.db.bonus_intents import check_room, intend_bonuses, not_yet_intended, total_price
from app.db.bonus_plans import BonusPlan
from app.db.engine import Database
from app.db.leases import Claimed
from app.db.operations import Bonus
from app.db.queue import Job, enqueue
from app.db.tables import Batch
from app.domain.pricing import Price
from app.domain.vocabulary import (
    BatchId,
    BatchStatus,
    MarketplaceAssignmentId,
    MarketplaceWorkerId,
    OperationId,
    OperationKind,
    PauseReason,
    PaymentStatus,
)
from app.errors import (
    BudgetExceeded,
    Conflict,
    CredentialsRefused,
    Forbidden,
    InsufficientFunds,
    MarketplaceRefused,
    NotFound,
    OutcomeUnknown,
    ServiceError,
)
from app.logs import get_logger
from app.mturk import reviewing
from app.mturk.client import Marketplace
from app.mturk.pacer import Pacer
from app.settings import MarketplaceProfile, Settings

log = get_logger(__name__)

_ATTENTION = "A bonus was refused"
_WAITING = "A bonus could not be paid yet, and is tried again by itself"


# --- ask for it ------------------------------------------------------------------------------------------------------


def pay(
    db: Session,
    batch_id: BatchId,
    plan: BonusPlan,
    *,
    by: str,
    settings: Settings,
    confirmed_usd: Decimal | None = None,
    skip_faulty: bool = False,
) -> None:
    """Write down the plan's new bonuses; from here on they are paid. All or, with any faulty row, none.

    plan: made in this transaction or before; what was asked for meanwhile is left out.
    skip_faulty: go on without the rows that are faulty.
    Raises InvalidInput, Forbidden, Conflict, BudgetExceeded.
    """
    if not skip_faulty:
        plan.faults.check()
    batch = ledger.locked_batch(db, batch_id)
    new = not_yet_intended(db, batch_id, plan.new)
    price = total_price(new)
    check_payable(batch, price, settings=settings)
    check_confirmed(batch, price, confirmed_usd)
    if not new:
        return
    check_room(db, batch, price)
    intend_bonuses(db, batch, new)
    audit.record(
        db,
        actor=by,
        action="bonuses.asked_for",
        batch_id=batch_id,
        profile=batch.profile,
        bonuses=len(new),
        bonus_usd=price.reward_usd,
        fee_usd=price.fee_usd,
    )
    log.info("bonuses.asked_for", batch_id=batch_id, count=len(new), total_usd=str(price.total_usd))
    enqueue(db, Job.REVIEW, batch_id=batch_id)


def check_payable(batch: Batch, price: Price, *, settings: Settings) -> None:
    """Raise Conflict for a Batch that has no work yet, Forbidden or BudgetExceeded where the settings stand against it."""
    if batch.status == BatchStatus.DRAFT:
        raise Conflict(f"Batch {batch.id} is a draft: nobody has worked on it yet")
    if batch.profile == MarketplaceProfile.PRODUCTION and (missing := settings.missing_for_production()):
        raise Forbidden("use production", f"production spends real money: set {' and '.join(missing)} to allow it")
    limit = settings.spending_limit_usd
    if limit is not None and price.total_usd > limit:
        raise BudgetExceeded(price.total_usd, limit, "this installation's limit")


def check_confirmed(batch: Batch, price: Price, confirmed_usd: Decimal | None) -> None:
    """Real money needs the exact cost; elsewhere a confirmation may be left out, but a wrong one means a misreading."""
    if price.total_usd in (confirmed_usd, Decimal(0)):
        return
    if confirmed_usd is not None:
        raise Conflict(f"the bonuses cost ${price.total_usd} with fees and ${confirmed_usd} were confirmed")
    if batch.profile == MarketplaceProfile.PRODUCTION:
        raise Conflict(f"confirm the cost first: these bonuses spend ${price.total_usd} of real money, fees included")


# --- act -------------------------------------------------------------------------------------------------------------


@dataclass(frozen=True, slots=True)
class _ToPay:
    """A bonus, and who gets it for which Assignment."""

    assignment_id: MarketplaceAssignmentId
    worker_id: MarketplaceWorkerId
    bonus: Bonus


def carry_out(database: Database, marketplace: Marketplace, pacer: Pacer, batch_id: BatchId, turn: Turn) -> int:
    """Pay the bonuses that are due. Returns how many were paid, or found to have been paid, in this call."""
    stage: Stage[_ToPay, None] = Stage(
        kind=OperationKind.BONUS,
        may_claim=lambda db: True,
        load=partial(_load, database),
        act=partial(_pay_once, marketplace, pacer),
        write=partial(_write_results, batch_id),
        failed=partial(_write_failure, batch_id),
    )
    return walk(database, pacer, batch_id, stage, turn)


def _load(database: Database, claimed: Sequence[Claimed]) -> dict[OperationId, _ToPay | ServiceError]:
    with database.transaction() as db:
        rows = db.execute(
            text("""
                SELECT a.id, a.marketplace_assignment_id, w.marketplace_worker_id
                FROM assignments AS a JOIN workers AS w ON w.id = a.worker_id WHERE a.id = ANY(:ids)
            """),
            {"ids": [operation.assignment_id for operation in claimed]},
        )
        known = {row.id: row for row in rows}
    return {
        operation.id: _ToPay(
            MarketplaceAssignmentId(known[operation.assignment_id].marketplace_assignment_id),
            MarketplaceWorkerId(known[operation.assignment_id].marketplace_worker_id),
            Bonus.of(operation.arguments),
        )
        for operation in claimed
    }


def _pay_once(marketplace: Marketplace, pacer: Pacer, target: _ToPay) -> None:
    """Send the bonus unless the marketplace's list has it: an earlier attempt may have come through."""
    if _is_paid(marketplace, pacer, target):
        return
    pacer.wait()
    try:
        reviewing.send_bonus(
            marketplace,
            target.assignment_id,
            target.worker_id,
            amount_usd=target.bonus.amount_usd,
            reason=target.bonus.reason,
            request_token=target.bonus.request_token,
        )
    except MarketplaceRefused as refused:
        if not refused.code.endswith("AlreadyProcessed") and "already been processed" not in refused.message:
            raise
        pacer.wait()
        if not _is_paid(marketplace, pacer, target):
            # The list lags behind: what is certain by now is looked up at the next attempt.
            raise OutcomeUnknown(
                refused.operation, refused.code, f"sent before and not listed yet: {refused.message}"
            ) from refused


def _is_paid(marketplace: Marketplace, pacer: Pacer, target: _ToPay) -> bool:
    return any(
        paid.amount_usd == target.bonus.amount_usd
        and paid.reason.split() == target.bonus.reason.split()
        and paid.assignment_id == target.assignment_id
        for paid in reviewing.list_bonuses(marketplace, pacer.wait, assignment_id=target.assignment_id)
    )


def _write_results(batch_id: BatchId, db: Session, results: Sequence[Done[_ToPay, None]], now: datetime) -> None:
    ledger.close_bonuses(db, [done.operation.id for done in results], PaymentStatus.PAID)
    db.execute(
        text("UPDATE batches SET attention = NULL WHERE id = :id AND starts_with(attention, :ours)"),
        {"id": batch_id, "ours": _WAITING},
    )
    audit.record(
        db,
        actor="job runner",
        action="bonuses.paid",
        batch_id=batch_id,
        bonuses={str(done.operation.assignment_id): str(done.target.bonus.amount_usd) for done in results},
    )
    log.info("bonuses.paid", batch_id=batch_id, count=len(results))


def _write_failure(batch_id: BatchId, db: Session, operation: Claimed, error: ServiceError, now: datetime) -> None:
    """No funds, no credentials: again once these are put right. Refused for good: a person cancels it or tries again."""
    if isinstance(error, InsufficientFunds | CredentialsRefused):
        leases.retry_later(db, operation, error=str(error), now=now)
        _wait(db, batch_id, error)
    elif isinstance(error, MarketplaceRefused):
        leases.fail(db, operation, error=str(error), now=now)
        how = f"`labeljury bonus list {batch_id} --failed` shows it; cancel it, or put right what it says and retry it"
        ledger.locked_batch(db, batch_id).attention = f"{_ATTENTION}: {error}. {how}"
    else:
        leases.retry_later(db, operation, error=str(error), now=now)


def _wait(db: Session, batch_id: BatchId, error: InsufficientFunds | CredentialsRefused) -> None:
    """A live Batch is paused; one that is over, or paused for another reason, says so until the bonus is paid."""
    batch = ledger.locked_batch(db, batch_id)
    reason = PauseReason.FUNDS if isinstance(error, InsufficientFunds) else PauseReason.CREDENTIALS
    if batch.status == BatchStatus.LIVE or batch.pause_reason == reason:
        attention.pause(db, batch_id, reason, str(error))
    elif not (batch.attention or "").startswith(_ATTENTION):
        batch.attention = f"{_WAITING}: {error}"


# --- when the marketplace refuses ------------------------------------------------------------------------------------


def cancel(db: Session, batch_id: BatchId, operation_id: OperationId, *, by: str) -> None:
    """Give up a bonus that was refused, or that was never tried: its money is free again.

    Raises NotFound, Conflict for one that was paid, or that may have been.
    """
    batch = ledger.locked_batch(db, batch_id)
    changed = db.execute(
        text("""
            UPDATE operations SET status = 'cancelled', finished_at = now()
            WHERE id = :id AND (status = 'failed' OR (status = 'intended' AND attempts = 0)) RETURNING id
        """),
        {"id": _known(db, batch_id, operation_id)},
    ).first()
    if changed is None:
        raise Conflict(
            f"bonus {operation_id} is paid, or may be: only one that was refused or not tried can be cancelled"
        )
    ledger.close_bonuses(db, [operation_id], PaymentStatus.CANCELLED)
    _clear_attention(db, batch)
    audit.record(
        db, actor=by, action="bonus.cancelled", batch_id=batch_id, profile=batch.profile, operation=operation_id
    )


def retry(db: Session, batch_id: BatchId, operation_id: OperationId, *, by: str) -> None:
    """Try a refused bonus again. Raises NotFound, Conflict where it was not refused."""
    batch = ledger.locked_batch(db, batch_id)
    changed = db.execute(
        text(
            "UPDATE operations SET status = 'intended', not_before = now() WHERE id = :id AND status = 'failed' RETURNING id"
        ),
        {"id": _known(db, batch_id, operation_id)},
    ).first()
    if changed is None:
        raise Conflict(f"bonus {operation_id} was not refused: there is nothing to try again")
    _clear_attention(db, batch)
    audit.record(db, actor=by, action="bonus.retried", batch_id=batch_id, profile=batch.profile, operation=operation_id)
    enqueue(db, Job.REVIEW, batch_id=batch_id)


def _known(db: Session, batch_id: BatchId, operation_id: OperationId) -> OperationId:
    found = db.execute(
        text("SELECT 1 FROM operations WHERE id = :id AND batch_id = :batch AND kind = 'bonus'"),
        {"id": operation_id, "batch": batch_id},
    ).first()
    if found is None:
        raise NotFound("Bonus", operation_id)
    return operation_id


def _clear_attention(db: Session, batch: Batch) -> None:
    """Once no refused bonus is left there is nothing to attend to."""
    left = "SELECT EXISTS (SELECT 1 FROM operations WHERE batch_id = :id AND kind = 'bonus' AND status = 'failed')"
    if (batch.attention or "").startswith(_ATTENTION) and not db.execute(text(left), {"id": batch.id}).scalar_one():
        batch.attention = None
