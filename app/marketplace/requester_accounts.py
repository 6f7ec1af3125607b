"""Requesters as people: who they are, how they sign in. Several share one marketplace and see nothing of each other."""

import re
import unicodedata
from collections.abc import Sequence
from dataclasses import dataclass, field
from datetime import datetime
from decimal import Decimal

from sqlalchemy import delete, or_, select
from sqlalchemy.orm import Session

from app import passwords
from app.errors import Conflict, InvalidInput, NotFound, Problem
from app.marketplace import access_keys, requesters
from app.marketplace.ids import new_worker_id
from app.marketplace.requesters import FIRST_REQUESTER_ID
from app.marketplace.store import Requester, RequesterSession
from app.secrets import Credentials

FIRST_SIGN_IN_NAME = "labeljury"
LONGEST_NAME = 80


@dataclass(frozen=True, slots=True)
class Login:
    """What a Requester signs in with. The password is shown once and not kept."""

    requester_id: str
    sign_in_name: str
    password: str = field(repr=False)


@dataclass(frozen=True, slots=True)
class NewRequester:
    """A Requester who was just made, with a first access key."""

    login: Login
    key: Credentials


def add(
    db: Session, name: str, *, sign_in_name: str | None = None, deposit_usd: Decimal = Decimal(0), now: datetime
) -> NewRequester:
    """Make a Requester with a password, a first access key and an opening deposit. Must end the transaction.

    Without a sign-in name it is made of the name. Raises InvalidInput, and Conflict where the sign-in name is taken.
    """
    name = _checked("name", " ".join(name.split()))
    sign_in_name = _checked("sign-in name", normalised(sign_in_name or name))
    if db.scalar(select(Requester.id).where(Requester.sign_in_name == sign_in_name)) is not None:
        raise Conflict(f"another Requester signs in as {sign_in_name}; choose another sign-in name")
    login = Login(new_worker_id(), sign_in_name, passwords.draw())
    db.add(
        Requester(
            id=login.requester_id,
            name=name,
            sign_in_name=sign_in_name,
            password_hash=passwords.hashed(login.password),
            available_usd=0,
            on_hold_usd=0,
            created_at=now,
        )
    )
    db.flush()
    key = access_keys.create(db, login.requester_id, "first key", now)
    if deposit_usd:
        requesters.deposit(db, login.requester_id, deposit_usd, now)
    return NewRequester(login, key)


def reset_password(db: Session, who: str) -> Login:
    """Draw a new password; the Requester is signed out everywhere, access keys stay. Raises NotFound.

    The first Requester, who had none, gets a sign-in name by it.
    """
    requester = find(db, who)
    requester.sign_in_name = requester.sign_in_name or (
        FIRST_SIGN_IN_NAME if requester.id == FIRST_REQUESTER_ID else normalised(requester.id)
    )
    login = Login(requester.id, requester.sign_in_name, passwords.draw())
    set_password(db, requester, login.password)
    return login


def set_password(db: Session, requester: Requester, password: str) -> None:
    """Replace the password and sign the Requester out everywhere."""
    requester.password_hash = passwords.hashed(password)
    db.execute(delete(RequesterSession).where(RequesterSession.requester_id == requester.id))


def find(db: Session, who: str) -> Requester:
    """The Requester with this id or sign-in name. Raises NotFound."""
    named = or_(Requester.id == who, Requester.sign_in_name == normalised(who))
    found = db.scalars(select(Requester).where(named).order_by(Requester.id != who)).first()
    if found is None:
        raise NotFound("Requester", who)
    return found


def every(db: Session) -> Sequence[Requester]:
    """All Requesters, the first one first."""
    return db.scalars(select(Requester).order_by(Requester.created_at, Requester.id)).all()


def normalised(sign_in_name: str) -> str:
    """A sign-in name as it is kept and compared: upper and lower case are the same, spaces are hyphens."""
    return re.sub(r"\s+", "-", unicodedata.normalize("NFKC", sign_in_name.replace("\0", "")).casefold().strip())


def _checked(what: str, name: str) -> str:
    if not 1 <= len(name) <= LONGEST_NAME or not name.isprintable():
        raise InvalidInput([Problem(f"use 1 to {LONGEST_NAME} printable characters", field=what)])
    return name
