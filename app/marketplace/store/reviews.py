"""What review policies found and did."""

from datetime import datetime

from sqlalchemy import BigInteger, ForeignKey, Identity, Index
from sqlalchemy.orm import Mapped, mapped_column

from app.marketplace.store.schema import MarketplaceBase


class ReviewResult(MarketplaceBase):
    """One value that a review policy computed, such as an agreement score."""

    __tablename__ = "review_results"
    __table_args__ = (Index("ix_review_results_hit", "hit_id", "level", "seq"),)

    seq: Mapped[int] = mapped_column(BigInteger, Identity(), primary_key=True)
    hit_id: Mapped[str] = mapped_column(ForeignKey("hits.id"))
    level: Mapped[str]
    action_id: Mapped[str]
    subject_id: Mapped[str]
    subject_type: Mapped[str]
    question_id: Mapped[str | None]
    key: Mapped[str]
    value: Mapped[str]


class ReviewAction(MarketplaceBase):
    """One thing that a review policy did, such as approving an Assignment."""

    __tablename__ = "review_actions"
    __table_args__ = (Index("ix_review_actions_hit", "hit_id", "level", "seq"),)

    seq: Mapped[int] = mapped_column(BigInteger, Identity(), primary_key=True)
    hit_id: Mapped[str] = mapped_column(ForeignKey("hits.id"))
    level: Mapped[str]
    action_id: Mapped[str]
    action_name: Mapped[str]
    target_id: Mapped[str]
    target_type: Mapped[str]
    status: Mapped[str]
    complete_time: Mapped[datetime | None]
    result: Mapped[str | None]
    error_code: Mapped[str | None]
