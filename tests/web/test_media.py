import hashlib

import pytest
from fastapi.testclient import TestClient
from sqlalchemy.orm import Session

from app.db.media_files import path_of
from app.settings import Settings
from tests.factories import make_media_file

CONTENT = bytes(range(256)) * 8


@pytest.fixture
def token(db: Session, settings: Settings) -> str:
    sha256 = hashlib.sha256(CONTENT).hexdigest()
    path = path_of(settings.media_path, sha256)
    path.parent.mkdir(parents=True)
    path.write_bytes(CONTENT)
    token = make_media_file(db, sha256=sha256, content_type="audio/mpeg", size_bytes=len(CONTENT)).token
    db.commit()
    return token


def test_a_workers_browser_gets_the_file_without_signing_in(stranger: TestClient, token: str) -> None:
    answer = stranger.get(f"/media/{token}")
    assert (answer.status_code, answer.content) == (200, CONTENT)
    assert answer.headers["content-type"] == "audio/mpeg"
    assert answer.headers["access-control-allow-origin"] == "*"
    assert answer.headers["cache-control"] == "public, max-age=31536000, immutable"
    assert answer.headers["x-content-type-options"] == "nosniff"
    assert "sandbox" in answer.headers["content-security-policy"]
    assert stranger.head(f"/media/{token}").headers["content-length"] == str(len(CONTENT))


def test_a_player_may_ask_for_a_part(stranger: TestClient, token: str) -> None:
    answer = stranger.get(f"/media/{token}", headers={"Range": "bytes=10-19"})
    assert (answer.status_code, answer.content) == (206, CONTENT[10:20])
    assert answer.headers["content-range"] == f"bytes 10-19/{len(CONTENT)}"


@pytest.mark.parametrize("token", ["nothing", "..%2f..%2fsecret.key", "%00", "x" * 200])
def test_an_unknown_token_is_not_found(stranger: TestClient, token: str) -> None:
    assert stranger.get(f"/media/{token}").status_code == 404


def test_a_file_that_is_gone_is_not_found(stranger: TestClient, db: Session) -> None:
    token = make_media_file(db).token
    db.commit()
    assert stranger.get(f"/media/{token}").status_code == 404
