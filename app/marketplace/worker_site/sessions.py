"""Workers and their signed-in browsers."""

import hashlib
import hmac
import secrets
from dataclasses import dataclass
from datetime import datetime, timedelta
from functools import cache

from sqlalchemy import Select, bindparam, delete, func, select
from sqlalchemy.orm import Session

from app.marketplace.ids import new_worker_id
from app.marketplace.store import Message, Visit, Worker, WorkerSession

SESSION_LIFETIME = timedelta(days=30)
# Letters and digits that nobody mistakes for one another.
_PHRASE_LETTERS = "abcdefghjkmnpqrstuvwxyz23456789"


@dataclass(frozen=True, slots=True)
class Visitor:
    """The signed-in Worker; `csrf` proves that a form came from a page of this session.

    visit_id: their open visit through a recruitment channel. unread: how many messages wait for them.
    """

    worker_id: str
    name: str
    accept_next: bool
    csrf: str
    visit_id: int | None
    unread: int


def enrol(db: Session, name: str, now: datetime) -> tuple[str, str]:
    """Make a Worker; the id and the secret phrase, which is shown once and not kept."""
    phrase = "-".join("".join(secrets.choice(_PHRASE_LETTERS) for _ in range(5)) for _ in range(4))
    worker = Worker(id=new_worker_id(), name=name, phrase_hash=_hash(phrase), created_at=now)
    db.add(worker)
    db.flush()
    return worker.id, phrase


def knows_phrase(db: Session, worker_id: str, phrase: str) -> bool:
    """Whether this is the Worker's secret phrase. It has a hundred random bits, so a plain hash protects it."""
    kept = db.scalar(select(Worker.phrase_hash).where(Worker.id == worker_id))
    return hmac.compare_digest(kept or "", _hash(phrase.strip().lower()))


def open_session(db: Session, worker_id: str, now: datetime) -> str:
    """Sign the Worker in; the token for the cookie."""
    db.execute(delete(WorkerSession).where(WorkerSession.worker_id == worker_id, WorkerSession.expires_at < now))
    token = secrets.token_urlsafe(32)
    db.add(
        WorkerSession(token_hash=_hash(token), worker_id=worker_id, created_at=now, expires_at=now + SESSION_LIFETIME)
    )
    return token


def visitor(db: Session, token: str, now: datetime) -> Visitor | None:
    """Whose session this is; None when it is unknown or over."""
    row = db.execute(_visitor(), {"token_hash": _hash(token), "now": now}).one_or_none()
    if row is None:
        return None
    worker_id, name, accept_next, visit_id, unread = row
    csrf = hmac.new(token.encode(), b"csrf", hashlib.sha256).hexdigest()
    return Visitor(worker_id, name, accept_next, csrf, visit_id, unread)


@cache  # Every page asks it: building the statement took longer than the database takes to answer.
def _visitor() -> Select[str, str, bool, int | None, int]:
    visit = select(Visit.id).where(Visit.worker_id == Worker.id, Visit.finished_at.is_(None))
    unread = select(func.count(Message.id)).where(Message.worker_id == Worker.id, Message.read_at.is_(None))
    return (
        select(
            Worker.id,
            Worker.name,
            Worker.accept_next,
            visit.order_by(Visit.id.desc()).limit(1).correlate(Worker).scalar_subquery(),
            unread.correlate(Worker).scalar_subquery(),
        )
        .join(WorkerSession, WorkerSession.worker_id == Worker.id)
        .where(WorkerSession.token_hash == bindparam("token_hash"), WorkerSession.expires_at > bindparam("now"))
    )


def close_session(db: Session, token: str) -> None:
    """Sign out."""
    db.execute(delete(WorkerSession).where(WorkerSession.token_hash == _hash(token)))


def _hash(secret: str) -> str:
    return hashlib.sha256(secret.encode("utf-8", "replace")).hexdigest()
