"""Accounts of the console and API."""

from __future__ import annotations

from typing import Annotated

import typer

from app.cli import talking
from app.cli.opening import BY, opened
from app.domain.vocabulary import AccountId, Role

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


@account_app.command(name="set-cap")
def set_cap(
    email: Annotated[str, typer.Argument(help="Whose Batches.")],
    cap: Annotated[str, typer.Argument(metavar="USD|none", help="The most they may cost together; none: no limit.")],
) -> None:
    """Limit what all Batches of an Account may cost together, fees included. Batches of the command line have no Account."""
    from app.access import accounts
    from app.cli.batch_options import usd

    cap_usd = None if cap.lower() == "none" else usd(cap)
    with opened() as service, service.database.transaction() as db:
        account = accounts.set_cap(db, email, cap_usd, by=BY)
        (standing,) = accounts.spending(db, account_id=AccountId(account.id))
    limit = "no cap" if cap_usd is None else f"a cap of {talking.dollars(cap_usd)}"
    console.print(
        f"{standing.email} has {limit}; {talking.dollars(standing.committed_usd)} are committed.", markup=False
    )


@account_app.command(name="list")
def list_accounts() -> None:
    """List all Accounts, what each may do, and what its Batches have committed."""
    from rich.table import Table

    from app.access import accounts

    table = Table("E-mail", "Role", "Made", "Committed", "Cap", "", box=None)
    with opened() as service, service.database.transaction() as db:
        found = accounts.spending(db)
    for account in found:
        table.add_row(
            account.email,
            account.role,
            f"{account.created_at:%Y-%m-%d}",
            talking.dollars(account.committed_usd),
            "none" if account.cap_usd is None else talking.dollars(account.cap_usd),
            "disabled" if account.disabled else "",
        )
    console.print(table if found else "No Account yet. `labeljury up` makes the first one.")
