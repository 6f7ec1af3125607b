"""`labeljury marketplace clock` and `faults`: what a rehearsal may do to our own marketplace."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager
from typing import TYPE_CHECKING, Annotated, Any

import typer

from app.cli import talking
from app.cli.opening import BY, EXIT_USAGE, load_settings, opened

if TYPE_CHECKING:
    from datetime import timedelta

    from app.cli.opening import Opened

SWITCH = "LABELJURY_MARKETPLACE_REHEARSAL"
clock = typer.Typer(help="Show the marketplace's clock, or move it ahead.", invoke_without_command=True)
console = talking.console()


def register(parent: typer.Typer) -> None:
    """Make `clock` and `faults` a part of `labeljury marketplace`."""
    parent.add_typer(clock, name="clock")
    parent.command()(faults)


@clock.callback()
def show(context: typer.Context) -> None:
    """Show how far the clock is ahead of the real time."""
    if context.invoked_subcommand is not None:
        return
    from app.marketplace import clock as marketplace_clock

    with _rehearsal() as service, service.database.transaction() as db:
        ahead = marketplace_clock.ahead(db)
    _tell(ahead)


@clock.command()
def advance(by: Annotated[str, typer.Argument(metavar="TIME", help="30d, 12h, 1d12h, 90m or 45s.")]) -> None:
    """Move the clock ahead. Running marketplace processes follow within a second.

    What is due by then happens at once: lifetimes end, work is approved, HITs are purged. Sessions end too.
    """
    from app.db import audit
    from app.errors import InvalidInput
    from app.marketplace import clock as marketplace_clock

    with _rehearsal() as service, service.database.transaction() as db:
        try:
            ahead = marketplace_clock.advance(db, marketplace_clock.span(by))
        except InvalidInput as error:
            raise typer.BadParameter(str(error)) from error
        audit.record(
            db, actor=BY, action="marketplace.clock_moved", profile="local", ahead_s=str(ahead.total_seconds())
        )
    _tell(ahead)


@clock.command()
def reset() -> None:
    """Go back to the real time. What has happened stays; what was made ahead keeps its dates, which are to come."""
    from app.db import audit
    from app.marketplace import clock as marketplace_clock

    with _rehearsal() as service, service.database.transaction() as db:
        before = marketplace_clock.ahead(db)
        marketplace_clock.reset(db)
        audit.record(db, actor=BY, action="marketplace.clock_reset", profile="local")
    console.print(f"The clock shows the real time again; it was {_words(before)} ahead.")
    if before:
        console.print(
            "Expiries, approvals and purges stay. HITs and work of that time have dates that are still to come."
        )


def faults(
    key: Annotated[str, typer.Argument(help="The access key; by default the installation's own.")] = "",
    throttle: Annotated[float | None, typer.Option(metavar="N", help="ThrottlingException beyond N calls/s.")] = None,
    lose_replies: Annotated[
        float | None, typer.Option(metavar="SHARE", help="Share of calls that happen, but whose reply is lost.")
    ] = None,
    fail: Annotated[
        float | None, typer.Option(metavar="SHARE", help="Share of calls that fail with a 500; nothing happened.")
    ] = None,
    fail_late: Annotated[
        float | None, typer.Option(metavar="SHARE", help="Share of calls that fail with a 500, but happened.")
    ] = None,
    slow: Annotated[int | None, typer.Option(metavar="MS", help="Milliseconds that every reply takes longer.")] = None,
    list_lag: Annotated[float | None, typer.Option(metavar="S", help="Lists hide what is younger.")] = None,
    duplicate_notifications: Annotated[bool, typer.Option(help="Send each notification twice.")] = False,
    shuffle_notifications: Annotated[bool, typer.Option(help="Send notifications out of order.")] = False,
    seed: Annotated[int | None, typer.Option(help="Which calls fail follows from it.")] = None,
    none: Annotated[bool, typer.Option("--none", help="Let everything go well again.")] = False,
) -> None:
    """Let things go wrong for the calls with one access key: for rehearsals of a Requester's script.

    Options replace the key's faults altogether; without any they are shown. Marketplaces follow within a second. Rates
    and shares are counted in each process for itself.
    """
    asked = {
        "throttle_per_s": throttle,
        "reply_lost_share": lose_replies,
        "server_error_share": fail,
        "late_error_share": fail_late,
        "slow_ms": slow,
        "list_lag_s": list_lag,
        "duplicate_notifications": duplicate_notifications or None,
        "shuffle_notifications": shuffle_notifications or None,
        "seed": seed,
    }
    wanted = {name: value for name, value in asked.items() if value is not None}
    if none and wanted:
        raise typer.BadParameter("--none stands alone")
    console.print(_faults_of(key, wanted, none=none), markup=False, highlight=False)


def _faults_of(key: str, wanted: dict[str, Any], *, none: bool) -> str:
    """Change the key's faults where something is asked for; what they are then, in words."""
    from app.db import audit
    from app.errors import InvalidInput
    from app.marketplace import faults as marketplace_faults
    from app.marketplace.store import AccessKey
    from app.secrets import local_credentials

    with _rehearsal() as service, service.database.transaction() as db:
        key = key or local_credentials(service.settings).access_key_id
        row = db.get(AccessKey, key)
        if row is None:
            raise typer.BadParameter(f"there is no access key {key}; the marketplace must have been started once")
        try:
            if none or wanted:
                found = None if none else marketplace_faults.stored(marketplace_faults.parse(wanted))
                row.faults = found
                audit.record(db, actor=BY, action="marketplace.faults_set", profile="local", access_key_id=key)
        except InvalidInput as error:
            raise typer.BadParameter(str(error)) from error
        shown = {name: value for name, value in (row.faults or {}).items() if value}
    words = ", ".join(f"{name}={value}" for name, value in shown.items())
    return f"{key}: {words or 'everything goes well'}"


@contextmanager
def _rehearsal() -> Iterator[Opened]:
    settings = load_settings()
    if not settings.marketplace_rehearsal:
        typer.echo(
            f"error: this marketplace is no rehearsal. Set {SWITCH}=true for its processes and for this command.",
            err=True,
        )
        raise typer.Exit(EXIT_USAGE)
    with opened(settings) as service:
        yield service


def _tell(ahead: timedelta) -> None:
    console.print(f"The marketplace's clock is {_words(ahead)} ahead." if ahead else "The clock shows the real time.")


def _words(ahead: timedelta) -> str:
    rest = int(ahead.total_seconds())
    parts = []
    for unit, seconds in (("d", 86_400), ("h", 3600), ("m", 60), ("s", 1)):
        if rest >= seconds:
            parts.append(f"{rest // seconds}{unit}")
        rest %= seconds
    return " ".join(parts) or "0s"
