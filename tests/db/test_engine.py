import psycopg
import pytest
from sqlalchemy import text

from app.db.engine import Database, with_driver


class Regret(Exception):
    """Something went wrong in the middle."""


def count(database: Database) -> int:
    with database.transaction() as db:
        return int(db.execute(text("SELECT count(*) FROM workers")).scalar_one())


ADD = text("INSERT INTO workers (profile, marketplace_worker_id, pseudonym) VALUES ('local', 'A1', 'W-1')")


def test_a_transaction_that_ends_well_is_kept(database: Database) -> None:
    with database.transaction() as db:
        db.execute(ADD)
        assert count(database) == 0
    assert count(database) == 1


def test_a_transaction_that_raises_leaves_nothing(database: Database) -> None:
    with pytest.raises(Regret):
        _regret(database)
    assert count(database) == 0


def test_the_session_speaks_utc_and_finds_the_queue(database: Database) -> None:
    with database.transaction() as db:
        assert db.execute(text("SHOW timezone")).scalar_one() == "UTC"
        assert db.execute(text("SELECT count(*) FROM procrastinate_jobs")).scalar_one() == 0


def test_connections_that_the_server_cut_are_replaced(database: Database, postgres_url: str) -> None:
    assert count(database) == 0
    with psycopg.connect(postgres_url) as admin:
        admin.execute(
            "SELECT pg_terminate_backend(pid) FROM pg_stat_activity WHERE datname = %s", [database.engine.url.database]
        )
    assert count(database) == 0


def _regret(database: Database) -> None:
    with database.transaction() as db:
        db.execute(ADD)
        raise Regret


@pytest.mark.parametrize(
    ("url", "driven"),
    [
        ("postgres://db/jury", "postgresql+psycopg://db/jury"),
        ("postgresql://u:p@db:5432/jury?sslmode=require", "postgresql+psycopg://u:p@db:5432/jury?sslmode=require"),
        ("postgresql+psycopg://db/jury", "postgresql+psycopg://db/jury"),
    ],
)
def test_every_spelling_of_a_url_means_psycopg(url: str, driven: str) -> None:
    assert with_driver(url) == driven


def test_a_statement_that_only_reads_begins_no_transaction(database: Database) -> None:
    with database.reading() as db:
        first, second = (db.execute(text("SELECT pg_current_xact_id()::text, now()")).one() for _ in range(2))
        assert db.execute(text("SHOW timezone")).scalar_one() == "UTC"
    assert first[0] != second[0]
    assert first[1] < second[1]
    # The pool is the same, and the next one gets its transaction.
    with database.transaction() as db:
        assert (
            db.execute(text("SELECT pg_current_xact_id()::text")).scalar_one()
            == db.execute(text("SELECT pg_current_xact_id()::text")).scalar_one()
        )
