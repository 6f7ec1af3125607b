from collections.abc import Callable
from typing import TYPE_CHECKING

import pytest
from botocore.exceptions import ClientError
from sqlalchemy import insert

from app.db.engine import Database
from app.marketplace.operations import workers as operations
from app.marketplace.store import Worker, WorkerBlock
from tests.marketplace.conftest import MovedClock
from tests.marketplace.people import Browser, publish
from tests.marketplace.strangers import second_requester

if TYPE_CHECKING:
    from mypy_boto3_mturk import MTurkClient


def blocked(mturk: "MTurkClient") -> dict[str, str]:
    return {one["WorkerId"]: one["Reason"] for one in mturk.list_worker_blocks()["WorkerBlocks"]}


def test_a_block_is_made_changed_listed_and_lifted(mturk: "MTurkClient", worker: Callable[[str], Browser]) -> None:
    mallory = worker("Mallory").worker_id
    mturk.create_worker_block(WorkerId=mallory, Reason="Always the first answer")
    mturk.create_worker_block(WorkerId=mallory, Reason="Still")
    assert blocked(mturk) == {mallory: "Still"}
    mturk.delete_worker_block(WorkerId=mallory, Reason="Asked nicely")
    assert blocked(mturk) == {}
    mturk.delete_worker_block(WorkerId=mallory)


def test_a_worker_who_is_not_there_cannot_be_blocked(mturk: "MTurkClient") -> None:
    with pytest.raises(ClientError, match=r"ParameterValidationError.*ANOBODY"):
        mturk.create_worker_block(WorkerId="ANOBODY", Reason="?")
    with pytest.raises(ClientError, match=r"ParameterValidationError.*WorkerId is invalid"):
        mturk.delete_worker_block(WorkerId="ANOBODY")


def test_a_block_holds_for_its_requester_alone(
    marketplace: str, database: Database, mturk: "MTurkClient", worker: Callable[[str], Browser]
) -> None:
    bob = worker("Bob").worker_id
    mturk.create_worker_block(WorkerId=bob, Reason="No")
    other = second_requester(marketplace, database)
    assert blocked(other) == {}
    other.delete_worker_block(WorkerId=bob)
    assert blocked(mturk) == {bob: "No"}


def test_blocks_come_in_pages_to_the_empty_one(mturk: "MTurkClient", worker: Callable[[str], Browser]) -> None:
    workers = sorted(worker(f"Bob {number}").worker_id for number in range(5))
    for worker_id in workers:
        mturk.create_worker_block(WorkerId=worker_id, Reason="No")
    pages = mturk.get_paginator("list_worker_blocks").paginate(PaginationConfig={"PageSize": 2})
    assert [one["WorkerId"] for page in pages for one in page["WorkerBlocks"]] == workers


def test_a_hundred_thousand_workers_can_be_blocked_and_no_more(
    mturk: "MTurkClient", worker: Callable[[str], Browser], database: Database, clock: MovedClock
) -> None:
    bob = worker("Bob").worker_id
    mturk.create_worker_block(WorkerId=bob, Reason="First")
    ids = [f"AMANY{number}" for number in range(operations.MOST_BLOCKS - 1)]
    with database.transaction() as db:
        requester_id = db.query(WorkerBlock.requester_id).scalar()
        db.execute(insert(Worker), [{"id": one, "name": "Bot", "created_at": clock()} for one in ids])
        rows = [{"requester_id": requester_id, "worker_id": one, "reason": "", "created_at": clock()} for one in ids]
        db.execute(insert(WorkerBlock), rows)
    with pytest.raises(mturk.exceptions.RequestError, match="100000 Workers at most"):
        mturk.create_worker_block(WorkerId=worker("Mallory").worker_id, Reason="One too many")
    mturk.create_worker_block(WorkerId=bob, Reason="A new reason needs no new room")


# --- messages ---------------------------------------------------------------------------------------------------------


def test_only_workers_whose_work_was_reviewed_are_written_to_and_the_others_are_named(
    mturk: "MTurkClient", worker: Callable[[str], Browser]
) -> None:
    hit_type_id = publish(mturk)["HITTypeId"]
    ada, bob, carl, dora = (worker(name) for name in ("Ada", "Bob", "Carl", "Dora"))
    mturk.approve_assignment(AssignmentId=ada.work(hit_type_id))
    mturk.reject_assignment(AssignmentId=bob.work(hit_type_id), RequesterFeedback="No")
    carl.work(hit_type_id)
    ids = [ada.worker_id, "ANOBODY", bob.worker_id, carl.worker_id, dora.worker_id, ada.worker_id]
    reply = mturk.notify_workers(Subject="More work", MessageText="There is more\nfor you.", WorkerIds=ids)
    failures = reply["NotifyWorkersFailureStatuses"]
    assert [one["WorkerId"] for one in failures] == ["ANOBODY", carl.worker_id, dora.worker_id]
    assert {one["NotifyWorkersFailureCode"] for one in failures} == {"HardFailure"}
    assert ada.http.get("/worker/messages").text.count("data-message-id") == 1
    assert bob.http.get("/worker/messages").text.count("data-message-id") == 1
    assert carl.http.get("/worker/messages").text.count("data-message-id") == 0


def test_another_requesters_workers_are_not_written_to(
    marketplace: str, database: Database, mturk: "MTurkClient", worker: Callable[[str], Browser]
) -> None:
    ada = worker("Ada")
    mturk.approve_assignment(AssignmentId=ada.work(publish(mturk)["HITTypeId"]))
    other = second_requester(marketplace, database)
    reply = other.notify_workers(Subject="Hello", MessageText="Work for me", WorkerIds=[ada.worker_id])
    assert [one["WorkerId"] for one in reply["NotifyWorkersFailureStatuses"]] == [ada.worker_id]
    assert "Hello" not in ada.http.get("/worker/messages").text


@pytest.mark.parametrize(
    ("subject", "text", "workers"),
    [("", "x", 1), ("x" * 201, "x", 1), ("x", "", 1), ("x", "x" * 4097, 1), ("x", "x", 0), ("x", "x", 101)],
)
def test_subject_text_and_the_number_of_workers_have_limits(
    mturk: "MTurkClient", subject: str, text: str, workers: int
) -> None:
    with pytest.raises(ClientError, match="ParameterValidationError"):
        mturk.notify_workers(Subject=subject, MessageText=text, WorkerIds=["ANOBODY"] * workers)


def test_the_limits_themselves_are_fine(mturk: "MTurkClient") -> None:
    reply = mturk.notify_workers(Subject="x" * 200, MessageText="x" * 4096, WorkerIds=["ANOBODY"] * 100)
    assert len(reply["NotifyWorkersFailureStatuses"]) == 1
