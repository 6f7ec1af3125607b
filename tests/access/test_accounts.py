from datetime import UTC, datetime

import pytest
from sqlalchemy import select
from sqlalchemy.orm import Session

from app.access import accounts, api_keys, logins
from app.access.permissions import Caller
from app.db.tables import Account, AuditEntry
from app.domain.vocabulary import Role
from app.errors import Conflict, InvalidInput, NotSignedIn

NOW = datetime(2026, 11, 20, 12, tzinfo=UTC)


def test_the_first_account_is_an_owner_whose_password_is_told_once(db: Session) -> None:
    first = accounts.ensure_first_account(db)
    assert first is not None
    assert first.email == "owner@localhost"
    assert first.password not in repr(first)
    assert db.scalars(select(Account.role)).all() == [Role.OWNER]
    assert accounts.ensure_first_account(db) is None


def test_the_first_accounts_password_signs_in(db: Session) -> None:
    first = accounts.ensure_first_account(db)
    assert first is not None
    assert logins.sign_in(db, first.email, first.password, address="127.0.0.1", now=NOW)


def test_only_a_hash_of_the_password_is_stored(db: Session) -> None:
    new = accounts.create(db, email="rita@example.org", role=Role.OWNER, by="cli")
    stored = db.scalars(select(Account.password_hash)).one()
    assert stored.startswith("$argon2id$")
    assert new.password not in stored


def test_an_e_mail_is_one_account_whatever_its_case(db: Session) -> None:
    accounts.create(db, email="Rita@Example.org ", role=Role.OWNER, by="cli")
    with pytest.raises(Conflict, match=r"rita@example\.org"):
        accounts.create(db, email="rita@example.ORG", role=Role.VIEWER, by="cli")


def test_an_unfit_e_mail_and_a_short_password_are_both_named(db: Session) -> None:
    with pytest.raises(InvalidInput) as refused:
        accounts.create(db, email="rita", role=Role.OWNER, password="short", by="cli")
    assert [problem.field for problem in refused.value.problems] == ["email", "password"]


def test_a_disabled_account_can_neither_sign_in_nor_go_on(db: Session) -> None:
    accounts.create(db, email="rita@example.org", role=Role.OWNER, by="cli")
    victor = accounts.create(db, email="victor@example.org", role=Role.VIEWER, by="cli")
    token = logins.sign_in(db, victor.email, victor.password, address="127.0.0.1", now=NOW)
    assert token is not None
    key = api_keys.create(db, Caller(victor.account_id, victor.email, Role.VIEWER), "laptop").key
    accounts.disable(db, victor.account_id, by="rita@example.org", now=NOW)
    assert logins.find(db, token, now=NOW) is None
    assert logins.sign_in(db, victor.email, victor.password, address="127.0.0.1", now=NOW) is None
    with pytest.raises(NotSignedIn):
        api_keys.authenticate(db, key, now=NOW)


def test_the_last_owner_cannot_be_disabled(db: Session) -> None:
    rita = accounts.create(db, email="rita@example.org", role=Role.OWNER, by="cli")
    with pytest.raises(Conflict, match="last owner"):
        accounts.disable(db, rita.account_id, by="cli", now=NOW)


def test_a_new_password_ends_the_other_logins_and_keeps_this_one(db: Session) -> None:
    rita = accounts.create(db, email="rita@example.org", role=Role.OWNER, by="cli")
    here = logins.sign_in(db, rita.email, rita.password, address="127.0.0.1", now=NOW)
    elsewhere = logins.sign_in(db, rita.email, rita.password, address="127.0.0.2", now=NOW)
    assert here is not None
    assert elsewhere is not None
    accounts.change_password(
        db, rita.account_id, old=rita.password, new="a much better one", keep_login=logins.hash_of(here)
    )
    assert logins.find(db, here, now=NOW) is not None
    assert logins.find(db, elsewhere, now=NOW) is None
    assert logins.sign_in(db, rita.email, "a much better one", address="127.0.0.1", now=NOW)


def test_a_new_password_needs_the_old_one(db: Session) -> None:
    rita = accounts.create(db, email="rita@example.org", role=Role.OWNER, by="cli")
    with pytest.raises(InvalidInput, match="not your present password"):
        accounts.change_password(db, rita.account_id, old="guessed wrongly", new="a much better one", keep_login="")


def test_making_an_account_is_in_the_audit_trail_without_its_password(db: Session) -> None:
    new = accounts.create(db, email="rita@example.org", role=Role.OWNER, by="cli")
    entry = db.scalars(select(AuditEntry)).one()
    assert (entry.actor, entry.action) == ("cli", "account.created")
    assert new.password not in str(entry.details)
