"""Workers, their sessions, and what Requesters write to them."""

from datetime import datetime

from sqlalchemy import BigInteger, ForeignKey, Identity, Index, text
from sqlalchemy.orm import Mapped, mapped_column

from app.marketplace.store.schema import MarketplaceBase


class Worker(MarketplaceBase):
    """A person who works here. The secret phrase lets them come back; only its hash is kept.

    People who came through a recruitment channel may have none: they come back the way they came.
    """

    __tablename__ = "workers"

    id: Mapped[str] = mapped_column(primary_key=True)
    name: Mapped[str]
    phrase_hash: Mapped[str | None]
    # What the Worker says of themselves: for the Qualifications Worker_Locale and Worker_Adult.
    country: Mapped[str | None]
    subdivision: Mapped[str | None]
    is_adult: Mapped[bool] = mapped_column(default=False, server_default=text("false"))
    accept_next: Mapped[bool] = mapped_column(default=False)
    created_at: Mapped[datetime]


class WorkerSession(MarketplaceBase):
    """A signed-in browser; the cookie's token is kept only as a hash."""

    __tablename__ = "worker_sessions"

    token_hash: Mapped[str] = mapped_column(primary_key=True)
    worker_id: Mapped[str] = mapped_column(ForeignKey("workers.id"), index=True)
    created_at: Mapped[datetime]
    expires_at: Mapped[datetime]


class WorkerBlock(MarketplaceBase):
    """A Worker may not accept this Requester's HITs. The Worker never sees the reason."""

    __tablename__ = "worker_blocks"

    requester_id: Mapped[str] = mapped_column(ForeignKey("requesters.id"), primary_key=True)
    worker_id: Mapped[str] = mapped_column(ForeignKey("workers.id"), primary_key=True)
    reason: Mapped[str]
    created_at: Mapped[datetime]


class Message(MarketplaceBase):
    """What stands in a Worker's inbox: from a Requester, or, without one, from the marketplace itself."""

    __tablename__ = "messages"
    __table_args__ = (
        Index("ix_messages_worker", "worker_id", "id"),
        Index("ix_messages_unread", "worker_id", postgresql_where=text("read_at IS NULL")),
    )

    id: Mapped[int] = mapped_column(BigInteger, Identity(), primary_key=True)
    worker_id: Mapped[str] = mapped_column(ForeignKey("workers.id"))
    requester_id: Mapped[str | None] = mapped_column(ForeignKey("requesters.id"))
    subject: Mapped[str]
    text: Mapped[str]
    sent_at: Mapped[datetime]
    read_at: Mapped[datetime | None]
