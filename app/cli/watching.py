"""`labeljury alerts` and `labeljury health`: how things are, for people, scripts and containers' health checks."""

from __future__ import annotations

from dataclasses import asdict
from enum import StrEnum
from typing import TYPE_CHECKING, Annotated
from urllib.error import HTTPError, URLError
from urllib.request import urlopen

import typer

from app.cli import talking
from app.cli.opening import load_settings, opened

if TYPE_CHECKING:
    from app.db.health import Part
    from app.settings import Settings

console = talking.console()

EXIT_NOT_WELL = 1
_ANSWERS_WITHIN_S = 5.0


class Which(StrEnum):
    """The parts that `labeljury health` can be asked about."""

    DATABASE = "database"
    JOBS = "jobs"
    WEB = "web"
    MARKETPLACE = "marketplace"


def register(app: typer.Typer) -> None:
    """Add the commands to the tree."""
    app.command()(alerts)
    app.command()(health)


def alerts(
    batch: Annotated[int | None, typer.Option(help="Of this Batch alone.")] = None,
    cleared: Annotated[bool, typer.Option("--cleared", help="Those that are over, latest first.")] = False,
    as_json: Annotated[bool, typer.Option("--json", help="For programs.")] = False,
) -> None:
    """List what a person should know: Batches that stand still, low balances, HITs near their end, answers that change …"""
    import json

    from rich.table import Table

    from app.domain.vocabulary import BatchId
    from app.pipeline import alert_report

    with opened() as service, service.database.transaction() as db:
        found = alert_report.alerts_seen(db, batch_id=None if batch is None else BatchId(batch), cleared=cleared)
    if as_json:
        typer.echo(json.dumps([asdict(alert) for alert in found], default=str))
        return
    if not found:
        console.print("No alert is over yet." if cleared else "All is well: no alert is open.")
        return
    table = Table("Kind", "About", "Since", "What", box=None)
    for alert in found:
        table.add_row(alert.kind, alert.subject, f"{alert.raised_at:%Y-%m-%d %H:%M}", alert.message)
    console.print(table)


def health(
    only: Annotated[
        list[Which] | None, typer.Argument(help="The parts to look at; none named: all of them.", show_default=False)
    ] = None,
    as_json: Annotated[bool, typer.Option("--json", help="For programs.")] = False,
) -> None:
    """Say of each part whether it works, and what to do where it does not. Starts nothing. Exit code 1: not well.

    As a container's health check: `labeljury health web`, `labeljury health marketplace`, `labeljury health jobs`.
    """
    import json

    from app.db.health import Standing

    settings = load_settings()
    wanted = set(only or Which)
    parts = [part for name, part in _look(settings, wanted) if name in wanted]
    if as_json:
        typer.echo(json.dumps([asdict(part) for part in parts]))
    else:
        for part in parts:
            console.print(f"{part.standing:<12} {part.name}: {part.said}", markup=False)
    if any(part.standing is not Standing.OK for part in parts):
        raise typer.Exit(EXIT_NOT_WELL)


def _look(settings: Settings, wanted: set[Which]) -> list[tuple[Which, Part]]:
    from app.db.health import JOB_RUNNERS

    found: list[tuple[Which, Part]] = []
    if wanted & {Which.DATABASE, Which.JOBS}:
        inside = _database(settings)
        found += [(Which.JOBS if part.name == JOB_RUNNERS else Which.DATABASE, part) for part in inside]
        if Which.DATABASE not in wanted and inside[-1].name != JOB_RUNNERS:
            found.append((Which.JOBS, inside[-1]))  # nobody can tell while the database is not well
    if Which.WEB in wanted:
        url = f"{_reached(settings.web_host, settings.web_port)}/health/live"
        found.append((Which.WEB, _answers("console", url, "labeljury serve")))
    if Which.MARKETPLACE in wanted:
        url = f"{_reached(settings.marketplace_host, settings.marketplace_port)}/health"
        found.append((Which.MARKETPLACE, _answers("marketplace", url, "labeljury serve-marketplace")))
    return found


def _database(settings: Settings) -> list[Part]:
    from app.db import health
    from app.db.engine import Database
    from app.db.health import DATABASE, Part, Standing

    url = settings.database_url
    if url is None:
        from app.db import embedded

        url = embedded.is_running(settings.data_dir / "postgres")
    if url is None:
        return [Part(DATABASE, Standing.UNAVAILABLE, "the embedded PostgreSQL does not run; `labeljury up` starts it")]
    database = Database(url, pool_size=1)
    try:
        return health.look(database)
    finally:
        database.close()


def _answers(name: str, url: str, command: str) -> Part:
    from app.db.health import Part, Standing

    try:
        with urlopen(url, timeout=_ANSWERS_WITHIN_S) as answer:  # noqa: S310 - our own address, always http
            return Part(name, Standing.OK, f"answers at {url} with {answer.status}")
    except HTTPError as error:
        return Part(name, Standing.UNAVAILABLE, f"answers at {url} with {error.code}")
    except (URLError, OSError) as error:
        reason = getattr(error, "reason", error)
        return Part(name, Standing.UNAVAILABLE, f"does not answer at {url} ({reason}): run `{command}`")


def _reached(host: str, port: int) -> str:
    """The address from this machine itself of what listens there."""
    inside = {"0.0.0.0": "127.0.0.1", "::": "[::1]"}.get(host, f"[{host}]" if ":" in host else host)  # noqa: S104 - compared
    return f"http://{inside}:{port}"
