"""API keys: how programs prove who they are. Shown once, stored as a hash."""

import hashlib
import secrets
from dataclasses import dataclass, field
from datetime import datetime, timedelta

from sqlalchemy import insert, or_, select, update
from sqlalchemy.orm import Session

from app.access.permissions import Caller
from app.db import audit
from app.db.tables import Account, ApiKey
from app.domain.vocabulary import AccountId, Role
from app.errors import InvalidInput, NotFound, NotSignedIn, Problem

PREFIX = "lj_"
_SHOWN = 9  # of the key's characters: enough to tell two keys apart, far too few to guess the rest
_LONGEST_NAME = 100
# A busy program must not write a row with every request.
_TOUCH_EVERY = timedelta(minutes=1)


@dataclass(frozen=True, slots=True)
class NewApiKey:
    """A key just made. `key` is shown once and kept nowhere."""

    id: int
    name: str
    key: str = field(repr=False)


def create(db: Session, caller: Caller, name: str) -> NewApiKey:
    """A key for the caller's own Account: `lj_` and 40 characters. Raises InvalidInput for an unfit name."""
    name = name.strip()
    if not 1 <= len(name) <= _LONGEST_NAME:
        raise InvalidInput([Problem(f"give the key a name of 1 to {_LONGEST_NAME} characters", field="name")])
    if "\x00" in name:
        raise InvalidInput([Problem("contains a NUL character", field="name")])
    key = PREFIX + secrets.token_urlsafe(30)
    row = {"account_id": caller.account_id, "name": name, "prefix": key[:_SHOWN], "key_hash": _hash_of(key)}
    key_id = db.execute(insert(ApiKey).values(row).returning(ApiKey.id)).scalar_one()
    audit.record(db, actor=caller.email, action="api_key.created", key_id=key_id, name=name)
    return NewApiKey(key_id, name, key)


def authenticate(db: Session, key: str, *, now: datetime) -> Caller:
    """The Account behind `key`. Raises NotSignedIn."""
    query = (
        select(ApiKey.id, Account.id, Account.email, Account.role)
        .join(Account, Account.id == ApiKey.account_id)
        .where(ApiKey.key_hash == _hash_of(key), ApiKey.revoked_at.is_(None), Account.disabled_at.is_(None))
    )
    row = db.execute(query).one_or_none()
    if row is None:
        raise NotSignedIn("this API key is unknown or revoked; make one on the console's account page")
    key_id, account_id, email, role = row
    stale = or_(ApiKey.last_used_at.is_(None), ApiKey.last_used_at < now - _TOUCH_EVERY)
    db.execute(update(ApiKey).where(ApiKey.id == key_id, stale).values(last_used_at=now))
    return Caller(AccountId(account_id), email, Role(role))


def of_account(db: Session, account_id: AccountId) -> list[ApiKey]:
    """The Account's keys that still work, newest first."""
    query = select(ApiKey).where(ApiKey.account_id == account_id, ApiKey.revoked_at.is_(None))
    return list(db.scalars(query.order_by(ApiKey.id.desc())))


def revoke(db: Session, caller: Caller, key_id: int, *, now: datetime) -> None:
    """End one of the caller's own keys at once. Raises NotFound for others' keys too."""
    own = (ApiKey.id == key_id, ApiKey.account_id == caller.account_id, ApiKey.revoked_at.is_(None))
    revoked = db.execute(update(ApiKey).where(*own).values(revoked_at=now).returning(ApiKey.name)).scalar_one_or_none()
    if revoked is None:
        raise NotFound("API key", key_id)
    audit.record(db, actor=caller.email, action="api_key.revoked", key_id=key_id, name=revoked)


def _hash_of(key: str) -> str:
    """A plain hash is enough: the key has 240 random bits."""
    return hashlib.sha256(key.encode()).hexdigest()
