import secrets

import pytest
from sqlalchemy import text

from app.db import heartbeats
from app.db.engine import Database
from app.domain.vocabulary import BatchId

URL, ELSEWHERE = "https://turk.example", "https://turk.example:8443"


def beat(database: Database, url: str = URL) -> bool:
    with database.transaction() as db:
        return heartbeats.beat(db, url, ceiling=10, interval_s=3600)


def must_reconcile(database: Database, url: str = URL) -> bool:
    with database.transaction() as db:
        return heartbeats.must_reconcile(db, url)


def due(database: Database) -> bool:
    with database.transaction() as db:
        return heartbeats.due_for_reconcile(db, URL)


def reconciled(database: Database) -> None:
    with database.transaction() as db:
        heartbeats.reconciled(db, URL, interval_s=3600)


def set_to(database: Database, what: str) -> None:
    with database.transaction() as db:
        db.execute(text(f"UPDATE endpoints SET {what}"))


def test_a_first_heartbeat_and_a_steady_one_are_no_break(database: Database) -> None:
    assert not must_reconcile(database)
    assert not beat(database)
    set_to(database, "heartbeat_at = heartbeat_at - interval '59 minutes'")
    assert not beat(database)
    assert not must_reconcile(database)
    assert not due(database)  # the first comparison comes after the interval


@pytest.mark.parametrize("sign", ["heartbeat_at = heartbeat_at - interval '61 minutes'", "heartbeat_in = '1/2/3/4'"])
def test_a_break_is_seen_before_the_next_heartbeat_noticed_by_it_and_over_with_a_comparison(
    database: Database, sign: str
) -> None:
    beat(database)
    set_to(database, sign)
    assert must_reconcile(database)  # a job may run before the timetable does
    assert beat(database)
    assert not beat(database)
    assert must_reconcile(database)
    assert due(database)
    assert not due(database)  # somebody is at it
    reconciled(database)
    assert not must_reconcile(database)
    assert not due(database)


def test_a_restored_backup_whose_endpoint_has_moved_is_noticed_too(database: Database) -> None:
    beat(database)
    set_to(database, "heartbeat_in = '1/2/3/4'")
    assert must_reconcile(database, ELSEWHERE)
    assert beat(database, ELSEWHERE)


def test_a_server_that_keeps_its_control_data_to_itself_does_as_well(database: Database) -> None:
    role = f"tenant_{secrets.token_hex(4)}"
    with database.transaction() as db:
        for statement in (
            "REVOKE EXECUTE ON FUNCTION pg_control_system() FROM PUBLIC",
            f"CREATE ROLE {role}",
            f"GRANT ALL ON endpoints TO {role}",
            f"SET LOCAL ROLE {role}",
        ):
            db.execute(text(statement))
        assert not heartbeats.beat(db, URL, ceiling=10, interval_s=3600)
        assert not heartbeats.must_reconcile(db, URL)
        assert str(db.scalar(text("SELECT heartbeat_in FROM endpoints"))).startswith("-/-/")
        db.execute(text("UPDATE endpoints SET heartbeat_in = '-/-/3/4'"))
        assert heartbeats.beat(db, URL, ceiling=10, interval_s=3600)
        db.rollback()  # the role too


def test_another_endpoint_in_steady_use_is_not_taken_for_a_break(database: Database) -> None:
    beat(database)
    assert not beat(database, ELSEWHERE)
    assert not must_reconcile(database, ELSEWHERE)


def test_an_installation_of_before_heartbeats_begins_without_a_break(database: Database) -> None:
    with database.transaction() as db:
        db.execute(
            text("INSERT INTO endpoints (url, calls_per_second, next_call_at) VALUES (:url, 1, now())"), {"url": URL}
        )
    assert not must_reconcile(database)
    assert not beat(database)


def test_plans_of_a_batch_with_strays_are_looked_for_before_they_are_published(database: Database) -> None:
    with database.transaction() as db:
        assert not heartbeats.perhaps_published(db, URL, BatchId(7))
        db.execute(
            text(
                "INSERT INTO differences (endpoint_url, kind, subject, batch_id, details, resolved_at, resolution)"
                " VALUES (:url, 'hit_of_no_batch', 'batch 7', 7, '', now(), 'gone')"
            ),
            {"url": URL},
        )
        assert heartbeats.perhaps_published(db, URL, BatchId(7))
        assert not heartbeats.perhaps_published(db, URL, BatchId(8))
