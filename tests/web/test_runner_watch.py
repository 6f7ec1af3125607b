import time

from pydantic import SecretStr
from sqlalchemy import text
from sqlalchemy.orm import Session

from app.db.engine import Database
from app.domain.alerts import RUNNER_SEEN_WITHIN_S
from app.pipeline import alert_report
from app.settings import Settings
from app.web.runner_watch import RunnerWatch
from tests.factories import make_batch
from tests.receiver import receiving


def quiet(watching: RunnerWatch) -> RunnerWatch:
    """As if this console had seen no runner for long enough."""
    watching._last_seen = time.monotonic() - RUNNER_SEEN_WITHIN_S
    return watching


def kinds(db: Session) -> list[str]:
    db.rollback()
    return [alert.kind for alert in alert_report.alerts_seen(db)]


def test_a_console_without_job_runners_says_so_and_tells_the_webhook_itself(
    settings: Settings, database: Database, db: Session
) -> None:
    make_batch(db, status="live")
    db.commit()
    with receiving() as receiver:
        told = settings.model_copy(
            update={"alert_webhook_url": receiver.url, "alert_webhook_secret": SecretStr("k" * 32)}
        )
        watching = RunnerWatch(told, database)
        watching.look()
        assert kinds(db) == []  # it may have been started a moment ago
        quiet(watching).look()
        assert kinds(db) == ["no_runner"]
        assert receiver.told == [("alert.raised", "installation")]
        db.execute(text("INSERT INTO procrastinate_workers DEFAULT VALUES"))
        db.commit()
        watching.look()
        assert kinds(db) == []


def test_without_a_batch_at_work_no_runner_is_missed(settings: Settings, database: Database, db: Session) -> None:
    make_batch(db, status="done")
    db.commit()
    quiet(RunnerWatch(settings, database)).look()
    assert kinds(db) == []


def test_it_outlives_its_database(settings: Settings) -> None:
    away = Database("postgresql://postgres@127.0.0.1:1/nothing")
    watching = RunnerWatch(settings, away, every_s=0.01)
    watching.start()
    time.sleep(0.2)
    assert watching._thread.is_alive()
    watching.stop()
    assert not watching._thread.is_alive()
    away.close()
