"""Accounts of the console and API, and the access key for our own marketplace."""

from __future__ import annotations

from decimal import Decimal
from typing import Annotated

import typer

from app.cli import talking
from app.cli.batch import usd
from app.cli.opening import BY, load_settings, opened
from app.domain.vocabulary import Role

account_app = typer.Typer(help="Accounts: who may sign in to the console and use the API.", no_args_is_help=True)
marketplace_app = typer.Typer(help="Our own marketplace, for boto3, the aws CLI and other tools.", no_args_is_help=True)
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


@marketplace_app.command()
def deposit(
    amount: Annotated[Decimal, typer.Argument(parser=usd, metavar="USD", help="What to add, such as 100.")],
) -> None:
    """Add funds to the own marketplace's Requester, from whom its Workers are paid. The money is play money."""
    from datetime import UTC, datetime

    from app.db import audit
    from app.marketplace import requesters

    now = datetime.now(UTC)
    with opened() as service, service.database.transaction() as db:
        requesters.ensure_first_requester(db, service.settings, now)
        audit.record(db, actor=BY, action="marketplace.deposited", profile="local", amount_usd=amount)
        balance = requesters.deposit(db, requesters.FIRST_REQUESTER_ID, amount, now)
    console.print(f"{talking.dollars(amount)} added; the balance is {talking.dollars(balance)}.")


@marketplace_app.command()
def credentials() -> None:
    """Print the marketplace's endpoint and access key as shell exports.

    For boto3 and the aws CLI: eval "$(labeljury marketplace credentials)"
    """
    from app.secrets import local_credentials

    settings = load_settings()
    keys = local_credentials(settings)
    for name, value in (
        ("AWS_ACCESS_KEY_ID", keys.access_key_id),
        ("AWS_SECRET_ACCESS_KEY", keys.secret_access_key),
        ("AWS_DEFAULT_REGION", "us-east-1"),
        ("AWS_ENDPOINT_URL_MTURK", settings.marketplace_url),
    ):
        typer.echo(f"export {name}={value}")
