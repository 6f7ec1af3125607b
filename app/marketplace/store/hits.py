"""HIT Types, HITs and Assignments.

Counters and statuses stand on the HIT's row and change only under that row's lock; `bookkeeping.py` says how.
Locks are always taken in this order: HITs (by id), their Assignments, the Requester last.
"""

from datetime import datetime
from decimal import Decimal
from typing import Any

from sqlalchemy import BigInteger, CheckConstraint, ForeignKey, Identity, Index, text
from sqlalchemy.dialects.postgresql import JSONB
from sqlalchemy.orm import Mapped, mapped_column

from app.marketplace.store.schema import MarketplaceBase

# The condition in the words of the partial index, which serves only a query that states it so.
HIDEABLE = """qualification_requirements @> '[{"ActionsGuarded": "DiscoverPreviewAndAccept"}]'"""


class HITType(MarketplaceBase):
    """What HITs of one kind share. Equal values of one Requester are one HIT Type: `digest` is their fingerprint."""

    __tablename__ = "hit_types"
    __table_args__ = (
        Index(None, "requester_id", "digest", unique=True),
        # The few that some Workers may not even see: the list of work looks at these, and at no others.
        Index("ix_hit_types_hideable", "id", postgresql_where=text(HIDEABLE)),
    )

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
    # UpdateNotificationSettings: the specification as it was given, and whether it is switched on.
    notification: Mapped[dict[str, Any] | None]
    notification_active: Mapped[bool] = mapped_column(default=False, server_default=text("false"))
    created_at: Mapped[datetime]


class HITLayout(MarketplaceBase):
    """A question with placeholders, `${name}`, that CreateHIT fills from HITLayoutParameters."""

    __tablename__ = "hit_layouts"

    id: Mapped[str] = mapped_column(primary_key=True)
    requester_id: Mapped[str] = mapped_column(ForeignKey("requesters.id"), index=True)
    name: Mapped[str]
    question: Mapped[str]
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
        # Workers look for HITs of a HIT Type. The list of work counts them here alone: their rows hold the questions.
        Index(
            "ix_hits_assignable",
            "hit_type_id",
            "seq",
            postgresql_where=text("status = 'Assignable'"),
            postgresql_include=["id", "expires_at"],
        ),
        # Sums over many Assignments ask each HIT whose it is and what it paid, and read no questions for that.
        Index("ix_hits_paid", "id", postgresql_include=["requester_id", "reward_usd"]),
        # All HITs of a HIT Type, whatever became of them.
        Index("ix_hits_type", "hit_type_id", "seq"),
        # Settling looks for HITs whose lifetime has ended and that nobody has noticed yet.
        Index("ix_hits_unexpired", "expires_at", postgresql_where=text("expired_at IS NULL")),
        Index(
            "ix_hits_purgeable",
            "reviewable_at",
            postgresql_where=text("reviewable_at IS NOT NULL AND purged_at IS NULL"),
        ),
    )

    id: Mapped[str] = mapped_column(primary_key=True)
    seq: Mapped[int] = mapped_column(BigInteger, Identity())
    requester_id: Mapped[str] = mapped_column(ForeignKey("requesters.id"))
    hit_type_id: Mapped[str] = mapped_column(ForeignKey("hit_types.id"))
    question: Mapped[str]
    hit_layout_id: Mapped[str | None] = mapped_column(ForeignKey("hit_layouts.id"))
    requester_annotation: Mapped[str | None]
    assignment_review_policy: Mapped[dict[str, Any] | None]
    hit_review_policy: Mapped[dict[str, Any] | None]
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
    # The end of its lifetime, once that has been noticed; None again when the lifetime is extended.
    expired_at: Mapped[datetime | None]
    # When it last became Reviewable; 120 days later it is purged.
    reviewable_at: Mapped[datetime | None]
    # Purged: its question and answers are gone, and to its Requester it does not exist.
    purged_at: Mapped[datetime | None]

    @property
    def available(self) -> int:
        """How many Assignments nobody has taken. An expired HIT keeps the number, as MTurk's do."""
        return self.max_assignments - self.pending - self.submitted - self.approved - self.rejected


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
        # A Worker's history. Sums over thousands of them look here alone: the rows hold the answers.
        Index(
            "ix_assignments_worker",
            "worker_id",
            "accepted_at",
            postgresql_include=["hit_id", "status", "submitted_at"],
        ),
        # What a Worker holds.
        Index("ix_assignments_held", "worker_id", "deadline", postgresql_where=text("status = 'Pending'")),
        Index("ix_assignments_deadline", "deadline", postgresql_where=text("status = 'Pending'")),
        Index("ix_assignments_auto_approval", "auto_approval_at", postgresql_where=text("status = 'Submitted'")),
    )

    id: Mapped[str] = mapped_column(primary_key=True)
    hit_id: Mapped[str] = mapped_column(ForeignKey("hits.id"))
    worker_id: Mapped[str] = mapped_column(ForeignKey("workers.id"))
    # The visit through a recruitment channel in which it was accepted.
    visit_id: Mapped[int | None] = mapped_column(ForeignKey("visits.id"), index=True)
    status: Mapped[str]
    accepted_at: Mapped[datetime]
    deadline: Mapped[datetime]
    submitted_at: Mapped[datetime | None]
    auto_approval_at: Mapped[datetime | None]
    approved_at: Mapped[datetime | None]
    rejected_at: Mapped[datetime | None]
    answer: Mapped[str | None]
    requester_feedback: Mapped[str | None]
