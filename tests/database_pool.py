"""Databases for tests: copies of a migrated template, emptied and used again."""

import secrets
from collections.abc import Iterator
from contextlib import contextmanager

import psycopg

# Every table, and the bytes of its file: 0 where it has held no row since it was last truncated.
_TABLES = """
    SELECT format('%I.%I', n.nspname, c.relname), pg_relation_size(c.oid)
    FROM pg_class AS c JOIN pg_namespace AS n ON n.oid = c.relnamespace
    WHERE c.relkind IN ('r', 'p') AND n.nspname NOT IN ('pg_catalog', 'information_schema', 'pg_toast')
"""
_VERSION = "public.alembic_version"
# TRUNCATE makes new files, of every index too: 10 ms a table. DELETE takes microseconds, and leaves dead rows behind.
_LARGE_BYTES = 256 * 1024
_RESTART = """
    SELECT setval(format('%I.%I', schemaname, sequencename), start_value, false) FROM pg_sequences WHERE last_value IS NOT NULL
"""
_OTHERS = "SELECT pg_terminate_backend(pid) FROM pg_stat_activity WHERE datname = current_database() AND pid <> pg_backend_pid()"


_MOST_SPARES = 2  # some tests have two installations


class DatabasePool:
    """One test at a time has a database; what it leaves is removed before the next one takes it.

    A database whose tables are not the template's any more, or that cannot be emptied at once, is dropped instead.
    """

    def __init__(self, server_url: str, template: str) -> None:
        self.server_url, self._template = server_url, template
        self._spares: list[str] = []
        self._emptying: dict[str, psycopg.Connection[tuple[object, ...]]] = {}
        with psycopg.connect(database_url_of(server_url, template)) as connection:
            self._tables = {name for name, _ in connection.execute(_TABLES)}
            self._version = connection.execute(f"SELECT version_num FROM {_VERSION}").fetchall()

    def take(self) -> str:
        """The name of a migrated, empty database."""
        return self._spares.pop() if self._spares else create(self.server_url, self._template)

    def give_back(self, name: str) -> None:
        """Empty it for the next one."""
        if len(self._spares) < _MOST_SPARES and self._emptied(name):
            self._spares.append(name)
        else:
            self._drop(name)

    def close(self) -> None:
        """Drop what is kept."""
        while self._spares:
            self._drop(self._spares.pop())

    def _emptied(self, name: str) -> bool:
        try:
            connection = self._connection_to(name)
            with connection.transaction():
                connection.execute(_OTHERS)
                tables = {str(table): size for table, size in connection.execute(_TABLES)}
                if tables.keys() != self._tables or self._version != _version(connection):
                    return False
                used = [table for table, size in tables.items() if size and table != _VERSION]
                large = [table for table in used if int(str(tables[table])) > _LARGE_BYTES]
                # Without triggers: one of ours refuses to touch the audit trail.
                connection.execute("SET LOCAL session_replication_role = replica")
                for table in used:
                    if table not in large:
                        connection.execute(f"DELETE FROM {table}")
                if large:
                    connection.execute(f"TRUNCATE {', '.join(large)} CASCADE")
                connection.execute(_RESTART)
        except psycopg.OperationalError:
            return False
        return True

    def _connection_to(self, name: str) -> psycopg.Connection[tuple[object, ...]]:
        """One that stays open from test to test: a new one has to learn of all tables first, which takes 20 ms."""
        if name not in self._emptying:
            url = database_url_of(self.server_url, name)
            self._emptying[name] = psycopg.connect(url, options="-c lock_timeout=2000", autocommit=True)
        return self._emptying[name]

    def _drop(self, name: str) -> None:
        if name in self._emptying:
            self._emptying.pop(name).close()
        drop(self.server_url, name)


def _version(connection: psycopg.Connection[tuple[object, ...]]) -> list[tuple[object, ...]]:
    return connection.execute(f"SELECT version_num FROM {_VERSION}").fetchall()


@contextmanager
def copied_database(server_url: str, template: str) -> Iterator[str]:
    """A migrated database of one's own, for as long as the block runs; its URL."""
    name = create(server_url, template)
    yield database_url_of(server_url, name)
    drop(server_url, name)


def create(server_url: str, template: str) -> str:
    """Copy the template; the copy's name."""
    name = f"test_{secrets.token_hex(6)}"
    with psycopg.connect(server_url, autocommit=True) as admin:
        admin.execute(f"CREATE DATABASE {name} TEMPLATE {template}")
    return name


def drop(server_url: str, name: str) -> None:
    """Drop a database, whoever is connected to it."""
    with psycopg.connect(server_url, autocommit=True) as admin:
        admin.execute(f"DROP DATABASE {name} WITH (FORCE)")


def database_url_of(server_url: str, name: str) -> str:
    """The URL of database `name` on the server of `server_url`."""
    return psycopg_url(server_url).rpartition("/")[0] + f"/{name}"


def psycopg_url(url: str) -> str:
    """`url` as psycopg reads it."""
    return url.replace("postgresql+psycopg://", "postgresql://").partition("?")[0]
