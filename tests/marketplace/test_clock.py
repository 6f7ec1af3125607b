"""A rehearsal moves the marketplace's clock, and what MTurk does by itself happens at once."""

import time
from collections.abc import Callable
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import TYPE_CHECKING

import pytest
from pydantic import SecretStr

from app.db.engine import Database
from app.errors import InvalidInput
from app.marketplace import clock as marketplace_clock
from app.marketplace.clock import RehearsalClock, span
from app.secrets import Credentials
from app.settings import Settings
from tests.marketplace.conftest import mturk_client
from tests.marketplace.people import Browser, publish
from tests.marketplace_server import running_marketplace

if TYPE_CHECKING:
    from mypy_boto3_mturk import MTurkClient

NOON = datetime(2026, 11, 23, 12, tzinfo=UTC)


@pytest.fixture
def settings(tmp_path: Path) -> Settings:
    return Settings(data_dir=tmp_path, secret_key=SecretStr("x" * 32), marketplace_rehearsal=True)


def move(database: Database, by: str) -> None:
    with database.transaction() as db:
        marketplace_clock.advance(db, span(by))


def status_soon(mturk: "MTurkClient", assignment_id: str, wanted: str) -> str:
    """The Assignment's status, as soon as it is the one that is wanted."""
    deadline = time.monotonic() + 60
    while True:
        status = mturk.get_assignment(AssignmentId=assignment_id)["Assignment"]["AssignmentStatus"]
        if status == wanted or time.monotonic() > deadline:
            return status
        time.sleep(0.05)


def test_thirty_days_until_the_approval_pass_in_a_second_for_all_processes(
    marketplace: str,
    settings: Settings,
    database: Database,
    credentials: Credentials,
    worker: Callable[[str], Browser],
) -> None:
    mturk = mturk_client(marketplace, credentials)
    with running_marketplace(settings, database) as other_url:
        other = mturk_client(other_url, credentials)
        assignment_id = worker("Ada").work(publish(mturk)["HITTypeId"])
        assert other.get_assignment(AssignmentId=assignment_id)["Assignment"]["AssignmentStatus"] == "Submitted"
        move(database, "30d")
        assert status_soon(other, assignment_id, "Approved") == "Approved"
        assert status_soon(mturk, assignment_id, "Approved") == "Approved"
        shown = mturk.get_assignment(AssignmentId=assignment_id)["Assignment"]
        assert shown["ApprovalTime"] - shown["SubmitTime"] == timedelta(days=30)


def test_the_stored_time_is_read_once_a_second(database: Database) -> None:
    ticks = [10.0]
    clock = RehearsalClock(database, lambda: NOON, lambda: ticks[0])
    assert clock() == NOON
    move(database, "2h")
    assert clock() == NOON
    ticks[0] += 1
    assert clock() == NOON + timedelta(hours=2)


def test_without_a_database_the_clock_goes_on_as_it_was(database: Database) -> None:
    nowhere = Database("postgresql://postgres@127.0.0.1:9/none")
    assert RehearsalClock(nowhere, lambda: NOON)() == NOON
    nowhere.close()


def test_the_clock_moves_ahead_only_and_not_for_ever(database: Database) -> None:
    move(database, "3000d")
    for by in (timedelta(), timedelta(seconds=-1), timedelta(days=3651), timedelta(days=700)):
        with pytest.raises(InvalidInput), database.transaction() as db:
            marketplace_clock.advance(db, by)
    with database.transaction() as db:
        assert marketplace_clock.ahead(db) == timedelta(days=3000)
        marketplace_clock.reset(db)
        assert marketplace_clock.ahead(db) == timedelta()


@pytest.mark.parametrize(
    ("text", "seconds"), [("30d", 2_592_000), ("1d12h", 129_600), ("90m", 5400), ("45s", 45), (" 1H1s ", 3601)]
)
def test_a_time_is_written_in_days_hours_minutes_and_seconds(text: str, seconds: int) -> None:
    assert span(text).total_seconds() == seconds


@pytest.mark.parametrize("text", ["", "d", "1", "1w", "1h1d", "-1d", "1.5h", "9" * 30 + "d"])
def test_other_times_are_refused(text: str) -> None:
    with pytest.raises(InvalidInput):
        span(text)


def test_work_made_ahead_stays_valid_after_a_reset(
    marketplace: str, database: Database, credentials: Credentials, worker: Callable[[str], Browser]
) -> None:
    move(database, "10d")
    mturk = mturk_client(marketplace, credentials)
    hit = publish(mturk, LifetimeInSeconds=60)
    with database.transaction() as db:
        marketplace_clock.reset(db)
    worker("Ada").work(hit["HITTypeId"])
    assert mturk.get_hit(HITId=hit["HITId"])["HIT"]["HITStatus"] == "Assignable"
