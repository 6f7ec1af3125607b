"""Logins: one signed-in browser each, and the brake on guessing passwords."""

import hashlib
import secrets
from dataclasses import dataclass
from datetime import datetime, timedelta

from sqlalchemy import ColumnElement, delete, func, insert, select, text
from sqlalchemy.orm import Session

from app import passwords
from app.access.accounts import normalised
from app.access.permissions import Caller
from app.db import audit
from app.db.tables import Account, Login, LoginAttempt
from app.domain.vocabulary import AccountId, Role
from app.errors import TooManyAttempts

# The name of the cookie that a signed-in browser sends.
COOKIE = "labeljury_login"
LOGIN_LASTS = timedelta(days=14)
WINDOW = timedelta(minutes=15)
FAILURES_PER_EMAIL = 5
FAILURES_PER_ADDRESS = 20
_LONGEST_ADDRESS = 64


@dataclass(frozen=True, slots=True)
class SignedIn:
    """A valid login: whose it is, the token that its forms carry, and its own key in the table."""

    caller: Caller
    csrf_token: str
    token_hash: str


def sign_in(db: Session, email: str, password: str, *, address: str, now: datetime) -> str | None:
    """The new login's cookie token; None where e-mail and password do not belong together.

    A refusal is a value and not an error, since the failure must be committed to be counted.
    Raises TooManyAttempts after FAILURES_PER_EMAIL or FAILURES_PER_ADDRESS failures within WINDOW.
    """
    email, address = normalised(email)[:320], address[:_LONGEST_ADDRESS]
    # One guess at a time per e-mail: guesses in parallel would all be counted too late.
    db.execute(text("SELECT pg_advisory_xact_lock(hashtextextended(:email, 7))"), {"email": email})
    _check_throttle(db, LoginAttempt.email == email, FAILURES_PER_EMAIL, now)
    _check_throttle(db, LoginAttempt.address == address, FAILURES_PER_ADDRESS, now)
    account = db.scalar(select(Account).where(Account.email == email, Account.disabled_at.is_(None)))
    if not passwords.matches(account.password_hash if account else None, password) or account is None:
        db.execute(delete(LoginAttempt).where(LoginAttempt.at <= now - WINDOW))
        db.execute(insert(LoginAttempt).values(email=email, address=address, at=now))
        audit.record(db, actor=email or "nobody", action="account.sign_in_refused", address=address)
        return None
    db.execute(delete(LoginAttempt).where(LoginAttempt.email == email))
    audit.record(db, actor=email, action="account.signed_in", address=address)
    return _open(db, AccountId(account.id), now)


def find(db: Session, token: str, *, now: datetime) -> SignedIn | None:
    """The login that the cookie `token` stands for, while it lasts."""
    query = (
        select(Login, Account)
        .join(Account, Account.id == Login.account_id)
        .where(Login.token_hash == hash_of(token), Login.expires_at > now, Account.disabled_at.is_(None))
    )
    row = db.execute(query).one_or_none()
    if row is None:
        return None
    login, account = row
    caller = Caller(AccountId(account.id), account.email, Role(account.role))
    return SignedIn(caller, login.csrf_token, login.token_hash)


def sign_out(db: Session, token: str) -> None:
    """End a login. An unknown token is no error: the browser is signed out either way."""
    db.execute(delete(Login).where(Login.token_hash == hash_of(token)))


def hash_of(token: str) -> str:
    """What is stored of a cookie token. It has 256 random bits, so a plain hash cannot be searched."""
    return hashlib.sha256(token.encode()).hexdigest()


def _open(db: Session, account_id: AccountId, now: datetime) -> str:
    token = secrets.token_urlsafe(32)
    db.execute(delete(Login).where(Login.expires_at <= now))
    db.execute(
        insert(Login).values(
            token_hash=hash_of(token),
            account_id=account_id,
            csrf_token=secrets.token_urlsafe(32),
            created_at=now,
            expires_at=now + LOGIN_LASTS,
        )
    )
    return token


def _check_throttle(db: Session, who: ColumnElement[bool], allowed: int, now: datetime) -> None:
    """Raise TooManyAttempts where `who` failed `allowed` times within WINDOW, with the wait until one of them is past."""
    failures = (
        select(LoginAttempt.at)
        .where(who, LoginAttempt.at > now - WINDOW)
        .order_by(LoginAttempt.at.desc())
        .limit(allowed)
        .subquery()
    )
    count, oldest = db.execute(select(func.count(), func.min(failures.c.at))).one()
    if count >= allowed:
        raise TooManyAttempts(int((oldest + WINDOW - now).total_seconds()) + 1)
