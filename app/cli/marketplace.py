"""The marketplace as its operator sees it: funds and the installation's own access key."""

from __future__ import annotations

from decimal import Decimal
from typing import Annotated

import typer

from app.cli import channels, layouts, rehearsing, requesters, talking
from app.cli.batch_options import usd
from app.cli.opening import BY, load_settings, opened

app = typer.Typer(help="Our own marketplace, for boto3, the aws CLI and other tools.", no_args_is_help=True)
console = talking.console()
channels.register(app)
layouts.register(app)
rehearsing.register(app)
requesters.register(app)


@app.command()
def deposit(
    amount: Annotated[Decimal, typer.Argument(parser=usd, metavar="USD", help="What to add, such as 100.")],
    requester: requesters.Who = "",
) -> None:
    """Add funds to one of the own marketplace's Requesters, from whom Workers are paid. The money is play money."""
    from app.db import audit
    from app.marketplace import requesters as accounts

    with opened() as service, service.database.transaction() as db:
        now = requesters.ready(service, db)
        owner = requesters.owner(db, requester)
        audit.record(db, actor=BY, action="marketplace.deposited", profile="local", amount_usd=amount)
        balance = accounts.deposit(db, owner, amount, now)
    console.print(f"{talking.dollars(amount)} added; the balance is {talking.dollars(balance)}.")


@app.command()
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
