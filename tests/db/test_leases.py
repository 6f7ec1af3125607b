import threading
from datetime import UTC, datetime, timedelta
from typing import Any

import pytest
from sqlalchemy import text

from app.db import leases, operations
from app.db.engine import Database
from app.db.leases import BACKOFF_S, Claimed, LeaseEnded
from app.db.operations import Intent
from app.domain.vocabulary import AssignmentId, BatchId, HITId, OperationKind
from tests.factories import make_assignment, make_batch, make_hit, make_item, make_worker


@pytest.fixture
def batch_id(database: Database) -> BatchId:
    """A Batch with six HITs, each with the intent to publish it."""
    with database.transaction() as db:
        batch = make_batch(db)
        hits = [make_hit(db, batch, make_item(db, batch)) for _ in range(6)]
        operations.intend(db, OperationKind.PUBLISH, BatchId(batch.id), [Intent(hit_id=HITId(hit.id)) for hit in hits])
        return BatchId(batch.id)


def claim(database: Database, batch_id: BatchId, *, most: int = 50, runner: str = "one") -> list[Claimed]:
    with database.transaction() as db:
        return leases.claim(db, OperationKind.PUBLISH, batch_id, most=most, lease_s=60, runner=runner)


def rows(database: Database) -> list[Any]:
    with database.transaction() as db:
        return list(db.execute(text("SELECT * FROM operations ORDER BY id")))


def execute(database: Database, sql: str) -> None:
    with database.transaction() as db:
        db.execute(text(sql))


def now() -> datetime:
    return datetime.now(UTC)


def test_the_oldest_are_claimed_first_and_written_down_as_acting(database: Database, batch_id: BatchId) -> None:
    claimed = claim(database, batch_id, most=2)
    assert [operation.id for operation in claimed] == [row.id for row in rows(database)[:2]]
    first = rows(database)[0]
    assert (first.status, first.leased_by, first.attempts) == ("acting", "one", 1)
    assert first.lease_until > now() + timedelta(seconds=50)
    assert claimed[0].attempt == 1
    assert claimed[0].first_attempt_at == first.first_attempt_at


def test_what_is_claimed_is_not_claimed_again(database: Database, batch_id: BatchId) -> None:
    first, second, third = (claim(database, batch_id, most=4, runner=name) for name in ("one", "two", "three"))
    assert [len(first), len(second), len(third)] == [4, 2, 0]
    assert not {operation.id for operation in first} & {operation.id for operation in second}


def test_another_batch_and_another_kind_are_left_alone(database: Database, batch_id: BatchId) -> None:
    assert claim(database, BatchId(batch_id + 1)) == []
    with database.transaction() as db:
        assert leases.claim(db, OperationKind.APPROVE, batch_id, most=9, lease_s=60, runner="one") == []


def test_claimers_in_open_transactions_share_nothing_and_do_not_wait(database: Database, batch_id: BatchId) -> None:
    kind = OperationKind.PUBLISH
    with database.transaction() as one, database.transaction() as two:
        two.execute(text("SET LOCAL lock_timeout = '5s'"))
        first = leases.claim(one, kind, batch_id, most=4, lease_s=60, runner="one")
        second = leases.claim(two, kind, batch_id, most=4, lease_s=60, runner="two")
    assert {operation.id for operation in [*first, *second]} == {row.id for row in rows(database)}
    assert len(first) + len(second) == 6


