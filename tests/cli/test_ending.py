"""The commands that end a Batch well, on a real database; the stages behind them have tests of their own."""

import zipfile
from pathlib import Path

import pytest
from sqlalchemy import text
from typer.testing import CliRunner, Result

from app.cli.main import app
from app.db.engine import Database
from app.domain.archive_format import DamagedArchive
from app.errors import Conflict
from tests.conftest import copied_database
from tests.factories import NOW, make_assignment, make_batch, make_consensus, make_hit, make_item, make_worker


@pytest.fixture(autouse=True)
def _here(database: Database, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("DATABASE_URL", database.url.replace("+psycopg", ""))
    monkeypatch.setenv("LABELJURY_DATA_DIR", str(tmp_path / "data"))
    monkeypatch.setenv("LABELJURY_SECRET_KEY", "x" * 32)
    monkeypatch.chdir(tmp_path)


@pytest.fixture
def over(database: Database) -> int:
    """The number of a Batch that is over, with one answer."""
    with database.transaction() as db:
        batch = make_batch(db, status="done", item_count=1, finished_at=NOW)
        item = make_item(db, batch)
        hit = make_hit(db, batch, item, status="done", marketplace_hit_id="3HIT")
        make_assignment(db, hit, make_worker(db), status="approved")
        make_consensus(db, item)
        return batch.id


def run(*command: str, answer: str = "") -> Result:
    done = CliRunner().invoke(app, list(command), input=answer)
    if done.exception and not isinstance(done.exception, SystemExit):
        raise done.exception
    return done


def test_an_archive_is_written_checked_and_read_back_elsewhere(
    over: int, tmp_path: Path, postgres_url: str, template_database: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    written = run("batch", "archive", str(over))
    path = tmp_path / f"batch-{over}.zip"
    assert f"written to batch-{over}.zip" in written.stderr
    assert zipfile.is_zipfile(path)
    checked = run("archive", "check", str(path)).stdout
    assert "1 Item, 1 HIT, 1 Assignment" in checked
    assert "Workers by pseudonym" in checked
    assert "It is whole" in checked
    with copied_database(postgres_url, template_database) as url:
        monkeypatch.setenv("DATABASE_URL", url)
        assert "It is Batch 1 here" in run("archive", "read", str(path)).stdout
        assert run("export", "1", "--out", "there.csv").exit_code == 0


def test_an_archive_that_fails_leaves_no_file_behind(over: int, tmp_path: Path, database: Database) -> None:
    with database.transaction() as db:
        db.execute(text("UPDATE batches SET status = 'live'"))
    with pytest.raises(Conflict, match="is live"):
        run("batch", "archive", str(over), "--out", "live.zip")
    assert list(tmp_path.glob("*.zip")) == []
    assert list(tmp_path.glob(".*.part")) == []


def test_a_damaged_archive_is_named(tmp_path: Path, over: int) -> None:
    run("batch", "archive", str(over), "--out", "x.zip")
    path = tmp_path / "x.zip"
    path.write_bytes(path.read_bytes()[:-100])
    with pytest.raises(DamagedArchive):
        run("archive", "check", str(path))


def test_hits_are_deleted_only_when_somebody_says_so(over: int) -> None:
    with pytest.raises(Conflict, match="nothing of Batch"):
        run("batch", "delete-hits", str(over), "--yes")
    run("export", str(over), "--out", "consensus.csv")
    refused = run("batch", "delete-hits", str(over), answer="n\n")
    assert refused.exit_code == 1
    assert "1 HIT of Batch" in refused.stdout
    assert "1 HIT will be deleted" in run("batch", "delete-hits", str(over), answer="y\n").stdout
    assert "1 HIT are about to be deleted" in run("batch", "delete-hits", str(over), "--yes").stdout


def test_what_a_batch_waits_for_is_said_and_can_be_given_up(over: int, database: Database) -> None:
    assert "It waits for nothing." in run("batch", "waiting", str(over)).stdout
    with database.transaction() as db:
        db.execute(text("UPDATE batches SET status = 'stopping'"))
        db.execute(text("UPDATE hits SET status = 'live'"))
        db.execute(text("UPDATE items SET consensus_stale = true"))
    assert "1 HIT to be taken back" in run("batch", "waiting", str(over)).stdout
    assert run("batch", "give-up", str(over), answer="n\n").exit_code == 1
    assert "Given up: 1 live HIT" in run("batch", "give-up", str(over), answer="y\n").stdout


def test_notifications_say_that_there_is_no_queue_or_how_listening_goes(monkeypatch: pytest.MonkeyPatch) -> None:
    assert "No queue is set" in run("notifications").stdout
    monkeypatch.setenv("LABELJURY_NOTIFICATIONS_QUEUE_URL", "https://sqs.us-east-1.amazonaws.com/123456789012/jury")
    shown = run("notifications").stdout
    assert "0 of 0 of active Batches are switched on" in shown
    assert "the last never" in shown
