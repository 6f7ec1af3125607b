"""HITs, what each shows, and the operations: every call that spends money or makes something visible."""

from typing import Any
from uuid import UUID

from sqlalchemy import BigInteger, Boolean, CheckConstraint, ForeignKey, Index, String, UniqueConstraint
from sqlalchemy.dialects.postgresql import JSONB
from sqlalchemy.orm import Mapped, mapped_column

from app.db.engine import Base
from app.db.tables.columns import At, CreatedAt, Id, Usd, one_of
from app.domain.vocabulary import HitPurpose, HITStatus, OperationKind, OperationStatus


class HitGroup(Base):
    """HITs of one HIT type. Number 0 is the Batch's own; others are fresh HITs of later rounds, and compensations.

    Each group has a Qualification type of its own name: Workers who hold it are kept out of the group's HITs (`absent`), or
    are the only ones let in (`present`).
    """

    __tablename__ = "hit_groups"
    __table_args__ = (
        UniqueConstraint("batch_id", "number"),
        one_of("purpose", HitPurpose),
        CheckConstraint("requires IN ('absent', 'present')", name="requires_known"),
    )

    id: Mapped[Id]
    batch_id: Mapped[int] = mapped_column(ForeignKey("batches.id"))
    number: Mapped[int]
    purpose: Mapped[str] = mapped_column(server_default=HitPurpose.ITEMS)
    requires: Mapped[str] = mapped_column(server_default="absent")
    reward_usd: Mapped[Usd]
    # Its HIT type asks for Masters: so the fee is the higher one.
    masters: Mapped[bool] = mapped_column(Boolean, server_default="false")
    qualification_type_id: Mapped[str | None] = mapped_column(String(64))
    hit_type_id: Mapped[str | None] = mapped_column(String(64))
    # The queue that the marketplace was last told to notify; after a refusal it is told again then and not before.
    notified_queue: Mapped[str | None]
    notify_after: Mapped[At | None]
    created_at: Mapped[CreatedAt]


class Hit(Base):
    """One HIT. The request token is written once, the same on every retry; the annotation finds the HIT after 24 h."""

    __tablename__ = "hits"
    __table_args__ = (
        one_of("status", HITStatus),
        Index(None, "batch_id", "status"),
        Index("ix_hits_hinted", "id", postgresql_where="hinted_at IS NOT NULL"),
    )

    id: Mapped[Id]
    batch_id: Mapped[int] = mapped_column(ForeignKey("batches.id"))
    group_id: Mapped[int] = mapped_column(ForeignKey("hit_groups.id"), index=True)
    status: Mapped[str] = mapped_column(server_default=HITStatus.PLANNED)
    request_token: Mapped[UUID] = mapped_column(unique=True)
    annotation: Mapped[str] = mapped_column(String(255), unique=True)
    # Places on the marketplace: as published, raised by each extension that was done.
    max_assignments: Mapped[int]
    # How often it was offered again after it had come back with places unfilled.
    reposts: Mapped[int] = mapped_column(server_default="0")
    marketplace_hit_id: Mapped[str | None] = mapped_column(String(64), unique=True)
    marketplace_status: Mapped[str | None]
    # The marketplace's counters at the last poll whose assignments were fetched to the end.
    polled_signature: Mapped[str | None]
    # Nothing more will come: every place is filled and collected, or the HIT expired with nothing under way.
    exhausted: Mapped[bool] = mapped_column(Boolean, server_default="false")
    pending: Mapped[int] = mapped_column(server_default="0")
    # A notification said that something happened; looked at before the next poll.
    hinted_at: Mapped[At | None]
    published_at: Mapped[At | None]
    expires_at: Mapped[At | None]
    deleted_at: Mapped[At | None]  # on the marketplace; ours is kept


class HitItem(Base):
    """An Item's position within a HIT, and which of the page's labels `a` and `b` is the given one: known only here."""

    __tablename__ = "hit_items"
    __table_args__ = (UniqueConstraint("hit_id", "item_id"),)

    hit_id: Mapped[int] = mapped_column(ForeignKey("hits.id"), primary_key=True)
    position: Mapped[int] = mapped_column(primary_key=True)
    item_id: Mapped[int] = mapped_column(ForeignKey("items.id"), index=True)
    a_is_given: Mapped[bool] = mapped_column(Boolean)


