from datetime import timedelta

import pytest
from sqlalchemy import text
from sqlalchemy.orm import Session

from app.db import endpoints, heartbeats, leases, set_back
from app.domain.vocabulary import BatchId, OperationKind
from tests.factories import make_batch, make_hit, make_item

URL = "https://turk.example"
DAY = timedelta(days=1)
_STAMPS = """
    UPDATE operations SET not_before = not_before + interval '1 day', first_attempt_at = first_attempt_at + interval '1 day',
        lease_until = lease_until + interval '1 day';
    UPDATE endpoints SET next_call_at = next_call_at + interval '1 day', polled_at = polled_at + interval '1 day',
        heartbeat_at = heartbeat_at + interval '1 day', resumed_at = resumed_at + interval '1 day',
        reconciled_at = reconciled_at + interval '1 day', reconcile_at = reconcile_at + interval '1 day'
"""


def beat(db: Session) -> None:
    heartbeats.beat(db, URL, ceiling=10, interval_s=3600)


def a_day_ahead(db: Session) -> None:
    """As if all that is written down had been written by a clock that was a day ahead, and was set back just now."""
    for statement in _STAMPS.split(";"):
        db.execute(text(statement))


def taken_note(db: Session) -> timedelta:
    return set_back.take_note(db, lease_s=300)


def claimed(db: Session, batch_id: int) -> list[leases.Claimed]:
    return leases.claim(db, OperationKind.PUBLISH, BatchId(batch_id), most=9, lease_s=300, runner="a:1")


def an_operation(db: Session) -> int:
    batch = make_batch(db, status="live")
    hit = make_hit(db, batch, make_item(db, batch), status="publishing", marketplace_hit_id=None)
    db.execute(text("UPDATE hit_groups SET hit_type_id = '3TYPE'"))
    db.execute(
        text("INSERT INTO operations (batch_id, kind, hit_id) VALUES (:batch, 'publish', :hit)"),
        {"batch": batch.id, "hit": hit.id},
    )
    return batch.id


def test_a_clock_that_goes_on_changes_nothing(db: Session) -> None:
    assert taken_note(db) == timedelta(0)  # nobody has worked here yet
    beat(db)
    before = db.execute(text("SELECT * FROM endpoints")).all()
    assert taken_note(db) == timedelta(0)
    assert db.execute(text("SELECT * FROM endpoints")).all() == before


def test_calls_and_polls_do_not_wait_until_the_same_day_comes_again(db: Session) -> None:
    beat(db)
    endpoints.reserve(db, URL, calls=10, ceiling=10)
    assert endpoints.due_for_poll(db, URL, interval_s=10, ceiling=10)
    a_day_ahead(db)
    assert not endpoints.due_for_poll(db, URL, interval_s=10, ceiling=10)
    assert taken_note(db) == pytest.approx(DAY, abs=timedelta(minutes=1))
    assert taken_note(db) == timedelta(0)
    assert endpoints.reserve(db, URL, calls=1, ceiling=10).wait_s < 1
    db.execute(text("UPDATE endpoints SET polled_at = polled_at - interval '11 seconds'"))
    assert endpoints.due_for_poll(db, URL, interval_s=10, ceiling=10)
    assert heartbeats.due_for_reconcile(db, URL)


def test_an_operation_that_waits_for_tomorrow_is_free_now_and_looked_up_before_it_is_repeated(db: Session) -> None:
    batch_id = an_operation(db)
    (first,) = claimed(db, batch_id)
    leases.retry_later(db, first, error="busy", now=db.execute(text("SELECT now()")).scalar_one())
    beat(db)
    a_day_ahead(db)
    assert not claimed(db, batch_id)
    taken_note(db)
    (again,) = claimed(db, batch_id)
    assert again.attempt == 2
    age = db.execute(text("SELECT now() - first_attempt_at FROM operations")).scalar_one()
    assert age > timedelta(hours=24)  # so its token is not trusted


def test_an_operation_that_seems_to_have_been_tried_some_hours_ago_may_be_older_and_is_looked_up_too(
    db: Session,
) -> None:
    batch_id = an_operation(db)
    assert claimed(db, batch_id)
    beat(db)
    a_day_ahead(db)
    # 30 hours ago, in truth; the marketplace has forgotten its token.
    db.execute(text("UPDATE operations SET first_attempt_at = now() - interval '6 hours'"))
    taken_note(db)
    age = db.execute(text("SELECT now() - first_attempt_at FROM operations")).scalar_one()
    assert age > timedelta(hours=24)


def test_who_is_at_a_call_keeps_it_for_a_lease_and_no_longer(db: Session) -> None:
    batch_id = an_operation(db)
    assert claimed(db, batch_id)
    beat(db)
    a_day_ahead(db)
    taken_note(db)
    left = db.execute(text("SELECT lease_until - now() FROM operations")).scalar_one()
    assert left == pytest.approx(timedelta(seconds=300), abs=timedelta(seconds=5))


@pytest.mark.parametrize("compared", [True, False])
def test_a_comparison_that_a_break_asks_for_is_asked_for_still_and_one_that_was_made_is_not(
    db: Session, compared: bool
) -> None:
    beat(db)
    db.execute(text("UPDATE endpoints SET heartbeat_at = heartbeat_at - interval '2 hours'"))
    beat(db)
    if compared:
        heartbeats.reconciled(db, URL, interval_s=3600)
    a_day_ahead(db)
    taken_note(db)
    beat(db)
    assert heartbeats.must_reconcile(db, URL) is not compared
    heartbeats.reconciled(db, URL, interval_s=3600)
    assert not heartbeats.must_reconcile(db, URL)
