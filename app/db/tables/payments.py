"""Payments: the ledger. Rows are added; the only change a row ever sees is from owed to paid or cancelled.

A reward or fee that was cancelled is owed again when the rejection behind it is overridden.
"""

from sqlalchemy import CheckConstraint, ForeignKey, Index
from sqlalchemy.orm import Mapped, mapped_column

from app.db.engine import Base
from app.db.tables.columns import At, CreatedAt, Id, Usd, one_of
from app.domain.vocabulary import PaymentKind, PaymentStatus


class Payment(Base):
    """One ledger entry in USD. Reservations and releases belong to a HIT, all others to an Assignment.

    `operation_id`: the extension, override, rejection or bonus that it came with; none for what a HIT was published or
    approved for. A HIT's last release is written by whoever closes it, by compare-and-set on the HIT.
    """

    __tablename__ = "payments"
    __table_args__ = (
        one_of("kind", PaymentKind),
        one_of("status", PaymentStatus),
        CheckConstraint("(kind = 'release') = (amount_usd < 0) OR amount_usd = 0", name="only_releases_negative"),
        CheckConstraint(
            "(kind IN ('reservation', 'release')) = (assignment_id IS NULL)",
            name="belongs_to_assignment",
        ),
        CheckConstraint("kind NOT IN ('bonus', 'bonus_fee') OR operation_id IS NOT NULL", name="bonus_has_operation"),
        Index(
            "uq_payments_reservation",
            "hit_id",
            unique=True,
            postgresql_where="kind = 'reservation' AND operation_id IS NULL",
        ),
        Index(
            "uq_payments_operation", "operation_id", "kind", unique=True, postgresql_where="operation_id IS NOT NULL"
        ),
        Index(
            "uq_payments_assignment",
            "assignment_id",
            "kind",
            unique=True,
            postgresql_where="kind IN ('reward', 'fee')",
        ),
        Index(None, "hit_id"),
        # A Batch's sums are read from the index alone.
        Index("ix_payments_sums", "batch_id", postgresql_include=["kind", "status", "amount_usd"]),
    )

    id: Mapped[Id]
    batch_id: Mapped[int] = mapped_column(ForeignKey("batches.id"))
    hit_id: Mapped[int] = mapped_column(ForeignKey("hits.id"))
    assignment_id: Mapped[int | None] = mapped_column(ForeignKey("assignments.id"))
    operation_id: Mapped[int | None] = mapped_column(ForeignKey("operations.id"))
    kind: Mapped[str]
    status: Mapped[str]
    amount_usd: Mapped[Usd]
    created_at: Mapped[CreatedAt]
    paid_at: Mapped[At | None]
