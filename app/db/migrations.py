"""Brings a database to the present shape. Safe to call from several processes at once: they take turns."""

from pathlib import Path

from alembic import command
from alembic.config import Config

from app.db.engine import with_driver

ROOT = Path(__file__).resolve().parents[2]


def alembic_config(url: str) -> Config:
    """Alembic's configuration for the database at `url`."""
    config = Config(ROOT / "alembic.ini")
    config.attributes["database_url"] = with_driver(url)
    return config


def upgrade(url: str, revision: str = "head") -> None:
    """Apply every migration up to `revision` that the database at `url` lacks."""
    command.upgrade(alembic_config(url), revision)


def downgrade(url: str, revision: str) -> None:
    """Undo migrations down to `revision` (`base`: all of them)."""
    command.downgrade(alembic_config(url), revision)