class Operation(Base):
    """The intent of one marketplace call and what became of it. Job runners claim these in batches under a lease.

    `arguments`: what the call says beside its target (`db/operations.py`). `key`: tells intents of one kind and target
    apart, so that the same one is written down once however often it is asked for.
    """

    __tablename__ = "operations"
    __table_args__ = (
        one_of("kind", OperationKind),
        one_of("status", OperationStatus),
        CheckConstraint("kind IN ('qualify') OR hit_id IS NOT NULL", name="has_hit"),
        CheckConstraint(
            "(kind IN ('approve', 'reject', 'override', 'bonus')) = (assignment_id IS NOT NULL)", name="has_assignment"
        ),
        CheckConstraint(
            "(kind = 'qualify') = (group_id IS NOT NULL AND worker_id IS NOT NULL)", name="qualify_has_worker"
        ),
        Index("uq_operations_publish", "hit_id", unique=True, postgresql_where="kind = 'publish'"),
        Index("uq_operations_delete", "hit_id", unique=True, postgresql_where="kind = 'delete'"),
        Index("uq_operations_extend", "hit_id", "key", unique=True, postgresql_where="kind = 'extend'"),
        Index(
            "uq_operations_extend_open",
            "hit_id",
            unique=True,
            postgresql_where="kind = 'extend' AND status IN ('intended', 'acting', 'failed')",
        ),
        # An Assignment is approved or rejected, once.
        Index("uq_operations_decide", "assignment_id", unique=True, postgresql_where="kind IN ('approve', 'reject')"),
        Index("uq_operations_override", "assignment_id", unique=True, postgresql_where="kind = 'override'"),
        Index("uq_operations_bonus", "assignment_id", "key", unique=True, postgresql_where="kind = 'bonus'"),
        Index("uq_operations_qualify", "group_id", "worker_id", unique=True, postgresql_where="kind = 'qualify'"),
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
    hit_id: Mapped[int | None] = mapped_column(ForeignKey("hits.id"))
    assignment_id: Mapped[int | None] = mapped_column(ForeignKey("assignments.id"))
    group_id: Mapped[int | None] = mapped_column(ForeignKey("hit_groups.id"))
    worker_id: Mapped[int | None] = mapped_column(ForeignKey("workers.id"))
    key: Mapped[str] = mapped_column(String(200), server_default="")
    arguments: Mapped[dict[str, Any]] = mapped_column(JSONB, server_default="{}")
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
    throttles: Mapped[int] = mapped_column(BigInteger, server_default="0")
    # The rate at which the endpoint last throttled: approached slowly.
    throttled_rate: Mapped[float | None]
    latency_s: Mapped[float | None]  # moving average over all runners
    # What `domain/pace.py` remembers beside the rates: seconds used since the last throttle answer, calls let through.
    quiet_s: Mapped[float] = mapped_column(server_default="0")
    accepted_rate: Mapped[float] = mapped_column(server_default="0")
    accepted_at: Mapped[At | None]
    # Until when room in the lane of calls that go first is given away.
    urgent_at: Mapped[At | None]
    # GetAccountBalance, and when it was asked for.
    available_usd: Mapped[Usd | None]
    on_hold_usd: Mapped[Usd | None]
    balance_at: Mapped[At | None]
    # Written by every tick. Where it is old, this database may be a restored backup: see `resumed_at`.
    heartbeat_at: Mapped[At | None]
    # Which server, database and table the heartbeat was written in: another one means that a backup was restored.
    heartbeat_in: Mapped[str | None]
    # When a gap in the heartbeat, or a restored backup, was noticed: what was launched before may have happened already
    # without our knowing.
    resumed_at: Mapped[At | None]
    reconciled_at: Mapped[At | None]
    reconcile_at: Mapped[At | None]  # when it is due next
