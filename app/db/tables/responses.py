"""Responses: one Worker's answer on one Item."""

from sqlalchemy import ARRAY, Boolean, CheckConstraint, ForeignKey, Index, String, UniqueConstraint
from sqlalchemy.orm import Mapped, mapped_column

from app.db.engine import Base
from app.db.tables.columns import CreatedAt


class Response(Base):
    """A Response. `option` is one of the four answers, or absent when the Worker could not tell."""

    __tablename__ = "responses"
    __table_args__ = (
        UniqueConstraint("item_id", "worker_id"),
        CheckConstraint("option IN ('given', 'guessed', 'both', 'neither')", name="option_known"),
        CheckConstraint("(option IS NULL) = cannot_tell", name="answer_or_cannot_tell"),
        Index("ix_responses_uncounted", "assignment_id", postgresql_where="NOT counted"),
    )

    assignment_id: Mapped[int] = mapped_column(ForeignKey("assignments.id"), primary_key=True)
    item_id: Mapped[int] = mapped_column(ForeignKey("items.id"), primary_key=True)
    worker_id: Mapped[int] = mapped_column(ForeignKey("workers.id"), index=True)
    position: Mapped[int]
    option: Mapped[str | None] = mapped_column(String(16))
    cannot_tell: Mapped[bool]
    # False once its Assignment was rejected or soft-rejected, or its Worker dropped: kept, shown, not counted.
    counted: Mapped[bool] = mapped_column(Boolean, server_default="true")
    comment: Mapped[str] = mapped_column(server_default="")
    order_shown: Mapped[list[str]] = mapped_column(ARRAY(String(16)))
    elapsed_ms: Mapped[int | None]
    created_at: Mapped[CreatedAt]
