"""Starting up: the first Requester, twice, at once, and after the installation's secret has changed."""

from concurrent.futures import ThreadPoolExecutor
from datetime import UTC, datetime
from pathlib import Path

import pytest
from botocore.exceptions import ClientError
from pydantic import SecretStr
from sqlalchemy import text

from app.db.engine import Database
from app.marketplace.requesters import ensure_first_requester
from app.secrets import local_credentials
from app.settings import Settings
from tests.marketplace.conftest import mturk_client
from tests.marketplace_server import running_marketplace


def test_several_processes_make_one_first_requester(settings: Settings, database: Database) -> None:
    def start(_: int) -> None:
        with database.transaction() as db:
            ensure_first_requester(db, settings, datetime.now(UTC))

    with ThreadPoolExecutor(6) as pool:
        list(pool.map(start, range(12)))
    with database.transaction() as db:
        assert db.scalar(text("SELECT sum(available_usd) FROM marketplace.requesters")) == 10_000
        assert db.scalar(text("SELECT count(*) FROM marketplace.transactions")) == 1
        assert db.scalar(text("SELECT count(*) FROM marketplace.access_keys")) == 1


def test_a_new_secret_replaces_the_installations_key(settings: Settings, database: Database, tmp_path: Path) -> None:
    renewed = Settings(data_dir=tmp_path, secret_key=SecretStr("y" * 32))
    with running_marketplace(settings, database) as url:
        old = mturk_client(url, local_credentials(settings))
        old.get_account_balance()
    with running_marketplace(renewed, database) as url:
        assert mturk_client(url, local_credentials(renewed)).get_account_balance()["AvailableBalance"] == "10000.00"
        with pytest.raises(ClientError, match="UnrecognizedClientException"):
            mturk_client(url, local_credentials(settings)).get_account_balance()
