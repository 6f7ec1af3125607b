"""The marketplace's own tables, in a schema of their own.

Counters and statuses stand on the HIT's row and change only under that row's lock; `bookkeeping.py` says how.
Locks are always taken in this order: HITs (by id), their Assignments, the Requester last.
"""

from datetime import datetime
from decimal import Decimal
from enum import StrEnum
from typing import Any

from sqlalchemy import (
    BigInteger,
    BindParameter,
    CheckConstraint,
    DateTime,
    ForeignKey,
    Identity,
    Index,
    MetaData,
    Numeric,
    literal,
    text,
)
from sqlalchemy.dialects.postgresql import JSONB
from sqlalchemy.orm import DeclarativeBase, Mapped, mapped_column

from app.db.engine import NAMING_CONVENTION

SCHEMA = "marketplace"
_MONEY = Numeric(14, 2)


class HITStatus(StrEnum):
    """MTurk's words for the state of a HIT."""

    ASSIGNABLE = "Assignable"
    UNASSIGNABLE = "Unassignable"
    REVIEWABLE = "Reviewable"
    REVIEWING = "Reviewing"
    DISPOSED = "Disposed"


class AssignmentStatus(StrEnum):
    """An attempt's state. The wire shows only Submitted, Approved and Rejected."""

    PENDING = "Pending"
    SUBMITTED = "Submitted"
    APPROVED = "Approved"
    REJECTED = "Rejected"
    RETURNED = "Returned"
    ABANDONED = "Abandoned"


class TransactionKind(StrEnum):
    """Why money moved."""

    DEPOSIT = "deposit"
    RESERVE = "reserve"
    RELEASE = "release"
    REWARD = "reward"
    FEE = "fee"


def constant(value: str) -> BindParameter[str]:
    """A word of ours, written into the SQL: a partial index serves only a query that states its condition so."""
    return literal(value, literal_execute=True)


class MarketplaceBase(DeclarativeBase):
    """Base class of the marketplace's tables."""

    metadata = MetaData(schema=SCHEMA, naming_convention=NAMING_CONVENTION)
    type_annotation_map = {datetime: DateTime(timezone=True), Decimal: _MONEY, dict[str, Any]: JSONB}  # noqa: RUF012 - SQLAlchemy reads it from the class


class Requester(MarketplaceBase):
    """Who publishes HITs and pays. Both balances change only through `accounting.post`."""

    __tablename__ = "requesters"
    __table_args__ = (
        CheckConstraint("available_usd >= 0", name="available_not_negative"),
        CheckConstraint("on_hold_usd >= 0", name="on_hold_not_negative"),
    )

    id: Mapped[str] = mapped_column(primary_key=True)
    name: Mapped[str]
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
    created_at: Mapped[datetime]


class HITType(MarketplaceBase):
    """What HITs of one kind share. Equal values of one Requester are one HIT Type: `digest` is their fingerprint."""

    __tablename__ = "hit_types"
    __table_args__ = (Index(None, "requester_id", "digest", unique=True),)

    id: Mapped[str] = mapped_column(primary_key=True)
    group_id: Mapped[str] = mapped_column(unique=True)
    requester_id: Mapped[str] = mapped_column(ForeignKey("requesters.id"))
    digest: Mapped[str]
    title: Mapped[str]
    description: Mapped[str]
    keywords: Mapped[str | None]
    reward_usd: Mapped[Decimal]
    assignment_duration_s: Mapped[int] = mapped_column(BigInteger)
    auto_approval_delay_s: Mapped[int] = mapped_column(BigInteger)
    qualification_requirements: Mapped[list[dict[str, Any]]] = mapped_column(JSONB)
    created_at: Mapped[datetime]


