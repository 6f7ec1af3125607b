import json
import time
from collections.abc import Callable
from datetime import timedelta
from decimal import Decimal
from functools import partial

import pytest

from app.db import bonus_plans, ledger
from app.db.bonus_plans import BonusPlan
from app.domain.vocabulary import BatchId, OperationId
from app.errors import BudgetExceeded, Conflict, Forbidden, InvalidInput
from app.jobs import housekeeping, stages
from app.marketplace import clock
from app.pipeline import batches, bonuses, payments
from tests.pipeline.conftest import House, in_threads

FIVE = {"Ada": "given", "Bea": "given", "Cyd": "given", "Bob": "guessed", "Mallory": "neither"}
HEADER = "AssignmentId,BonusAmount,Reason\n"


def over(house: House, rows: int = 1) -> BatchId:
    """A Batch that is done, with room for bonuses under its cap."""
    batch_id = house.live(rows=rows, cap_usd=Decimal("100.00"))
    house.answer_all(batch_id, FIVE)
    house.collect(batch_id)
    house.collect(batch_id)
    assert house.one("SELECT status FROM batches").status == "done"
    return batch_id


def assignments(house: House) -> list[str]:
    return [row.name for row in house.rows("SELECT marketplace_assignment_id AS name FROM assignments ORDER BY id")]


def sheet(*rows: tuple[str, str, str]) -> bytes:
    return (HEADER + "".join(f'{a},{amount},"{reason}"\n' for a, amount, reason in rows)).encode()


def plan(house: House, batch_id: BatchId, content: bytes) -> BonusPlan:
    with house.database.transaction() as db:
        return bonus_plans.plan_sheet(db, batch_id, content)


def ask(house: House, batch_id: BatchId, content: bytes, *, skip_faulty: bool = False) -> None:
    with house.database.transaction() as db:
        planned = bonus_plans.plan_sheet(db, batch_id, content)
        bonuses.pay(db, batch_id, planned, by="rita", settings=house.settings, skip_faulty=skip_faulty)


def carry_out(house: House, batch_id: BatchId) -> None:
    house.execute("UPDATE operations SET not_before = now()")
    stages.run_review(house.runtime, batch_id)


def listed(house: House, assignment_id: str) -> list[tuple[str, str]]:
    page = house.marketplace.client.list_bonus_payments(AssignmentId=assignment_id)
    return [(paid["BonusAmount"], paid["Reason"]) for paid in page["BonusPayments"]]


def taken(house: House) -> Decimal:
    """What the marketplace took and holds, of what it was given at first."""
    balance = house.marketplace.client.get_account_balance()
    return Decimal(balance["AvailableBalance"]) + Decimal(balance.get("OnHoldBalance", "0"))


def committed(house: House, batch_id: BatchId) -> Decimal:
    with house.database.transaction() as db:
        return ledger.committed_usd(db, batch_id)


def paid(house: House) -> Decimal:
    return Decimal(house.one("SELECT coalesce(sum(amount_usd), 0) AS usd FROM payments WHERE status = 'paid'").usd)


def states(house: House) -> set[str]:
    return {row.status for row in house.rows("SELECT status FROM operations WHERE kind = 'bonus'")}


def test_bonuses_of_a_sheet_are_paid_with_their_fee_after_the_batch_is_over(house: House) -> None:
    batch_id = over(house)
    before, (ada, bea, *_) = taken(house), assignments(house)
    ask(house, batch_id, sheet((ada, "0.50", "So careful"), (bea, "$1.00", "Found an error, twice")))
    carry_out(house, batch_id)
    assert listed(house, ada) == [("0.50", "So careful")]
    assert listed(house, bea) == [("1.00", "Found an error, twice")]
    assert before - taken(house) == Decimal("1.80")
    assert committed(house, batch_id) == paid(house) == Decimal("0.30") + Decimal("1.80")


def test_the_same_sheet_twice_pays_once(house: House) -> None:
    batch_id = over(house)
    ada, bea, *_ = assignments(house)
    ask(house, batch_id, sheet((ada, "0.50", "So careful")))
    carry_out(house, batch_id)
    again = plan(house, batch_id, sheet((ada, "0.500", " So  careful "), (bea, "0.50", "So careful")))
    assert (len(again.new), again.known, again.price.total_usd) == (1, 1, Decimal("0.60"))
    ask(house, batch_id, sheet((ada, "0.50", "So careful"), (bea, "0.50", "So careful")))
    carry_out(house, batch_id)
    assert len(listed(house, ada)) == len(listed(house, bea)) == 1


