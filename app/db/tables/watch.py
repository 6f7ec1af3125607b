"""What is watched: alerts, and differences between our tables and the marketplace."""

from sqlalchemy import BigInteger, Boolean, CheckConstraint, ForeignKey, Index, String
from sqlalchemy.orm import Mapped, mapped_column

from app.db.engine import Base
from app.db.tables.columns import At, CreatedAt, Id, one_of
from app.domain.vocabulary import AlertKind, DifferenceKind


class Alert(Base):
    """Something that a person should know. One open alert per kind and subject; cleared when it is over."""

    __tablename__ = "alerts"
    __table_args__ = (
        one_of("kind", AlertKind),
        Index("uq_alerts_open", "kind", "subject", unique=True, postgresql_where="cleared_at IS NULL"),
        Index(
            "ix_alerts_undelivered",
            "id",
            postgresql_where="announce AND (delivered_at IS NULL OR (cleared_at IS NOT NULL AND clear_delivered_at IS NULL))",
        ),
        Index(None, "batch_id"),
    )

    id: Mapped[Id]
    kind: Mapped[str] = mapped_column(String(40))
    subject: Mapped[str] = mapped_column(String(200))  # `batch 7`, or the endpoint's URL
    batch_id: Mapped[int | None] = mapped_column(ForeignKey("batches.id"))
    message: Mapped[str]
    raised_at: Mapped[CreatedAt]
    # When it was last found so: it is cleared once that is some time ago, so that it does not come and go.
    seen_at: Mapped[CreatedAt]
    cleared_at: Mapped[At | None]
    # Whether a webhook was set when it was raised: only then it is told of, and its end too. Attempts grow apart.
    announce: Mapped[bool] = mapped_column(Boolean, server_default="true")
    delivered_at: Mapped[At | None]
    clear_delivered_at: Mapped[At | None]
    attempts: Mapped[int] = mapped_column(server_default="0")
    not_before: Mapped[CreatedAt]


class Difference(Base):
    """One difference between our tables and the marketplace, as reconcile named it."""

    __tablename__ = "differences"
    __table_args__ = (
        one_of("kind", DifferenceKind),
        CheckConstraint("resolution IN ('repaired', 'gone', 'accepted')", name="resolution_known"),
        CheckConstraint("(resolved_at IS NULL) = (resolution IS NULL)", name="resolved_with_resolution"),
        Index(
            "uq_differences_open",
            "endpoint_url",
            "kind",
            "subject",
            unique=True,
            postgresql_where="resolved_at IS NULL",
        ),
        Index(None, "batch_id"),
    )

    id: Mapped[Id]
    endpoint_url: Mapped[str]
    kind: Mapped[str] = mapped_column(String(40))
    subject: Mapped[str] = mapped_column(String(200))  # the marketplace's id of what differs
    batch_id: Mapped[int | None] = mapped_column(BigInteger)  # as an annotation may name one that is not here any more
    details: Mapped[str]  # what is there, what is here, and what to do about it, in words
    found_at: Mapped[CreatedAt]
    resolved_at: Mapped[At | None]
    resolution: Mapped[str | None] = mapped_column(String(20))  # repaired by us · gone by itself · accepted by a person
