from fastapi.testclient import TestClient
from sqlalchemy import text
from sqlalchemy.orm import Session

from app.db.engine import Database
from app.main import create_app
from app.settings import Settings


def a_runner(db: Session, *, seen_s_ago: float = 0) -> None:
    """A job runner that was heard of so long ago."""
    db.execute(
        text("INSERT INTO procrastinate_workers (last_heartbeat) VALUES (now() - make_interval(secs => :s))"),
        {"s": seen_s_ago},
    )
    db.commit()


def test_a_healthy_console_is_live_and_ready(stranger: TestClient, db: Session) -> None:
    a_runner(db)
    assert stranger.get("/health/live").status_code == 200
    answer = stranger.get("/health/ready")
    assert (answer.status_code, answer.json()["status"]) == (200, "ok")
    assert {name: part["status"] for name, part in answer.json()["parts"].items()} == {
        "database": "ok",
        "migrations": "ok",
        "job_runners": "ok",
    }


def test_without_a_job_runner_for_half_a_minute_it_serves_and_says_so(stranger: TestClient, db: Session) -> None:
    a_runner(db, seen_s_ago=31)
    answer = stranger.get("/health/ready")
    assert (answer.status_code, answer.json()["status"]) == (200, "degraded")
    assert "labeljury run-jobs" in answer.json()["parts"]["job_runners"]["detail"]


def test_with_tables_of_another_version_it_is_not_ready_and_says_what_to_run(stranger: TestClient, db: Session) -> None:
    version = db.execute(text("SELECT version_num FROM alembic_version")).scalar_one()
    try:
        db.execute(text("UPDATE alembic_version SET version_num = 'service_0001'"))
        db.commit()
        answer = stranger.get("/health/ready")
    finally:
        db.execute(text("UPDATE alembic_version SET version_num = :version"), {"version": version})
        db.commit()
    assert (answer.status_code, answer.json()["status"]) == (503, "unavailable")
    assert "labeljury migrate" in answer.json()["parts"]["migrations"]["detail"]


def test_without_its_database_it_is_live_but_not_ready(settings: Settings) -> None:
    away = Database("postgresql://postgres@127.0.0.1:1/nothing")
    client = TestClient(create_app(settings, away), cookies={"labeljury_login": "x"})
    assert client.get("/health/live").status_code == 200
    answer = client.get("/health/ready")
    assert (answer.status_code, answer.json()["parts"]["database"]["status"]) == (503, "unavailable")
    page = client.get("/")
    assert (page.status_code, "database cannot be reached" in page.text) == (503, True)
    assert client.get("/health/live").status_code == 200
    away.close()
