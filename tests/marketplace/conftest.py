"""A running marketplace, its Requester Rita by boto3, and Workers with browsers of their own."""

from collections.abc import Callable, Iterator
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import TYPE_CHECKING

import boto3
import pytest
from botocore.config import Config
from pydantic import SecretStr

from app.db.engine import Database
from app.secrets import Credentials, local_credentials
from app.settings import Settings
from tests.browsing import chromium
from tests.marketplace.people import Browser
from tests.marketplace_server import running_marketplace

if TYPE_CHECKING:
    from mypy_boto3_mturk import MTurkClient

__all__ = ["chromium"]


class MovedClock:
    """The real time plus what a test has added to it; once it is stopped, only what a test adds."""

    def __init__(self) -> None:
        self.ahead = timedelta()
        self._stopped_at: datetime | None = None

    def __call__(self) -> datetime:
        return (self._stopped_at or datetime.now(UTC)) + self.ahead

    def stop(self) -> None:
        """Let no time pass by itself: for what is to happen within a second, which a busy machine may spend elsewhere."""
        self._stopped_at = datetime.now(UTC)

    def advance(self, **by: float) -> None:
        """Let time pass: `clock.advance(hours=24)`."""
        self.ahead += timedelta(**by)


@pytest.fixture
def clock() -> MovedClock:
    return MovedClock()


@pytest.fixture
def settings(tmp_path: Path) -> Settings:
    return Settings(data_dir=tmp_path, secret_key=SecretStr("x" * 32))


@pytest.fixture
def credentials(settings: Settings) -> Credentials:
    return local_credentials(settings)


@pytest.fixture
def marketplace(settings: Settings, database: Database, clock: MovedClock) -> Iterator[str]:
    with running_marketplace(settings, database, clock) as url:
        yield url


def mturk_client(url: str, credentials: Credentials) -> "MTurkClient":
    """Plain boto3, as any Requester's script uses it."""
    return boto3.client(
        "mturk",
        endpoint_url=url,
        region_name="us-east-1",
        aws_access_key_id=credentials.access_key_id,
        aws_secret_access_key=credentials.secret_access_key,
        config=Config(retries={"mode": "standard", "total_max_attempts": 1}, max_pool_connections=32),
    )


@pytest.fixture
def mturk(marketplace: str, credentials: Credentials) -> "MTurkClient":
    return mturk_client(marketplace, credentials)


@pytest.fixture
def worker(marketplace: str) -> Iterator[Callable[[str], Browser]]:
    """Enrols a Worker with a browser of their own."""
    open_browsers: list[Browser] = []

    def enrol(name: str) -> Browser:
        browser = Browser(marketplace)
        open_browsers.append(browser)
        browser.enrol(name)
        return browser

    yield enrol
    for browser in open_browsers:
        browser.close()
