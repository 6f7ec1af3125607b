"""The visitor's own account: API keys, password, cap; owners see and set everybody's caps."""

from datetime import UTC, datetime
from typing import Annotated

from fastapi import APIRouter, Form, Request
from fastapi.responses import RedirectResponse, Response
from sqlalchemy.orm import Session
from starlette import status

from app.access import accounts, api_keys
from app.access.api_keys import NewApiKey
from app.access.dependencies import DatabaseOf, Db
from app.access.logins import SignedIn
from app.access.permissions import Permission
from app.errors import InvalidInput, Problem
from app.web.dependencies import OUR_FORM, CanManageAccounts, CanView, KeyNumber
from app.web.form_values import money
from app.web.rendering import page

router = APIRouter(prefix="/account")


@router.get("")
def show_account(request: Request, db: Db, here: CanView, changed: bool = False) -> Response:
    """API keys and password."""
    return _account_page(request, db, here, changed=changed)


@router.post("/api-keys", dependencies=[OUR_FORM])
def create_api_key(request: Request, db: Db, here: CanView, name: Annotated[str, Form()] = "") -> Response:
    """Make a key and show it, this once."""
    return _account_page(request, db, here, new_key=api_keys.create(db, here.caller, name))


@router.post("/api-keys/{key_id}/revoke", dependencies=[OUR_FORM])
def revoke_api_key(key_id: KeyNumber, db: Db, here: CanView) -> Response:
    """End a key at once."""
    api_keys.revoke(db, here.caller, key_id, now=datetime.now(UTC))
    return RedirectResponse("/account", status_code=status.HTTP_303_SEE_OTHER)


@router.post("/caps", dependencies=[OUR_FORM])
def set_cap(
    db: Db, here: CanManageAccounts, *, email: Annotated[str, Form()] = "", cap_usd: Annotated[str, Form()] = ""
) -> Response:
    """Limit what an Account's Batches may cost together; nothing typed: no limit."""
    accounts.set_cap(db, email, money("cap_usd", cap_usd) if cap_usd.strip() else None, by=here.caller.email)
    return RedirectResponse("/account#h-caps", status_code=status.HTTP_303_SEE_OTHER)


@router.post("/password", dependencies=[OUR_FORM])
def change_password(
    request: Request,
    database: DatabaseOf,
    here: CanView,
    *,
    old: Annotated[str, Form()] = "",
    new: Annotated[str, Form()] = "",
) -> Response:
    """Set a new password; other browsers are signed out."""
    try:
        with database.transaction() as db:
            accounts.change_password(db, here.caller.account_id, old=old, new=new, keep_login=here.token_hash)
    except InvalidInput as refused:
        with database.transaction() as db:
            return _account_page(request, db, here, problems=refused.problems)
    return RedirectResponse("/account?changed=true", status_code=status.HTTP_303_SEE_OTHER)


def _account_page(
    request: Request,
    db: Session,
    here: SignedIn,
    *,
    new_key: NewApiKey | None = None,
    problems: list[Problem] | None = None,
    changed: bool = False,
) -> Response:
    manages = here.caller.may(Permission.MANAGE_ACCOUNTS)
    return page(
        request,
        "account",
        status=status.HTTP_422_UNPROCESSABLE_CONTENT if problems else status.HTTP_200_OK,
        keys=api_keys.of_account(db, here.caller.account_id),
        new_key=new_key,
        problems=problems or [],
        changed=changed,
        spending=accounts.spending(db, account_id=None if manages else here.caller.account_id),
        manages=manages,
    )
