"""Requesters' signed-in browsers."""

import hashlib
import hmac
import secrets
from dataclasses import dataclass
from datetime import datetime, timedelta

from sqlalchemy import delete, select
from sqlalchemy.orm import Session

from app import passwords
from app.marketplace import throttling
from app.marketplace.requester_accounts import normalised
from app.marketplace.store import Requester, RequesterSession

SESSION_LIFETIME = timedelta(days=14)


@dataclass(frozen=True, slots=True)
class Person:
    """The signed-in Requester; `csrf` proves that a form came from a page of this session."""

    requester_id: str
    name: str
    csrf: str


@dataclass(frozen=True, slots=True)
class Attempt:
    """How signing in went: a token for the cookie, or none and how long to wait before the next try."""

    token: str | None
    wait_s: int = 0


def sign_in(db: Session, sign_in_name: str, password: str, *, address: str, now: datetime) -> Attempt:
    """Open a session where name and password belong together. A refusal is counted, so commit it as well."""
    name = normalised(sign_in_name)
    guessers = throttling.guessers("requester", name, address)
    wait_s = throttling.wait_s(db, guessers, now)
    if wait_s:
        return Attempt(None, wait_s)
    requester = db.scalars(select(Requester).where(Requester.sign_in_name == name)).one_or_none()
    if not passwords.matches(requester.password_hash if requester else None, password) or requester is None:
        throttling.note_failure(db, guessers, now)
        return Attempt(None)
    throttling.forgive(db, next(iter(guessers)))
    return Attempt(open_session(db, requester.id, now))


def open_session(db: Session, requester_id: str, now: datetime) -> str:
    """Sign the Requester in; the token for the cookie."""
    db.execute(delete(RequesterSession).where(RequesterSession.expires_at <= now))
    token = secrets.token_urlsafe(32)
    expires_at = now + SESSION_LIFETIME
    db.add(RequesterSession(token_hash=_hash(token), requester_id=requester_id, created_at=now, expires_at=expires_at))
    return token


def person(db: Session, token: str, now: datetime) -> Person | None:
    """Whose session this is; None when it is unknown or over."""
    statement = select(Requester.id, Requester.name).join(
        RequesterSession, RequesterSession.requester_id == Requester.id
    )
    current = (RequesterSession.token_hash == _hash(token)) & (RequesterSession.expires_at > now)
    row = db.execute(statement.where(current)).one_or_none()
    if row is None:
        return None
    return Person(row[0], row[1], hmac.new(token.encode("utf-8", "replace"), b"csrf", hashlib.sha256).hexdigest())


def close_session(db: Session, token: str) -> None:
    """Sign out."""
    db.execute(delete(RequesterSession).where(RequesterSession.token_hash == _hash(token)))


def _hash(token: str) -> str:
    return hashlib.sha256(token.encode("utf-8", "replace")).hexdigest()
