import secrets
import subprocess
import sys
from collections.abc import Iterator

import psycopg
import pytest
from alembic import command
from alembic.script import ScriptDirectory

from app.db import migrations
from app.errors import DatabaseUnavailable
from tests.conftest import database_url_of

HEAD = ScriptDirectory.from_config(migrations.alembic_config("postgresql://nowhere/none")).get_current_head()


@pytest.fixture
def empty_url(postgres_url: str) -> Iterator[str]:
    """A database with nothing in it."""
    name = f"empty_{secrets.token_hex(6)}"
    with psycopg.connect(postgres_url, autocommit=True) as admin:
        admin.execute(f"CREATE DATABASE {name}")
        yield database_url_of(postgres_url, name)
        admin.execute(f"DROP DATABASE {name} WITH (FORCE)")


def tables(url: str) -> set[str]:
    with psycopg.connect(url) as connection:
        found = connection.execute("""
            SELECT schemaname || '.' || tablename FROM pg_tables
            WHERE schemaname NOT IN ('pg_catalog', 'information_schema') AND tablename <> 'alembic_version'
        """)
        return {row[0] for row in found}


def leftovers(url: str) -> set[str]:
    """Functions and schemas that are ours or the queue's."""
    with psycopg.connect(url) as connection:
        found = connection.execute("""
            SELECT proname FROM pg_proc JOIN pg_namespace AS n ON n.oid = pronamespace
            WHERE n.nspname NOT IN ('pg_catalog', 'information_schema')
            UNION SELECT nspname FROM pg_namespace WHERE nspname IN ('jobs', 'marketplace')
        """)
        return {row[0] for row in found}


def test_the_migrations_go_up_down_and_up_again(empty_url: str) -> None:
    migrations.upgrade(empty_url)
    made = tables(empty_url)
    assert {"public.batches", "jobs.procrastinate_jobs"} <= made
    assert any(name.startswith("marketplace.") for name in made)
    migrations.downgrade(empty_url, "base")
    assert tables(empty_url) == set()
    assert leftovers(empty_url) == set()
    migrations.upgrade(empty_url)
    assert tables(empty_url) == made


def test_each_step_can_be_undone_and_done_again(empty_url: str) -> None:
    scripts = ScriptDirectory.from_config(migrations.alembic_config(empty_url))
    for script in reversed(list(scripts.walk_revisions())):
        migrations.upgrade(empty_url, script.revision)
        before = tables(empty_url)
        migrations.downgrade(empty_url, "-1")
        migrations.upgrade(empty_url, script.revision)
        assert tables(empty_url) == before


def test_the_tables_in_code_are_the_tables_in_the_database(database_url: str) -> None:
    command.check(migrations.alembic_config(database_url))


def test_upgrading_again_changes_nothing(database_url: str) -> None:
    before = tables(database_url)
    migrations.upgrade(database_url)
    assert tables(database_url) == before


def test_the_history_is_one_line() -> None:
    scripts = ScriptDirectory.from_config(migrations.alembic_config("postgresql://nowhere/none"))
    assert scripts.get_heads() == [migrations.head()]
    assert len(scripts.get_bases()) == 1


MIGRATE = "import sys; from app.db import migrations; migrations.upgrade(sys.argv[1])"


def test_processes_that_migrate_at_once_take_turns(empty_url: str) -> None:
    processes = [subprocess.Popen([sys.executable, "-c", MIGRATE, empty_url]) for _ in range(2)]
    assert [process.wait(timeout=240) for process in processes] == [0, 0]
    migrations.check(empty_url)


def test_a_migrated_database_passes_the_check(database_url: str) -> None:
    migrations.check(database_url)


def test_an_empty_database_is_told_to_migrate(empty_url: str) -> None:
    with pytest.raises(DatabaseUnavailable, match=rf"at version none, this program needs {HEAD}.*labeljury migrate"):
        migrations.check(empty_url)


@pytest.mark.parametrize(
    ("version", "how"), [("service_0001", "run `labeljury migrate`"), ("service_9999", "newer than this program")]
)
def test_a_database_of_another_version_is_refused_and_it_is_said_which_of_the_two_is_old(
    database_url: str, version: str, how: str
) -> None:
    with psycopg.connect(database_url) as connection:
        connection.execute("UPDATE alembic_version SET version_num = %s", [version])
    with pytest.raises(DatabaseUnavailable, match=f"at version {version}, .*{how}"):
        migrations.check(database_url)


@pytest.mark.parametrize("act", [migrations.check, migrations.upgrade])
def test_a_database_that_is_not_there_is_named(act: object, postgres_url: str) -> None:
    assert callable(act)
    with pytest.raises(DatabaseUnavailable, match=r"cannot connect to DATABASE_URL.*does not exist"):
        act(database_url_of(postgres_url, "no_such_database"))
