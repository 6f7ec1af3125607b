"""Collecting by notification: our own marketplace tells a queue of moto's server, and our service reads it."""

import json
import time
from collections.abc import Iterator
from dataclasses import replace
from pathlib import Path
from typing import Any

import pytest

from app.db.engine import Database
from app.db.tables import Batch
from app.domain.vocabulary import BatchId
from app.errors import MarketplaceError
from app.jobs import housekeeping, listening, stages
from app.jobs.runtime import Runtime
from app.mturk import notifications
from app.mturk.notifications import Message, Queue
from app.pipeline import collect, hints
from app.settings import MarketplaceProfile, Settings
from tests.marketplace.aws import Aws, running_moto
from tests.marketplace_server import running_marketplace
from tests.pipeline.conftest import House, in_threads
from tests.ports import free_port
from tests.wire_proxy import wire_to


@pytest.fixture(scope="module")
def aws() -> Iterator[Aws]:
    with running_moto(free_port()) as url:
        yield Aws(url)


@pytest.fixture
def queue_url(aws: Aws, request: pytest.FixtureRequest) -> str:
    return aws.queue(str(request.node.name)[:80])


@pytest.fixture
def told(database: Database, tmp_path: Path, aws: Aws, queue_url: str) -> Iterator[House]:
    """A house whose marketplace notifies a queue, and whose runner reads it."""
    (tmp_path / "files").mkdir()
    base = Settings(
        data_dir=tmp_path / "data",
        secret_key="x" * 32,
        calls_per_second=2000,
        database_url=database.url,
        marketplace_sqs_endpoint_url=aws.url,
        notifications_queue_url=queue_url,
        notifications_sqs_endpoint_url=aws.url,
    )
    with running_marketplace(base, database) as url, wire_to(url) as wire:
        settings = base.model_copy(update={"marketplace_public_url": wire.url})
        settings.__dict__.pop("marketplace_url", None)
        house = House(settings, database, Runtime(settings, database), tmp_path / "files", url, wire)
        yield house
        for browser in house.browsers.values():
            browser.close()


def queue_of(house: House) -> Queue:
    queue = house.runtime.notifications()
    assert queue is not None
    return queue


def listen(house: House, *, wait_s: int = 0) -> None:
    listening.listen_once(house.runtime, queue_of(house), wait_s=wait_s)


def listen_until(house: House, assignments: int, *, within_s: float = 60) -> None:
    """Listen as the job does until these many Assignments are here."""
    deadline = time.monotonic() + within_s
    while held(house) < assignments and time.monotonic() < deadline:
        listen(house, wait_s=1)
    assert held(house) == assignments


def held(house: House) -> int:
    return int(house.one("SELECT count(*) AS n FROM assignments").n)


def counts(house: House) -> tuple[int, int, int, int]:
    row = house.one("SELECT * FROM notification_queues")
    return row.messages, row.hints, row.strangers, row.unreadable


def say(aws: Aws, queue_url: str, body: str) -> None:
    aws.sqs.send_message(QueueUrl=queue_url, MessageBody=body)


def about(*hit_ids: str) -> str:
    return json.dumps({"Events": [{"EventType": "AssignmentSubmitted", "HITId": hit_id} for hit_id in hit_ids]})


def interval(house: House) -> int:
    with house.database.transaction() as db:
        return hints.poll_interval_s(
            db, "local", queue_url=house.settings.notifications_queue_url, usual_s=5, notified_s=60
        )


# --- the way it is meant ----------------------------------------------------------------------------------------------


def test_an_answer_is_collected_without_a_poll(told: House) -> None:
    batch_id = told.live(rows=3)
    listen(told)  # switches notifications on
    assert told.wire.calls["UpdateNotificationSettings"] == 1
    first, second, _ = told.rows("SELECT id FROM hits ORDER BY id")
    told.answer("Ada", first.id, lambda _: "given")
    told.answer("Ada", second.id, lambda _: "guessed")
    listen_until(told, 2)
    assert told.wire.calls["ListHITs"] == 0
    assert told.wire.calls["ListAssignmentsForHIT"] <= 4
    assert [
        row.n
        for row in told.rows(
            "SELECT count(a.id) AS n FROM hits h LEFT JOIN assignments a ON a.hit_id = h.id GROUP BY h.id ORDER BY h.id"
        )
    ] == [1, 1, 0]
    assert told.rows("SELECT 1 FROM hits WHERE hinted_at IS NOT NULL") == []
    asked = {row.task_name for row in told.rows("SELECT task_name FROM procrastinate_jobs")}
    assert {"consensus", "review"} <= asked
    stages.run_consensus(told.runtime, batch_id)
    assert told.one("SELECT count(*) AS n FROM responses").n == 2


