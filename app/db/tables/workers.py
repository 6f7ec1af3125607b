"""Workers: people on a marketplace, known to us by the id it gives them."""

from sqlalchemy import ForeignKey, String, UniqueConstraint
from sqlalchemy.orm import Mapped, mapped_column

from app.db.engine import Base
from app.db.tables.columns import At, CreatedAt, Id


class Worker(Base):
    """A person on one marketplace. Only the pseudonym leaves the house."""

    __tablename__ = "workers"
    __table_args__ = (UniqueConstraint("profile", "marketplace_worker_id"),)

    id: Mapped[Id]
    profile: Mapped[str]
    marketplace_worker_id: Mapped[str] = mapped_column(String(64))
    pseudonym: Mapped[str] = mapped_column(String(32), index=True)
    first_seen_at: Mapped[CreatedAt]


class DroppedWorker(Base):
    """A Worker whose Responses do not count in one Batch, from when on and why. `restored_at`: taken back."""

    __tablename__ = "dropped_workers"

    batch_id: Mapped[int] = mapped_column(ForeignKey("batches.id"), primary_key=True)
    worker_id: Mapped[int] = mapped_column(ForeignKey("workers.id"), primary_key=True, index=True)
    reason: Mapped[str] = mapped_column(String(1000))
    dropped_by: Mapped[str]
    dropped_at: Mapped[CreatedAt]
    restored_at: Mapped[At | None]
