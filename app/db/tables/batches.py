"""Batches: Items sent out together under one HIT type and one budget."""

from sqlalchemy import BigInteger, CheckConstraint, ForeignKey, String
from sqlalchemy.orm import Mapped, mapped_column

from app.db.engine import Base
from app.db.tables.columns import At, CreatedAt, Id, Usd, one_of
from app.domain.vocabulary import BatchStatus, MediaType
from app.settings import MarketplaceProfile


class Batch(Base):
    """A Batch. It keeps its template as it was at creation: later edits of `hit_templates/` do not change it."""

    __tablename__ = "batches"
    __table_args__ = (
        one_of("status", BatchStatus),
        one_of("profile", MarketplaceProfile),
        one_of("media_type", MediaType),
        CheckConstraint("reward_usd >= 0.01", name="reward_above_floor"),
        CheckConstraint("cap_usd >= 0", name="cap_not_negative"),
        CheckConstraint("assignments_per_item BETWEEN 1 AND 100", name="assignments_per_item_sane"),
        CheckConstraint("items_per_hit BETWEEN 1 AND 50", name="items_per_hit_sane"),
        CheckConstraint("quorum BETWEEN 1 AND assignments_per_item", name="quorum_reachable"),
    )

    id: Mapped[Id]
    name: Mapped[str] = mapped_column(String(200))
    status: Mapped[str] = mapped_column(server_default=BatchStatus.DRAFT)
    profile: Mapped[str]
    media_type: Mapped[str]
    template_name: Mapped[str]
    template_source: Mapped[str]
    template_sha256: Mapped[str] = mapped_column(String(64))
    title: Mapped[str] = mapped_column(String(128))
    description: Mapped[str] = mapped_column(String(2000))
    keywords: Mapped[str] = mapped_column(String(1000))
    instructions: Mapped[str]
    frame_height: Mapped[int]
    reward_usd: Mapped[Usd]
    assignments_per_item: Mapped[int]
    items_per_hit: Mapped[int]
    quorum: Mapped[int]
    assignment_duration_s: Mapped[int]
    lifetime_s: Mapped[int]
    auto_approval_delay_s: Mapped[int]
    review_policy: Mapped[str] = mapped_column(server_default="approve_all")
    cap_usd: Mapped[Usd | None]  # None until launch: then exactly the forecast cost
    seed: Mapped[int] = mapped_column(BigInteger)
    item_count: Mapped[int] = mapped_column(server_default="0")
    endpoint_url: Mapped[str | None]  # where it was launched: its HITs are looked for nowhere else
    hit_type_id: Mapped[str | None] = mapped_column(String(64))
    attention: Mapped[str | None]  # what a person should know or do, in one sentence
    created_by: Mapped[int | None] = mapped_column(ForeignKey("accounts.id"))
    created_at: Mapped[CreatedAt]
    launched_at: Mapped[At | None]
    finished_at: Mapped[At | None]
