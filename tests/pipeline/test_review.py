import json
from decimal import Decimal

from app.domain.vocabulary import BatchId
from app.jobs import stages
from tests.pipeline.conftest import House, in_threads

FIVE = {"Ada": "given", "Bea": "given", "Cyd": "given", "Bob": "guessed", "Mallory": "neither"}


def paid(house: House) -> Decimal:
    return Decimal(house.one("SELECT coalesce(sum(amount_usd), 0) AS usd FROM payments WHERE status = 'paid'").usd)


def answered(house: House, rows: int = 2) -> int:
    batch_id = house.live(rows=rows)
    house.answer_all(batch_id, FIVE)
    stages.run_collect(house.runtime, "local")
    return batch_id


def test_every_approved_assignment_has_its_reward_and_its_fee_in_the_ledger(house: House) -> None:
    batch_id = answered(house)
    stages.run_review(house.runtime, batch_id)  # type: ignore[arg-type]
    rows = house.rows("SELECT assignment_id, kind, amount_usd FROM payments WHERE assignment_id IS NOT NULL")
    assert len(rows) == len({(row.assignment_id, row.kind) for row in rows}) == 20
    assert paid(house) == 10 * Decimal("0.06")


def test_the_ledger_equals_the_marketplaces_own_accounting(house: House) -> None:
    before = Decimal(house.marketplace.client.get_account_balance()["AvailableBalance"])
    batch_id = answered(house)
    stages.run_review(house.runtime, batch_id)  # type: ignore[arg-type]
    balance = house.marketplace.client.get_account_balance()
    assert before - Decimal(balance["AvailableBalance"]) == paid(house)


def test_a_reply_lost_after_approval_pays_once(house: House) -> None:
    house.wire.lose_reply["ApproveAssignment"] = 4
    batch_id = answered(house)
    for _ in range(3):
        house.execute("UPDATE operations SET not_before = now()")
        stages.run_review(house.runtime, batch_id)  # type: ignore[arg-type]
    assert {row.status for row in house.rows("SELECT status FROM assignments")} == {"approved"}
    assert paid(house) == Decimal("0.60")


def test_a_crash_after_approval_pays_once(house: House) -> None:
    batch_id = answered(house)
    stages.run_review(house.runtime, batch_id)  # type: ignore[arg-type]
    # As if the results had never been written.
    house.execute("UPDATE assignments SET status = 'submitted', marketplace_status = 'Submitted', decided_at = NULL")
    house.execute("UPDATE payments SET status = 'owed', paid_at = NULL WHERE assignment_id IS NOT NULL")
    house.execute(
        "UPDATE operations SET status = 'acting', lease_until = now() - interval '1 s' WHERE kind = 'approve'"
    )
    stages.run_review(house.runtime, batch_id)  # type: ignore[arg-type]
    assert {row.status for row in house.rows("SELECT status FROM assignments")} == {"approved"}
    assert paid(house) == Decimal("0.60")


def test_two_runners_review_together_without_a_double(house: House) -> None:
    batch_id = answered(house, rows=8)
    in_threads(2, lambda: stages.run_review(house.runtime, batch_id))  # type: ignore[arg-type]
    assert paid(house) == 40 * Decimal("0.06")
    assert house.one("SELECT count(*) AS n FROM payments WHERE assignment_id IS NOT NULL").n == 80


def test_work_that_the_marketplace_approved_by_itself_is_booked_as_paid(house: House) -> None:
    batch_id = house.live(rows=1)
    house.answer_all(batch_id, FIVE)
    for page in house.marketplace.client.get_paginator("list_hits").paginate():
        for hit in page["HITs"]:
            for assignment in house.marketplace.client.list_assignments_for_hit(HITId=hit["HITId"])["Assignments"]:
                house.marketplace.client.approve_assignment(AssignmentId=assignment["AssignmentId"])
    house.collect(batch_id)
    assert paid(house) == Decimal("0.30")
    assert house.rows("SELECT 1 FROM operations WHERE kind = 'approve'") == []


def test_work_that_was_rejected_elsewhere_costs_nothing_and_its_reservation_is_released(house: House) -> None:
    batch_id = house.live(rows=1, repost_limit=0)
    house.answer_all(batch_id, FIVE)
    stages.run_collect(house.runtime, "local")
    first = house.one("SELECT marketplace_assignment_id AS id FROM assignments ORDER BY id LIMIT 1").id
    house.marketplace.client.reject_assignment(AssignmentId=first, RequesterFeedback="no")
    house.collect(batch_id)
    house.collect(batch_id)
    assert paid(house) == Decimal("0.24")
    committed = house.one("SELECT sum(amount_usd) AS usd FROM payments WHERE kind IN ('reservation', 'release')").usd
    assert committed == Decimal("0.24")
    assert house.one("SELECT status FROM batches").status == "done"


def test_a_refused_approval_is_shown_and_tried_again_later(house: House) -> None:
    batch_id = BatchId(answered(house))
    body = {"__type": "RequestError", "Message": "no (1)", "TurkErrorCode": "AWS.MechanicalTurk.PermissionDenied"}
    house.wire.refuse["ApproveAssignment"] = (400, json.dumps(body).encode())
    stages.run_review(house.runtime, batch_id)
    assert "PermissionDenied" in house.one("SELECT attention FROM batches").attention
    assert paid(house) == 0
    house.wire.refuse.clear()
    house.execute("UPDATE operations SET not_before = now()")
    stages.run_review(house.runtime, batch_id)
    assert paid(house) == Decimal("0.60")
    assert house.one("SELECT attention FROM batches").attention is None
