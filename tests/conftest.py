"""What every test may use: a real PostgreSQL, migrated once, copied fresh for each test that asks for it."""

import gc
import os
import secrets
import signal
from collections.abc import Iterator
from contextlib import contextmanager
from functools import cache
from pathlib import Path

import hypothesis
import psycopg
import pytest
import structlog
import typer
import typer.main
from argon2 import PasswordHasher
from sqlalchemy.orm import Session

from app import passwords
from app.db import embedded, migrations
from app.db.engine import Database
from tests.database_pool import DatabasePool, copied_database, database_url_of, psycopg_url
from tests.scheduling import GroupedByMark

__all__ = ["copied_database", "database_url_of", "psycopg_url"]

# The same examples each time, and none is too slow for a busy machine. Hypothesis chooses this by itself where CI is set.
hypothesis.settings.load_profile("ci")
# For journeys that say nothing else: a busy machine may take minutes for what an idle one does in one.
JOURNEY_TIMEOUT_S = 900

_MOST_POOLS = 2
STUDY = Path(__file__).resolve().parents[2] / "shared" / "labelerrors"


def pytest_addoption(parser: pytest.Parser) -> None:
    """Options of tests/contract; pytest wants them here."""
    parser.addoption("--mturk-endpoint", help="run tests/contract against this endpoint instead of our own marketplace")
    parser.addoption("--write-operations-table", action="store_true", help="write docs/mturk-operations.md anew")


@pytest.hookimpl(optionalhook=True)
def pytest_xdist_make_scheduler(config: pytest.Config, log: object) -> GroupedByMark | None:
    """Keeps tests of one `xdist_group` in one process."""
    return GroupedByMark(config, log) if config.getoption("dist") == "loadgroup" else None


def pytest_collection_modifyitems(items: list[pytest.Item]) -> None:
    """Journeys first: one that begins last would keep a single process busy at the end. Each has time for a busy machine."""
    items.sort(key=lambda item: item.get_closest_marker("journey") is None)
    for item in items:
        if item.get_closest_marker("journey") and item.get_closest_marker("timeout") is None:
            item.add_marker(pytest.mark.timeout(JOURNEY_TIMEOUT_S))


def pytest_collection_finish() -> None:
    """Modules and tests are there to stay: the garbage collector need not walk through them again and again."""
    gc.collect()
    gc.freeze()


@pytest.fixture(scope="session", autouse=True)
def _no_authorities(tmp_path_factory: pytest.TempPathFactory) -> Iterator[None]:
    """Tests speak http, on loopback: a client of theirs need not read the machine's certificates, which takes it 40 ms."""
    with pytest.MonkeyPatch.context() as environment:
        environment.delenv("SSL_CERT_FILE", raising=False)
        environment.setenv("SSL_CERT_DIR", str(tmp_path_factory.mktemp("no_authorities")))
        yield


@pytest.fixture(scope="session", autouse=True)
def slow_hasher() -> Iterator[PasswordHasher]:
    """The service's own. Tests hash by argon2id too, at the least cost: hundreds of times, and a hash is meant to take 0.14 s."""
    slow = passwords._hasher
    quick = PasswordHasher(time_cost=1, memory_cost=8, parallelism=1)
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(passwords, "_hasher", quick)
        yield slow


@pytest.fixture(scope="session", autouse=True)
def _one_command_tree() -> Iterator[None]:
    """Typer reads the signatures of all commands anew each time it is called: 0.1 s. A process has one tree, and calls once."""
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(typer.main, "get_command", cache(typer.main.get_command))
        yield


@pytest.fixture(scope="session", autouse=True)
def _ctrl_c_heard() -> None:
    """A shell's background job ignores Ctrl-C, and its children with it: here they hear it all the same."""
    if signal.getsignal(signal.SIGINT) is signal.SIG_IGN:
        signal.signal(signal.SIGINT, signal.default_int_handler)


@pytest.fixture(autouse=True)
def _logs_as_new() -> Iterator[None]:
    """What one test configures of the logs is not the next one's."""
    yield
    structlog.reset_defaults()


