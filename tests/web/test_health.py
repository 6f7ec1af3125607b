from fastapi.testclient import TestClient

from app.db.engine import Database
from app.main import create_app
from app.settings import Settings


def test_a_healthy_console_is_live_and_ready(stranger: TestClient) -> None:
    assert stranger.get("/health/live").status_code == 200
    assert stranger.get("/health/ready").status_code == 200


def test_without_its_database_it_is_live_but_not_ready(settings: Settings) -> None:
    away = Database("postgresql://postgres@127.0.0.1:1/nothing")
    client = TestClient(create_app(settings, away), cookies={"labeljury_login": "x"})
    assert client.get("/health/live").status_code == 200
    assert client.get("/health/ready").status_code == 503
    page = client.get("/")
    assert (page.status_code, "database cannot be reached" in page.text) == (503, True)
    away.close()
