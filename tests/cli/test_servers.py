import signal
import subprocess
import sys
import time
from pathlib import Path
from urllib.error import URLError
from urllib.request import urlopen

import pytest
from fastapi import FastAPI, Request
from fastapi.testclient import TestClient
from sqlalchemy import select

from app.access.accounts import FIRST_EMAIL
from app.cli.servers import serving_config
from app.db.engine import Database
from app.db.tables import Account
from app.settings import Settings
from tests.stack import environment_for

PROXY, CLIENT = "10.1.2.3", "203.0.113.9"
READY_WITHIN_S = 240


def address_seen(settings: Settings) -> str:
    """Whom an application takes the sender for, where a proxy at PROXY passes a request of CLIENT on."""
    app = FastAPI()

    @app.get("/")
    def sender(request: Request) -> str:
        return request.client.host if request.client else "nobody"

    config = serving_config(app, settings, host="127.0.0.1", port=0)
    config.load()
    client = TestClient(config.loaded_app, client=(PROXY, 50_000))
    return str(client.get("/", headers={"X-Forwarded-For": CLIENT}).json())


def test_only_a_trusted_proxy_is_believed_whose_request_it_is() -> None:
    assert address_seen(Settings()) == PROXY
    assert address_seen(Settings(trusted_proxies=f"127.0.0.1, {PROXY}")) == CLIENT
    assert address_seen(Settings(trusted_proxies="10.0.0.0/8")) == CLIENT


def test_a_first_start_of_serve_alone_makes_an_account_and_a_second_does_not(
    database: Database, database_url: str, tmp_path: Path
) -> None:
    first, second = (output_of_serve(tmp_path, database_url) for _ in range(2))
    assert first.count(f"First account: {FIRST_EMAIL}, password ") == 1
    assert "First account" not in second
    with database.transaction() as db:
        assert list(db.scalars(select(Account.email))) == [FIRST_EMAIL]


def output_of_serve(folder: Path, database_url: str) -> str:
    """Everything that `labeljury serve` says until it is ready and then stopped."""
    environment = environment_for(folder, database_url=database_url)
    url = f"http://127.0.0.1:{environment['LABELJURY_WEB_PORT']}/health/ready"
    log = folder / "serve.log"
    with log.open("wb") as file:
        command = [sys.executable, "-m", "app.cli", "serve"]
        process = subprocess.Popen(command, env=environment, stdout=file, stderr=subprocess.STDOUT)
        try:
            wait_until_it_answers(url)
        finally:
            process.send_signal(signal.SIGTERM)
            process.wait(READY_WITHIN_S)
    return log.read_text()


def wait_until_it_answers(url: str) -> None:
    deadline = time.monotonic() + READY_WITHIN_S
    while time.monotonic() < deadline:
        try:
            with urlopen(url, timeout=2):
                return
        except (URLError, OSError):
            time.sleep(0.1)
    pytest.fail(f"{url} did not answer")
