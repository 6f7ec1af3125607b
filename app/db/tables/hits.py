"""HITs, what each shows, and the operations: every call that spends money or makes something visible."""

from uuid import UUID

from sqlalchemy import BigInteger, Boolean, ForeignKey, Index, String, UniqueConstraint
from sqlalchemy.orm import Mapped, mapped_column

from app.db.engine import Base
from app.db.tables.columns import At, CreatedAt, Id, one_of
from app.domain.vocabulary import HITStatus, OperationKind, OperationStatus


class Hit(Base):
    """One HIT. The request token is drawn once, the same on every retry; the annotation finds the HIT after 24 h."""

    __tablename__ = "hits"
    __table_args__ = (one_of("status", HITStatus), Index(None, "batch_id", "status"))

    id: Mapped[Id]
    batch_id: Mapped[int] = mapped_column(ForeignKey("batches.id"))
    status: Mapped[str] = mapped_column(server_default=HITStatus.PLANNED)
    request_token: Mapped[UUID] = mapped_column(unique=True)
    annotation: Mapped[str] = mapped_column(String(255), unique=True)
    max_assignments: Mapped[int]
    marketplace_hit_id: Mapped[str | None] = mapped_column(String(64), unique=True)
    marketplace_status: Mapped[str | None]
    # The marketplace's counters at the last poll whose assignments were fetched to the end.
    polled_signature: Mapped[str | None]
    # Nothing more will come: every place is filled and collected, or the HIT expired with nothing under way.
    exhausted: Mapped[bool] = mapped_column(Boolean, server_default="false")
    pending: Mapped[int] = mapped_column(server_default="0")
    published_at: Mapped[At | None]
    expires_at: Mapped[At | None]


class HitItem(Base):
    """An Item's position within a HIT, and which of the page's labels `a` and `b` is the given one: known only here."""

    __tablename__ = "hit_items"
    __table_args__ = (UniqueConstraint("hit_id", "item_id"),)

    hit_id: Mapped[int] = mapped_column(ForeignKey("hits.id"), primary_key=True)
    position: Mapped[int] = mapped_column(primary_key=True)
    item_id: Mapped[int] = mapped_column(ForeignKey("items.id"), index=True)
    a_is_given: Mapped[bool] = mapped_column(Boolean)


class Operation(Base):
    """The intent of one marketplace call and what became of it. Job runners claim these in batches under a lease."""

    __tablename__ = "operations"
    __table_args__ = (
        one_of("kind", OperationKind),
        one_of("status", OperationStatus),
        Index("uq_operations_publish", "hit_id", unique=True, postgresql_where="kind = 'publish'"),
        Index("uq_operations_approve", "assignment_id", unique=True, postgresql_where="kind = 'approve'"),
        Index(
            "uq_operations_expire",
            "hit_id",
            unique=True,
            postgresql_where="kind = 'expire' AND status IN ('intended', 'acting')",
        ),
        Index("ix_operations_failed", "batch_id", postgresql_where="status = 'failed'"),
        Index(
            "ix_operations_waiting",
            "batch_id",
            "kind",
            "id",
            postgresql_where="status IN ('intended', 'acting')",
        ),
    )

    id: Mapped[Id]
    batch_id: Mapped[int] = mapped_column(ForeignKey("batches.id"))
    kind: Mapped[str]
    hit_id: Mapped[int] = mapped_column(ForeignKey("hits.id"))
    assignment_id: Mapped[int | None] = mapped_column(ForeignKey("assignments.id"))
    status: Mapped[str] = mapped_column(server_default=OperationStatus.INTENDED)
    attempts: Mapped[int] = mapped_column(server_default="0")
    first_attempt_at: Mapped[At | None]
    not_before: Mapped[CreatedAt]
    leased_by: Mapped[str | None]
    lease_until: Mapped[At | None]
    error: Mapped[str | None]
    created_at: Mapped[CreatedAt]
    finished_at: Mapped[At | None]


class Endpoint(Base):
    """One marketplace endpoint: how fast all job runners together call it, and when it was last polled."""

    __tablename__ = "endpoints"

    url: Mapped[str] = mapped_column(primary_key=True)
    calls_per_second: Mapped[float]
    next_call_at: Mapped[At]
    throttled_at: Mapped[At | None]
    polled_at: Mapped[At | None]
    calls: Mapped[int] = mapped_column(BigInteger, server_default="0")
