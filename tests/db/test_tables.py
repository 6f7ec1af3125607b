"""What the database itself refuses, whatever the code above it believes."""

from collections.abc import Callable
from decimal import Decimal
from typing import Any

import pytest
from sqlalchemy import text
from sqlalchemy.exc import IntegrityError
from sqlalchemy.orm import Session

from app.db.tables import Operation, Payment
from app.domain.vocabulary import Option
from tests.factories import (
    make_assignment,
    make_batch,
    make_consensus,
    make_hit,
    make_item,
    make_media_file,
    make_response,
    make_worker,
)


def refused(db: Session, constraint: str, act: Callable[[], Any]) -> None:
    """`act` must fail for this very constraint."""
    with pytest.raises(IntegrityError, match=constraint):
        _in_savepoint(db, act)


def _in_savepoint(db: Session, act: Callable[[], Any]) -> None:
    with db.begin_nested():
        act()
        db.flush()


def add(db: Session, row: object) -> None:
    db.add(row)
    db.flush()


def test_one_response_per_worker_and_item(db: Session) -> None:
    batch, worker = make_batch(db), make_worker(db)
    item = make_item(db, batch)
    make_response(db, make_assignment(db, make_hit(db, batch, item), worker), item)
    second = make_assignment(db, make_hit(db, batch, item), worker)
    refused(db, "uq_responses_item_id_worker_id", lambda: make_response(db, second, item))


def test_a_second_assignment_of_a_worker_on_a_hit_is_kept_whatever_the_marketplace_meant_by_it(db: Session) -> None:
    batch, worker = make_batch(db), make_worker(db)
    hit = make_hit(db, batch, make_item(db, batch))
    assert make_assignment(db, hit, worker).id != make_assignment(db, hit, worker).id


def test_a_marketplaces_id_is_stored_once(db: Session) -> None:
    batch = make_batch(db)
    item = make_item(db, batch)
    hit = make_hit(db, batch, item, marketplace_hit_id="3HIT")
    refused(db, "uq_hits_marketplace_hit_id", lambda: make_hit(db, batch, item, marketplace_hit_id="3HIT"))
    make_assignment(db, hit, make_worker(db), marketplace_assignment_id="3ASSIGNMENT")
    refused(
        db,
        "uq_assignments_marketplace_assignment_id",
        lambda: make_assignment(db, hit, make_worker(db), marketplace_assignment_id="3ASSIGNMENT"),
    )


def test_a_request_token_belongs_to_one_hit(db: Session) -> None:
    batch = make_batch(db)
    item = make_item(db, batch)
    hit = make_hit(db, batch, item)
    refused(db, "uq_hits_request_token", lambda: make_hit(db, batch, item, request_token=hit.request_token))


def test_a_worker_is_known_once_per_marketplace(db: Session) -> None:
    make_worker(db, marketplace_worker_id="A1")
    make_worker(db, marketplace_worker_id="A1", profile="sandbox")
    refused(db, "uq_workers_profile_marketplace_worker_id", lambda: make_worker(db, marketplace_worker_id="A1"))


def payment(
    db: Session,
    kind: str,
    amount: str,
    *,
    hit: Any,
    assignment: Any = None,
    operation: Any = None,
    status: str = "booked",
) -> None:
    add(
        db,
        Payment(
            batch_id=hit.batch_id,
            hit_id=hit.id,
            assignment_id=assignment.id if assignment else None,
            operation_id=operation.id if operation else None,
            kind=kind,
            status=status,
            amount_usd=Decimal(amount),
        ),
    )


def test_one_reward_and_one_fee_per_assignment(db: Session) -> None:
    batch = make_batch(db)
    hit = make_hit(db, batch, make_item(db, batch))
    assignment = make_assignment(db, hit, make_worker(db))
    payment(db, "reward", "0.05", hit=hit, assignment=assignment)
    payment(db, "fee", "0.01", hit=hit, assignment=assignment)
    refused(db, "uq_payments_assignment", lambda: payment(db, "reward", "0.05", hit=hit, assignment=assignment))
    refused(db, "uq_payments_assignment", lambda: payment(db, "fee", "0.01", hit=hit, assignment=assignment))


def test_one_reservation_per_hit_and_one_of_each_kind_per_operation(db: Session) -> None:
    batch = make_batch(db)
    hit = make_hit(db, batch, make_item(db, batch))
    extension = Operation(batch_id=batch.id, kind="extend", hit_id=hit.id, key="7")
    add(db, extension)
    payment(db, "reservation", "0.30", hit=hit)
    payment(db, "reservation", "0.12", hit=hit, operation=extension)
    refused(db, "uq_payments_reservation", lambda: payment(db, "reservation", "0.30", hit=hit))
    refused(db, "uq_payments_operation", lambda: payment(db, "reservation", "0.12", hit=hit, operation=extension))


