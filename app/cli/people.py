"""Accounts of the console and API."""

from __future__ import annotations

from typing import Annotated

import typer

from app.cli import talking
from app.cli.opening import BY, opened
from app.domain.vocabulary import Role

account_app = typer.Typer(help="Accounts: who may sign in to the console and use the API.", no_args_is_help=True)
console = talking.console()


@account_app.command(name="create")
def create_account(
    email: Annotated[str, typer.Argument(help="The address to sign in with.")],
    role: Annotated[
        Role, typer.Option(help="owner: everything · requester: launch and spend · viewer: look.")
    ] = Role.VIEWER,
) -> None:
    """Make an Account. Its password is drawn and shown this once."""
    from app.access import accounts

    with opened() as service, service.database.transaction() as db:
        account = accounts.create(db, email=email, role=role, by=BY)
    console.print(f"{account.email} may sign in with the password {account.password} (shown only now).", markup=False)


@account_app.command(name="reset-password")
def reset_password(email: Annotated[str, typer.Argument(help="Whose password was lost.")]) -> None:
    """Draw a new password and show it this once. The Account is signed out everywhere; its API keys stay."""
    from app.access import accounts

    with opened() as service, service.database.transaction() as db:
        account = accounts.reset_password(db, email, by=BY)
    console.print(f"{account.email} may sign in with the password {account.password} (shown only now).", markup=False)


@account_app.command(name="list")
def list_accounts() -> None:
    """List all Accounts and what each may do."""
    from rich.table import Table

    from app.access import accounts

    table = Table("E-mail", "Role", "Made", "", box=None)
    with opened() as service, service.database.transaction() as db:
        found = accounts.every(db)
        for account in found:
            table.add_row(
                account.email, account.role, f"{account.created_at:%Y-%m-%d}", "disabled" if account.disabled_at else ""
            )
    console.print(table if found else "No Account yet. `labeljury up` makes the first one.")
