"""Accounts: the first one, further ones, and their end."""

from dataclasses import dataclass, field
from datetime import datetime
from decimal import Decimal

from sqlalchemy import delete, func, select, update
from sqlalchemy.dialects.postgresql import insert
from sqlalchemy.orm import Session

from app import passwords
from app.db import audit, ledger
from app.db.tables import Account, ApiKey, Login
from app.domain import batch_settings
from app.domain.vocabulary import AccountId, Role
from app.errors import Conflict, InvalidInput, NotFound, Problem

FIRST_EMAIL = "owner@localhost"
_LONGEST_EMAIL = 320


@dataclass(frozen=True, slots=True)
class NewAccount:
    """An Account just made, with its password: shown once, kept nowhere."""

    account_id: AccountId
    email: str
    password: str = field(repr=False)


def ensure_first_account(db: Session) -> NewAccount | None:
    """Make `owner@localhost` with a random password where there is no Account yet; None where there is one."""
    if db.scalar(select(Account.id).limit(1)) is not None:
        return None
    password = passwords.draw()
    new = insert(Account).values(email=FIRST_EMAIL, password_hash=passwords.hashed(password), role=Role.OWNER)
    # Two processes may start at once: the slower one finds the row there and has no password to print.
    account_id = db.scalar(new.on_conflict_do_nothing().returning(Account.id))
    if account_id is None:
        return None
    audit.record(db, actor=FIRST_EMAIL, action="account.created", email=FIRST_EMAIL, role=Role.OWNER)
    return NewAccount(AccountId(account_id), FIRST_EMAIL, password)


def create(db: Session, *, email: str, role: Role, by: str, password: str | None = None) -> NewAccount:
    """A new Account; without a password it gets a random one. Raises InvalidInput, Conflict where the e-mail is taken."""
    email = normalised(email)
    password = passwords.draw() if password is None else password
    if problems := [*_email_faults(email), *_password_faults(password)]:
        raise InvalidInput(problems)
    new = insert(Account).values(email=email, password_hash=passwords.hashed(password), role=role)
    account_id = db.scalar(new.on_conflict_do_nothing().returning(Account.id))
    if account_id is None:
        raise Conflict(f"there is an account {email} already")
    audit.record(db, actor=by, action="account.created", email=email, role=role)
    return NewAccount(AccountId(account_id), email, password)


def change_password(db: Session, account_id: AccountId, *, old: str, new: str, keep_login: str) -> None:
    """Set a new password and sign out everywhere but at the login whose token hash is `keep_login`.

    Raises InvalidInput where `old` is not the present password or `new` is unfit.
    """
    account = _found(db, account_id)
    if not passwords.matches(account.password_hash, old):
        raise InvalidInput([Problem("this is not your present password", field="old password")])
    if problems := _password_faults(new):
        raise InvalidInput(problems)
    account.password_hash = passwords.hashed(new)
    db.execute(delete(Login).where(Login.account_id == account_id, Login.token_hash != keep_login))
    audit.record(db, actor=account.email, action="account.password_changed", email=account.email)


def reset_password(db: Session, email: str, *, by: str) -> NewAccount:
    """Give an Account a new random password and end its logins. Raises NotFound, and Conflict where it is disabled."""
    email = normalised(email)
    account = db.scalar(select(Account).where(Account.email == email).with_for_update())
    if account is None:
        raise NotFound("Account", email)
    if account.disabled_at is not None:
        raise Conflict(f"{email} is disabled and cannot sign in with any password; make another account")
    password = passwords.draw()
    account.password_hash = passwords.hashed(password)
    db.execute(delete(Login).where(Login.account_id == account.id))
    audit.record(db, actor=by, action="account.password_reset", email=email)
    return NewAccount(AccountId(account.id), email, password)


def every(db: Session) -> list[Account]:
    """All Accounts, disabled ones too, by e-mail."""
    return list(db.scalars(select(Account).order_by(Account.email)))


def set_cap(db: Session, email: str, cap_usd: Decimal | None, *, by: str) -> Account:
    """The most that all Batches of an Account may cost together; None: no limit of its own.

    Less than is committed already takes nothing back: nothing more is spent. Raises NotFound, InvalidInput.
    """
    if problems := list(batch_settings.money_faults(cap_usd=cap_usd)):
        raise InvalidInput(problems)
    account = db.scalar(select(Account).where(Account.email == normalised(email)).with_for_update())
    if account is None:
        raise NotFound("Account", email)
    account.cap_usd = cap_usd
    audit.record(db, actor=by, action="account.cap_set", email=account.email, cap_usd=cap_usd)
    return account


@dataclass(frozen=True, slots=True)
class Spending:
    """An Account and what its Batches have committed together, in USD; `cap_usd` is None where it has no limit."""

    email: str
    role: Role
    created_at: datetime
    disabled: bool
    cap_usd: Decimal | None
    committed_usd: Decimal


def spending(db: Session, *, account_id: AccountId | None = None) -> list[Spending]:
    """All Accounts with their caps, by e-mail; or the one alone."""
    committed = ledger.committed_by_account(db)
    return [
        Spending(
            account.email,
            Role(account.role),
            account.created_at,
            account.disabled_at is not None,
            account.cap_usd,
            committed.get(account.id, Decimal("0.00")),
        )
        for account in every(db)
        if account_id is None or account.id == account_id
    ]


def disable(db: Session, account_id: AccountId, *, by: str, now: datetime) -> None:
    """Lock an Account out at once: its logins end and its API keys are revoked.

    Raises NotFound, and Conflict for the last owner, without whom nobody could manage accounts.
    """
    account = _found(db, account_id)
    owners = select(func.count()).where(
        Account.role == Role.OWNER, Account.disabled_at.is_(None), Account.id != account_id
    )
    if account.role == Role.OWNER and not db.scalar(owners):
        raise Conflict(f"{account.email} is the last owner and cannot be disabled; make another owner first")
    account.disabled_at = now
    db.execute(delete(Login).where(Login.account_id == account_id))
    db.execute(
        update(ApiKey).where(ApiKey.account_id == account_id, ApiKey.revoked_at.is_(None)).values(revoked_at=now)
    )
    audit.record(db, actor=by, action="account.disabled", email=account.email)


def normalised(email: str) -> str:
    """An e-mail as it is stored and looked up. PostgreSQL takes no NUL in a text, and no e-mail has one."""
    return email.replace("\x00", "").strip().casefold()


def _found(db: Session, account_id: AccountId) -> Account:
    account = db.get(Account, account_id, with_for_update=True)
    if account is None:
        raise NotFound("Account", account_id)
    return account


def _email_faults(email: str) -> list[Problem]:
    name, at, host = email.partition("@")
    if name and at and host and " " not in email and len(email) <= _LONGEST_EMAIL:
        return []
    return [Problem("write it as name@example.org", field="email")]


def _password_faults(password: str) -> list[Problem]:
    if passwords.SHORTEST_PASSWORD <= len(password) <= passwords.LONGEST_PASSWORD:
        return []
    limits = f"{passwords.SHORTEST_PASSWORD} to {passwords.LONGEST_PASSWORD}"
    return [Problem(f"needs {limits} characters", field="password")]
