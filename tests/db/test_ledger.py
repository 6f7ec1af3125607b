import threading
from decimal import Decimal
from typing import Any

import pytest
from sqlalchemy import text
from sqlalchemy.orm import Session

from app.db import ledger, operations
from app.db.engine import Database
from app.db.operations import Bonus, Extension, Feedback, Intent
from app.db.tables import Account, Batch, Payment
from app.domain.pricing import Price, assignment_price
from app.domain.vocabulary import AssignmentId, BatchId, HITId, OperationId, OperationKind, PaymentStatus
from app.errors import BudgetExceeded, NotFound
from tests.factories import make_assignment, make_batch, make_hit, make_item, make_worker

CENT = Decimal("0.01")


def reservation(db: Session, hit: Any, amount: str) -> None:
    payment = Payment(
        batch_id=hit.batch_id, hit_id=hit.id, kind="reservation", status="booked", amount_usd=Decimal(amount)
    )
    db.add(payment)
    db.flush()


def a_hit(db: Session, *, reserved: str = "0.30", **batch: Any) -> Any:
    made = make_batch(db, **batch)
    hit = make_hit(db, made, make_item(db, made))
    reservation(db, hit, reserved)
    return hit


def an_assignment(db: Session, hit: Any) -> AssignmentId:
    return AssignmentId(make_assignment(db, hit, make_worker(db)).id)


def an_operation(db: Session, kind: OperationKind, hit: Any, assignment_id: AssignmentId | None = None) -> OperationId:
    intent = Intent(hit_id=HITId(hit.id), assignment_id=assignment_id)
    (intended,) = operations.intend(db, kind, BatchId(hit.batch_id), [intent])
    return intended.id


def committed(db: Session, hit: Any) -> Decimal:
    return ledger.committed_usd(db, BatchId(hit.batch_id))


def entries(db: Session) -> list[tuple[str, str, Decimal]]:
    rows = db.execute(text("SELECT kind, status, amount_usd FROM payments ORDER BY id"))
    return [(row.kind, row.status, row.amount_usd) for row in rows]


def test_the_cap_leaves_what_is_not_committed(db: Session) -> None:
    hit = a_hit(db, cap_usd=Decimal("0.50"))
    batch = ledger.locked_batch(db, BatchId(hit.batch_id))
    ledger.check_room(db, batch, Decimal("0.20"))
    with pytest.raises(BudgetExceeded, match=r"needs \$0.21 and the cap leaves \$0.20"):
        ledger.check_room(db, batch, Decimal("0.21"))


def test_a_batch_without_a_cap_may_spend_nothing(db: Session) -> None:
    batch = ledger.locked_batch(db, BatchId(make_batch(db, cap_usd=None).id))
    with pytest.raises(BudgetExceeded):
        ledger.check_room(db, batch, CENT)


def test_an_accounts_cap_holds_over_all_its_batches(db: Session) -> None:
    rita = Account(email="rita@example.org", password_hash="x", role="requester", cap_usd=Decimal("0.50"))
    db.add(rita)
    db.flush()
    a_hit(db, created_by=rita.id)
    a_hit(db)  # somebody else's
    mine = ledger.locked_batch(db, BatchId(make_batch(db, created_by=rita.id).id))
    ledger.check_room(db, mine, Decimal("0.20"))
    with pytest.raises(BudgetExceeded, match="the Account's cap"):
        ledger.check_room(db, mine, Decimal("0.21"))


def test_two_runners_that_reserve_at_once_stay_under_the_cap(database: Database) -> None:
    with database.transaction() as db:
        hit = a_hit(db, reserved="0.00", cap_usd=Decimal("0.30"))
        others = [
            make_hit(db, db.get_one(Batch, hit.batch_id), make_item(db, db.get_one(Batch, hit.batch_id)))
            for _ in "12345"
        ]
    refused = []

    def extend(one: Any) -> None:
        try:
            with database.transaction() as db:
                batch = ledger.locked_batch(db, BatchId(one.batch_id))
                ledger.check_room(db, batch, Decimal("0.12"))
                ledger.reserve(db, an_operation(db, OperationKind.EXTEND, one), Decimal("0.12"))
        except BudgetExceeded as error:
            refused.append(error)

    threads = [threading.Thread(target=extend, args=(one,)) for one in others]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    with database.transaction() as db:
        assert (len(refused), committed(db, hit)) == (3, Decimal("0.24"))