def test_another_reason_or_amount_is_another_bonus(house: House) -> None:
    batch_id = over(house)
    ada, *_ = assignments(house)
    for amount, reason in (("0.50", "So careful"), ("0.50", "So fast"), ("0.60", "So fast")):
        ask(house, batch_id, sheet((ada, amount, reason)))
    carry_out(house, batch_id)
    assert len(listed(house, ada)) == 3


def test_a_reply_lost_after_a_bonus_pays_once(house: House) -> None:
    batch_id = over(house)
    ada, *_ = assignments(house)
    house.wire.lose_reply["SendBonus"] = 4
    ask(house, batch_id, sheet((ada, "0.50", "So careful")))
    carry_out(house, batch_id)
    assert states(house) == {"intended"}
    carry_out(house, batch_id)
    assert (states(house), len(listed(house, ada))) == ({"done"}, 1)
    assert committed(house, batch_id) == paid(house) == Decimal("0.90")


def crash_before_the_result(house: House) -> None:
    """As if the runner had died between the call and its result."""
    house.execute("UPDATE payments SET status = 'owed', paid_at = NULL WHERE kind IN ('bonus', 'bonus_fee')")
    house.execute("UPDATE operations SET status = 'acting', lease_until = now() - interval '1 s' WHERE kind = 'bonus'")


def test_a_crash_between_a_bonus_and_its_result_pays_once(house: House) -> None:
    batch_id = over(house)
    ada, *_ = assignments(house)
    ask(house, batch_id, sheet((ada, "0.50", "So careful")))
    carry_out(house, batch_id)
    crash_before_the_result(house)
    carry_out(house, batch_id)
    assert (states(house), len(listed(house, ada))) == ({"done"}, 1)
    assert paid(house) == Decimal("0.90")


@pytest.fixture
def rehearsal(monkeypatch: pytest.MonkeyPatch) -> None:
    """The marketplace's clock may be moved."""
    monkeypatch.setenv("LABELJURY_MARKETPLACE_REHEARSAL", "true")


def wait_for_the_marketplaces_clock(house: House, ahead: timedelta) -> None:
    """Move it ahead, and wait until its server has read that."""
    with house.database.transaction() as db:
        clock.advance(db, ahead)
    time.sleep(1.2)


@pytest.mark.usefixtures("rehearsal")
def test_a_day_after_the_crash_when_the_token_is_forgotten_it_still_pays_once(house: House) -> None:
    batch_id = over(house)
    ada, *_ = assignments(house)
    ask(house, batch_id, sheet((ada, "0.50", "So careful")))
    carry_out(house, batch_id)
    wait_for_the_marketplaces_clock(house, timedelta(days=2))
    crash_before_the_result(house)
    carry_out(house, batch_id)
    assert (states(house), len(listed(house, ada))) == ({"done"}, 1)


def test_a_restored_backup_that_knows_nothing_of_a_bonus_pays_it_once(house: House) -> None:
    batch_id = over(house)
    ada, *_ = assignments(house)
    content = sheet((ada, "0.50", "So careful"))
    ask(house, batch_id, content)
    carry_out(house, batch_id)
    house.execute("DELETE FROM payments WHERE kind IN ('bonus', 'bonus_fee')")
    house.execute("DELETE FROM operations WHERE kind = 'bonus'")
    ask(house, batch_id, content)
    carry_out(house, batch_id)
    assert (states(house), len(listed(house, ada))) == ({"done"}, 1)


def test_a_token_that_was_used_while_the_list_lags_is_looked_up_later(house: House) -> None:
    batch_id = over(house)
    ada, *_ = assignments(house)
    refuse(house, "AlreadyProcessed", "The idempotency token has already been processed.")
    ask(house, batch_id, sheet((ada, "0.50", "So careful")))
    carry_out(house, batch_id)
    assert (states(house), paid(house)) == ({"intended"}, Decimal("0.30"))
    house.wire.refuse.clear()
    carry_out(house, batch_id)
    assert (states(house), len(listed(house, ada))) == ({"done"}, 1)


