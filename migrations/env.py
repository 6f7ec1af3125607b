"""Runs the migrations of the service's tables (schema public) and of the marketplace's (schema marketplace)."""

import os

from alembic import context
from sqlalchemy import Connection, create_engine, text

import app.db.tables  # noqa: F401 - registers the tables
from app.db.engine import Base, with_driver
from app.marketplace.store import MarketplaceBase

# The queue's schema is procrastinate's business: installed by a migration, never compared, so not on the path here.
OUR_SCHEMAS = {None, "public", "marketplace"}
# Two processes that migrate at once take turns on this advisory lock.
MIGRATION_LOCK = 7_268_901


def include_name(name: str | None, kind: str, parent_names: object) -> bool:
    return name in OUR_SCHEMAS if kind == "schema" else True


def run(connection: Connection) -> None:
    connection.execute(text("SELECT pg_advisory_lock(:key)"), {"key": MIGRATION_LOCK})
    connection.commit()
    try:
        context.configure(
            connection=connection,
            target_metadata=[Base.metadata, MarketplaceBase.metadata],
            include_schemas=True,
            include_name=include_name,
            compare_type=True,
        )
        with context.begin_transaction():
            context.run_migrations()
    finally:
        connection.rollback()
        connection.execute(text("SELECT pg_advisory_unlock(:key)"), {"key": MIGRATION_LOCK})
        connection.commit()


def main() -> None:
    url = context.config.attributes.get("database_url") or with_driver(os.environ["DATABASE_URL"])
    engine = create_engine(url, connect_args={"options": "-csearch_path=public"})
    with engine.connect() as connection:
        run(connection)
    engine.dispose()


main()
