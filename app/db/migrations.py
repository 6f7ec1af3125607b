"""Brings a database to the present shape. Safe to call from several processes at once: they take turns."""

from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

from alembic import command
from alembic.config import Config
from alembic.runtime.migration import MigrationContext
from alembic.script import ScriptDirectory
from sqlalchemy import create_engine
from sqlalchemy.exc import OperationalError

from app.db.engine import with_driver
from app.errors import DatabaseUnavailable

ROOT = Path(__file__).resolve().parents[2]


def alembic_config(url: str) -> Config:
    """Alembic's configuration for the database at `url`."""
    config = Config(ROOT / "alembic.ini")
    config.attributes["database_url"] = with_driver(url)
    return config


def upgrade(url: str, revision: str = "head") -> None:
    """Apply every migration up to `revision` that the database at `url` lacks. Raises DatabaseUnavailable."""
    with _reachable():
        command.upgrade(alembic_config(url), revision)


def downgrade(url: str, revision: str) -> None:
    """Undo migrations down to `revision` (`base`: all of them)."""
    command.downgrade(alembic_config(url), revision)


def check(url: str) -> None:
    """Raise DatabaseUnavailable unless the database at `url` answers and has the tables that this version needs."""
    wanted = ScriptDirectory.from_config(alembic_config(url)).get_current_head()
    engine = create_engine(with_driver(url))
    try:
        with _reachable(), engine.connect() as connection:
            found = MigrationContext.configure(connection).get_current_revision()
    finally:
        engine.dispose()
    if found != wanted:
        raise DatabaseUnavailable(
            f"the database is at version {found or 'none'}, this program needs {wanted}: run `labeljury migrate`"
        )


@contextmanager
def _reachable() -> Iterator[None]:
    try:
        yield
    except OperationalError as error:
        raise DatabaseUnavailable(f"cannot connect to DATABASE_URL: {error.orig}") from error
