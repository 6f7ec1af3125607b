from decimal import Decimal

import pytest
from sqlalchemy import insert
from sqlalchemy.orm import Session

from app.db.tables import Batch, Item, Operation, Payment
from app.domain.statistics.categories import CategoryTable
from app.domain.vocabulary import BatchId, BatchStatus, Category, HITStatus, ItemId, OperationKind, Option
from app.errors import NotFound
from app.pipeline import item_report, report
from app.pipeline.item_report import ItemFilter
from tests.factories import (
    NOW,
    make_assignment,
    make_batch,
    make_consensus,
    make_hit,
    make_item,
    make_response,
    make_worker,
)


def pay(
    db: Session, batch: Batch, hit_id: int, kind: str, usd: str, *, status: str, assignment: int | None = None
) -> None:
    db.execute(
        insert(Payment).values(
            batch_id=batch.id,
            hit_id=hit_id,
            assignment_id=assignment,
            kind=kind,
            status=status,
            amount_usd=Decimal(usd),
        )
    )


def live_batch(db: Session, items: int) -> tuple[Batch, list[Item]]:
    batch = make_batch(db, status=BatchStatus.LIVE, item_count=items, launched_at=NOW)
    return batch, [make_item(db, batch) for _ in range(items)]


def test_a_draft_has_no_progress_and_no_forecast_yet(db: Session) -> None:
    batch = make_batch(db, item_count=3, cap_usd=None)
    seen = report.progress(db, BatchId(batch.id))
    assert (seen.items, seen.responses, seen.responses_expected, seen.open) == (3, 0, 15, 3)
    assert (seen.done_share, seen.agreement, seen.hits.total) == (0.0, None, 0)
    assert (seen.money.cap_usd, seen.money.forecast_usd, seen.money.reserved_usd) == (None, None, Decimal(0))


def test_progress_counts_hits_assignments_and_responses(db: Session) -> None:
    batch, (one, two, three) = live_batch(db, 3)
    ada, bob = make_worker(db), make_worker(db)
    done = make_hit(db, batch, one, status=HITStatus.DONE)
    make_hit(db, batch, two)
    make_hit(db, batch, three, status=HITStatus.PLANNED, marketplace_hit_id=None)
    make_assignment(db, done, ada, status="approved")
    make_assignment(db, done, bob, answer_state="quarantined")
    make_consensus(db, one, response_count=4, given_count=4, cannot_tell_count=1, agreement=0.5)
    seen = report.progress(db, BatchId(batch.id))
    assert (seen.hits.planned, seen.hits.live, seen.hits.done, seen.hits.published) == (1, 1, 1, 2)
    work = seen.assignments
    assert (work.expected, work.submitted, work.approved, work.rejected, work.quarantined) == (15, 2, 1, 0, 1)
    assert (seen.responses, seen.cannot_tell, seen.responses_expected) == (5, 1, 15)
    assert (seen.settled, seen.open, seen.agreement) == (1, 2, 0.5)
    assert seen.done_share == pytest.approx(1 / 3)


def test_cancelled_hits_offer_no_places(db: Session) -> None:
    batch, (one, two) = live_batch(db, 2)
    make_hit(db, batch, one)
    make_hit(db, batch, two, status=HITStatus.CANCELLED, marketplace_hit_id=None)
    seen = report.progress(db, BatchId(batch.id))
    assert seen.assignments.expected == 5
    assert seen.money.forecast_usd == Decimal("0.30")


def test_the_studys_table_counts_settled_items_only(db: Session) -> None:
    batch, items = live_batch(db, 6)
    for item, category in zip(items, Category, strict=False):
        make_consensus(db, item, category=category, option=None)
    make_consensus(db, items[5], category=Category.CORRECTABLE, status="open")
    seen = report.progress(db, BatchId(batch.id))
    assert seen.categories == CategoryTable(
        checked=5, non_errors=1, non_agreement=1, correctable=1, multi_label=1, neither=1
    )
    assert (seen.settled, seen.open) == (5, 1)


def test_money_tells_reserved_spent_and_owed_apart(db: Session) -> None:
    batch, (one,) = live_batch(db, 1)
    hit = make_hit(db, batch, one)
    paid, owed = make_assignment(db, hit, make_worker(db)), make_assignment(db, hit, make_worker(db))
    pay(db, batch, hit.id, "reservation", "0.30", status="booked")
    pay(db, batch, hit.id, "release", "-0.12", status="booked")
    for kind, usd in (("reward", "0.05"), ("fee", "0.01")):
        pay(db, batch, hit.id, kind, usd, status="paid", assignment=paid.id)
        pay(db, batch, hit.id, kind, usd, status="owed", assignment=owed.id)
    money = report.progress(db, BatchId(batch.id)).money
    assert (money.cap_usd, money.reserved_usd) == (Decimal("100.00"), Decimal("0.18"))
    assert (money.spent_usd, money.owed_usd, money.still_reserved_usd) == (Decimal("0.06"),) * 3


