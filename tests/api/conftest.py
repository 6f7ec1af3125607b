"""The API on a real database, with a key for each of the cast."""

from collections.abc import Iterator
from pathlib import Path

import pytest
from fastapi import FastAPI
from fastapi.testclient import TestClient
from pydantic import SecretStr

from app.db.engine import Database
from app.domain.vocabulary import Role
from app.main import create_app
from app.settings import Settings
from tests.cast import RITA, VICTOR, key_of, sign_up
from tests.marketplace_server import running_marketplace


@pytest.fixture
def settings(tmp_path: Path) -> Settings:
    """A small upload limit, and no marketplace."""
    return Settings(data_dir=tmp_path, secret_key=SecretStr("x" * 32), max_upload_mb=1, marketplace_port=1)


@pytest.fixture
def marketplace_settings(settings: Settings, database: Database) -> Iterator[Settings]:
    """The same, with our own marketplace really running."""
    with running_marketplace(settings, database) as url:
        yield settings.model_copy(update={"marketplace_public_url": url})


@pytest.fixture
def app(settings: Settings, database: Database) -> FastAPI:
    return create_app(settings, database)


@pytest.fixture
def rita(app: FastAPI, database: Database) -> Iterator[TestClient]:
    with client_of(app, database, RITA, Role.OWNER) as client:
        yield client


@pytest.fixture
def victor(app: FastAPI, database: Database) -> Iterator[TestClient]:
    with client_of(app, database, VICTOR, Role.VIEWER) as client:
        yield client


def client_of(app: FastAPI, database: Database, email: str, role: Role) -> TestClient:
    key = key_of(database, sign_up(database, email, role))
    return TestClient(app, base_url="http://test/api/v1", headers={"Authorization": f"Bearer {key}"})
