"""Accounts of the console and API, and the access key for our own marketplace."""

from __future__ import annotations

from typing import Annotated

import typer

from app.cli import talking
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
