"""Payments: the ledger. Rows are added; the only change a row ever sees is from owed to paid or cancelled."""

from sqlalchemy import CheckConstraint, ForeignKey, Index
from sqlalchemy.orm import Mapped, mapped_column

from app.db.engine import Base
from app.db.tables.columns import At, CreatedAt, Id, Usd, one_of
from app.domain.vocabulary import PaymentKind, PaymentStatus


class Payment(Base):
    """One ledger entry in USD. Reservations and releases belong to a HIT, rewards and fees to an Assignment."""

    __tablename__ = "payments"
    __table_args__ = (
        one_of("kind", PaymentKind),
        one_of("status", PaymentStatus),
        CheckConstraint("(kind = 'release') = (amount_usd < 0) OR amount_usd = 0", name="only_releases_negative"),
        CheckConstraint("(kind IN ('reward', 'fee')) = (assignment_id IS NOT NULL)", name="belongs_to_assignment"),
        Index("uq_payments_hit", "hit_id", "kind", unique=True, postgresql_where="assignment_id IS NULL"),
        Index(
            "uq_payments_assignment", "assignment_id", "kind", unique=True, postgresql_where="assignment_id IS NOT NULL"
        ),
        # A Batch's sums are read from the index alone.
        Index("ix_payments_sums", "batch_id", postgresql_include=["kind", "status", "amount_usd"]),
    )

    id: Mapped[Id]
    batch_id: Mapped[int] = mapped_column(ForeignKey("batches.id"))
    hit_id: Mapped[int] = mapped_column(ForeignKey("hits.id"))
    assignment_id: Mapped[int | None] = mapped_column(ForeignKey("assignments.id"))
    kind: Mapped[str]
    status: Mapped[str]
    amount_usd: Mapped[Usd]
    created_at: Mapped[CreatedAt]
    paid_at: Mapped[At | None]
