from datetime import UTC, datetime, timedelta

import pytest
from sqlalchemy import select
from sqlalchemy.orm import Session

from app.access import accounts, logins
from app.access.accounts import NewAccount
from app.db.tables import AuditEntry, Login
from app.domain.vocabulary import Role
from app.errors import TooManyAttempts

NOW = datetime(2026, 11, 20, 12, tzinfo=UTC)
HERE = "198.51.100.7"


@pytest.fixture
def rita(db: Session) -> NewAccount:
    return accounts.create(db, email="rita@example.org", role=Role.OWNER, by="cli")


def fail(db: Session, email: str, *, times: int, address: str = HERE, now: datetime = NOW) -> None:
    for _ in range(times):
        assert logins.sign_in(db, email, "not this one", address=address, now=now) is None


def test_a_login_is_known_by_its_cookie_until_it_expires(db: Session, rita: NewAccount) -> None:
    token = logins.sign_in(db, " RITA@example.org", rita.password, address=HERE, now=NOW)
    assert token is not None
    found = logins.find(db, token, now=NOW + timedelta(days=13))
    assert found is not None
    assert (found.caller.email, found.caller.role) == ("rita@example.org", Role.OWNER)
    assert logins.find(db, token, now=NOW + timedelta(days=14)) is None
    assert logins.find(db, token + "x", now=NOW) is None


def test_the_cookie_itself_is_not_stored(db: Session, rita: NewAccount) -> None:
    token = logins.sign_in(db, rita.email, rita.password, address=HERE, now=NOW)
    stored = db.scalars(select(Login)).one()
    assert token not in {stored.token_hash, stored.csrf_token}


def test_signing_out_ends_the_login(db: Session, rita: NewAccount) -> None:
    token = logins.sign_in(db, rita.email, rita.password, address=HERE, now=NOW)
    assert token is not None
    logins.sign_out(db, token)
    assert logins.find(db, token, now=NOW) is None
    logins.sign_out(db, token)


def test_after_five_failures_even_the_right_password_must_wait(db: Session, rita: NewAccount) -> None:
    fail(db, rita.email, times=5)
    with pytest.raises(TooManyAttempts, match="15 min") as refused:
        logins.sign_in(db, rita.email, rita.password, address="203.0.113.1", now=NOW + timedelta(seconds=1))
    assert 890 <= refused.value.wait_s <= 900
    assert logins.sign_in(db, rita.email, rita.password, address=HERE, now=NOW + timedelta(minutes=15))


def test_a_success_forgives_the_failures_before_it(db: Session, rita: NewAccount) -> None:
    fail(db, rita.email, times=4)
    assert logins.sign_in(db, rita.email, rita.password, address=HERE, now=NOW)
    fail(db, rita.email, times=4)
    assert logins.sign_in(db, rita.email, rita.password, address=HERE, now=NOW)


def test_an_address_that_tries_many_e_mails_must_wait(db: Session, rita: NewAccount) -> None:
    for number in range(20):
        fail(db, f"nobody-{number}@example.org", times=1)
    with pytest.raises(TooManyAttempts):
        logins.sign_in(db, rita.email, rita.password, address=HERE, now=NOW)
    assert logins.sign_in(db, rita.email, rita.password, address="203.0.113.1", now=NOW)


def test_an_unknown_e_mail_is_throttled_like_a_known_one(db: Session) -> None:
    fail(db, "nobody@example.org", times=5)
    with pytest.raises(TooManyAttempts):
        logins.sign_in(db, "nobody@example.org", "whatever", address=HERE, now=NOW)


def test_sign_ins_and_refusals_are_in_the_audit_trail(db: Session, rita: NewAccount) -> None:
    fail(db, rita.email, times=1)
    logins.sign_in(db, rita.email, rita.password, address=HERE, now=NOW)
    actions = db.scalars(select(AuditEntry.action).order_by(AuditEntry.id)).all()
    assert actions == ["account.created", "account.sign_in_refused", "account.signed_in"]
