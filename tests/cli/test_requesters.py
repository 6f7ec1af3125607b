"""The operator makes Requesters and keys, and Masters."""

import re
import sys
from datetime import UTC, datetime
from pathlib import Path

import pytest

from app import passwords
from app.cli import main
from app.db.engine import Database
from app.marketplace import system_qualifications
from app.marketplace.requesters import FIRST_REQUESTER_ID, KeyRing
from app.marketplace.store import Requester, Worker

NOW = datetime(2026, 11, 20, 12, tzinfo=UTC)


class Operator:
    """Somebody who types `labeljury marketplace …`; `said` and `complained` are the last command's output."""

    def __init__(self, patch: pytest.MonkeyPatch, capture: pytest.CaptureFixture[str]) -> None:
        self._patch, self._capture = patch, capture
        self.said = self.complained = ""

    def types(self, *arguments: str) -> int:
        self._patch.setattr(sys, "argv", ["labeljury", "marketplace", *arguments])
        with pytest.raises(SystemExit) as ended:
            main()
        self.said, self.complained = self._capture.readouterr()
        return int(ended.value.code or 0)

    def read(self, pattern: str) -> str:
        found = re.search(pattern, self.said)
        assert found, self.said
        return found[1]


@pytest.fixture
def operator(
    monkeypatch: pytest.MonkeyPatch, capfd: pytest.CaptureFixture[str], database_url: str, tmp_path: Path
) -> Operator:
    monkeypatch.setenv("DATABASE_URL", database_url)
    monkeypatch.setenv("LABELJURY_DATA_DIR", str(tmp_path / "data"))
    return Operator(monkeypatch, capfd)


def test_a_new_requester_gets_a_password_a_key_and_a_deposit(operator: Operator, database: Database) -> None:
    assert operator.types("requester", "add", "Mallory & Sons", "--deposit", "25") == 0, operator.complained
    password = operator.read(r"password (\S+) \(shown only now\)")
    key_id, secret = operator.read("ACCESS_KEY_ID=(.+)"), operator.read("SECRET_ACCESS_KEY=(.+)")
    keys = KeyRing(database)
    assert keys.secret_of(key_id) == secret
    with database.transaction() as db:
        made = db.get_one(Requester, keys.requester_of(key_id))
    assert (made.name, made.sign_in_name, str(made.available_usd)) == ("Mallory & Sons", "mallory-&-sons", "25.00")
    assert passwords.matches(made.password_hash, password)
    assert operator.types("requester", "add", "MALLORY & sons") == 1
    assert "choose another sign-in name" in operator.complained
    assert operator.types("requester", "list") == 0
    assert "$25.00" in operator.said
    assert password not in operator.said


def test_the_first_requester_gets_a_password(operator: Operator, database: Database) -> None:
    assert operator.types("requester", "reset-password") == 0, operator.complained
    password = operator.read(r"password (\S+) \(shown only now\)")
    with database.transaction() as db:
        first = db.get_one(Requester, FIRST_REQUESTER_ID)
    assert first.sign_in_name == "labeljury"
    assert passwords.matches(first.password_hash, password)
    assert operator.types("requester", "reset-password", "labeljury") == 0
    assert operator.types("requester", "reset-password", "nobody") == 1
    assert "labeljury marketplace requester list" in operator.complained


def test_keys_are_added_listed_and_revoked(operator: Operator, database: Database) -> None:
    assert operator.types("key", "add", "my laptop") == 0, operator.complained
    key_id, secret = operator.read("ACCESS_KEY_ID=(.+)"), operator.read("SECRET_ACCESS_KEY=(.+)")
    assert operator.types("key", "list") == 0
    assert "my laptop" in operator.said
    assert "Label Jury itself" in operator.said
    assert secret not in operator.said
    assert operator.types("key", "revoke", key_id) == 0
    assert KeyRing(database).secret_of(key_id) is None
    assert operator.types("key", "revoke", key_id) == 1


def test_funds_go_to_the_requester_who_is_named(operator: Operator, database: Database) -> None:
    assert operator.types("requester", "add", "Mallory") == 0
    assert operator.types("deposit", "7", "--requester", "mallory") == 0, operator.complained
    assert "$7.00" in operator.said
    assert operator.types("deposit", "7", "--requester", "nobody") == 1
    with database.transaction() as db:
        assert str(db.get_one(Requester, FIRST_REQUESTER_ID).available_usd) == "10000.00"


def test_only_the_operator_makes_masters(operator: Operator, database: Database) -> None:
    with database.transaction() as db:
        db.add(Worker(id="A1MASTER", name="Ada", created_at=NOW))
    assert operator.types("worker", "masters", "grant", "A1MASTER") == 0, operator.complained
    with database.transaction() as db:
        assert system_qualifications.values_of(db, "A1MASTER", {system_qualifications.MASTERS})
    assert operator.types("worker", "masters", "grant", "A2NOBODY") == 1
    assert operator.types("worker", "masters", "revoke", "A1MASTER") == 0
    assert operator.types("worker", "masters", "revoke", "A1MASTER") == 1
