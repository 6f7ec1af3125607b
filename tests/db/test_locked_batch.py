"""The lock on a Batch lets others write down what belongs to it, so that nobody waits in a circle."""

import pytest
from sqlalchemy import text
from sqlalchemy.exc import OperationalError
from sqlalchemy.orm import Session

from app.db.engine import Database
from app.db.ledger import locked_batch
from app.domain.vocabulary import BatchId
from tests.factories import make_batch, make_item


def test_an_item_may_be_marked_twice_while_somebody_holds_its_batch(database: Database) -> None:
    with database.transaction() as db:
        batch = make_batch(db)
        make_item(db, batch)
        batch_id = BatchId(batch.id)
    with database.transaction() as holder, database.transaction() as reader:
        locked_batch(holder, batch_id)
        reader.execute(text("SET LOCAL lock_timeout = '2s'"))
        # The second time PostgreSQL looks at the Batch's key, since the row is this transaction's own.
        for _ in range(2):
            reader.execute(text("UPDATE items SET consensus_stale = true"))


def test_two_do_not_hold_a_batch_at_once(database: Database) -> None:
    with database.transaction() as db:
        batch_id = BatchId(make_batch(db).id)
    with database.transaction() as first, Session(database.engine) as second:
        locked_batch(first, batch_id)
        second.execute(text("SET LOCAL lock_timeout = '100ms'"))
        with pytest.raises(OperationalError, match="lock timeout"):
            locked_batch(second, batch_id)