def test_two_runners_pay_each_bonus_once(house: House) -> None:
    batch_id = over(house, rows=4)
    everyone = assignments(house)
    ask(house, batch_id, sheet(*((one, "0.10", "Thanks") for one in everyone)))
    in_threads(2, lambda: stages.run_review(house.runtime, batch_id))
    assert all(len(listed(house, one)) == 1 for one in everyone)
    assert committed(house, batch_id) == paid(house)


def test_the_timetable_pays_what_a_lost_job_left(house: House) -> None:
    batch_id = over(house)
    ada, *_ = assignments(house)
    ask(house, batch_id, sheet((ada, "0.50", "So careful")))
    house.execute("DELETE FROM procrastinate_jobs")
    housekeeping.tick(house.runtime)
    (job,) = house.rows("SELECT task_name FROM procrastinate_jobs WHERE task_name IN ('review', 'publish')")
    assert job.task_name == "review"


# --- sheets with faults ----------------------------------------------------------------------------------------------


def test_every_fault_is_named_by_its_line_and_nothing_is_paid(house: House) -> None:
    batch_id = over(house)
    ada, bea, cyd, *_ = assignments(house)
    other = house.live(rows=1)
    stranger = house.answer(
        "Ada", house.one("SELECT id FROM hits WHERE batch_id = :id", id=other).id, lambda _: "given"
    )
    house.collect(other)
    rows = [
        (ada, "0.50", "So careful"),
        ("3NOSUCHASSIGNMENT", "0.50", "x"),
        (stranger, "0.50", "x"),
        (bea, "0.005", "x"),
        (bea, "0.505", "x"),
        (bea, "much", ""),
        (cyd, "20000", "x"),
        (ada, "0.50", "So careful"),
    ]
    with pytest.raises(InvalidInput) as refused:
        ask(house, batch_id, sheet(*rows))
    said = [str(problem) for problem in refused.value.problems]
    assert [problem.line for problem in refused.value.problems] == [3, 4, 5, 6, 7, 7, 8, 9]
    assert "is of no Batch here" in said[0]
    assert f"is of Batch {other}, not of" in said[1]
    assert ("less than a cent" in said[2], "parts of a cent" in said[3]) == (True, True)
    assert "same as line 2" in said[7]
    assert house.rows("SELECT 1 FROM operations WHERE kind = 'bonus'") == []


def test_one_wrong_row_among_ten_thousand_is_named_and_may_be_skipped(house: House) -> None:
    batch_id = over(house)
    batch = house.one("SELECT hit_id, worker_id FROM assignments LIMIT 1")
    house.execute(
        """
        INSERT INTO assignments (hit_id, worker_id, marketplace_assignment_id, status, marketplace_status, answer_state,
                                 raw_answer)
        SELECT :hit, :worker, 'MANY' || n, 'approved', 'Approved', 'parsed', '' FROM generate_series(1, 10000) AS n
        """,
        hit=batch.hit_id,
        worker=batch.worker_id,
    )
    rows = [(f"MANY{n}", "0.01", "Thanks") for n in range(1, 10_001)]
    rows[6_999] = ("MANY7000", "0.01", "")
    house.execute("UPDATE batches SET cap_usd = 1000")
    with pytest.raises(InvalidInput) as refused:
        ask(house, batch_id, sheet(*rows))
    assert [(problem.line, problem.field) for problem in refused.value.problems] == [(7_001, "Reason")]
    ask(house, batch_id, sheet(*rows), skip_faulty=True)
    assert house.one("SELECT count(*) AS n FROM operations WHERE kind = 'bonus'").n == 9_999
    assert house.one("SELECT sum(amount_usd) AS usd FROM payments WHERE kind LIKE 'bonus%'").usd == Decimal("199.98")


def test_a_worker_who_did_not_do_the_assignment_is_a_fault(house: House) -> None:
    batch_id = over(house)
    ada, *_ = assignments(house)
    found = house.one("SELECT w.* FROM workers w JOIN assignments a ON a.worker_id = w.id ORDER BY a.id LIMIT 1")
    head = "Reason;WorkerId;assignmentid;BONUSAMOUNT\r\n"
    for name, faults in ((found.marketplace_worker_id, 0), (found.pseudonym, 0), ("", 0), ("A2SOMEBODYELSE", 1)):
        content = f'\ufeff{head}"Thanks;\r\na lot";{name};{ada};0.20\r\n;;;\r\n'.encode()
        assert plan(house, batch_id, content).faults.total == faults


