from decimal import Decimal
from typing import Any

import pytest
from sqlalchemy import text
from sqlalchemy.orm import Session

from app.db import ledger, ledger_rules
from app.db.operations import Bonus, Intent, intend
from app.db.tables import Batch, Hit, HitGroup
from app.domain.pricing import bonus_price
from app.domain.vocabulary import AssignmentId, BatchId, HITId, OperationKind, PaymentStatus
from tests.factories import make_assignment, make_batch, make_hit, make_item, make_worker

REWARD = Decimal("0.05")


def a_whole_batch(db: Session) -> tuple[Batch, Hit]:
    """One HIT with two places, one of them approved and paid; a bonus that was paid; a rejected answer."""
    batch = make_batch(db, status="live", assignments_per_item=2, quorum=1, cap_usd=Decimal("1.00"))
    hit = make_hit(db, batch, make_item(db, batch))
    add(db, hit, "reservation", "booked", Decimal("0.12"))
    approved = make_assignment(db, hit, make_worker(db), status="approved", marketplace_status="Approved")
    make_assignment(db, hit, make_worker(db), status="rejected", marketplace_status="Rejected")
    ledger.owe(db, [AssignmentId(approved.id)], status=PaymentStatus.PAID)
    batch_id = BatchId(batch.id)
    bonus = Bonus(Decimal("0.10"), "Thank you!", batch.token).arguments()
    intent = Intent(hit_id=HITId(hit.id), assignment_id=AssignmentId(approved.id), key="k", arguments=bonus)
    (operation,) = intend(db, OperationKind.BONUS, batch_id, [intent])
    ledger.owe_bonus(db, operation.id, bonus_price(Decimal("0.10")))
    ledger.close_bonuses(db, [operation.id], PaymentStatus.PAID)
    db.execute(text("UPDATE operations SET status = 'done'"))
    return batch, hit


def add(db: Session, hit: Hit, kind: str, status: str, amount: Decimal) -> None:
    db.execute(
        text(
            "INSERT INTO payments (batch_id, hit_id, kind, status, amount_usd) VALUES (:batch, :hit, :kind, :status, :amount)"
        ),
        {"batch": hit.batch_id, "hit": hit.id, "kind": kind, "status": status, "amount": amount},
    )


def broken(db: Session, **options: Any) -> set[str]:
    db.flush()
    return {found.rule for found in ledger_rules.broken_rules(db, grace_s=0, **options)}


def test_a_ledger_that_is_right_breaks_no_rule(db: Session) -> None:
    batch, hit = a_whole_batch(db)
    assert broken(db) == set()
    hit.status = "done"
    db.flush()
    ledger.release_hits(db, [hit.id])
    batch.status = "done"
    assert broken(db) == set()


def test_a_compensation_that_is_offered_after_the_end_holds_its_money_until_it_is_over(db: Session) -> None:
    batch, hit = a_whole_batch(db)
    hit.status = "done"
    db.flush()
    ledger.release_hits(db, [hit.id])
    group = HitGroup(batch_id=batch.id, number=-7, purpose="compensation", requires="present", reward_usd=REWARD)
    db.add(group)
    db.flush()
    offered = make_hit(db, batch, group_id=group.id, max_assignments=1)
    add(db, offered, "reservation", "booked", Decimal("0.06"))
    batch.status = "done"
    assert broken(db) == set()
    offered.status = "done"
    assert broken(db) == {"ended_batch_holds_nothing", "closed_hit_holds_nothing"}


BREAKS = {
    "cap_kept": "UPDATE batches SET cap_usd = 0.10",
    "hit_within_its_reservation": "UPDATE payments SET amount_usd = 0.05 WHERE kind = 'reservation'",
    "closed_hit_holds_nothing": "UPDATE hits SET status = 'done'",
    "every_place_is_reserved": "UPDATE hits SET max_assignments = 5",
    "every_hit_has_its_reservation": "DELETE FROM payments WHERE kind = 'reservation'",
    "approved_work_is_paid": "UPDATE assignments SET status = 'approved' WHERE status = 'rejected'",
    "only_approved_work_is_paid": "UPDATE assignments SET status = 'rejected'",
    "rewards_and_fees_are_exact": "UPDATE payments SET amount_usd = 0.04 WHERE kind = 'reward'",
    "reward_and_fee_go_together": "DELETE FROM payments WHERE kind = 'fee'",
    "bonus_and_fee_go_together": "UPDATE payments SET amount_usd = 0.03 WHERE kind = 'bonus_fee'",
    "bonus_follows_its_operation": "UPDATE operations SET status = 'intended' WHERE kind = 'bonus'",
    "bonus_is_its_operations": "UPDATE operations SET arguments = jsonb_set(arguments, '{amount_usd}', '\"0.11\"')",
    "paid_has_its_time": "UPDATE payments SET paid_at = NULL WHERE kind = 'reward'",
    "booked_are_reservations": "UPDATE payments SET status = 'booked' WHERE kind = 'reward'",
    "ended_batch_holds_nothing": "UPDATE batches SET status = 'done'",
}


@pytest.mark.parametrize("rule", BREAKS)
def test_each_rule_can_be_broken(db: Session, rule: str) -> None:
    batch, _ = a_whole_batch(db)
    db.flush()
    db.execute(text(BREAKS[rule]))
    db.expire_all()
    assert rule in broken(db)
    assert rule in broken(db, batch_id=BatchId(batch.id))
    assert broken(db, batch_id=BatchId(batch.id + 1)) == set()


def test_an_entry_of_another_batch_is_found(db: Session) -> None:
    a_whole_batch(db)
    other = make_batch(db)
    db.execute(text("UPDATE payments SET batch_id = :id WHERE kind = 'reward'"), {"id": other.id})
    assert "entry_is_at_home" in broken(db)


def test_every_rule_has_its_break_here() -> None:
    assert {*BREAKS, "entry_is_at_home"} == set(ledger_rules.RULES)


def test_a_decision_made_just_now_may_wait_for_its_payment(db: Session) -> None:
    a_whole_batch(db)
    db.execute(
        text(
            "UPDATE assignments SET status = 'approved', decided_at = now() - interval '1 minute' WHERE status = 'rejected'"
        )
    )
    assert "approved_work_is_paid" not in {found.rule for found in ledger_rules.broken_rules(db)}
    assert "approved_work_is_paid" in {found.rule for found in ledger_rules.broken_rules(db, grace_s=30)}
