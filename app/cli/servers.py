"""Commands that run something: everything on one machine, or one part on one of many."""

from __future__ import annotations

from contextlib import suppress
from typing import TYPE_CHECKING

import typer

from app.cli.opening import load_settings, opened

if TYPE_CHECKING:
    import uvicorn

    from app.cli.opening import Opened
    from app.settings import Settings

EXIT_NOT_STARTED = 3  # uvicorn's own code for it


def register(app: typer.Typer) -> None:
    """Add the commands to the tree."""
    app.command()(up)
    app.command()(serve)
    app.command(name="serve-marketplace")(serve_marketplace)
    app.command(name="run-jobs")(run_jobs)
    app.command()(migrate)


def up() -> None:
    """Start everything on this machine: database, console and API, marketplace, one job runner. Ctrl-C stops it all."""
    from app.cli.stack import Stack

    with opened(migrate=True, serving=True) as service, Stack(service) as stack:
        stack.announce()
        stack.wait()


def serve() -> None:
    """Start the console and the REST API alone.

    Where there is no Account yet it makes the first one and prints its password, once.
    """
    from app.main import create_app

    with opened(serving=True) as service:
        settings = service.settings
        _ensure_first_account(service)
        _serve(create_app(settings, service.database), settings, settings.web_host, settings.web_port)


def serve_marketplace() -> None:
    """Start the marketplace alone: MTurk's wire and the worker site."""
    from app.marketplace.server import create_app

    with opened(serving=True) as service:
        settings = service.settings
        _serve(create_app(settings, service.database), settings, settings.marketplace_host, settings.marketplace_port)


def run_jobs() -> None:
    """Start one job runner. Start as many as you like, on as many machines as you like."""
    from app.cli.stack import stop_when_orphaned
    from app.jobs import runner

    stop_when_orphaned()
    with opened(serving=True) as service:
        runner.run(service.settings, service.database)


def migrate() -> None:
    """Bring the database to this version's tables. Safe to run again, and from several machines at once.

    On an empty database it also makes the first Account and prints its password, once.
    """
    with opened(load_settings(), migrate=True) as service:
        typer.echo("The database is up to date.")
        _ensure_first_account(service)


def _ensure_first_account(service: Opened) -> None:
    from app.access.accounts import ensure_first_account

    with service.database.transaction() as db:
        account = ensure_first_account(db)
    if account is not None:
        typer.echo(f"First account: {account.email}, password {account.password} (shown only now)")


def _serve(application: object, settings: Settings, host: str, port: int) -> None:
    import uvicorn

    from app.cli.stack import stop_when_orphaned

    stop_when_orphaned()
    server = uvicorn.Server(serving_config(application, settings, host=host, port=port))
    with suppress(KeyboardInterrupt):
        server.run()
    if not server.started:
        raise typer.Exit(EXIT_NOT_STARTED)


def serving_config(application: object, settings: Settings, *, host: str, port: int) -> uvicorn.Config:
    """How uvicorn serves an ASGI application here."""
    import uvicorn

    # An open event stream would keep uvicorn from stopping: two seconds are enough for requests under way.
    return uvicorn.Config(
        application,  # type: ignore[arg-type]  # any ASGI application
        host=host,
        port=port,
        log_config=None,
        access_log=False,
        timeout_graceful_shutdown=2,
        # The brake on guessing passwords counts by address: only our own proxy may say whose request it is.
        proxy_headers=True,
        forwarded_allow_ips=settings.trusted_proxies,
        server_header=False,
    )
