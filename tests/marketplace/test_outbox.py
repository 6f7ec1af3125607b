"""How notifications get there, against moto's server: restarts, races, kills, outages."""

import signal
import socket
import subprocess
import sys
import threading
from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor
from datetime import timedelta
from typing import Any

import pytest
from sqlalchemy import insert, select, update

from app.db.engine import Database
from app.marketplace import events, outbox, requesters
from app.marketplace.carrier import Carrier
from app.marketplace.events import Event
from app.marketplace.outbox import Deliverer, deliver, pause_after
from app.marketplace.requesters import FIRST_REQUESTER_ID
from app.marketplace.store import AccessKey, EventType, OutboxMessage
from app.settings import Settings
from tests.marketplace.aws import Aws, running_moto
from tests.marketplace.conftest import MovedClock
from tests.ports import free_port
from tests.wire_proxy import wire_to


@pytest.fixture(scope="module")
def aws() -> Iterator[Aws]:
    with running_moto(free_port()) as url:
        yield Aws(url)


@pytest.fixture
def queue(aws: Aws, request: pytest.FixtureRequest) -> str:
    return aws.queue(str(request.node.name)[:80])


@pytest.fixture(autouse=True)
def _requester(settings: Settings, database: Database, clock: MovedClock) -> None:
    with database.transaction() as db:
        requesters.ensure_first_requester(db, settings, clock())


def at(settings: Settings, url: str | None) -> Carrier:
    return Carrier(
        settings.model_copy(update={"marketplace_sqs_endpoint_url": url, "marketplace_sns_endpoint_url": url})
    )


def write(database: Database, clock: MovedClock, destination: str, number: int = 1, transport: str = "SQS") -> None:
    """Messages that wait to be delivered."""
    wanted = {"Destination": destination, "Transport": transport}
    happened = Event(EventType.HIT_CREATED, "3TYPE", "3HIT", clock())
    rows = [events.message(FIRST_REQUESTER_ID, wanted, [happened], clock()) for _ in range(number)]
    with database.transaction() as db:
        db.execute(insert(OutboxMessage), rows)


def kept(database: Database) -> OutboxMessage:
    with database.transaction() as db:
        return db.scalars(select(OutboxMessage)).one()


def ids(documents: list[dict[str, Any]]) -> list[str]:
    return [document["EventDocId"] for document in documents]


def test_a_message_that_was_left_behind_is_delivered_after_the_restart(
    settings: Settings, database: Database, clock: MovedClock, aws: Aws, queue: str
) -> None:
    write(database, clock, queue)
    assert deliver(Deliverer(database, at(settings, aws.url), clock)) == 1
    (document,) = aws.received(queue, 1)
    assert document["Events"][0]["HITId"] == "3HIT"
    row = kept(database)
    assert row.delivered_at is not None
    assert row.attempts == 1
    assert deliver(Deliverer(database, at(settings, aws.url), clock)) == 0


def test_two_processes_share_the_messages_and_send_each_once(
    settings: Settings, database: Database, clock: MovedClock, aws: Aws, queue: str
) -> None:
    write(database, clock, queue, 120)
    other = Database(database.url, pool_size=4)
    both_are_at_it = threading.Barrier(2)

    class Together(Carrier):
        """Sends its first message once the other process has one in hand too."""

        waited = False

        def send(self, message: OutboxMessage) -> None:
            if not self.waited:
                self.waited = True
                both_are_at_it.wait(60)
            super().send(message)

    carriers = [Together(settings.model_copy(update={"marketplace_sqs_endpoint_url": aws.url})) for _ in range(2)]
    deliverers = [Deliverer(one, way, clock) for one, way in zip((database, other), carriers, strict=True)]
    with ThreadPoolExecutor(2) as pool:
        delivered = list(pool.map(deliver, deliverers))
    other.close()
    assert sum(delivered) == 120
    assert min(delivered) > 0
    found = ids(aws.received(queue, 120))
    assert len(found) == len(set(found)) == 120


def test_an_outage_delays_a_message_and_says_why(settings: Settings, database: Database, clock: MovedClock) -> None:
    clock.stop()
    port = free_port()
    url = f"http://127.0.0.1:{port}"
    deliverer = Deliverer(database, at(settings, url), clock)
    write(database, clock, f"{url}/123456789012/late")
    assert deliver(deliverer) == 0
    row = kept(database)
    assert row.last_error == "The SQS endpoint could not be reached (EndpointConnectionError)."
    assert (row.attempts, row.delivered_at) == (1, None)
    assert deliver(deliverer) == 0, "not before its pause is over"
    assert kept(database).attempts == 1
    with running_moto(port) as again:
        aws = Aws(again)
        queue = aws.queue("late")
        clock.advance(seconds=2)
        assert deliver(deliverer) == 1
        assert len(aws.received(queue, 1)) == 1
    assert kept(database).last_error is None


