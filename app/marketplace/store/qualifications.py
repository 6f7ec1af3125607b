"""Qualification Types, who has them, and who asks for them."""

from datetime import datetime

from sqlalchemy import BigInteger, ForeignKey, Identity, Index, text
from sqlalchemy.orm import Mapped, mapped_column

from app.marketplace.store.schema import MarketplaceBase


class QualificationType(MarketplaceBase):
    """A Qualification that a Requester defines. The system's own have no row."""

    __tablename__ = "qualification_types"
    __table_args__ = (
        # Unique while it exists; a deleted one frees its name when nothing uses it any more.
        Index(
            "uq_qualification_types_name",
            "requester_id",
            "name",
            unique=True,
            postgresql_where=text("deleted_at IS NULL"),
        ),
        Index("ix_qualification_types_listed", "seq", postgresql_where=text("deleted_at IS NULL")),
    )

    id: Mapped[str] = mapped_column(primary_key=True)
    seq: Mapped[int] = mapped_column(BigInteger, Identity())
    requester_id: Mapped[str] = mapped_column(ForeignKey("requesters.id"))
    name: Mapped[str]
    description: Mapped[str]
    keywords: Mapped[str | None]
    status: Mapped[str]
    # None: a Worker may ask once, ever.
    retry_delay_s: Mapped[int | None] = mapped_column(BigInteger)
    test: Mapped[str | None]
    test_duration_s: Mapped[int | None] = mapped_column(BigInteger)
    answer_key: Mapped[str | None]
    auto_granted: Mapped[bool]
    auto_granted_value: Mapped[int | None]
    created_at: Mapped[datetime]
    deleted_at: Mapped[datetime | None]


class Qualification(MarketplaceBase):
    """A Worker's score in a Qualification Type. The type may be Masters, which has no row of its own: no foreign key."""

    __tablename__ = "qualifications"
    __table_args__ = (Index("ix_qualifications_worker", "worker_id"),)

    qualification_type_id: Mapped[str] = mapped_column(primary_key=True)
    worker_id: Mapped[str] = mapped_column(ForeignKey("workers.id"), primary_key=True)
    status: Mapped[str]
    integer_value: Mapped[int]
    granted_at: Mapped[datetime]
    # What the Worker reads about its revocation.
    reason: Mapped[str | None]


class QualificationRequest(MarketplaceBase):
    """A Worker's request for a Qualification, with the test as it was shown and what the Worker answered."""

    __tablename__ = "qualification_requests"
    __table_args__ = (
        Index(
            "uq_qualification_requests_open",
            "qualification_type_id",
            "worker_id",
            unique=True,
            postgresql_where=text("status IN ('Testing', 'Pending')"),
        ),
        Index("ix_qualification_requests_worker", "worker_id", "qualification_type_id", "started_at"),
        Index(
            "ix_qualification_requests_pending",
            "qualification_type_id",
            "seq",
            postgresql_where=text("status = 'Pending'"),
        ),
    )

    id: Mapped[str] = mapped_column(primary_key=True)
    seq: Mapped[int] = mapped_column(BigInteger, Identity())
    qualification_type_id: Mapped[str] = mapped_column(ForeignKey("qualification_types.id"))
    worker_id: Mapped[str] = mapped_column(ForeignKey("workers.id"))
    status: Mapped[str]
    test: Mapped[str | None]
    answer_key: Mapped[str | None]
    answer: Mapped[str | None]
    started_at: Mapped[datetime]
    # Until when the test may be handed in.
    deadline: Mapped[datetime | None]
    submitted_at: Mapped[datetime | None]
    decided_at: Mapped[datetime | None]
    reason: Mapped[str | None]
