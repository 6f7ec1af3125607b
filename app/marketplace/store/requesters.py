"""Requesters, how they sign in and call, and their money."""

from datetime import datetime
from decimal import Decimal
from typing import Any

from sqlalchemy import BigInteger, CheckConstraint, ForeignKey, Identity, Index
from sqlalchemy.orm import Mapped, mapped_column

from app.marketplace.store.schema import MarketplaceBase


class Requester(MarketplaceBase):
    """Who publishes HITs and pays. Both balances change only through `accounting.post`."""

    __tablename__ = "requesters"
    __table_args__ = (
        CheckConstraint("available_usd >= 0", name="available_not_negative"),
        CheckConstraint("on_hold_usd >= 0", name="on_hold_not_negative"),
    )

    id: Mapped[str] = mapped_column(primary_key=True)
    name: Mapped[str]
    # To sign in to the Requester pages; without both nobody can.
    sign_in_name: Mapped[str | None] = mapped_column(unique=True)
    password_hash: Mapped[str | None]
    available_usd: Mapped[Decimal]
    on_hold_usd: Mapped[Decimal]
    created_at: Mapped[datetime]


class AccessKey(MarketplaceBase):
    """A Requester's key. The secret is kept readable: SigV4 cannot be verified from a hash of it."""

    __tablename__ = "access_keys"

    access_key_id: Mapped[str] = mapped_column(primary_key=True)
    secret_access_key: Mapped[str]
    requester_id: Mapped[str] = mapped_column(ForeignKey("requesters.id"), index=True)
    # Derived from the installation's secret; replaced when that changes.
    of_installation: Mapped[bool]
    label: Mapped[str] = mapped_column(default="", server_default="")
    created_at: Mapped[datetime]
    last_used_at: Mapped[datetime | None]
    revoked_at: Mapped[datetime | None]
    # Rehearsals only: what goes wrong for calls with this key (`faults.py`). None: nothing.
    faults: Mapped[dict[str, Any] | None]


class RequesterSession(MarketplaceBase):
    """A Requester's signed-in browser; the cookie's token is kept only as a hash."""

    __tablename__ = "requester_sessions"

    token_hash: Mapped[str] = mapped_column(primary_key=True)
    requester_id: Mapped[str] = mapped_column(ForeignKey("requesters.id"), index=True)
    created_at: Mapped[datetime]
    expires_at: Mapped[datetime]


class SignInFailure(MarketplaceBase):
    """A wrong password, phrase or invitation; too many of one `who` close the door for a while."""

    __tablename__ = "sign_in_failures"
    __table_args__ = (Index("ix_sign_in_failures_who", "who", "at"),)

    id: Mapped[int] = mapped_column(BigInteger, Identity(), primary_key=True)
    who: Mapped[str]
    at: Mapped[datetime]


class MarketplaceClock(MarketplaceBase):
    """How far a rehearsal has moved this marketplace's clock; no row or one."""

    __tablename__ = "clock"
    __table_args__ = (CheckConstraint("id = 1", name="one_row"),)

    id: Mapped[int] = mapped_column(primary_key=True, autoincrement=False)
    ahead_s: Mapped[float]


class RequestToken(MarketplaceBase):
    """A UniqueRequestToken that was used: for 24 hours the same operation with it is refused."""

    __tablename__ = "request_tokens"

    requester_id: Mapped[str] = mapped_column(ForeignKey("requesters.id"), primary_key=True)
    operation: Mapped[str] = mapped_column(primary_key=True)
    token: Mapped[str] = mapped_column(primary_key=True)
    result_id: Mapped[str]
    used_at: Mapped[datetime] = mapped_column(index=True)


class Transaction(MarketplaceBase):
    """One movement of money; never changed, never deleted. The sums of the deltas are the Requester's balances."""

    __tablename__ = "transactions"
    __table_args__ = (Index("ix_transactions_requester", "requester_id", "id"),)

    id: Mapped[int] = mapped_column(BigInteger, Identity(), primary_key=True)
    requester_id: Mapped[str] = mapped_column(ForeignKey("requesters.id"))
    kind: Mapped[str]
    available_delta_usd: Mapped[Decimal]
    on_hold_delta_usd: Mapped[Decimal]
    hit_id: Mapped[str | None]
    assignment_id: Mapped[str | None]
    at: Mapped[datetime]


class BonusPayment(MarketplaceBase):
    """A Bonus that was paid to a Worker for an Assignment."""

    __tablename__ = "bonus_payments"
    __table_args__ = (
        Index("ix_bonus_payments_hit", "hit_id", "seq"),
        Index("ix_bonus_payments_assignment", "assignment_id", "seq"),
        Index("ix_bonus_payments_worker", "worker_id", "seq"),
    )

    seq: Mapped[int] = mapped_column(BigInteger, Identity(), primary_key=True)
    requester_id: Mapped[str] = mapped_column(ForeignKey("requesters.id"))
    worker_id: Mapped[str] = mapped_column(ForeignKey("workers.id"))
    hit_id: Mapped[str] = mapped_column(ForeignKey("hits.id"))
    assignment_id: Mapped[str] = mapped_column(ForeignKey("assignments.id"))
    amount_usd: Mapped[Decimal]
    fee_usd: Mapped[Decimal]
    reason: Mapped[str]
    granted_at: Mapped[datetime]
