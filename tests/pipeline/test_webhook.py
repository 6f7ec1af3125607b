import hashlib
import hmac
import threading
from collections.abc import Iterator
from datetime import datetime, timedelta

import httpx2
import pytest
from pydantic import SecretStr, ValidationError
from sqlalchemy import text

from app.db.engine import Database
from app.domain.alerts import Finding
from app.domain.vocabulary import AlertKind, BatchId
from app.pipeline import watch, webhook
from app.pipeline.webhook import SIGNATURE, Told
from app.settings import Settings
from tests.factories import make_batch
from tests.receiver import Receiver, receiving

SECRET = b"s" * 32
FUNDS = Finding(AlertKind.LOW_BALANCE, "http://127.0.0.1:8701", "Add $4.80")
DRIFT = Finding(AlertKind.DRIFT, "batch 7", "The answers move")
STALLED = Finding(AlertKind.STALLED, "batch 7", "Nobody")


@pytest.fixture
def receiver() -> Iterator[Receiver]:
    with receiving() as receiver:
        yield receiver


def found(database: Database, *findings: Finding, announce: bool = True) -> None:
    """As the watch writes what it finds; whatever else was open is over, and has been for long."""
    with database.transaction() as db:
        db.execute(text("UPDATE alerts SET seen_at = seen_at - interval '1 hour' WHERE cleared_at IS NULL"))
        watch.write(db, list(findings), set(AlertKind), announce=announce)


def tell(database: Database, receiver: Receiver, secret: bytes | None = SECRET) -> Told:
    return webhook.tell(database, webhook.Receiver(receiver.url, secret, "https://jury.example.org"))


def wait_over(database: Database) -> None:
    """As if the pause before the next attempt were over."""
    with database.transaction() as db:
        db.execute(text("UPDATE alerts SET not_before = now()"))


def pause_s(database: Database) -> float:
    with database.transaction() as db:
        left: timedelta = db.execute(text("SELECT max(not_before) - clock_timestamp() FROM alerts")).scalar_one()
    return left.total_seconds()


def test_raised_and_cleared_alerts_are_told_once_and_in_order(database: Database, receiver: Receiver) -> None:
    found(database, DRIFT, FUNDS)
    assert tell(database, receiver) == Told(delivered=2, failed=0)
    assert tell(database, receiver) == Told(0, 0)
    found(database)
    assert tell(database, receiver) == Told(2, 0)
    assert sorted(receiver.told) == [
        ("alert.cleared", "batch 7"),
        ("alert.cleared", "http://127.0.0.1:8701"),
        ("alert.raised", "batch 7"),
        ("alert.raised", "http://127.0.0.1:8701"),
    ]
    assert [event["event"] for event in receiver.events][:2] == ["alert.raised"] * 2
    assert not webhook.pending(database)


def test_the_body_says_all_that_a_person_needs_and_is_signed(database: Database, receiver: Receiver) -> None:
    with database.transaction() as db:
        batch_id = BatchId(make_batch(db, name="Bîrds").id)
    found(database, Finding(AlertKind.DRIFT, f"batch {batch_id}", "The answers move", batch_id))
    tell(database, receiver)
    ((headers, body),) = receiver.posts
    assert headers[SIGNATURE] == "sha256=" + hmac.new(SECRET, body, hashlib.sha256).hexdigest()
    (event,) = receiver.events
    alert = event.pop("alert")
    assert event["id"] == f"alert-{alert['id']}-raised"
    assert datetime.fromisoformat(event["sent_at"]).utcoffset() == timedelta(0)
    assert (alert["batch_name"], alert["profile"], alert["message"]) == ("Bîrds", "local", "The answers move")
    assert alert["url"] == f"https://jury.example.org/batches/{batch_id}"
    assert alert["cleared_at"] is None


def test_without_a_secret_nothing_is_signed(database: Database, receiver: Receiver) -> None:
    found(database, DRIFT)
    tell(database, receiver, secret=None)
    assert SIGNATURE not in receiver.posts[0][0]