def test_an_outage_costs_one_time_out_and_not_one_a_message(
    settings: Settings, database: Database, clock: MovedClock
) -> None:
    clock.stop()
    with socket.socket() as silent:  # takes connections, and never answers
        silent.bind(("127.0.0.1", 0))
        silent.listen()
        url = f"http://127.0.0.1:{silent.getsockname()[1]}"
        write(database, clock, f"{url}/123456789012/silent", 2 * outbox.AT_ONCE)
        deliverer = Deliverer(database, at(settings, url), clock)
        with ThreadPoolExecutor(1) as pool:
            assert pool.submit(deliver, deliverer).result(timeout=120) == 0
        assert deliver(deliverer) == 0, "at once: the endpoint is left alone for a while"
    with database.transaction() as db:
        tried = db.execute(select(OutboxMessage.attempts, OutboxMessage.last_error).order_by(OutboxMessage.id)).all()
    assert tried[0] == (1, "The SQS endpoint could not be reached (ReadTimeoutError).")
    assert set(tried[1:]) == {(0, None)}


def test_an_endpoint_out_of_reach_rests_longer_each_time_up_to_a_minute(clock: MovedClock) -> None:
    rest, now = outbox.Rest(), clock()
    rests = []
    for _ in range(8):
        rest.failed(now)
        rests.append((rest.until - now).total_seconds() if rest.until else 0)
    assert rests == [1, 2, 4, 8, 16, 32, 60, 60]


def test_an_outage_of_one_transport_does_not_hold_up_the_other(
    settings: Settings, database: Database, clock: MovedClock, aws: Aws
) -> None:
    queue = aws.queue("other-way")
    topic = aws.topic("other-way", "other-way")
    endpoints = {
        "marketplace_sqs_endpoint_url": f"http://127.0.0.1:{free_port()}",
        "marketplace_sns_endpoint_url": aws.url,
    }
    write(database, clock, queue, 30)
    write(database, clock, topic, 2, transport="SNS")
    assert deliver(Deliverer(database, Carrier(settings.model_copy(update=endpoints)), clock)) == 2
    assert len(aws.received(queue, 2)) == 2


KILLED = """
import os, signal, sys
from pathlib import Path
from app.db.engine import Database
from app.marketplace.carrier import Carrier
from app.marketplace.context import utc_now
from app.marketplace.outbox import Deliverer, deliver
from app.settings import Settings

class KilledAfterSending(Carrier):
    def send(self, message):
        super().send(message)
        os.kill(os.getpid(), signal.SIGKILL)

settings = Settings(data_dir=Path(sys.argv[1]), marketplace_sqs_endpoint_url=sys.argv[2])
deliver(Deliverer(Database(sys.argv[3], pool_size=1), KilledAfterSending(settings), utc_now))
"""


def test_a_kill_between_sending_and_marking_sends_it_again_under_the_same_id(
    settings: Settings, database: Database, clock: MovedClock, aws: Aws, queue: str
) -> None:
    write(database, clock, queue)
    command = [sys.executable, "-c", KILLED, str(settings.data_dir), aws.url, database.url]
    assert subprocess.run(command, check=False, timeout=240).returncode == -signal.SIGKILL
    deliverer = Deliverer(database, at(settings, aws.url), clock)
    assert deliver(deliverer) == 0, "the dead process still holds its lease"
    clock.advance(seconds=outbox.LEASE.total_seconds() + 1)
    assert deliver(deliverer) == 1
    first, second = ids(aws.received(queue, 2))
    assert first == second


def test_a_lost_reply_sends_it_again_under_the_same_id(
    settings: Settings, database: Database, clock: MovedClock, aws: Aws, queue: str
) -> None:
    clock.stop()
    write(database, clock, queue)
    with wire_to(aws.url) as wire:
        wire.lose_reply["SendMessage"] = 1
        deliverer = Deliverer(database, at(settings, wire.url), clock)
        assert deliver(deliverer) == 0
        clock.advance(seconds=2)
        assert deliver(deliverer) == 1
    first, second = ids(aws.received(queue, 2))
    assert first == second


def test_a_queue_that_is_not_there_holds_up_nobody_else(
    settings: Settings, database: Database, clock: MovedClock, aws: Aws, queue: str
) -> None:
    write(database, clock, f"{aws.url}/123456789012/missing")
    write(database, clock, queue)
    assert deliver(Deliverer(database, at(settings, aws.url), clock)) == 1
    assert len(aws.received(queue, 1)) == 1
    with database.transaction() as db:
        (error,) = db.scalars(select(OutboxMessage.last_error).where(OutboxMessage.delivered_at.is_(None)))
    assert "NonExistentQueue" in str(error)


