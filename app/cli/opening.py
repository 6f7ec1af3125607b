"""What a command opens before it works: settings, database, and the right version of its tables."""

from __future__ import annotations

import sys
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from typing import TYPE_CHECKING

import typer
from pydantic import ValidationError

from app.settings import Settings

if TYPE_CHECKING:
    from app.db.engine import Database

EXIT_USAGE = 2
BY = "cli"


def load_settings(**overrides: object) -> Settings:
    """The settings; where they are faulty, say which and exit with code 2."""
    try:
        return Settings(**overrides)  # type: ignore[arg-type]  # pydantic checks the values
    except ValidationError as error:
        for fault in error.errors():
            name = "LABELJURY_" + str(fault["loc"][0]).upper() if fault["loc"] else "settings"
            typer.echo(f"error: {name}: {fault['msg']}", err=True)
        typer.echo("docs/settings.md describes every setting.", err=True)
        raise typer.Exit(EXIT_USAGE) from error


@dataclass(frozen=True, slots=True)
class Opened:
    """Settings and a pool on the database they name."""

    settings: Settings
    database: Database
    database_url: str


@contextmanager
def opened(settings: Settings | None = None, *, migrate: bool = False, serving: bool = False) -> Iterator[Opened]:
    """The database that the settings name, brought up to date if it is the embedded one (or `migrate` says so).

    serving: log as the settings say. Commands that a person waits for say what they did themselves, and log only warnings.
    """
    from app import logs
    from app.db import migrations
    from app.db.engine import Database

    settings = settings or load_settings()
    logs.configure(settings if serving else settings.model_copy(update={"log_level": "WARNING"}))
    with database_url(settings) as url:
        if migrate or settings.database_url is None:
            migrations.upgrade(url)
        else:
            migrations.check(url)
        database = Database(url, pool_size=settings.database_pool_size)
        try:
            yield Opened(settings, database, url)
        finally:
            database.close()


@contextmanager
def database_url(settings: Settings) -> Iterator[str]:
    """DATABASE_URL, or the embedded PostgreSQL for as long as the block runs."""
    if settings.database_url is not None:
        yield settings.database_url
        return
    from app.db import embedded

    with embedded.hold(settings.data_dir / "postgres") as url:
        yield url


def at_terminal() -> bool:
    """Whether a person is watching standard output."""
    return sys.stdout.isatty()