def test_a_batch_that_does_not_exist_cannot_be_locked(db: Session) -> None:
    with pytest.raises(NotFound):
        ledger.locked_batch(db, BatchId(7))


def test_an_extension_reserves_once_and_is_released_once(db: Session) -> None:
    hit = a_hit(db)
    extension = an_operation(db, OperationKind.EXTEND, hit)
    for _ in range(2):
        ledger.reserve(db, extension, Decimal("0.12"))
    assert committed(db, hit) == Decimal("0.42")
    for _ in range(2):
        ledger.release(db, [extension])
    assert committed(db, hit) == Decimal("0.30")


def test_a_closed_hit_releases_what_it_did_not_spend(db: Session) -> None:
    hit = a_hit(db)
    paid, rejected = an_assignment(db, hit), an_assignment(db, hit)
    ledger.owe(db, [paid, rejected])
    ledger.pay(db, [paid])
    ledger.cancel_owed(db, [rejected])
    ledger.release_share(db, an_operation(db, OperationKind.REJECT, hit, rejected), Decimal("0.06"))
    assert committed(db, hit) == Decimal("0.24")
    ledger.release_hits(db, [hit.id])
    assert committed(db, hit) == Decimal("0.06")
    ledger.release_hits(db, [hit.id])  # nothing is left to release
    assert committed(db, hit) == Decimal("0.06")


@pytest.mark.parametrize("cents", [1, 2, 3, 5, 7, 8, 13, 25, 99, 100, 333, 1001])
def test_what_is_owed_is_the_price_to_the_cent(db: Session, cents: int) -> None:
    reward = cents * CENT
    hit = a_hit(db, reserved="99", reward_usd=reward)
    ledger.owe(db, [an_assignment(db, hit)])
    price = assignment_price(reward, max_assignments=5, masters=False)
    assert entries(db)[1:] == [("reward", "owed", price.reward_usd), ("fee", "owed", price.fee_usd)]


def test_a_second_booking_changes_nothing_and_a_cancelled_one_can_be_owed_again(db: Session) -> None:
    hit = a_hit(db)
    assignment = an_assignment(db, hit)
    for _ in range(2):
        ledger.owe(db, [assignment])
    ledger.cancel_owed(db, [assignment])
    assert {status for _, status, _ in entries(db)[1:]} == {"cancelled"}
    ledger.owe(db, [assignment])
    ledger.pay(db, [assignment])
    ledger.owe(db, [assignment])
    ledger.cancel_owed(db, [assignment])
    assert [status for _, status, _ in entries(db)[1:]] == ["paid", "paid"]


def test_a_bonus_counts_against_the_cap_until_it_is_given_up(db: Session) -> None:
    hit = a_hit(db)
    bonus = an_operation(db, OperationKind.BONUS, hit, an_assignment(db, hit))
    for _ in range(2):
        ledger.owe_bonus(db, bonus, Price(Decimal("0.25"), Decimal("0.05")))
    assert committed(db, hit) == Decimal("0.60")
    ledger.close_bonuses(db, [bonus], PaymentStatus.CANCELLED)
    assert committed(db, hit) == Decimal("0.30")
    ledger.close_bonuses(db, [bonus], PaymentStatus.PAID)  # too late: nothing is owed any more
    assert committed(db, hit) == Decimal("0.30")


def test_a_paid_bonus_stays_committed(db: Session) -> None:
    hit = a_hit(db)
    bonus = an_operation(db, OperationKind.BONUS, hit, an_assignment(db, hit))
    ledger.owe_bonus(db, bonus, Price(Decimal("0.25"), Decimal("0.05")))
    ledger.close_bonuses(db, [bonus], PaymentStatus.PAID)
    ledger.release_hits(db, [hit.id])
    assert committed(db, hit) == Decimal("0.30")  # the reservation is gone, the bonus is not


def test_the_arguments_of_a_call_come_back_as_they_went() -> None:
    from datetime import UTC, datetime
    from uuid import uuid4

    for extension in (Extension(7, None), Extension(5, datetime(2026, 11, 24, 12, 0, tzinfo=UTC))):
        assert Extension.of(extension.arguments()) == extension
    assert Feedback.of(Feedback("Thank you.").arguments()) == Feedback("Thank you.")
    bonus = Bonus(Decimal("0.25"), "Well done", uuid4())
    assert Bonus.of(bonus.arguments()) == bonus
