"""The queue from which we learn that something happened to a HIT, and what came out of it so far."""

from sqlalchemy import BigInteger
from sqlalchemy.orm import Mapped, mapped_column

from app.db.engine import Base
from app.db.tables.columns import At


class NotificationQueue(Base):
    """One queue, and what was received from it over all job runners. Only counted: the messages themselves are deleted."""

    __tablename__ = "notification_queues"

    url: Mapped[str] = mapped_column(primary_key=True)
    messages: Mapped[int] = mapped_column(BigInteger, server_default="0")
    # Messages that are no notification: malformed, too large, somebody else's.
    unreadable: Mapped[int] = mapped_column(BigInteger, server_default="0")
    # HITs named in messages: ours that may bring something, and all others (unknown, over, forged).
    hints: Mapped[int] = mapped_column(BigInteger, server_default="0")
    strangers: Mapped[int] = mapped_column(BigInteger, server_default="0")
    received_at: Mapped[At | None]
    hinted_at: Mapped[At | None]
    # Why the queue could not be read when it was last asked; None when it could.
    error: Mapped[str | None]
