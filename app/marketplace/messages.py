"""What Workers find in their inbox: written by Requesters, or by the marketplace itself."""

from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from datetime import datetime

from sqlalchemy import func, insert, select, update
from sqlalchemy.orm import Session

from app.marketplace.store import Message, Requester

A_PAGE = 30


@dataclass(frozen=True, slots=True)
class Letter:
    """A message as its Worker reads it; without a Requester's name it comes from the marketplace."""

    message: Message
    requester_name: str | None


def send(
    db: Session, worker_ids: Iterable[str], *, subject: str, text: str, now: datetime, requester_id: str | None
) -> None:
    """Put one message into each of these Workers' inboxes."""
    rows = [
        {"worker_id": worker_id, "requester_id": requester_id, "subject": subject, "text": text, "sent_at": now}
        for worker_id in worker_ids
    ]
    if rows:
        db.execute(insert(Message), rows)


def unread(db: Session, worker_id: str) -> int:
    """How many messages the Worker has not opened yet."""
    counted = select(func.count()).select_from(Message)
    return db.scalar(counted.where(Message.worker_id == worker_id, Message.read_at.is_(None))) or 0


def inbox(db: Session, worker_id: str, *, page: int = 1) -> Sequence[Letter]:
    """The Worker's messages, newest first; one more than a page if there are."""
    statement = (
        select(Message, Requester.name)
        .outerjoin(Requester, Requester.id == Message.requester_id)
        .where(Message.worker_id == worker_id)
        .order_by(Message.id.desc())
        .limit(A_PAGE + 1)
        .offset((page - 1) * A_PAGE)
    )
    return [Letter(row[0], row[1]) for row in db.execute(statement)]


def opened(db: Session, worker_id: str, message_id: int, now: datetime) -> Letter | None:
    """The Worker's message, read from now on; None when it is somebody else's."""
    statement = (
        select(Message, Requester.name)
        .outerjoin(Requester, Requester.id == Message.requester_id)
        .where(Message.worker_id == worker_id, Message.id == message_id)
    )
    row = db.execute(statement).one_or_none()
    if row is None:
        return None
    first_time = update(Message).where(Message.id == message_id, Message.read_at.is_(None))
    db.execute(first_time.values(read_at=now), execution_options={"synchronize_session": False})
    return Letter(row[0], row[1])
