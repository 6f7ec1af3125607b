from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor
from decimal import Decimal
from typing import TYPE_CHECKING, Any

import psycopg
import pytest
from botocore.exceptions import ClientError

from app.db.engine import Database
from tests.marketplace.conftest import MovedClock
from tests.marketplace.people import Browser, publish, turk_code
from tests.marketplace.strangers import second_requester

if TYPE_CHECKING:
    from mypy_boto3_mturk import MTurkClient


def send(mturk: "MTurkClient", worker_id: str, assignment_id: str, amount: str = "1.00", **more: str) -> None:
    values: dict[str, Any] = {"Reason": "For your careful work", **more}
    mturk.send_bonus(WorkerId=worker_id, AssignmentId=assignment_id, BonusAmount=amount, **values)


@pytest.fixture
def ada(worker: Callable[[str], Browser]) -> Browser:
    return worker("Ada")


@pytest.fixture
def done(mturk: "MTurkClient", ada: Browser) -> str:
    """An Assignment that Ada has submitted, of a HIT for one."""
    return ada.work(publish(mturk, MaxAssignments=1)["HITTypeId"])


def test_a_bonus_is_paid_with_its_fee_and_listed(mturk: "MTurkClient", ada: Browser, done: str) -> None:
    before = Decimal(mturk.get_account_balance()["AvailableBalance"])
    send(mturk, ada.worker_id, done, "2.50")
    assert before - Decimal(mturk.get_account_balance()["AvailableBalance"]) == Decimal("3.00")
    hit_id = mturk.get_assignment(AssignmentId=done)["HIT"]["HITId"]
    for wanted in ({"HITId": hit_id}, {"AssignmentId": done}):
        shown = mturk.list_bonus_payments(**wanted)  # type: ignore[arg-type] # one of the two
        assert shown["NumResults"] == 1
        (paid,) = shown["BonusPayments"]
        assert (paid["WorkerId"], paid["AssignmentId"]) == (ada.worker_id, done)
        assert (paid["BonusAmount"], paid["Reason"]) == ("2.50", "For your careful work")
        assert paid["GrantTime"].tzinfo is not None


@pytest.mark.parametrize(
    ("amount", "cost"),
    [
        ("0.01", "0.02"),
        ("0.02", "0.03"),
        ("0.05", "0.06"),
        ("0.07", "0.08"),
        ("0.08", "0.10"),
        ("1", "1.20"),
        ("5.", "6"),
    ],
)
def test_the_fee_is_a_fifth_half_up_and_a_cent_at_least(
    mturk: "MTurkClient", ada: Browser, done: str, amount: str, cost: str
) -> None:
    before = Decimal(mturk.get_account_balance()["AvailableBalance"])
    send(mturk, ada.worker_id, done, amount)
    assert before - Decimal(mturk.get_account_balance()["AvailableBalance"]) == Decimal(cost)


@pytest.mark.parametrize("amount", ["0", "0.00", "10000.01", "10000000000", "00000000000.01"])
def test_an_amount_of_nothing_or_too_much_is_refused(
    mturk: "MTurkClient", ada: Browser, done: str, amount: str
) -> None:
    with pytest.raises(ClientError, match="ParameterValidationError"):
        send(mturk, ada.worker_id, done, amount)


@pytest.mark.parametrize("reason", ["", "  ", "x" * 4097])
def test_a_bonus_needs_a_reason_of_some_length(mturk: "MTurkClient", ada: Browser, done: str, reason: str) -> None:
    with pytest.raises(ClientError, match="ParameterValidationError"):
        send(mturk, ada.worker_id, done, Reason=reason)


def test_only_the_worker_who_submitted_it_gets_a_bonus(
    mturk: "MTurkClient", worker: Callable[[str], Browser], done: str
) -> None:
    bob = worker("Bob")
    for stranger in (bob.worker_id, "ANOBODY"):
        with pytest.raises(ClientError, match=r"ParameterValidationError.*was not submitted by"):
            send(mturk, stranger, done)
    accepted = bob.accept(publish(mturk)["HITTypeId"])
    with pytest.raises(mturk.exceptions.RequestError, match="Submitted,Approved,Rejected") as refused:
        send(mturk, bob.worker_id, accepted)
    assert turk_code(refused.value) == "AWS.MechanicalTurk.InvalidAssignmentState"


def test_rejected_work_may_be_paid_a_bonus_too(mturk: "MTurkClient", ada: Browser, done: str) -> None:
    mturk.reject_assignment(AssignmentId=done, RequesterFeedback="")
    send(mturk, ada.worker_id, done)