@pytest.fixture(scope="session")
def postgres_url(tmp_path_factory: pytest.TempPathFactory) -> Iterator[str]:
    """A PostgreSQL server for this test process: LABELJURY_TEST_POSTGRES_URL, or the embedded one in a new folder."""
    given = os.environ.get("LABELJURY_TEST_POSTGRES_URL")
    if given:
        yield given
        return
    with embedded.hold(tmp_path_factory.mktemp("postgres")) as url:
        _forget_the_disk(url)
        _make_signing_in_cheap(url)
        yield url


def _forget_the_disk(url: str) -> None:
    """These databases live for one test: nothing of them need survive a power cut. Crashes of processes still count.

    Nor are they vacuumed: what a table's statistics say of one test would plan the statements of the next.
    """
    with psycopg.connect(url, autocommit=True) as admin:
        for setting in ("fsync", "synchronous_commit", "full_page_writes", "autovacuum"):
            admin.execute(f"ALTER SYSTEM SET {setting} = off")
        admin.execute("SELECT pg_reload_conf()")


def _make_signing_in_cheap(url: str) -> None:
    """One round of hashing for the same password instead of 4,096, which a client pays for with 4 ms of each connection."""
    conninfo = psycopg.conninfo.conninfo_to_dict(url)
    with psycopg.connect(url, autocommit=True) as admin:
        admin.execute("SET scram_iterations = 1")
        statement = psycopg.sql.SQL("ALTER ROLE CURRENT_USER PASSWORD {}")
        admin.execute(statement.format(psycopg.sql.Literal(conninfo["password"])))


@pytest.fixture(scope="session")
def template_database(postgres_url: str) -> Iterator[str]:
    """The name of a migrated, empty database that others are copied from."""
    name = f"template_{secrets.token_hex(4)}"
    with psycopg.connect(postgres_url, autocommit=True) as admin:
        admin.execute(f"CREATE DATABASE {name}")
        migrations.upgrade(database_url_of(postgres_url, name))
        yield name
        admin.execute(f"DROP DATABASE {name} WITH (FORCE)")


@pytest.fixture(scope="session")
def database_pool(postgres_url: str, template_database: str) -> Iterator[DatabasePool]:
    """Migrated databases of this test process, emptied between tests: that takes a fifth of a copy's time."""
    pool = DatabasePool(postgres_url, template_database)
    yield pool
    pool.close()


@pytest.fixture
def database_url(database_pool: DatabasePool) -> Iterator[str]:
    """The URL of a migrated, empty database of this test's own."""
    name = database_pool.take()
    yield database_url_of(database_pool.server_url, name)
    database_pool.give_back(name)


@pytest.fixture(scope="session")
def _used_databases() -> dict[str, Database]:
    """Pools by URL. One without connections keeps what SQLAlchemy has compiled: a sixth of the time of tests that use it."""
    return {}


@pytest.fixture
def database(database_url: str, _used_databases: dict[str, Database]) -> Iterator[Database]:
    """A pool on this test's database; it has no connections yet."""
    with _used(database_url, _used_databases) as database:
        yield database


@pytest.fixture
def other_database(database_pool: DatabasePool, _used_databases: dict[str, Database]) -> Iterator[Database]:
    """The database of another installation."""
    name = database_pool.take()
    with _used(database_url_of(database_pool.server_url, name), _used_databases) as database:
        yield database
    database_pool.give_back(name)


@contextmanager
def _used(url: str, known: dict[str, Database]) -> Iterator[Database]:
    database = known.pop(url, None) or Database(url, pool_size=8)  # nobody else's while it is in use
    yield database
    database.close()
    known[url] = database
    if len(known) > _MOST_POOLS:
        del known[next(iter(known))]


@pytest.fixture
def db(database: Database) -> Iterator[Session]:
    """An open transaction, committed at the end of a passing test."""
    with database.transaction() as session:
        yield session


@pytest.fixture(scope="session")
def study() -> Path:
    """The folder of the study's own votes; skips where it is absent."""
    if not STUDY.is_dir():
        pytest.skip(f"the study's votes are not here: {STUDY} is absent")
    return STUDY