def test_another_batchs_rows_are_not_counted(db: Session) -> None:
    batch, _ = live_batch(db, 1)
    other, (item,) = live_batch(db, 1)
    hit = make_hit(db, other, item)
    make_assignment(db, hit, make_worker(db))
    make_consensus(db, item)
    pay(db, other, hit.id, "reservation", "0.30", status="booked")
    seen = report.progress(db, BatchId(batch.id))
    assert (seen.hits.total, seen.assignments.submitted, seen.responses, seen.money.reserved_usd) == (
        0,
        0,
        0,
        Decimal(0),
    )


def test_refused_calls_are_counted_and_told_with_their_error(db: Session) -> None:
    batch, (one,) = live_batch(db, 1)
    hit = make_hit(db, batch, one)
    failed = {"batch_id": batch.id, "hit_id": hit.id, "kind": OperationKind.PUBLISH, "status": "failed"}
    db.execute(insert(Operation).values(**failed, error="CreateHIT: ParameterValidationError", attempts=2))
    assert report.progress(db, BatchId(batch.id)).failed_operations == 1
    (failure,) = report.failed_operations(db, BatchId(batch.id))
    assert (failure.kind, failure.attempts, failure.error) == ("publish", 2, "CreateHIT: ParameterValidationError")


def test_progress_of_an_unknown_batch_is_an_error(db: Session) -> None:
    with pytest.raises(NotFound, match="Batch 4711"):
        report.progress(db, BatchId(4711))


def test_the_overview_lists_every_batch_newest_first(db: Session) -> None:
    draft = make_batch(db, name="Draft", item_count=2)
    live, (one, _) = live_batch(db, 2)
    hit = make_hit(db, live, one)
    make_consensus(db, one)
    pay(db, live, hit.id, "reservation", "0.30", status="booked")
    done = make_batch(db, name="Done", item_count=2, status=BatchStatus.DONE, launched_at=NOW, finished_at=NOW)
    seen = report.overview(db)
    assert [line.id for line in seen] == [done.id, live.id, draft.id]
    assert [line.done_share for line in seen] == [1.0, 0.5, 0.0]
    assert [line.reserved_usd for line in seen] == [Decimal(0), Decimal("0.30"), Decimal(0)]


def test_items_come_page_by_page_with_their_votes(db: Session) -> None:
    batch, items = live_batch(db, 3)
    make_consensus(
        db, items[1], response_count=5, given_count=1, guessed_count=3, neither_count=1, option=Option.GUESSED
    )
    first = item_report.items_page(db, BatchId(batch.id), limit=2)
    assert [row.external_id for row in first] == [item.external_id for item in items[:2]]
    assert first[0].category is None
    assert first[1].votes == {Option.GIVEN: 1, Option.GUESSED: 3, Option.BOTH: 0, Option.NEITHER: 1}
    rest = item_report.items_page(db, BatchId(batch.id), limit=2, after_id=first[-1].id)
    assert [row.external_id for row in rest] == [items[2].external_id]


def test_items_can_be_narrowed_to_a_category_or_to_what_is_open(db: Session) -> None:
    batch, items = live_batch(db, 4)
    make_consensus(db, items[0], category=Category.CORRECTABLE)
    make_consensus(db, items[1], category=Category.CORRECTABLE, status="open")
    make_consensus(db, items[2], category=Category.NEITHER)

    def found(only: ItemFilter) -> list[int]:
        return [row.id for row in item_report.items_page(db, BatchId(batch.id), only=only)]

    assert found(ItemFilter.CORRECTABLE) == [items[0].id]
    assert found(ItemFilter.OPEN) == [items[1].id, items[3].id]
    assert found(ItemFilter.MULTI_LABEL) == []


def test_an_item_shows_each_response_by_pseudonym(db: Session) -> None:
    batch, (item,) = live_batch(db, 1)
    hit = make_hit(db, batch, item)
    ada, bob = make_worker(db, pseudonym="W-ada"), make_worker(db, pseudonym="W-bob")
    make_response(db, make_assignment(db, hit, ada), item, Option.BOTH)
    make_response(db, make_assignment(db, hit, bob), item, None, comment="too dark")
    detail = item_report.item_detail(db, BatchId(batch.id), ItemId(item.id))
    seen = [(response.worker, response.option, response.cannot_tell, response.comment) for response in detail.responses]
    assert seen == [("W-ada", Option.BOTH, False, ""), ("W-bob", None, True, "too dark")]


def test_an_item_is_found_in_its_own_batch_only(db: Session) -> None:
    _, (item,) = live_batch(db, 1)
    other, _ = live_batch(db, 1)
    with pytest.raises(NotFound, match="Item"):
        item_report.item_detail(db, BatchId(other.id), ItemId(item.id))


def test_quarantined_answers_are_shown_as_they_came(db: Session) -> None:
    batch, (item,) = live_batch(db, 1)
    hit = make_hit(db, batch, item)
    raw = b"<Answer>\xff</Answer>"
    make_assignment(db, hit, make_worker(db), answer_state="quarantined", problem="not UTF-8", raw_answer=raw)
    make_assignment(db, hit, make_worker(db))
    (kept,) = item_report.quarantined(db, BatchId(batch.id))
    assert (kept.problem, kept.raw_answer) == ("not UTF-8", "<Answer>\ufffd</Answer>")