def test_what_was_collected_by_notification_is_not_collected_again_by_the_poll(told: House) -> None:
    told.live(rows=1)
    listen(told)
    told.answer_all(BatchId(1), {"Ada": "given"})
    listen_until(told, 1)
    before = told.wire.calls["ListAssignmentsForHIT"]
    stages.run_collect(told.runtime, MarketplaceProfile.LOCAL)
    assert (held(told), told.wire.calls["ListAssignmentsForHIT"]) == (1, before)


def test_messages_are_deleted_once_their_hints_are_written_and_not_before(
    told: House, aws: Aws, queue_url: str
) -> None:
    told.live(rows=1)
    hit_id = told.one("SELECT marketplace_hit_id FROM hits").marketplace_hit_id
    say(aws, queue_url, about(hit_id))
    aws.sqs.set_queue_attributes(QueueUrl=queue_url, Attributes={"VisibilityTimeout": "1"})
    received = notifications.receive(queue_of(told), wait_s=2)  # a runner that dies here has written nothing
    assert len(received) == 1
    aws.sqs.set_queue_attributes(QueueUrl=queue_url, Attributes={"VisibilityTimeout": "600"})
    time.sleep(1.1)
    assert aws.kept(queue_url) == 1
    listen(told, wait_s=3)
    assert counts(told)[:2] == (1, 1)
    assert aws.kept(queue_url) == 0


def test_the_marketplace_is_told_once_and_told_again_when_the_queue_changes(told: House, aws: Aws) -> None:
    told.live(rows=1)
    for _ in range(3):
        listen(told)
    assert told.wire.calls["UpdateNotificationSettings"] == 1
    other = aws.queue("another-queue")
    listening.listen_once(told.runtime, replace(queue_of(told), url=other), wait_s=0)
    assert told.wire.calls["UpdateNotificationSettings"] == 2
    assert told.one("SELECT notified_queue FROM hit_groups").notified_queue == other


def test_the_runner_listens_while_a_batch_is_live_and_asks_to_go_on(
    told: House, monkeypatch: pytest.MonkeyPatch
) -> None:
    listening.run_listen(told.runtime)  # nothing is live: at once
    told.live(rows=1)
    told.execute("DELETE FROM procrastinate_jobs")
    housekeeping.tick(told.runtime)
    assert "listen" in {row.task_name for row in told.rows("SELECT task_name FROM procrastinate_jobs")}
    monkeypatch.setattr(listening, "SLICE_S", 0.5)
    monkeypatch.setattr(listening, "LONG_POLL_S", 0)
    told.execute("DELETE FROM procrastinate_jobs")
    listening.run_listen(told.runtime)
    assert {row.task_name for row in told.rows("SELECT task_name FROM procrastinate_jobs")} == {"listen"}


def test_a_runner_that_ends_does_not_ask_for_messages(told: House) -> None:
    told.live(rows=1)
    told.runtime.stopping.set()
    told.execute("DELETE FROM procrastinate_jobs")
    listening.run_listen(told.runtime)
    assert told.rows("SELECT 1 FROM notification_queues") == []
    assert told.rows("SELECT 1 FROM procrastinate_jobs WHERE task_name = 'listen'") == []


# --- the poll stays ---------------------------------------------------------------------------------------------------


def test_the_poll_is_longer_while_notifications_arrive_and_never_off(told: House) -> None:
    told.live(rows=1)
    assert interval(told) == 5  # nothing has arrived yet
    listen(told)
    told.answer_all(BatchId(1), {"Ada": "given"})
    listen_until(told, 1)
    assert interval(told) == 60
    told.execute("UPDATE notification_queues SET hinted_at = now() - interval '11 min'")
    assert interval(told) == 5
    told.execute("UPDATE notification_queues SET hinted_at = now()")
    assert interval(told) == 60
    told.live(rows=1)  # a Batch that is not notified of yet
    assert interval(told) == 5


