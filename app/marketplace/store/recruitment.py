"""How people come in: channels, invitations, who came through which, and each visit."""

from datetime import datetime

from sqlalchemy import BigInteger, ForeignKey, Identity, Index, UniqueConstraint, text
from sqlalchemy.orm import Mapped, mapped_column

from app.marketplace.store.schema import MarketplaceBase


class Channel(MarketplaceBase):
    """A door that a Requester opens: an invite link, Prolific, CloudResearch Connect or a site of their choice.

    `token` stands in its link. `worker_parameter` names the query parameter that says who comes (not for invite links).
    `completion_url` is where they are sent when done; `{code}` in it becomes `completion_code`, and for the generic kind
    any `{parameter}` becomes what they came with.
    """

    __tablename__ = "channels"
    __table_args__ = (Index("ix_channels_requester", "requester_id", "id"),)

    id: Mapped[int] = mapped_column(BigInteger, Identity(), primary_key=True)
    token: Mapped[str] = mapped_column(unique=True)
    requester_id: Mapped[str] = mapped_column(ForeignKey("requesters.id"))
    name: Mapped[str]
    kind: Mapped[str]
    worker_parameter: Mapped[str | None]
    completion_url: Mapped[str | None]
    completion_code: Mapped[str | None]
    # Only work of this HIT Type; None: all of the Requester's.
    hit_type_id: Mapped[str | None] = mapped_column(ForeignKey("hit_types.id"))
    # A visit is done after so many Assignments; None: when there is no more work.
    assignments_a_visit: Mapped[int | None]
    # At most so many people; None: no limit.
    most_workers: Mapped[int | None]
    # Invite links: whether the channel's own link lets people in, or only its single-use invitations.
    is_shared: Mapped[bool] = mapped_column(default=True, server_default=text("true"))
    created_at: Mapped[datetime]
    expires_at: Mapped[datetime | None]
    closed_at: Mapped[datetime | None]


class Invitation(MarketplaceBase):
    """A single-use link into an invite channel; the token is kept only as a hash."""

    __tablename__ = "invitations"

    token_hash: Mapped[str] = mapped_column(primary_key=True)
    channel_id: Mapped[int] = mapped_column(ForeignKey("channels.id"), index=True)
    # For whom it is, as the Requester calls them.
    note: Mapped[str] = mapped_column(default="", server_default="")
    created_at: Mapped[datetime]
    expires_at: Mapped[datetime | None]
    used_at: Mapped[datetime | None]
    used_by: Mapped[str | None] = mapped_column(ForeignKey("workers.id"))


class ChannelMember(MarketplaceBase):
    """Who came through a channel. One person there is one Worker here, and the other way round."""

    __tablename__ = "channel_members"
    __table_args__ = (UniqueConstraint("channel_id", "worker_id"),)

    channel_id: Mapped[int] = mapped_column(ForeignKey("channels.id"), primary_key=True)
    # The person's id over there (Prolific's PROLIFIC_PID); for invite links the Worker's own id.
    external_id: Mapped[str] = mapped_column(primary_key=True)
    worker_id: Mapped[str] = mapped_column(ForeignKey("workers.id"), index=True)
    joined_at: Mapped[datetime]


class Visit(MarketplaceBase):
    """One person's stay: from the entry link to the completion link, over several HITs."""

    __tablename__ = "visits"
    __table_args__ = (
        # The same session over there, opened again, is the same visit.
        Index(
            "uq_visits_external",
            "channel_id",
            "worker_id",
            "external_session_id",
            unique=True,
            postgresql_where=text("external_session_id IS NOT NULL"),
        ),
        Index("ix_visits_channel", "channel_id", "id"),
    )

    id: Mapped[int] = mapped_column(BigInteger, Identity(), primary_key=True)
    channel_id: Mapped[int] = mapped_column(ForeignKey("channels.id"))
    worker_id: Mapped[str] = mapped_column(ForeignKey("workers.id"), index=True)
    external_session_id: Mapped[str | None]
    external_study_id: Mapped[str | None]
    # All that stood in the entry link, for the completion link.
    parameters: Mapped[dict[str, str]]
    started_at: Mapped[datetime]
    finished_at: Mapped[datetime | None]