# --- money -----------------------------------------------------------------------------------------------------------


def test_bonuses_beyond_the_cap_are_refused_with_the_cap_that_would_do(house: House) -> None:
    batch_id = over(house)
    house.execute("UPDATE batches SET cap_usd = 0.40")
    ada, *_ = assignments(house)
    with pytest.raises(Conflict, match=r"cost \$0\.60 with fees .* leaves \$0\.10; raise the cap to \$0\.90"):
        ask(house, batch_id, sheet((ada, "0.50", "x")))
    with house.database.transaction() as db:
        batches.set_cap(db, batch_id, Decimal("0.90"), by="rita")
    ask(house, batch_id, sheet((ada, "0.50", "x")))
    carry_out(house, batch_id)
    assert committed(house, batch_id) == paid(house) == Decimal("0.90")


def test_two_sheets_at_once_do_not_pass_the_cap_together(house: House) -> None:
    batch_id = over(house)
    house.execute("UPDATE batches SET cap_usd = 0.90")
    rest = assignments(house)
    refused: list[Exception] = []

    def one() -> None:
        try:
            ask(house, batch_id, sheet((rest.pop(), "0.50", "x")))
        except Conflict as error:
            refused.append(error)

    in_threads(3, one)
    assert (len(refused), committed(house, batch_id)) == (2, Decimal("0.90"))


def test_real_money_needs_the_exact_cost(house: House) -> None:
    batch_id = over(house)
    ada, *_ = assignments(house)
    house.execute("UPDATE batches SET profile = 'production'")
    allowed = house.settings.model_copy(
        update={"allow_production": True, "spending_limit_usd": Decimal(100), "secret_key": house.settings.secret_key}
    )
    with house.database.transaction() as db:
        planned = bonus_plans.plan_sheet(db, batch_id, sheet((ada, "0.50", "x")))
        pay = partial(bonuses.pay, db, batch_id, planned, by="rita")
        with pytest.raises(Forbidden, match="LABELJURY_ALLOW_PRODUCTION"):
            pay(settings=house.settings)
        with pytest.raises(Conflict, match=r"confirm the cost first.*\$0\.60"):
            pay(settings=allowed)
        with pytest.raises(Conflict, match=r"\$0\.50 were confirmed"):
            pay(settings=allowed, confirmed_usd=Decimal("0.50"))
        with pytest.raises(BudgetExceeded):
            pay(settings=allowed.model_copy(update={"spending_limit_usd": Decimal("0.10")}))
        pay(settings=allowed, confirmed_usd=Decimal("0.60"))
    assert states(house) == {"intended"}


def refuse(house: House, code: str, message: str) -> None:
    body = {"__type": "RequestError", "Message": message, "TurkErrorCode": f"AWS.MechanicalTurk.{code}"}
    house.wire.refuse["SendBonus"] = (400, json.dumps(body).encode())


@pytest.mark.parametrize("after", [bonuses.cancel, bonuses.retry])
def test_a_refused_bonus_is_shown_until_somebody_cancels_or_retries_it(
    house: House, after: Callable[..., None]
) -> None:
    batch_id = over(house)
    ada, *_ = assignments(house)
    refuse(house, "WorkerDoesNotExist", "too long ago")
    ask(house, batch_id, sheet((ada, "0.50", "x")))
    carry_out(house, batch_id)
    assert "A bonus was refused" in house.one("SELECT attention FROM batches").attention
    with house.database.transaction() as db:
        (line,) = payments.bonuses(db, batch_id, failed=True)
        assert ("too long ago" in (line.error or ""), line.may_cancel) == (True, True)
    assert committed(house, batch_id) == Decimal("0.90")
    house.wire.refuse.clear()
    with house.database.transaction() as db:
        after(db, batch_id, OperationId(line.id), by="rita")
    carry_out(house, batch_id)
    retried = after is bonuses.retry
    assert house.one("SELECT attention FROM batches").attention is None
    assert len(listed(house, ada)) == retried
    assert committed(house, batch_id) == paid(house) == (Decimal("0.90") if retried else Decimal("0.30"))


