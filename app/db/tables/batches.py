"""Batches: Items sent out together under one HIT type and one budget."""

from typing import Any
from uuid import UUID

from sqlalchemy import ARRAY, BigInteger, Boolean, CheckConstraint, ForeignKey, String, text
from sqlalchemy.dialects.postgresql import JSONB
from sqlalchemy.orm import Mapped, mapped_column

from app.db.engine import Base
from app.db.tables.columns import At, CreatedAt, Id, Usd, one_of
from app.domain.vocabulary import BatchStatus, MediaType, PauseReason
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
        CheckConstraint("first_assignments BETWEEN 1 AND assignments_per_item", name="first_assignments_fit"),
        CheckConstraint("repost_limit >= 0", name="repost_limit_not_negative"),
        one_of("pause_reason", PauseReason),
        CheckConstraint("status = 'paused' OR pause_reason IS NULL", name="reason_while_paused"),
    )

    id: Mapped[Id]
    # Request tokens are derived from it: a plan made again after a restored backup has the same ones.
    token: Mapped[UUID] = mapped_column(server_default=text("gen_random_uuid()"))
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
    # Asked for at once; more, up to `assignments_per_item`, only while the outcome is open. Equal: all at once.
    first_assignments: Mapped[int]
    items_per_hit: Mapped[int]
    quorum: Mapped[int]
    assignment_duration_s: Mapped[int]
    lifetime_s: Mapped[int]
    auto_approval_delay_s: Mapped[int]
    review_policy: Mapped[str] = mapped_column(server_default="approve_all")
    # The policy's thresholds, as `domain/review_policy.py` reads them.
    review_settings: Mapped[dict[str, Any]] = mapped_column(JSONB, server_default="{}")
    # How often a HIT that came back with places unfilled, or an Item with answers lost, is offered again.
    repost_limit: Mapped[int] = mapped_column(server_default="0")
    # Staged release: these many Items first, drawn by the seed; the rest when somebody, or the rule, releases it.
    pilot_items: Mapped[int | None]
    # Release the rest by itself when the pilot's mean agreement reaches this; None: a person decides.
    release_agreement: Mapped[float | None]
    released_at: Mapped[At | None]
    # What an hour of work should earn; `top_up`: pay the difference as bonuses when the Batch ends.
    hourly_usd: Mapped[Usd | None]
    top_up: Mapped[bool] = mapped_column(Boolean, server_default="false")
    topped_up_at: Mapped[
        At | None
    ]  # older than `finished_at`: the Batch was continued since, and its Workers may be owed
    # Masters alone may take part; the marketplace asks a higher fee.
    masters: Mapped[bool] = mapped_column(Boolean, server_default="false")
    # Batches whose Workers may not take part.
    excluded_batches: Mapped[list[int]] = mapped_column(ARRAY(BigInteger), server_default="{}")
    cap_usd: Mapped[Usd | None]  # None until launch: then exactly the forecast cost
    seed: Mapped[int] = mapped_column(BigInteger)
    item_count: Mapped[int] = mapped_column(server_default="0")
    planned_items: Mapped[int] = mapped_column(server_default="0")  # how many of them were given their first HIT
    endpoint_url: Mapped[str | None]  # where it was launched: its HITs are looked for nowhere else
    pause_reason: Mapped[str | None] = mapped_column(String(20))
    attention: Mapped[str | None]  # what a person should know or do, in one sentence
    created_by: Mapped[int | None] = mapped_column(ForeignKey("accounts.id"))
    created_at: Mapped[CreatedAt]
    launched_at: Mapped[At | None]
    finished_at: Mapped[At | None]
