"""The operator moves the clock and lets things go wrong; only in a rehearsal."""

from pathlib import Path

import pytest
from pydantic import SecretStr
from sqlalchemy import select

from app.db.engine import Database
from app.marketplace import clock, requesters
from app.marketplace.context import utc_now
from app.marketplace.store import AccessKey
from app.secrets import local_credentials
from app.settings import Settings
from tests.cli.test_commands import Typist

SECRET = "s" * 32


@pytest.fixture
def rita(
    monkeypatch: pytest.MonkeyPatch, capfd: pytest.CaptureFixture[str], database_url: str, tmp_path: Path
) -> Typist:
    monkeypatch.chdir(tmp_path)
    monkeypatch.setenv("DATABASE_URL", database_url)
    monkeypatch.setenv("LABELJURY_DATA_DIR", str(tmp_path / "data"))
    monkeypatch.setenv("LABELJURY_SECRET_KEY", SECRET)
    monkeypatch.setenv("LABELJURY_MARKETPLACE_REHEARSAL", "true")
    return Typist(monkeypatch, capfd)


@pytest.fixture
def key_id(database: Database) -> str:
    settings = Settings(secret_key=SecretStr(SECRET))
    with database.transaction() as db:
        requesters.ensure_first_requester(db, settings, utc_now())
    return local_credentials(settings).access_key_id


def test_the_clock_is_moved_ahead_shown_and_reset(rita: Typist, database: Database) -> None:
    assert rita.types("marketplace", "clock") == 0
    assert "real time" in rita.said
    assert rita.types("marketplace", "clock", "advance", "30d") == 0
    assert rita.types("marketplace", "clock", "advance", "1h30m") == 0
    assert "30d 1h 30m ahead" in rita.said
    with database.transaction() as db:
        assert clock.ahead(db).total_seconds() == 30 * 86_400 + 5400
    assert rita.types("marketplace", "clock", "reset") == 0
    assert "still to come" in rita.said
    with database.transaction() as db:
        assert not clock.ahead(db)


@pytest.mark.parametrize("time", ["", "soon", "0d", "-1d", "4000d", "99999999d"])
def test_an_odd_time_is_refused(rita: Typist, time: str) -> None:
    assert rita.types("marketplace", "clock", "advance", "--", time) == 2


def test_faults_are_set_shown_and_taken_back(rita: Typist, database: Database, key_id: str) -> None:
    assert rita.types("marketplace", "faults") == 0
    assert rita.said == f"{key_id}: everything goes well\n"
    assert rita.types("marketplace", "faults", key_id, "--throttle", "10", "--lose-replies", "0.1") == 0
    assert rita.said == f"{key_id}: throttle_per_s=10.0, reply_lost_share=0.1\n"
    assert rita.types("marketplace", "faults", "--none") == 0
    with database.transaction() as db:
        assert db.scalar(select(AccessKey.faults).where(AccessKey.access_key_id == key_id)) is None


@pytest.mark.parametrize(
    "arguments",
    [
        ["NOKEY", "--slow", "5"],
        ["--none", "--slow", "5"],
        ["--lose-replies", "0.7", "--fail", "0.7"],
        ["--lose-replies", "2"],
    ],
)
def test_impossible_faults_are_refused_and_change_nothing(
    rita: Typist, database: Database, key_id: str, arguments: list[str]
) -> None:
    assert rita.types("marketplace", "faults", *arguments) == 2
    with database.transaction() as db:
        assert db.scalar(select(AccessKey.faults).where(AccessKey.access_key_id == key_id)) is None


@pytest.mark.parametrize(
    "command", [["clock"], ["clock", "advance", "1d"], ["clock", "reset"], ["faults", "--slow", "5"]]
)
def test_outside_a_rehearsal_nothing_is_moved_and_the_switch_is_named(
    rita: Typist, monkeypatch: pytest.MonkeyPatch, command: list[str]
) -> None:
    monkeypatch.delenv("LABELJURY_MARKETPLACE_REHEARSAL")
    assert rita.types("marketplace", *command) == 2
    assert "LABELJURY_MARKETPLACE_REHEARSAL=true" in rita.complained


def test_production_is_no_rehearsal(rita: Typist, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("LABELJURY_MARKETPLACE_PROFILE", "production")
    monkeypatch.setenv("LABELJURY_SPENDING_LIMIT_USD", "10")
    assert rita.types("marketplace", "clock") == 2
    assert "no rehearsal" in rita.complained
