import json
from pathlib import Path

import pytest
from sqlalchemy import text
from typer.testing import CliRunner

from app.cli.main import app
from app.db.engine import Database
from app.domain.alerts import Finding
from app.domain.vocabulary import AlertKind, BatchId, Role
from app.pipeline import watch
from app.settings import Settings
from tests.cast import RITA, sign_up
from tests.factories import make_batch
from tests.marketplace_server import running_marketplace


@pytest.fixture(autouse=True)
def environment(database_url: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("DATABASE_URL", database_url)
    monkeypatch.setenv("LABELJURY_DATA_DIR", str(tmp_path))
    monkeypatch.setenv("LABELJURY_WEB_PORT", "1")
    monkeypatch.setenv("LABELJURY_MARKETPLACE_PORT", "1")
    monkeypatch.setenv("COLUMNS", "200")


def said(*arguments: str, exit_code: int = 0) -> str:
    result = CliRunner().invoke(app, list(arguments))
    assert result.exit_code == exit_code, (result.output, result.exception)
    return result.output


def test_alerts_are_listed_for_people_and_for_programs(database: Database) -> None:
    assert "All is well" in said("alerts")
    with database.transaction() as db:
        batch_id = BatchId(make_batch(db, status="live").id)
        found = [Finding(AlertKind.DRIFT, f"batch {batch_id}", "The answers move", batch_id)]
        watch.write(db, found, set(AlertKind), announce=False)
    assert "The answers move" in said("alerts")
    (alert,) = json.loads(said("alerts", "--json"))
    assert (alert["kind"], alert["batch_id"]) == ("drift", batch_id)
    assert "All is well" in said("alerts", "--batch", str(batch_id + 1))
    assert "No alert is over yet" in said("alerts", "--cleared")


def test_health_says_of_each_part_whether_it_works_and_what_to_do() -> None:
    output = said("health", exit_code=1)
    assert "ok           database: answers" in output
    assert "ok           migrations: version" in output
    assert "degraded     job runners: none seen" in output
    assert "unavailable  console: does not answer" in output
    assert "run `labeljury serve-marketplace`" in output


def test_health_of_one_part_is_a_containers_health_check(
    database: Database, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    assert "degraded" in said("health", "jobs", exit_code=1)
    with database.transaction() as db:
        db.execute(text("INSERT INTO procrastinate_workers DEFAULT VALUES"))
    assert said("health", "jobs").split() == ["ok", "job", "runners:", "1", "at", "work"]
    assert said("health", "database").count("ok") == 2
    said("health", "web", exit_code=1)
    settings = Settings(data_dir=tmp_path, database_url=database.url)
    with running_marketplace(settings, database) as url:
        monkeypatch.setenv("LABELJURY_MARKETPLACE_PORT", url.rpartition(":")[2])
        (part,) = json.loads(said("health", "marketplace", "--json"))
    assert (part["name"], part["standing"]) == ("marketplace", "ok")


def test_health_starts_no_database(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    monkeypatch.delenv("DATABASE_URL")
    monkeypatch.chdir(tmp_path)
    assert "`labeljury up` starts it" in said("health", "database", exit_code=1)
    assert not (tmp_path / "postgres").exists()
    monkeypatch.setenv("DATABASE_URL", "postgresql://postgres@127.0.0.1:1/nothing")
    assert "does not answer" in said("health", "jobs", exit_code=1)


def test_an_accounts_cap_is_set_shown_and_taken_back(database: Database) -> None:
    sign_up(database, RITA, Role.REQUESTER)
    assert "has a cap of $25.00; $0.00 are committed" in said("account", "set-cap", RITA, "25")
    assert "$25.00" in said("account", "list")
    assert "has no cap" in said("account", "set-cap", RITA, "none")
    assert said("account", "set-cap", RITA, "much", exit_code=2)
