"""Notifications on their way to a Requester's queue or topic."""

from datetime import datetime

from sqlalchemy import BigInteger, ForeignKey, Identity, Index, text
from sqlalchemy.orm import Mapped, mapped_column

from app.marketplace.store.schema import MarketplaceBase


class OutboxMessage(MarketplaceBase):
    """One message, written in the transaction of what it tells; `outbox.py` delivers it, at least once."""

    __tablename__ = "outbox"
    __table_args__ = (
        Index(
            "ix_outbox_due", "next_attempt_at", postgresql_where=text("delivered_at IS NULL AND given_up_at IS NULL")
        ),
        Index("ix_outbox_requester", "requester_id", "id"),
    )

    id: Mapped[int] = mapped_column(BigInteger, Identity(), primary_key=True)
    requester_id: Mapped[str] = mapped_column(ForeignKey("requesters.id"))
    hit_type_id: Mapped[str | None] = mapped_column(ForeignKey("hit_types.id"))
    transport: Mapped[str]
    destination: Mapped[str]
    body: Mapped[str]
    created_at: Mapped[datetime]
    attempts: Mapped[int] = mapped_column(default=0, server_default=text("0"))
    next_attempt_at: Mapped[datetime]
    delivered_at: Mapped[datetime | None]
    given_up_at: Mapped[datetime | None]
    last_error: Mapped[str | None]
