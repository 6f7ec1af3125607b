"""Accounts, how they prove who they are, and the audit trail of what was done in their name."""

from typing import Any

from sqlalchemy import BigInteger, CheckConstraint, ForeignKey, Index, String
from sqlalchemy.dialects.postgresql import JSONB
from sqlalchemy.orm import Mapped, mapped_column

from app.db.engine import Base
from app.db.tables.columns import At, CreatedAt, Id, Usd, one_of
from app.domain.vocabulary import Role


class Account(Base):
    """Who signs in here."""

    __tablename__ = "accounts"
    __table_args__ = (one_of("role", Role), CheckConstraint("cap_usd >= 0", name="cap_not_negative"))

    id: Mapped[Id]
    email: Mapped[str] = mapped_column(String(320), unique=True)
    password_hash: Mapped[str]
    role: Mapped[str]
    created_at: Mapped[CreatedAt]
    disabled_at: Mapped[At | None]
    # The most that all Batches this Account created may cost together, in USD; None: no limit of its own.
    cap_usd: Mapped[Usd | None]


class Login(Base):
    """One signed-in browser. Only the hash of its cookie is kept."""

    __tablename__ = "logins"

    token_hash: Mapped[str] = mapped_column(String(64), primary_key=True)
    account_id: Mapped[int] = mapped_column(ForeignKey("accounts.id", ondelete="CASCADE"), index=True)
    csrf_token: Mapped[str]
    created_at: Mapped[CreatedAt]
    expires_at: Mapped[At]


class LoginAttempt(Base):
    """A failed sign-in, counted to slow guessing down."""

    __tablename__ = "login_attempts"
    __table_args__ = (Index(None, "email", "at"), Index(None, "address", "at"))

    id: Mapped[Id]
    email: Mapped[str] = mapped_column(String(320))
    address: Mapped[str] = mapped_column(String(64))
    at: Mapped[CreatedAt]


class ApiKey(Base):
    """A key for the REST API. Only its hash is kept; `prefix` tells people which one it is."""

    __tablename__ = "api_keys"

    id: Mapped[Id]
    account_id: Mapped[int] = mapped_column(ForeignKey("accounts.id", ondelete="CASCADE"), index=True)
    name: Mapped[str]
    prefix: Mapped[str] = mapped_column(String(16))
    key_hash: Mapped[str] = mapped_column(String(64), unique=True)
    created_at: Mapped[CreatedAt]
    last_used_at: Mapped[At | None]
    revoked_at: Mapped[At | None]


class AuditEntry(Base):
    """One marketplace call or decision. Append-only: a trigger refuses changes."""

    __tablename__ = "audit"
    __table_args__ = (Index(None, "batch_id", "id"),)

    id: Mapped[Id]
    at: Mapped[CreatedAt]
    actor: Mapped[str]  # an Account's e-mail, `cli` or the name of a job runner
    action: Mapped[str]  # what was done, as in the log: `batch.launched`, `hit.published`
    profile: Mapped[str | None]
    batch_id: Mapped[int | None] = mapped_column(BigInteger)  # no foreign key: the trail outlives the Batch
    details: Mapped[dict[str, Any]] = mapped_column(JSONB, server_default="{}")
