"""A Requester's access keys: made and shown once, listed, revoked."""

import secrets
from collections.abc import Sequence
from datetime import datetime

from sqlalchemy import func, select, update
from sqlalchemy.orm import Session

from app.errors import InvalidInput, Problem
from app.marketplace.store import AccessKey, Requester
from app.secrets import Credentials

MOST_KEYS = 20
LONGEST_LABEL = 80
_ID_LETTERS = "ABCDEFGHIJKLMNOPQRSTUVWXYZ234567"


def create(db: Session, requester_id: str, label: str, now: datetime) -> Credentials:
    """A new key. Its secret cannot be looked up later. Raises InvalidInput for a bad label or too many keys."""
    label = " ".join(label.split())
    if not label or len(label) > LONGEST_LABEL or not label.isprintable():
        raise InvalidInput([Problem(f"say in 1 to {LONGEST_LABEL} characters what the key is for", field="label")])
    # Locked, so that two calls at once cannot both find room for the last one.
    db.get_one(Requester, requester_id, with_for_update=True)
    usable = select(func.count()).where(AccessKey.requester_id == requester_id, AccessKey.revoked_at.is_(None))
    if (db.scalar(usable) or 0) >= MOST_KEYS:
        raise InvalidInput([Problem(f"you have {MOST_KEYS} keys; revoke one that is not used any more")])
    key = Credentials("LJ" + "".join(secrets.choice(_ID_LETTERS) for _ in range(18)), secrets.token_hex(32))
    db.add(
        AccessKey(
            access_key_id=key.access_key_id,
            secret_access_key=key.secret_access_key,
            requester_id=requester_id,
            of_installation=False,
            label=label,
            created_at=now,
        )
    )
    return key


def of_requester(db: Session, requester_id: str) -> Sequence[AccessKey]:
    """All keys, usable ones first, newest first."""
    statement = select(AccessKey).where(AccessKey.requester_id == requester_id)
    newest = (AccessKey.created_at.desc(), AccessKey.access_key_id)
    return db.scalars(statement.order_by(AccessKey.revoked_at.is_not(None), *newest)).all()


def revoke(db: Session, requester_id: str, access_key_id: str, now: datetime) -> bool:
    """Stop a key for good; every process refuses it within ten seconds. False where there is no such usable key.

    The installation's own key stays: without it the service could not call its marketplace.
    """
    mine = (AccessKey.access_key_id == access_key_id) & (AccessKey.requester_id == requester_id)
    revocable = mine & ~AccessKey.of_installation & AccessKey.revoked_at.is_(None)
    stopped = update(AccessKey).where(revocable).values(revoked_at=now).returning(AccessKey.access_key_id)
    return db.execute(stopped.execution_options(synchronize_session=False)).one_or_none() is not None