def test_what_no_notification_told_is_found_by_the_poll(told: House, aws: Aws, queue_url: str) -> None:
    batch_id = told.live(rows=2)
    listen(told)
    told.answer_all(batch_id, {"Ada": "given"})
    deadline = time.monotonic() + 10
    while time.monotonic() < deadline and len(aws.waiting(queue_url)) == 0:  # lost on the way
        time.sleep(0.1)
    stages.run_collect(told.runtime, MarketplaceProfile.LOCAL)
    assert held(told) == 2


# --- messages that nobody should trust --------------------------------------------------------------------------------


def test_unknown_malformed_and_finished_hits_are_counted_and_harm_nothing(
    told: House, aws: Aws, queue_url: str
) -> None:
    told.live(rows=2)
    listen(told)
    done, live = told.rows("SELECT id, marketplace_hit_id FROM hits ORDER BY id")
    told.execute("UPDATE hits SET status = 'done' WHERE id = :id", id=done.id)
    for body in (
        "not json",
        "[]",
        "[" * 5000,
        about("3NOTOURSNOTOURSNOTOURSNOTOURS1", "3NOTOURSNOTOURSNOTOURSNOTOURS2"),
        about(done.marketplace_hit_id),
        about("x" * 65),
        about(*["3FLOOD" + str(n) for n in range(3000)]),
        json.dumps({"Type": "Notification", "Message": about(live.marketplace_hit_id)}),
        about(live.marketplace_hit_id),
        about(live.marketplace_hit_id),
    ):
        say(aws, queue_url, body)
    listen(told, wait_s=2)
    messages, hinted, strangers, unreadable = counts(told)
    assert (messages, unreadable) == (10, 4)
    assert strangers == 3003
    assert 1 <= hinted <= 3  # as the messages came together
    assert aws.waiting(queue_url) == []
    assert held(told) == 0
    assert told.one("SELECT hinted_at FROM hits WHERE id = :id", id=done.id).hinted_at is None


def test_a_flood_about_one_hit_costs_a_look_and_not_one_a_message(told: House, aws: Aws, queue_url: str) -> None:
    told.live(rows=1)
    listen(told)
    hit_id = told.one("SELECT marketplace_hit_id FROM hits").marketplace_hit_id
    for _ in range(15):
        entries = [{"Id": str(n), "MessageBody": about(*[hit_id] * 100)} for n in range(10)]
        aws.sqs.send_message_batch(QueueUrl=queue_url, Entries=entries)
    listen(told, wait_s=1)
    assert told.wire.calls["GetHIT"] == 1
    assert aws.waiting(queue_url) == []


def test_two_runners_that_read_the_same_messages_and_a_poll_store_each_answer_once(told: House) -> None:
    batch_id = told.live(rows=6)
    told.answer_all(batch_id, {"Ada": "given", "Bea": "both"})
    hit_ids = [row.marketplace_hit_id for row in told.rows("SELECT marketplace_hit_id FROM hits")]
    queue = Queue("http://127.0.0.1/1/none", _Canned([about(*hit_ids), about(*reversed(hit_ids))]))

    def everything() -> None:
        listening.listen_once(told.runtime, queue, wait_s=0)
        stages.run_collect(told.runtime, MarketplaceProfile.LOCAL)

    in_threads(3, everything)
    assert held(told) == 12


class _Canned:
    """A queue that hands the same messages to everybody who asks, for ever."""

    def __init__(self, bodies: list[str]) -> None:
        self.messages = [{"ReceiptHandle": str(n), "Body": body} for n, body in enumerate(bodies)]
        self.asked = 0

    def receive_message(self, **kwargs: object) -> dict[str, Any]:
        self.asked += 1
        return {"Messages": self.messages} if self.asked % 2 else {}

    def delete_message_batch(self, **kwargs: object) -> dict[str, Any]:
        return {}


def test_a_message_that_cannot_be_deleted_is_only_read_again(told: House) -> None:
    told.live(rows=1)
    hit_id = told.one("SELECT marketplace_hit_id FROM hits").marketplace_hit_id

    class Stubborn(_Canned):
        def delete_message_batch(self, **kwargs: object) -> dict[str, Any]:
            return {"Failed": [{"Id": "0", "Code": "InternalError", "Message": "no"}]}

    listening.listen_once(told.runtime, Queue("http://127.0.0.1/1/none", Stubborn([about(hit_id)])), wait_s=0)
    assert counts(told)[:2] == (1, 1)


