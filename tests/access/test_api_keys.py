from datetime import UTC, datetime, timedelta

import pytest
from sqlalchemy import select
from sqlalchemy.orm import Session

from app.access import accounts, api_keys
from app.access.permissions import Caller
from app.db.tables import ApiKey
from app.domain.vocabulary import Role
from app.errors import InvalidInput, NotFound, NotSignedIn

NOW = datetime(2026, 11, 20, 12, tzinfo=UTC)


def signed_up(db: Session, email: str, role: Role) -> Caller:
    new = accounts.create(db, email=email, role=role, by="cli")
    return Caller(new.account_id, new.email, role)


def test_a_key_stands_for_its_account(db: Session) -> None:
    victor = signed_up(db, "victor@example.org", Role.VIEWER)
    new = api_keys.create(db, victor, " laptop ")
    assert (new.key[:3], len(new.key), new.name) == ("lj_", 43, "laptop")
    assert api_keys.authenticate(db, new.key, now=NOW) == victor


def test_a_key_is_told_once_and_stored_as_a_hash(db: Session) -> None:
    new = api_keys.create(db, signed_up(db, "rita@example.org", Role.OWNER), "laptop")
    stored = db.scalars(select(ApiKey)).one()
    assert new.key not in {stored.key_hash, stored.prefix, repr(new)}
    assert new.key.startswith(stored.prefix)


@pytest.mark.parametrize("key", ["", "lj_", "lj_" + "x" * 40, "\x00", "é"])
def test_a_wrong_key_is_refused(db: Session, key: str) -> None:
    with pytest.raises(NotSignedIn, match="unknown or revoked"):
        api_keys.authenticate(db, key, now=NOW)


def test_a_revoked_key_ends_at_once(db: Session) -> None:
    rita = signed_up(db, "rita@example.org", Role.OWNER)
    new = api_keys.create(db, rita, "laptop")
    api_keys.revoke(db, rita, new.id, now=NOW)
    with pytest.raises(NotSignedIn):
        api_keys.authenticate(db, new.key, now=NOW)
    assert api_keys.of_account(db, rita.account_id) == []


def test_nobody_revokes_anothers_key(db: Session) -> None:
    new = api_keys.create(db, signed_up(db, "rita@example.org", Role.OWNER), "laptop")
    with pytest.raises(NotFound):
        api_keys.revoke(db, signed_up(db, "victor@example.org", Role.VIEWER), new.id, now=NOW)


def test_last_use_is_noted_at_most_once_a_minute(db: Session) -> None:
    rita = signed_up(db, "rita@example.org", Role.OWNER)
    key = api_keys.create(db, rita, "laptop").key
    noted = []
    for later in (timedelta(), timedelta(seconds=59), timedelta(seconds=61)):
        api_keys.authenticate(db, key, now=NOW + later)
        db.expire_all()
        noted.append(api_keys.of_account(db, rita.account_id)[0].last_used_at)
    assert noted == [NOW, NOW, NOW + timedelta(seconds=61)]


@pytest.mark.parametrize("name", ["", "  ", "x" * 101])
def test_a_key_needs_a_name(db: Session, name: str) -> None:
    with pytest.raises(InvalidInput, match="name"):
        api_keys.create(db, signed_up(db, "rita@example.org", Role.OWNER), name)