class HIT(MarketplaceBase):
    """One question for up to `max_assignments` Workers.

    pending, submitted, approved and rejected count its Assignments in that status; what is left of max_assignments is
    available. `reserved_slots` is for how many Assignments reward and fee are on hold.
    """

    __tablename__ = "hits"
    __table_args__ = (
        CheckConstraint("least(pending, submitted, approved, rejected, reserved_slots) >= 0", name="counts_positive"),
        CheckConstraint("pending + submitted + approved + rejected <= max_assignments", name="counts_fit"),
        CheckConstraint("reserved_slots <= max_assignments", name="reserved_fit"),
        # ListHITs and ListReviewableHITs walk these by keyset.
        Index("ix_hits_listed", "requester_id", "seq", postgresql_where=text("status <> 'Disposed'")),
        Index("ix_hits_reviewable", "requester_id", "status", "seq", postgresql_where=text("status LIKE 'Review%'")),
        # Workers look for HITs of a HIT Type.
        Index("ix_hits_assignable", "hit_type_id", "seq", postgresql_where=text("status = 'Assignable'")),
        # Settling looks for HITs whose lifetime has ended while slots were still on offer.
        Index("ix_hits_expiring", "expires_at", postgresql_where=text("reserved_slots > pending + submitted")),
    )

    id: Mapped[str] = mapped_column(primary_key=True)
    seq: Mapped[int] = mapped_column(BigInteger, Identity())
    requester_id: Mapped[str] = mapped_column(ForeignKey("requesters.id"))
    hit_type_id: Mapped[str] = mapped_column(ForeignKey("hit_types.id"))
    question: Mapped[str]
    requester_annotation: Mapped[str | None]
    max_assignments: Mapped[int] = mapped_column(BigInteger)
    reward_usd: Mapped[Decimal]
    fee_usd: Mapped[Decimal]
    status: Mapped[str]
    pending: Mapped[int] = mapped_column(BigInteger, default=0)
    submitted: Mapped[int] = mapped_column(BigInteger, default=0)
    approved: Mapped[int] = mapped_column(BigInteger, default=0)
    rejected: Mapped[int] = mapped_column(BigInteger, default=0)
    reserved_slots: Mapped[int] = mapped_column(BigInteger)
    created_at: Mapped[datetime]
    expires_at: Mapped[datetime]

    @property
    def available(self) -> int:
        """How many Assignments nobody has taken. An expired HIT keeps the number, as MTurk's do."""
        return self.max_assignments - self.pending - self.submitted - self.approved - self.rejected


class Worker(MarketplaceBase):
    """A person who works here. The secret phrase lets them come back; only its hash is kept."""

    __tablename__ = "workers"

    id: Mapped[str] = mapped_column(primary_key=True)
    name: Mapped[str]
    phrase_hash: Mapped[str]
    accept_next: Mapped[bool] = mapped_column(default=False)
    created_at: Mapped[datetime]


class WorkerSession(MarketplaceBase):
    """A signed-in browser; the cookie's token is kept only as a hash."""

    __tablename__ = "worker_sessions"

    token_hash: Mapped[str] = mapped_column(primary_key=True)
    worker_id: Mapped[str] = mapped_column(ForeignKey("workers.id"), index=True)
    created_at: Mapped[datetime]
    expires_at: Mapped[datetime]


class Assignment(MarketplaceBase):
    """One Worker's attempt at one HIT. Its id is random and known to that Worker only: it lets the frame submit."""

    __tablename__ = "assignments"
    __table_args__ = (
        # A Worker answers a HIT once; a returned or abandoned attempt does not count.
        Index(
            "uq_assignments_hit_worker",
            "hit_id",
            "worker_id",
            unique=True,
            postgresql_where=text("status IN ('Pending', 'Submitted', 'Approved', 'Rejected')"),
        ),
        Index(
            "ix_assignments_listed", "hit_id", "submitted_at", "id", postgresql_where=text("submitted_at IS NOT NULL")
        ),
        Index("ix_assignments_worker", "worker_id", "accepted_at"),
        Index("ix_assignments_deadline", "deadline", postgresql_where=text("status = 'Pending'")),
        Index("ix_assignments_auto_approval", "auto_approval_at", postgresql_where=text("status = 'Submitted'")),
    )

    id: Mapped[str] = mapped_column(primary_key=True)
    hit_id: Mapped[str] = mapped_column(ForeignKey("hits.id"))
    worker_id: Mapped[str] = mapped_column(ForeignKey("workers.id"))
    status: Mapped[str]
    accepted_at: Mapped[datetime]
    deadline: Mapped[datetime]
    submitted_at: Mapped[datetime | None]
    auto_approval_at: Mapped[datetime | None]
    approved_at: Mapped[datetime | None]
    rejected_at: Mapped[datetime | None]
    answer: Mapped[str | None]
    requester_feedback: Mapped[str | None]


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