def test_only_a_release_is_negative_and_only_payments_belong_to_assignments(db: Session) -> None:
    batch = make_batch(db)
    hit = make_hit(db, batch, make_item(db, batch))
    assignment = make_assignment(db, hit, make_worker(db))
    refused(db, "only_releases_negative", lambda: payment(db, "reservation", "-0.30", hit=hit))
    refused(db, "only_releases_negative", lambda: payment(db, "release", "0.30", hit=hit))
    refused(db, "belongs_to_assignment", lambda: payment(db, "reward", "0.05", hit=hit))
    refused(db, "belongs_to_assignment", lambda: payment(db, "release", "-0.05", hit=hit, assignment=assignment))


@pytest.mark.parametrize(
    ("kind", "constraint"),
    [
        ("publish", "publish"),
        ("expire", "expire"),
        ("delete", "delete"),
        ("extend", "extend"),
        ("approve", "decide"),
        ("reject", "decide"),
        ("override", "override"),
        ("bonus", "bonus"),
    ],
)
def test_one_intent_per_call(db: Session, kind: str, constraint: str) -> None:
    batch = make_batch(db)
    hit = make_hit(db, batch, make_item(db, batch))
    assignment = make_assignment(db, hit, make_worker(db))
    target = assignment.id if constraint in {"decide", "override", "bonus"} else None

    def intend() -> None:
        add(db, Operation(batch_id=batch.id, kind=kind, hit_id=hit.id, assignment_id=target))

    intend()
    refused(db, f"uq_operations_{constraint}", intend)


STATUSES = [
    ("batches", "status"),
    ("batches", "profile"),
    ("batches", "media_type"),
    ("items", "role"),
    ("items", "media_type"),
    ("hits", "status"),
    ("assignments", "status"),
    ("assignments", "answer_state"),
    ("consensus", "category"),
    ("consensus", "status"),
    ("responses", "option"),
]


@pytest.mark.parametrize(("table", "column"), STATUSES)
def test_an_unknown_word_is_refused(db: Session, table: str, column: str) -> None:
    batch = make_batch(db)
    item = make_item(db, batch)
    make_response(db, make_assignment(db, make_hit(db, batch, item), make_worker(db)), item)
    make_consensus(db, item)
    refused(db, f"ck_{table}_", lambda: db.execute(text(f"UPDATE {table} SET {column} = 'unheard-of'")))


@pytest.mark.parametrize(
    ("constraint", "columns"),
    [
        ("reward_above_floor", {"reward_usd": Decimal("0.00")}),
        ("cap_not_negative", {"cap_usd": Decimal("-0.01")}),
        ("quorum_reachable", {"quorum": 6}),
        ("quorum_reachable", {"quorum": 0}),
        ("assignments_per_item_sane", {"assignments_per_item": 101}),
        ("items_per_hit_sane", {"items_per_hit": 51}),
    ],
)
def test_a_batch_that_makes_no_sense_is_refused(db: Session, constraint: str, columns: dict[str, Any]) -> None:
    refused(db, constraint, lambda: make_batch(db, **columns))


def test_an_item_has_one_medium_two_labels_and_an_id_of_its_own(db: Session) -> None:
    batch = make_batch(db)
    make_item(db, batch, external_id="7")
    make_item(db, make_batch(db), external_id="7")
    refused(db, "uq_items_batch_id_external_id", lambda: make_item(db, batch, external_id="7"))
    refused(db, "one_medium", lambda: make_item(db, batch, media_url=None))
    refused(db, "one_medium", lambda: make_item(db, batch, text="and a URL"))
    refused(db, "labels_not_empty", lambda: make_item(db, batch, given_label=""))
    refused(db, "labels_not_empty", lambda: make_item(db, batch, guessed_label=""))
    make_item(db, batch, media_url=None, media_token=make_media_file(db).token)


def test_a_response_is_an_answer_or_a_cannot_tell(db: Session) -> None:
    batch = make_batch(db)
    item = make_item(db, batch)
    assignment = make_assignment(db, make_hit(db, batch, item), make_worker(db))
    refused(db, "answer_or_cannot_tell", lambda: make_response(db, assignment, item, Option.GIVEN, cannot_tell=True))
    refused(db, "answer_or_cannot_tell", lambda: make_response(db, assignment, item, None, cannot_tell=False))
    make_response(db, assignment, item, None)


def test_a_consensus_counts_what_it_says(db: Session) -> None:
    item = make_item(db, make_batch(db))
    refused(db, "counts_add_up", lambda: make_consensus(db, item, response_count=4))


def test_an_item_stands_once_in_a_hit(db: Session) -> None:
    batch = make_batch(db)
    item = make_item(db, batch)
    refused(db, "uq_hit_items_hit_id_item_id", lambda: make_hit(db, batch, item, item))