def test_a_cancelled_bonus_can_be_asked_for_again(house: House) -> None:
    batch_id = over(house)
    ada, *_ = assignments(house)
    content = sheet((ada, "0.50", "x"))
    ask(house, batch_id, content)
    operation = OperationId(house.one("SELECT id FROM operations WHERE kind = 'bonus'").id)
    with house.database.transaction() as db:
        bonuses.cancel(db, batch_id, operation, by="rita")
    assert committed(house, batch_id) == Decimal("0.30")
    ask(house, batch_id, content)
    carry_out(house, batch_id)
    assert (len(listed(house, ada)), committed(house, batch_id), paid(house)) == (1, Decimal("0.90"), Decimal("0.90"))
    with house.database.transaction() as db, pytest.raises(Conflict, match="is paid, or may be"):
        bonuses.cancel(db, batch_id, operation, by="rita")


def test_a_bonus_whose_outcome_is_unknown_cannot_be_cancelled(house: House) -> None:
    batch_id = over(house)
    house.wire.lose_reply["SendBonus"] = 4
    ask(house, batch_id, sheet((assignments(house)[0], "0.50", "x")))
    carry_out(house, batch_id)
    operation = OperationId(house.one("SELECT id FROM operations WHERE kind = 'bonus'").id)
    with house.database.transaction() as db, pytest.raises(Conflict, match="may be"):
        bonuses.cancel(db, batch_id, operation, by="rita")


def test_without_funds_a_live_batch_is_paused_and_its_bonus_is_paid_later(house: House) -> None:
    batch_id = house.live(rows=1, cap_usd=Decimal("100.00"))
    house.answer("Ada", house.one("SELECT id FROM hits").id, lambda _: "given")
    house.collect(batch_id)
    (ada,) = assignments(house)
    refuse(house, "InsufficientFunds", "This account has insufficient funds.")
    ask(house, batch_id, sheet((ada, "0.50", "x")))
    carry_out(house, batch_id)
    batch = house.one("SELECT status, pause_reason FROM batches")
    assert (batch.status, batch.pause_reason, states(house)) == ("paused", "funds", {"intended"})
    house.wire.refuse.clear()
    carry_out(house, batch_id)
    assert len(listed(house, ada)) == 1


def test_a_batch_that_is_over_says_that_a_bonus_waits_for_funds_until_it_is_paid(house: House) -> None:
    batch_id = over(house)
    ada, *_ = assignments(house)
    refuse(house, "InsufficientFunds", "This account has insufficient funds.")
    ask(house, batch_id, sheet((ada, "0.50", "x")))
    carry_out(house, batch_id)
    found = house.one("SELECT status, attention FROM batches")
    assert found.status == "done"
    assert found.attention.startswith("A bonus could not be paid yet, and is tried again by itself: SendBonus")
    house.wire.refuse.clear()
    carry_out(house, batch_id)
    assert (len(listed(house, ada)), house.one("SELECT attention FROM batches").attention) == (1, None)


def test_the_ledger_shows_what_is_committed_and_paid_entry_by_entry(house: House) -> None:
    batch_id = over(house)
    ask(house, batch_id, sheet((assignments(house)[0], "0.50", "x")))
    carry_out(house, batch_id)
    with house.database.transaction() as db:
        entries, sums = payments.entries(db, batch_id), payments.totals(db, batch_id)
        lines = b"".join(payments.payments_csv(db, batch_id)).decode().splitlines()
    newest, oldest = entries[0], entries[-1]
    assert (oldest.kind, oldest.committed_usd, oldest.paid_usd) == ("reservation", Decimal("0.30"), Decimal(0))
    assert newest.committed_usd == newest.paid_usd == sums.paid_usd == sums.committed_usd == Decimal("0.90")
    assert (sums.bonuses_usd, sums.fees_usd, sums.owed_usd, sums.reserved_usd) == (
        Decimal("0.50"),
        Decimal("0.15"),
        Decimal(0),
        Decimal(0),
    )
    assert len(lines) == 1 + sums.entries
    assert lines[0].startswith("number,at,kind,status,amount_usd,committed_usd,paid_usd")