@pytest.mark.parametrize("answer", [500, 404, 301, "hang up", "nonsense"])
def test_what_is_not_taken_is_told_again_after_pauses_that_grow(
    database: Database, receiver: Receiver, answer: int | str
) -> None:
    found(database, DRIFT)
    receiver.answers = [answer, answer]
    assert tell(database, receiver) == Told(0, 1)
    assert 15 < pause_s(database) <= 20
    assert tell(database, receiver) == Told(0, 0)  # not before its time
    wait_over(database)
    assert tell(database, receiver) == Told(0, 1)
    assert 30 < pause_s(database) <= 40
    wait_over(database)
    assert tell(database, receiver) == Told(1, 0)
    assert {event["id"] for event in receiver.events} == {receiver.events[0]["id"]}
    assert [event["attempt"] for event in receiver.events] == [1, 2, 3]


def test_a_receiver_that_redirects_is_not_followed(database: Database, receiver: Receiver) -> None:
    with receiving() as elsewhere:
        receiver.answers = [elsewhere.url]
        found(database, DRIFT)
        assert tell(database, receiver) == Told(0, 1)
        assert (elsewhere.posts, elsewhere.gets) == ([], 0)


def test_a_receiver_that_hangs_is_left_after_its_time(
    database: Database, receiver: Receiver, monkeypatch: pytest.MonkeyPatch
) -> None:
    patient = httpx2.Timeout
    monkeypatch.setattr(httpx2, "Timeout", lambda _, connect: patient(0.3, connect=connect))  # ten seconds otherwise
    receiver.hang_s = 3.0
    found(database, DRIFT)
    assert tell(database, receiver) == Told(0, 1)


def test_nobody_at_the_address_is_one_more_failure(database: Database) -> None:
    found(database, DRIFT)
    nobody = webhook.Receiver("http://127.0.0.1:1/", SECRET, "http://localhost")
    assert webhook.tell(database, nobody) == Told(0, 1)


def test_one_subject_waits_in_line_while_others_are_told(database: Database, receiver: Receiver) -> None:
    receiver.answers = [500]
    found(database, DRIFT)
    tell(database, receiver)
    found(database, FUNDS, STALLED)  # the drift is over before it could be told
    assert tell(database, receiver) == Told(1, 0)
    assert receiver.told[-1] == ("alert.raised", FUNDS.subject)
    wait_over(database)
    tell(database, receiver)
    of_batch = [(event["event"], event["alert"]["kind"]) for event in receiver.events[2:]]
    assert of_batch == [("alert.raised", "drift"), ("alert.raised", "stalled"), ("alert.cleared", "drift")]


def test_a_sender_killed_after_the_receiver_took_it_tells_it_once_more(database: Database, receiver: Receiver) -> None:
    found(database, DRIFT)
    with database.transaction() as db:  # the claim that such a sender leaves behind
        db.execute(webhook._CLAIM, {"pauses": list(webhook.PAUSES_S)})
    assert tell(database, receiver) == Told(0, 0)  # somebody may be at it
    wait_over(database)
    assert tell(database, receiver) == Told(1, 0)


def test_two_senders_tell_each_event_once(database: Database, receiver: Receiver) -> None:
    found(database, *(Finding(AlertKind.DRIFT, f"batch {n}", "moves") for n in range(20)))
    receiver.hang_s = 0.02
    told: list[Told] = []
    threads = [threading.Thread(target=lambda: told.append(tell(database, receiver))) for _ in range(2)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert sum(one.delivered for one in told) == len({event["id"] for event in receiver.events}) == 20
    assert len(receiver.posts) == 20


def test_what_was_raised_while_no_webhook_was_set_is_never_told(database: Database, receiver: Receiver) -> None:
    found(database, DRIFT, announce=False)
    found(database)
    assert not webhook.pending(database)
    assert tell(database, receiver) == Told(0, 0)


@pytest.mark.parametrize("url", ["file:///etc/passwd", "ftp://example.org/", "example.org/alerts", "http://"])
def test_only_web_addresses_are_taken_for_a_webhook(url: str) -> None:
    with pytest.raises(ValidationError):
        Settings(alert_webhook_url=url)


def test_the_settings_name_the_receiver_and_hide_its_secrets() -> None:
    assert webhook.receiver(Settings(alert_webhook_url=None)) is None
    settings = Settings(
        alert_webhook_url="https://hooks.example.org/T0/token",
        alert_webhook_secret=SecretStr("k" * 32),
        web_public_url="https://jury.example.org/",
    )
    receiver = webhook.receiver(settings)
    assert receiver == webhook.Receiver("https://hooks.example.org/T0/token", b"k" * 32, "https://jury.example.org")
    assert "T0" not in repr(settings)
    assert "kkk" not in repr(settings)
