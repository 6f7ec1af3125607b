"""Requesters of the own marketplace and their access keys; Masters among its Workers."""

from __future__ import annotations

from decimal import Decimal
from typing import TYPE_CHECKING, Annotated

import typer

from app.cli import talking
from app.cli.batch_options import usd
from app.cli.opening import BY, Opened, opened

if TYPE_CHECKING:
    from datetime import datetime

    from sqlalchemy.orm import Session

    from app.secrets import Credentials

requester_app = typer.Typer(
    help="Requesters: who publishes and pays. Several share one marketplace and see nothing of each other.",
    no_args_is_help=True,
)
key_app = typer.Typer(help="Access keys, for boto3, the aws CLI and other tools.", no_args_is_help=True)
worker_app = typer.Typer(help="Workers, as the operator of the marketplace sees them.", no_args_is_help=True)
masters_app = typer.Typer(help="The Masters Qualification, which only you can give.", no_args_is_help=True)
console = talking.console()
Who = Annotated[str, typer.Option("--requester", help="A Requester's sign-in name or id; by default the first one.")]
WorkerId = Annotated[str, typer.Argument(help="The Worker's id, such as A2B3C4D5E6F7G8.")]


def register(parent: typer.Typer) -> None:
    """Make these a part of `labeljury marketplace`."""
    worker_app.add_typer(masters_app, name="masters")
    parent.add_typer(requester_app, name="requester")
    parent.add_typer(key_app, name="key")
    parent.add_typer(worker_app, name="worker")


@requester_app.command(name="add")
def add_requester(
    name: Annotated[str, typer.Argument(help="What Workers read beside the HITs.")],
    sign_in_name: Annotated[str | None, typer.Option(help="What to sign in with; by default made of the name.")] = None,
    deposit: Annotated[Decimal | None, typer.Option(parser=usd, metavar="USD", help="Opening balance.")] = None,
) -> None:
    """Make a Requester. Password and first access key are drawn and shown this once."""
    from app.db import audit
    from app.marketplace import requester_accounts

    with opened() as service, service.database.transaction() as db:
        now = ready(service, db)
        audit.record(db, actor=BY, action="marketplace.requester_added", name=name)
        made = requester_accounts.add(db, name, sign_in_name=sign_in_name, deposit_usd=deposit or Decimal(0), now=now)
        url = service.settings.marketplace_url
    _show_login(url, made.login.sign_in_name, made.login.password)
    _show_key(made.key)


@requester_app.command(name="list")
def list_requesters() -> None:
    """List all Requesters with their balances."""
    from rich.table import Table

    from app.marketplace import requester_accounts

    table = Table("Requester", "Signs in as", "Id", "Available", "On hold", "Made", box=None)
    with opened() as service, service.database.transaction() as db:
        ready(service, db)
        for one in requester_accounts.every(db):
            money = (talking.dollars(one.available_usd), talking.dollars(one.on_hold_usd))
            signs_in = one.sign_in_name if one.password_hash else "(no password yet)"
            table.add_row(one.name, signs_in, one.id, *money, f"{one.created_at:%Y-%m-%d}")
    console.print(table)


@requester_app.command(name="reset-password")
def reset_password(
    requester: Annotated[str, typer.Argument(help="Sign-in name or id; by default the first Requester.")] = "",
) -> None:
    """Draw a password and show it this once. The Requester is signed out everywhere; access keys stay."""
    from app.db import audit
    from app.marketplace import requester_accounts, requesters

    with opened() as service, service.database.transaction() as db:
        ready(service, db)
        login = requester_accounts.reset_password(db, requester or requesters.FIRST_REQUESTER_ID)
        audit.record(db, actor=BY, action="marketplace.password_reset", requester_id=login.requester_id)
        url = service.settings.marketplace_url
    _show_login(url, login.sign_in_name, login.password)