def test_a_bonus_beyond_the_balance_is_refused_and_leaves_nothing(
    mturk: "MTurkClient", ada: Browser, done: str
) -> None:
    with pytest.raises(mturk.exceptions.RequestError, match="insufficient funds"):
        send(mturk, ada.worker_id, done, "10000.00", UniqueRequestToken="once")
    assert mturk.list_bonus_payments(AssignmentId=done)["NumResults"] == 0
    assert ada.http.get("/worker/messages").text.count("data-message-id") == 0
    send(mturk, ada.worker_id, done, "1.00", UniqueRequestToken="once")


def test_a_repeated_token_pays_once_a_day(mturk: "MTurkClient", ada: Browser, done: str, clock: MovedClock) -> None:
    send(mturk, ada.worker_id, done, UniqueRequestToken="once")
    with pytest.raises(mturk.exceptions.RequestError, match='token "once" has already been processed'):
        send(mturk, ada.worker_id, done, "2.00", UniqueRequestToken="once")
    clock.advance(hours=24, seconds=1)
    send(mturk, ada.worker_id, done, UniqueRequestToken="once")
    assert mturk.list_bonus_payments(AssignmentId=done)["NumResults"] == 2


def test_one_token_from_many_threads_at_once_pays_once(
    mturk: "MTurkClient", ada: Browser, done: str, database_url: str
) -> None:
    def pay(number: int) -> str:
        try:
            send(mturk, ada.worker_id, done, UniqueRequestToken=f"token {number // 8}")
        except ClientError as refused:
            return turk_code(refused)
        return "paid"

    with ThreadPoolExecutor(8) as pool:
        results = list(pool.map(pay, range(24)))
    assert results.count("paid") == 3
    assert results.count("AWS.MechanicalTurk.AlreadyProcessed") == 21
    with psycopg.connect(database_url) as connection:
        sums = connection.execute(
            "SELECT sum(available_delta_usd), sum(on_hold_delta_usd) FROM marketplace.transactions"
        ).fetchone()
        kept = connection.execute("SELECT available_usd, on_hold_usd FROM marketplace.requesters").fetchone()
        kinds = connection.execute(
            "SELECT kind, count(*), sum(available_delta_usd)::text FROM marketplace.transactions"
            " WHERE assignment_id = %s GROUP BY kind ORDER BY kind",
            [done],
        ).fetchall()
    assert sums == kept
    assert kinds == [("bonus", 3, "-3.00"), ("fee", 3, "-0.60")]


def test_the_worker_reads_of_the_bonus_and_its_reason(mturk: "MTurkClient", ada: Browser, done: str) -> None:
    send(mturk, ada.worker_id, done, "0.50", Reason="<b>Thanks</b> 👍")
    shown = ada.http.get("/worker/messages").text
    assert "You were paid a bonus of $0.50" in shown
    assert "Label Jury" in shown


def test_listing_takes_a_hit_an_assignment_or_both(mturk: "MTurkClient", ada: Browser, done: str) -> None:
    hit_id = mturk.get_assignment(AssignmentId=done)["HIT"]["HITId"]
    other = publish(mturk, Title="Another one")["HITId"]
    send(mturk, ada.worker_id, done)
    wanted: list[Any] = [{"HITId": hit_id}, {"AssignmentId": done}, {"HITId": hit_id, "AssignmentId": done}]
    for ids in wanted:
        assert mturk.list_bonus_payments(**ids)["NumResults"] == 1
    assert mturk.list_bonus_payments(HITId=other, AssignmentId=done)["NumResults"] == 0
    with pytest.raises(ClientError, match="must be given"):
        mturk.list_bonus_payments()


def test_bonuses_come_in_pages_oldest_first(mturk: "MTurkClient", ada: Browser, done: str) -> None:
    for cents in range(1, 6):
        send(mturk, ada.worker_id, done, f"0.0{cents}")
    pages = mturk.get_paginator("list_bonus_payments").paginate(AssignmentId=done, PaginationConfig={"PageSize": 2})
    shown = [[paid["BonusAmount"] for paid in page["BonusPayments"]] for page in pages]
    assert shown == [["0.01", "0.02"], ["0.03", "0.04"], ["0.05"], []]


def test_a_strangers_assignment_does_not_exist(
    marketplace: str, database: Database, mturk: "MTurkClient", ada: Browser, done: str
) -> None:
    mallory = second_requester(marketplace, database)
    with pytest.raises(mallory.exceptions.RequestError, match="does not exist") as refused:
        send(mallory, ada.worker_id, done)
    assert turk_code(refused.value) == "AWS.MechanicalTurk.AssignmentDoesNotExist"
    with pytest.raises(mallory.exceptions.RequestError, match="does not exist"):
        mallory.list_bonus_payments(AssignmentId=done)
