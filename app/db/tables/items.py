"""Items, and the media files that the service serves for them."""

from typing import Any

from sqlalchemy import BigInteger, Boolean, CheckConstraint, ForeignKey, Index, String, UniqueConstraint
from sqlalchemy.dialects.postgresql import JSONB
from sqlalchemy.orm import Mapped, mapped_column

from app.db.engine import Base
from app.db.tables.columns import CreatedAt, Id, one_of
from app.domain.vocabulary import ItemRole, MediaType, Shortfall


class MediaFile(Base):
    """An imported file, kept under its hash. Its URL carries the random token, never the file's own name."""

    __tablename__ = "media_files"

    token: Mapped[str] = mapped_column(String(43), primary_key=True)
    sha256: Mapped[str] = mapped_column(String(64), index=True)
    content_type: Mapped[str] = mapped_column(String(100))
    size_bytes: Mapped[int] = mapped_column(BigInteger)
    created_at: Mapped[CreatedAt]


class Item(Base):
    """One example with its given and its guessed label. `external_id` is the id of the user's file, kept as text."""

    __tablename__ = "items"
    __table_args__ = (
        UniqueConstraint("batch_id", "external_id"),
        one_of("role", ItemRole),
        one_of("media_type", MediaType),
        one_of("shortfall", Shortfall),
        CheckConstraint("num_nonnulls(media_url, text, media_token) = 1", name="one_medium"),
        Index("ix_items_stale", "batch_id", "id", postgresql_where="consensus_stale"),
        Index("ix_items_short", "batch_id", "shortfall", "id", postgresql_where="shortfall IS NOT NULL"),
        CheckConstraint("given_label <> '' AND guessed_label <> ''", name="labels_not_empty"),
    )

    id: Mapped[Id]
    batch_id: Mapped[int] = mapped_column(ForeignKey("batches.id"))
    line: Mapped[int]
    external_id: Mapped[str]
    role: Mapped[str] = mapped_column(server_default=ItemRole.SUSPECT)
    media_type: Mapped[str]
    media_url: Mapped[str | None]
    text: Mapped[str | None]
    media_token: Mapped[str | None] = mapped_column(ForeignKey("media_files.token"))
    given_label: Mapped[str]
    guessed_label: Mapped[str]
    page_bytes: Mapped[int]  # what the Item adds to the page of a HIT
    # The file's other columns, as they came.
    extra: Mapped[dict[str, Any]] = mapped_column(JSONB, server_default="{}")
    # Something that its Consensus depends on has changed since it was last computed.
    consensus_stale: Mapped[bool] = mapped_column(Boolean, server_default="false")
    # Its answers are too few, no HIT of it can bring more, and what is to become of that.
    shortfall: Mapped[str | None] = mapped_column(String(10))
