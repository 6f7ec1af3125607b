"""Consensus: what an Item's Responses say together, by one method."""

from sqlalchemy import CheckConstraint, ForeignKey, String
from sqlalchemy.orm import Mapped, mapped_column

from app.db.engine import Base
from app.db.tables.columns import CreatedAt, one_of
from app.domain.vocabulary import Category, ConsensusStatus


class Consensus(Base):
    """The Consensus on one Item. `option` is absent where nothing reached the quorum."""

    __tablename__ = "consensus"
    __table_args__ = (
        one_of("category", Category),
        one_of("status", ConsensusStatus),
        CheckConstraint(
            "given_count + guessed_count + both_count + neither_count = response_count", name="counts_add_up"
        ),
    )

    item_id: Mapped[int] = mapped_column(ForeignKey("items.id"), primary_key=True)
    method: Mapped[str] = mapped_column(String(40), primary_key=True)
    response_count: Mapped[int]
    given_count: Mapped[int]
    guessed_count: Mapped[int]
    both_count: Mapped[int]
    neither_count: Mapped[int]
    cannot_tell_count: Mapped[int]
    option: Mapped[str | None] = mapped_column(String(16))
    category: Mapped[str]
    status: Mapped[str]
    agreement: Mapped[float | None]
    computed_at: Mapped[CreatedAt]
