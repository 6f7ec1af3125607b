"""The console on a real database, with a browser for each of the cast."""

from collections.abc import Iterator
from pathlib import Path

import pytest
from fastapi import FastAPI
from fastapi.testclient import TestClient
from pydantic import SecretStr
from sqlalchemy.orm import Session

from app.db.engine import Database
from app.domain.vocabulary import Role
from app.main import create_app
from app.settings import Settings
from tests.cast import RITA, VICTOR, Visitor, browsing, sign_up


@pytest.fixture
def settings(tmp_path: Path) -> Settings:
    """A small upload limit, and no marketplace."""
    return Settings(data_dir=tmp_path, secret_key=SecretStr("x" * 32), max_upload_mb=1, marketplace_port=1)


@pytest.fixture
def db(database: Database) -> Iterator[Session]:
    """A session that a test may commit again and again, to look between two requests."""
    with Session(database.engine, expire_on_commit=False) as session:
        yield session


@pytest.fixture
def app(settings: Settings, database: Database) -> FastAPI:
    return create_app(settings, database)


@pytest.fixture
def stranger(app: FastAPI) -> Iterator[TestClient]:
    """A browser that is not signed in."""
    with TestClient(app, follow_redirects=False) as client:
        yield client


@pytest.fixture
def rita(app: FastAPI, database: Database) -> Iterator[Visitor]:
    with browsing(app, database, sign_up(database, RITA, Role.OWNER)) as visitor:
        yield visitor


@pytest.fixture
def victor(app: FastAPI, database: Database) -> Iterator[Visitor]:
    with browsing(app, database, sign_up(database, VICTOR, Role.VIEWER)) as visitor:
        yield visitor