# --- troubles ---------------------------------------------------------------------------------------------------------


def test_a_refusal_to_notify_is_told_and_collecting_goes_on_by_polling(told: House) -> None:
    batch_id = told.live(rows=1)
    refusal = {
        "__type": "RequestError",
        "TurkErrorCode": "AWS.MechanicalTurk.InvalidTransportEndpoint",
        "Message": "No.",
    }
    told.wire.refuse["UpdateNotificationSettings"] = (400, json.dumps(refusal).encode())
    listen(told)
    listen(told)
    assert told.wire.calls["UpdateNotificationSettings"] == 1  # not asked again at once
    batch = told.one("SELECT status, attention FROM batches WHERE id = :id", id=batch_id)
    assert batch.status == "live"
    assert "answers are collected by polling" in batch.attention
    assert interval(told) == 5
    told.answer_all(batch_id, {"Ada": "given"})
    stages.run_collect(told.runtime, MarketplaceProfile.LOCAL)
    assert held(told) == 1
    told.wire.refuse.clear()
    told.execute("UPDATE hit_groups SET notify_after = now()")
    listen(told)
    assert told.one("SELECT attention FROM batches WHERE id = :id", id=batch_id).attention is None


def test_a_queue_that_is_not_there_is_said_so_and_polling_is_not_stretched(told: House, aws: Aws) -> None:
    told.live(rows=1)
    lost = replace(queue_of(told), url=f"{aws.url}/123456789012/nobody-made-this")
    with pytest.raises(MarketplaceError, match="ReceiveMessage"):
        listening.listen_once(told.runtime, lost, wait_s=0)
    assert "NonExistentQueue" in told.one("SELECT error FROM notification_queues").error


def test_a_hinted_hit_that_cannot_be_fetched_now_stays_hinted(told: House, aws: Aws, queue_url: str) -> None:
    batch_id = told.live(rows=1)
    listen(told)
    told.answer_all(batch_id, {"Ada": "given"})
    told.wire.refuse["GetHIT"] = (500, b'{"__type": "ServiceFault"}')
    say(aws, queue_url, about(told.one("SELECT marketplace_hit_id FROM hits").marketplace_hit_id))
    listen(told, wait_s=2)
    assert told.one("SELECT hinted_at FROM hits").hinted_at is not None
    told.wire.refuse.clear()
    listen(told)
    assert held(told) == 1


def test_a_hint_about_a_hit_that_is_gone_ends_the_waiting_for_it(told: House, aws: Aws, queue_url: str) -> None:
    told.live(rows=1)
    gone = {"__type": "RequestError", "TurkErrorCode": "AWS.MechanicalTurk.HITDoesNotExist", "Message": "Gone."}
    told.wire.refuse["GetHIT"] = (400, json.dumps(gone).encode())
    say(aws, queue_url, about(told.one("SELECT marketplace_hit_id FROM hits").marketplace_hit_id))
    listen(told, wait_s=2)
    hit = told.one("SELECT * FROM hits")
    assert (hit.exhausted, hit.hinted_at, hit.marketplace_status) == (True, None, "Disposed")


def test_the_hint_that_comes_while_its_hit_is_fetched_is_kept(told: House) -> None:
    told.live(rows=1)
    hit_id = told.one("SELECT marketplace_hit_id FROM hits").marketplace_hit_id
    with told.database.transaction() as db:
        hints.take(db, "q", [Message("1", about(hit_id))])

    def hint_again() -> None:
        with told.database.transaction() as db:
            hints.take(db, "q", [Message("2", about(hit_id))])

    told.wire.meanwhile["GetHIT"] = hint_again
    collect.collect_hinted(told.database, told.marketplace, told.pacer, secret=b"x" * 32)
    assert told.wire.meanwhile == {}
    assert told.one("SELECT hinted_at FROM hits").hinted_at is not None


def test_without_a_queue_nothing_listens(house: House) -> None:
    house.live(rows=1)
    house.execute("DELETE FROM procrastinate_jobs")
    housekeeping.tick(house.runtime)
    assert "listen" not in {row.task_name for row in house.rows("SELECT task_name FROM procrastinate_jobs")}
    listening.run_listen(house.runtime)
    assert house.rows("SELECT 1 FROM notification_queues") == []
    with house.database.transaction() as db:
        assert db.get_one(Batch, 1).attention is None
