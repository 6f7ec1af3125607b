from decimal import Decimal

import pytest
from sqlalchemy import select, text
from sqlalchemy.exc import DBAPIError

from app.db import audit
from app.db.engine import Database
from app.db.tables import AuditEntry


@pytest.fixture
def entry(database: Database) -> AuditEntry:
    with database.transaction() as db:
        audit.record(
            db,
            actor="rita@jury.example",
            action="batch.launched",
            batch_id=7,
            profile="local",
            cost_usd=Decimal("82.50"),
            hits={"1": "3XJ"},
            again=False,
        )
    with database.transaction() as db:
        return db.scalars(select(AuditEntry)).one()


def test_an_entry_tells_who_did_what_where(entry: AuditEntry) -> None:
    assert (entry.actor, entry.action) == ("rita@jury.example", "batch.launched")
    assert (entry.batch_id, entry.profile) == (7, "local")
    assert entry.at.utcoffset() is not None


def test_money_is_kept_to_the_cent(entry: AuditEntry) -> None:
    assert entry.details == {"cost_usd": "82.50", "hits": {"1": "3XJ"}, "again": False}


@pytest.mark.parametrize(
    "statement",
    ["UPDATE audit SET actor = 'nobody'", "DELETE FROM audit", "TRUNCATE audit", "DELETE FROM audit WHERE false"],
)
@pytest.mark.usefixtures("entry")
def test_nothing_can_be_changed_afterwards(database: Database, statement: str) -> None:
    with pytest.raises(DBAPIError, match="append-only"), database.transaction() as db:
        db.execute(text(statement))
    with database.transaction() as db:
        assert db.scalars(select(AuditEntry.actor)).all() == ["rita@jury.example"]


def test_an_entry_goes_with_the_change_it_tells_of(database: Database) -> None:
    def launch_and_fail() -> None:
        with database.transaction() as db:
            audit.record(db, actor="cli", action="batch.launched")
            raise ZeroDivisionError

    with pytest.raises(ZeroDivisionError):
        launch_and_fail()
    with database.transaction() as db:
        assert db.scalars(select(AuditEntry)).all() == []