def test_many_threads_claim_each_operation_once(database: Database) -> None:
    with database.transaction() as db:
        batch = make_batch(db)
        item = make_item(db, batch)
        hits = [make_hit(db, batch, item) for _ in range(60)]
        operations.intend(db, OperationKind.PUBLISH, BatchId(batch.id), [Intent(hit_id=HITId(hit.id)) for hit in hits])
    claimed: list[int] = []

    def work() -> None:
        while found := claim(database, BatchId(batch.id), most=7):
            claimed.extend(operation.id for operation in found)

    threads = [threading.Thread(target=work) for _ in range(4)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert len(claimed) == len(set(claimed)) == 60


def test_when_the_lease_ends_another_runner_may_claim(database: Database, batch_id: BatchId) -> None:
    first = claim(database, batch_id, most=1)
    execute(database, "UPDATE operations SET lease_until = now() - interval '1 second' WHERE status = 'acting'")
    again = claim(database, batch_id, most=1, runner="two")
    assert again[0].id == first[0].id
    assert again[0].attempt == 2
    assert again[0].first_attempt_at == first[0].first_attempt_at
    assert rows(database)[0].leased_by == "two"


def test_finished_operations_are_over(database: Database, batch_id: BatchId) -> None:
    claimed = claim(database, batch_id)
    with database.transaction() as db:
        leases.finish(db, claimed, now=now())
        assert operations.waiting(db, OperationKind.PUBLISH, batch_id) == 0
    assert {(row.status, row.lease_until, row.error) for row in rows(database)} == {("done", None, None)}
    execute(database, "UPDATE operations SET not_before = now() - interval '1 day'")
    assert claim(database, batch_id) == []


@pytest.mark.parametrize(("attempts", "wait_s"), [(1, 1), (2, 2), (3, 5), (4, 15), (5, 60), (6, 60), (100, 60)])
def test_each_attempt_waits_a_little_longer(database: Database, batch_id: BatchId, attempts: int, wait_s: int) -> None:
    execute(database, f"UPDATE operations SET attempts = {attempts - 1}")
    (operation,) = claim(database, batch_id, most=1)
    moment = now()
    with database.transaction() as db:
        leases.retry_later(db, operation, error="busy", now=moment)
    row = rows(database)[0]
    assert (row.status, row.error, row.lease_until) == ("intended", "busy", None)
    assert row.not_before == moment + timedelta(seconds=wait_s)
    assert wait_s in BACKOFF_S


def test_an_operation_that_waits_is_not_claimed_before_its_time(database: Database, batch_id: BatchId) -> None:
    for operation in claim(database, batch_id):
        with database.transaction() as db:
            leases.retry_later(db, operation, error="busy", now=now() + timedelta(hours=1))
    assert claim(database, batch_id) == []
    execute(database, "UPDATE operations SET not_before = now()")
    assert len(claim(database, batch_id)) == 6


def test_a_refused_operation_waits_for_a_person(database: Database, batch_id: BatchId) -> None:
    (operation,) = claim(database, batch_id, most=1)
    with database.transaction() as db:
        leases.fail(db, operation, error="no", now=now())
    row = rows(database)[0]
    assert (row.status, row.error) == ("failed", "no")
    assert len(claim(database, batch_id)) == 5


def test_a_released_operation_was_never_attempted(database: Database, batch_id: BatchId) -> None:
    claimed = claim(database, batch_id)
    with database.transaction() as db:
        leases.release(db, claimed)
        assert operations.waiting(db, OperationKind.PUBLISH, batch_id) == 6
    assert {(row.status, row.attempts) for row in rows(database)} == {("intended", 0)}


def test_what_is_done_cannot_be_released(database: Database, batch_id: BatchId) -> None:
    claimed = claim(database, batch_id)
    with database.transaction() as db:
        leases.finish(db, claimed, now=now())
        leases.release(db, claimed)
    assert {row.status for row in rows(database)} == {"done"}


@pytest.mark.parametrize("verdict", [leases.retry_later, leases.fail])
@pytest.mark.parametrize("meanwhile", ["claimed", "done"])
def test_a_runner_whose_lease_ended_cannot_undo_what_another_did(
    database: Database, batch_id: BatchId, verdict: Any, meanwhile: str
) -> None:
    (slow,) = claim(database, batch_id, most=1)
    execute(database, "UPDATE operations SET lease_until = now() - interval '1 second' WHERE status = 'acting'")
    (quick,) = claim(database, batch_id, most=1, runner="two")
    with database.transaction() as db:
        if meanwhile == "done":
            leases.finish(db, [quick], now=now())
        verdict(db, slow, error="too late", now=now())
    row = rows(database)[0]
    assert (row.status, row.error) == ("acting" if meanwhile == "claimed" else "done", None)


def test_no_call_starts_when_its_lease_may_end_before_it_is_over(database: Database, batch_id: BatchId) -> None:
    (long,) = claim(database, batch_id, most=1)
    long.check_lease()
    with database.transaction() as db:
        (short,) = leases.claim(db, OperationKind.PUBLISH, batch_id, most=1, lease_s=0.0, runner="one")
    with pytest.raises(LeaseEnded, match=f"operation {short.id}"):
        short.check_lease()


def test_an_intent_is_written_once(database: Database, batch_id: BatchId) -> None:
    targets = [Intent(hit_id=HITId(row.hit_id)) for row in rows(database)]
    with database.transaction() as db:
        operations.intend(db, OperationKind.PUBLISH, batch_id, targets)
        operations.intend(db, OperationKind.PUBLISH, batch_id, [])
    assert len(rows(database)) == 6


def test_an_intent_about_an_assignment_names_it(database: Database, batch_id: BatchId) -> None:
    with database.transaction() as db:
        hit_id = rows(database)[0].hit_id
        batch = make_batch(db)
        assignment = make_assignment(db, make_hit(db, batch, make_item(db, batch)), make_worker(db))
        operations.intend(
            db,
            OperationKind.APPROVE,
            batch_id,
            [Intent(hit_id=HITId(hit_id), assignment_id=AssignmentId(assignment.id))],
        )
    with database.transaction() as db:
        (operation,) = leases.claim(db, OperationKind.APPROVE, batch_id, most=9, lease_s=60, runner="one")
    assert operation.assignment_id == assignment.id
