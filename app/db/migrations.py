"""Brings a database to the present shape. Safe to call from several processes at once: they take turns.

Alembic takes longer to import than most commands take to run, so it is imported where something is to be migrated.
"""

from __future__ import annotations

import re
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import TYPE_CHECKING

from sqlalchemy import create_engine, text
from sqlalchemy.exc import OperationalError, ProgrammingError

from app.db.engine import with_driver
from app.errors import DatabaseUnavailable

if TYPE_CHECKING:
    from alembic.config import Config

ROOT = Path(__file__).resolve().parents[2]
VERSIONS = ROOT / "migrations" / "versions"
_REVISION = re.compile(r"""^(revision|down_revision) = ["'](\w+)["']""", re.MULTILINE)


def alembic_config(url: str) -> Config:
    """Alembic's configuration for the database at `url`."""
    from alembic.config import Config

    config = Config(ROOT / "alembic.ini")
    config.attributes["database_url"] = with_driver(url)
    return config


def upgrade(url: str, revision: str = "head") -> None:
    """Apply every migration up to `revision` that the database at `url` lacks. Raises DatabaseUnavailable."""
    if revision == "head" and found(url) == head():
        return
    from alembic import command

    with _reachable():
        command.upgrade(alembic_config(url), revision)


def downgrade(url: str, revision: str) -> None:
    """Undo migrations down to `revision` (`base`: all of them)."""
    from alembic import command

    command.downgrade(alembic_config(url), revision)


def check(url: str) -> None:
    """Raise DatabaseUnavailable unless the database at `url` answers and has the tables that this version needs."""
    has, wanted = found(url), head()
    if has != wanted:
        raise DatabaseUnavailable(
            f"the database is at version {has or 'none'}, this program needs {wanted}: {how(has)}"
        )


def how(version: str | None) -> str:
    """What to do about a database at this version, which is not the one that this program needs."""
    if version is None or version in _named()["revision"]:
        return "run `labeljury migrate`"
    return "it is newer than this program, so update the program, and restart what runs"


def head() -> str:
    """The newest version, read from the migrations' first lines. They are one line of descent; a test checks that."""
    named = _named()
    (newest,) = named["revision"] - named["down_revision"]
    return newest


def _named() -> dict[str, set[str]]:
    """The versions that there are, and those that another one follows."""
    named: dict[str, set[str]] = {"revision": set(), "down_revision": set()}
    for migration in VERSIONS.glob("*.py"):
        for what, revision in _REVISION.findall(migration.read_text(encoding="utf-8")):
            named[what].add(revision)
    return named


def found(url: str) -> str | None:
    """The version of the database at `url`; None for an empty one. Raises DatabaseUnavailable."""
    engine = create_engine(with_driver(url))
    try:
        with _reachable(), engine.connect() as connection:
            version: str | None = connection.scalar(text("SELECT version_num FROM alembic_version"))
            return version
    except ProgrammingError:  # there is no such table yet
        return None
    finally:
        engine.dispose()


@contextmanager
def _reachable() -> Iterator[None]:
    try:
        yield
    except OperationalError as error:
        raise DatabaseUnavailable(f"cannot connect to DATABASE_URL: {error.orig}") from error