def test_after_four_days_a_message_is_given_up_and_its_error_kept(
    settings: Settings, database: Database, clock: MovedClock
) -> None:
    deliverer = Deliverer(database, at(settings, None), clock)
    write(database, clock, "https://sqs.us-east-1.amazonaws.com/123456789012/notes")
    clock.advance(days=3, hours=23)
    deliver(deliverer)
    assert kept(database).given_up_at is None
    clock.advance(hours=2)
    deliver(deliverer)
    row = kept(database)
    assert row.given_up_at is not None
    assert "LABELJURY_MARKETPLACE_SQS_ENDPOINT_URL" in str(row.last_error)
    clock.advance(days=1)
    deliver(deliverer)
    assert kept(database).attempts == row.attempts


def test_the_pauses_double_up_to_a_quarter_of_an_hour() -> None:
    assert [pause_after(attempts).total_seconds() for attempts in (1, 2, 3, 10)] == [1, 2, 4, 512]
    assert pause_after(11) == pause_after(10_000) == timedelta(minutes=15)


@pytest.mark.parametrize("transport", ["SQS", "SNS"])
def test_only_the_configured_endpoint_is_contacted_whatever_the_destination_says(
    settings: Settings, database: Database, clock: MovedClock, aws: Aws, transport: str
) -> None:
    with socket.socket() as trap:
        trap.bind(("127.0.0.1", 0))
        trap.listen()
        trap.settimeout(0.2)
        queue = aws.queue("ssrf")
        aws.topic("ssrf", "ssrf")
        destination = (
            f"http://127.0.0.1:{trap.getsockname()[1]}/123456789012/ssrf"
            if transport == "SQS"
            else "arn:aws:sns:us-east-1:123456789012:ssrf"
        )
        write(database, clock, destination, transport=transport)
        assert deliver(Deliverer(database, at(settings, aws.url), clock)) == 1
        assert len(aws.received(queue, 1)) == 1
        with pytest.raises(TimeoutError):
            trap.accept()


def test_the_endpoints_address_is_not_told_to_the_requester(
    settings: Settings, database: Database, clock: MovedClock
) -> None:
    port = free_port()
    write(database, clock, "https://sqs.us-east-1.amazonaws.com/123456789012/notes")
    deliver(Deliverer(database, at(settings, f"http://127.0.0.1:{port}"), clock))
    assert str(port) not in str(kept(database).last_error)


def test_what_was_delivered_is_forgotten_after_a_month(
    settings: Settings, database: Database, clock: MovedClock, aws: Aws, queue: str
) -> None:
    write(database, clock, queue)
    deliver(Deliverer(database, at(settings, aws.url), clock))
    clock.advance(days=29)
    write(database, clock, queue)
    clock.advance(days=2)
    with database.transaction() as db:
        outbox.forget(db, clock())
    assert kept(database).delivered_at is None


# --- rehearsals -------------------------------------------------------------------------------------------------------


def trouble(database: Database, **faults: bool) -> None:
    with database.transaction() as db:
        db.execute(update(AccessKey).values(faults=faults))


def test_a_rehearsal_may_ask_for_duplicates(
    settings: Settings, database: Database, clock: MovedClock, aws: Aws, queue: str
) -> None:
    trouble(database, duplicate_notifications=True)
    write(database, clock, queue)
    assert deliver(Deliverer(database, at(settings, aws.url), clock, rehearsal=True)) == 1
    first, second = ids(aws.received(queue, 2))
    assert first == second


def test_a_rehearsal_may_ask_for_another_order(
    settings: Settings, database: Database, clock: MovedClock, aws: Aws, queue: str
) -> None:
    clock.stop()
    trouble(database, shuffle_notifications=True)
    write(database, clock, queue, 20)
    deliverer = Deliverer(database, at(settings, aws.url), clock, rehearsal=True)
    at_first = deliver(deliverer)
    assert 0 < at_first < 20
    clock.advance(seconds=4)
    assert at_first + deliver(deliverer) == 20
    assert len(set(ids(aws.received(queue, 20)))) == 20


def test_without_a_rehearsal_nothing_goes_wrong_on_purpose(
    settings: Settings, database: Database, clock: MovedClock, aws: Aws, queue: str
) -> None:
    trouble(database, duplicate_notifications=True, shuffle_notifications=True)
    write(database, clock, queue, 5)
    assert deliver(Deliverer(database, at(settings, aws.url), clock)) == 5
    assert len(aws.received(queue, 5)) == 5
