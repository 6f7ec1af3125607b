"""Accounts: their caps, for owners."""

from datetime import datetime
from decimal import Decimal
from typing import Annotated

from fastapi import APIRouter, Path
from pydantic import BaseModel, ConfigDict, Field

from app.access import accounts
from app.access.dependencies import Db
from app.api.dependencies import CanManageAccounts
from app.api.error_handlers import documented
from app.domain.vocabulary import AccountId, Role

router = APIRouter(prefix="/accounts", tags=["Accounts"])

Usd = Annotated[Decimal, Field(max_digits=14, examples=["250.00"])]
Email = Annotated[str, Path(max_length=320, description="The Account's e-mail.")]


class AccountOut(BaseModel):
    """An Account, and what its Batches have committed together."""

    model_config = ConfigDict(from_attributes=True)

    email: str
    role: Role
    created_at: datetime
    disabled: bool
    cap_usd: Usd | None = Field(description="The most its Batches may cost together. Absent: no limit of its own.")
    committed_usd: Usd = Field(description="Reserved and not released, bonuses included.")


class AccountListOut(BaseModel):
    """All Accounts, by e-mail."""

    accounts: list[AccountOut]


class AccountCapIn(BaseModel):
    """A new cap."""

    model_config = ConfigDict(extra="forbid")

    cap_usd: Usd | None = Field(description="The most its Batches may cost together, in USD; null: no limit.")


@router.get("", summary="List Accounts", responses=documented())
def list_accounts(db: Db, caller: CanManageAccounts) -> AccountListOut:
    """Every Account with its cap. For owners."""
    return AccountListOut(accounts=[AccountOut.model_validate(found) for found in accounts.spending(db)])


@router.put("/{email}/cap", summary="Cap an Account", responses=documented(404))
def set_account_cap(email: Email, body: AccountCapIn, db: Db, caller: CanManageAccounts) -> AccountOut:
    """Limit what all Batches of an Account may cost together. Below what is committed nothing more is spent. For owners."""
    account = accounts.set_cap(db, email, body.cap_usd, by=caller.email)
    db.flush()
    (found,) = accounts.spending(db, account_id=AccountId(account.id))
    return AccountOut.model_validate(found)
