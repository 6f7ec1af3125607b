"""Single-use links into an invite channel."""

import hashlib
import secrets
from collections.abc import Sequence
from dataclasses import dataclass, field
from datetime import datetime

from sqlalchemy import select
from sqlalchemy.orm import Session

from app.errors import InvalidInput, Problem
from app.marketplace.recruitment.channels import channel_of, status_of
from app.marketplace.store import ChannelKind, Invitation

MOST_AT_ONCE = 1000
LONGEST_NOTE = 200


@dataclass(frozen=True, slots=True)
class NewInvitation:
    """A link that lets one person in, shown this once: only its hash is kept."""

    link: str = field(repr=False)
    note: str


def invite(
    db: Session,
    requester_id: str,
    channel_id: int,
    notes: Sequence[str],
    now: datetime,
    *,
    marketplace_url: str,
    expires_at: datetime | None = None,
) -> list[NewInvitation]:
    """Make one single-use link for each note (for whom it is, as the Requester calls them; may be empty).

    Raises NotFound for a channel that is not theirs, and InvalidInput.
    """
    channel = channel_of(db, requester_id, channel_id)
    if channel.kind != ChannelKind.INVITE:
        raise InvalidInput([Problem("only channels of invite links have invitations", field="channel")])
    if status_of(channel, now) != "open":
        raise InvalidInput([Problem(f"this channel is {status_of(channel, now)}", field="channel")])
    if not 1 <= len(notes) <= MOST_AT_ONCE:
        raise InvalidInput([Problem(f"make 1 to {MOST_AT_ONCE} invitations at a time", field="notes")])
    if expires_at is not None and expires_at <= now:
        raise InvalidInput([Problem("this time is past already", field="expires_at")])
    made = []
    for note in notes:
        token = secrets.token_urlsafe(24)
        kept = "".join(letter for letter in note if letter.isprintable()).strip()[:LONGEST_NOTE]
        db.add(
            Invitation(
                token_hash=hash_of(token), channel_id=channel.id, note=kept, created_at=now, expires_at=expires_at
            )
        )
        made.append(NewInvitation(f"{marketplace_url}/enter/{token}", kept))
    db.flush()
    return made


def invitations_of(db: Session, requester_id: str, channel_id: int, *, limit: int = 1000) -> Sequence[Invitation]:
    """The channel's invitations, newest first: for whom, until when, and whether used. Raises NotFound."""
    channel = channel_of(db, requester_id, channel_id)
    listed = select(Invitation).where(Invitation.channel_id == channel.id)
    return db.scalars(listed.order_by(Invitation.created_at.desc(), Invitation.token_hash).limit(limit)).all()


def hash_of(token: str) -> str:
    """What is kept of an invitation. It has 192 random bits, so a plain hash cannot be searched."""
    return hashlib.sha256(token.encode("utf-8", "replace")).hexdigest()
