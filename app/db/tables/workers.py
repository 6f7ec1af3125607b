"""Workers: people on a marketplace, known to us by the id it gives them."""

from sqlalchemy import String, UniqueConstraint
from sqlalchemy.orm import Mapped, mapped_column

from app.db.engine import Base
from app.db.tables.columns import CreatedAt, Id


class Worker(Base):
    """A person on one marketplace. Only the pseudonym leaves the house."""

    __tablename__ = "workers"
    __table_args__ = (UniqueConstraint("profile", "marketplace_worker_id"),)

    id: Mapped[Id]
    profile: Mapped[str]
    marketplace_worker_id: Mapped[str] = mapped_column(String(64))
    pseudonym: Mapped[str] = mapped_column(String(32), index=True)
    first_seen_at: Mapped[CreatedAt]