@key_app.command(name="add")
def add_key(
    label: Annotated[str, typer.Argument(help="What the key is for.")],
    requester: Who = "",
) -> None:
    """Make an access key. Its secret is shown this once."""
    from app.db import audit
    from app.marketplace import access_keys

    with opened() as service, service.database.transaction() as db:
        now = ready(service, db)
        mine = owner(db, requester)
        key = access_keys.create(db, mine, label, now)
        audit.record(db, actor=BY, action="marketplace.key_added", access_key_id=key.access_key_id, requester_id=mine)
    _show_key(key)


@key_app.command(name="list")
def list_keys(requester: Who = "") -> None:
    """List a Requester's access keys, without their secrets."""
    from rich.table import Table

    from app.marketplace import access_keys

    table = Table("Key", "For", "Made", "Last used", "", box=None)
    with opened() as service, service.database.transaction() as db:
        ready(service, db)
        for key in access_keys.of_requester(db, owner(db, requester)):
            label = "Label Jury itself" if key.of_installation else key.label
            table.add_row(
                key.access_key_id,
                label,
                f"{key.created_at:%Y-%m-%d}",
                f"{key.last_used_at:%Y-%m-%d %H:%M}" if key.last_used_at else "never",
                "revoked" if key.revoked_at else "",
            )
    console.print(table)


@key_app.command(name="revoke")
def revoke_key(
    access_key_id: Annotated[str, typer.Argument(help="The key's id, such as LJ….")], requester: Who = ""
) -> None:
    """Stop an access key for good, within ten seconds."""
    from app.db import audit
    from app.errors import NotFound
    from app.marketplace import access_keys

    with opened() as service, service.database.transaction() as db:
        now = ready(service, db)
        mine = owner(db, requester)
        if not access_keys.revoke(db, mine, access_key_id.replace("\0", ""), now):
            raise NotFound("Key that can be revoked", access_key_id)
        audit.record(db, actor=BY, action="marketplace.key_revoked", access_key_id=access_key_id, requester_id=mine)
    console.print(f"{access_key_id} is revoked; it stops working within ten seconds.", markup=False)


@masters_app.command(name="grant")
def grant_masters(worker_id: WorkerId) -> None:
    """Make a Worker a Master."""
    from app.db import audit
    from app.errors import NotFound
    from app.marketplace import system_qualifications
    from app.marketplace.store import Worker

    with opened() as service, service.database.transaction() as db:
        now = ready(service, db)
        if "\0" in worker_id or db.get(Worker, worker_id) is None:
            raise NotFound("Worker", worker_id)
        system_qualifications.grant_masters(db, worker_id, now)
        audit.record(db, actor=BY, action="marketplace.masters_granted")
    console.print(f"{worker_id} is a Master now.", markup=False)


@masters_app.command(name="revoke")
def revoke_masters(worker_id: WorkerId) -> None:
    """Let a Worker be no Master any more."""
    from app.db import audit
    from app.errors import NotFound
    from app.marketplace import system_qualifications

    with opened() as service, service.database.transaction() as db:
        if "\0" in worker_id or not system_qualifications.revoke_masters(db, worker_id):
            raise NotFound("Master", worker_id)
        audit.record(db, actor=BY, action="marketplace.masters_revoked")
    console.print(f"{worker_id} is no Master any more.", markup=False)


def ready(service: Opened, db: Session) -> datetime:
    """The marketplace's time; the first Requester exists, though the marketplace may never have run."""
    from app.marketplace import clock, requesters

    now = clock.time_of(db, service.settings)
    requesters.ensure_first_requester(db, service.settings, now)
    return now


def owner(db: Session, who: str) -> str:
    """The id of the Requester whom `--requester` names. Raises NotFound."""
    from app.marketplace import requester_accounts, requesters

    return requester_accounts.find(db, who.replace("\0", "")).id if who else requesters.FIRST_REQUESTER_ID


def _show_login(url: str, sign_in_name: str, password: str) -> None:
    console.print(f"Sign in at {url}/requester/ as {sign_in_name}", markup=False)
    console.print(f"with the password {password} (shown only now).", markup=False)


def _show_key(key: Credentials) -> None:
    typer.echo(f"export AWS_ACCESS_KEY_ID={key.access_key_id}")
    typer.echo(f"export AWS_SECRET_ACCESS_KEY={key.secret_access_key}")
