"""Operations on Bonuses: pay one, list those that were paid."""

from collections.abc import Mapping
from datetime import datetime
from decimal import Decimal
from typing import Any

from sqlalchemy import ColumnElement, select
from sqlalchemy.orm import Session

from app.marketplace import accounting, fees, messages, paging, tokens
from app.marketplace.changes import post
from app.marketplace.operations import limits
from app.marketplace.operations.shapes import usd
from app.marketplace.store import HIT, Assignment, AssignmentStatus, BonusPayment
from app.marketplace.wire_errors import (
    ParameterValidationError,
    already_processed,
    does_not_exist,
    not_valid,
    out_of_range,
    wrong_assignment_state,
)

SMALLEST_BONUS_USD = Decimal("0.01")
LARGEST_BONUS_USD = limits.LARGEST_REWARD_USD
LONGEST_REASON = 4096
_SUBMITTED = (AssignmentStatus.SUBMITTED, AssignmentStatus.APPROVED, AssignmentStatus.REJECTED)


def send_bonus(db: Session, requester_id: str, params: Mapping[str, Any], now: datetime) -> Mapping[str, Any]:
    """Pay a Worker for an Assignment that they have submitted, beyond its Reward and whatever was decided on it.

    The fee is that of a Reward. Within 24 hours the same UniqueRequestToken pays once.
    """
    amount, reason = _amount_usd(params["BonusAmount"]), params["Reason"]
    if not reason.strip() or len(reason) > LONGEST_REASON:
        raise out_of_range("the length of Reason", len(reason.strip() and reason), 1, LONGEST_REASON)
    hit, assignment = _submitted(db, requester_id, params["AssignmentId"])
    if assignment.worker_id != params["WorkerId"]:
        raise ParameterValidationError(
            f"Assignment {assignment.id} was not submitted by the Worker {params['WorkerId']}."
        )
    token = params.get("UniqueRequestToken")
    if token is not None:
        _use_token(db, requester_id, token, assignment.id, now)
    fee = fees.fee_usd(amount, 1)
    db.add(
        BonusPayment(
            requester_id=requester_id,
            worker_id=assignment.worker_id,
            hit_id=hit.id,
            assignment_id=assignment.id,
            amount_usd=amount,
            fee_usd=fee,
            reason=reason,
            granted_at=now,
        )
    )
    subject = f"You were paid a bonus of ${amount:.2f}"
    messages.send(db, [assignment.worker_id], subject=subject, text=reason, now=now, requester_id=requester_id)
    post(db, requester_id, accounting.bonus(hit.id, assignment.id, amount_usd=amount, fee_usd=fee), now)
    return {}


def list_bonus_payments(db: Session, requester_id: str, params: Mapping[str, Any], now: datetime) -> Mapping[str, Any]:
    """The Bonuses paid for a HIT, for an Assignment, or for an Assignment if it is of that HIT; oldest first."""
    page = paging.requested(params, int)
    statement = select(BonusPayment).where(*_wanted(db, requester_id, params))
    if page.after is not None:
        statement = statement.where(BonusPayment.seq > page.after[0])
    if page.seen_until is not None:
        statement = statement.where(BonusPayment.granted_at <= page.seen_until)
    rows = db.scalars(statement.order_by(BonusPayment.seq).limit(page.size)).all()
    return paging.answer("BonusPayments", [_shape(row) for row in rows], [rows[-1].seq] if rows else [])


def _wanted(db: Session, requester_id: str, params: Mapping[str, Any]) -> list[ColumnElement[bool]]:
    """Raises ParameterValidationError or RequestError …DoesNotExist."""
    wanted: list[ColumnElement[bool]] = []
    if "HITId" not in params and "AssignmentId" not in params:
        raise ParameterValidationError("HITId or AssignmentId must be given.")
    if "HITId" in params:
        hit = db.get(HIT, params["HITId"])
        if hit is None or hit.requester_id != requester_id or hit.purged_at is not None:
            raise does_not_exist("HIT", params["HITId"])
        wanted.append(BonusPayment.hit_id == hit.id)
    if "AssignmentId" in params:
        _, assignment = _owned(db, requester_id, params["AssignmentId"])
        wanted.append(BonusPayment.assignment_id == assignment.id)
    return wanted


def _owned(db: Session, requester_id: str, assignment_id: str) -> tuple[HIT, Assignment]:
    assignment = db.get(Assignment, assignment_id)
    hit = None if assignment is None else db.get_one(HIT, assignment.hit_id)
    if assignment is None or hit is None or hit.requester_id != requester_id or hit.purged_at is not None:
        raise does_not_exist("Assignment", assignment_id)
    return hit, assignment


def _submitted(db: Session, requester_id: str, assignment_id: str) -> tuple[HIT, Assignment]:
    hit, assignment = _owned(db, requester_id, assignment_id)
    if assignment.status not in _SUBMITTED:
        raise wrong_assignment_state("Submitted,Approved,Rejected")
    return hit, assignment


def _amount_usd(shown: str) -> Decimal:
    """The amount, exact; the service model has checked its form. Raises ParameterValidationError."""
    if len(shown) > len(str(LARGEST_BONUS_USD)):
        raise not_valid("BonusAmount", shown)
    amount = Decimal(shown).quantize(fees.CENT)
    if not SMALLEST_BONUS_USD <= amount <= LARGEST_BONUS_USD:
        raise out_of_range("BonusAmount", shown, SMALLEST_BONUS_USD, LARGEST_BONUS_USD)
    return amount


def _use_token(db: Session, requester_id: str, token: str, assignment_id: str, now: datetime) -> None:
    earlier = tokens.claim(
        db, requester_id=requester_id, operation="SendBonus", token=token, result_id=assignment_id, now=now
    )
    if earlier is not None:
        raise already_processed(token)


def _shape(payment: BonusPayment) -> Mapping[str, Any]:
    return {
        "WorkerId": payment.worker_id,
        "BonusAmount": usd(payment.amount_usd),
        "AssignmentId": payment.assignment_id,
        "Reason": payment.reason,
        "GrantTime": payment.granted_at,
    }
