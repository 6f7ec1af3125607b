"""Access keys: shown once, used by boto3, revoked."""

import re

import pytest
from botocore.exceptions import ClientError

from app.db.engine import Database
from app.marketplace.requesters import KeyRing
from app.marketplace.store import AccessKey
from app.secrets import Credentials
from tests.marketplace.conftest import mturk_client
from tests.marketplace.requester_site.conftest import Office, between


def made(office: Office, label: str = "my script") -> Credentials:
    shown = office.post("keys", label=label)
    return Credentials(between(shown, 'id="access-key-id">', "<"), between(shown, 'id="secret-access-key">', "<"))


def test_a_new_key_works_at_once_and_its_secret_is_shown_only_once(rita: Office, marketplace: str) -> None:
    key = made(rita)
    balance = mturk_client(marketplace, key).get_account_balance()
    assert balance["AvailableBalance"] == "10000.00"
    listed = rita.get("keys")
    assert key.access_key_id in listed
    assert key.secret_access_key not in listed


def test_the_list_says_what_a_key_is_for_and_when_it_was_used(rita: Office, marketplace: str) -> None:
    key = made(rita, "<b>مفتاح</b>")
    row = between(rita.get("keys"), f'data-key-id="{key.access_key_id}"', "</tr>")
    assert "&lt;b&gt;مفتاح" in row
    assert "never" in row
    mturk_client(marketplace, key).get_account_balance()
    row = between(rita.get("keys"), f'data-key-id="{key.access_key_id}"', "</tr>")
    assert "never" not in row


def test_a_refused_signature_is_no_use_of_the_key(rita: Office, marketplace: str) -> None:
    key = made(rita)
    with pytest.raises(ClientError):
        mturk_client(marketplace, Credentials(key.access_key_id, "wrong")).get_account_balance()
    assert "never" in between(rita.get("keys"), f'data-key-id="{key.access_key_id}"', "</tr>")


def test_a_revoked_key_stops_at_once_here_and_soon_in_other_processes(
    rita: Office, marketplace: str, database: Database
) -> None:
    key = made(rita)
    client = mturk_client(marketplace, key)
    client.get_account_balance()
    assert "revoked" in rita.post(f"keys/{key.access_key_id}/revoke")
    with pytest.raises(ClientError) as refused:
        client.get_account_balance()
    assert refused.value.response["Error"]["Code"] == "UnrecognizedClientException"
    # Another process, whose ten seconds are over.
    assert KeyRing(database).secret_of(key.access_key_id) is None
    assert KeyRing(database).requester_of(key.access_key_id) is None


def test_last_used_is_written_once_a_minute(rita: Office, marketplace: str, database: Database) -> None:
    key = made(rita)
    ring = KeyRing(database)
    ring.requester_of(key.access_key_id)
    with database.transaction() as db:
        first = db.get_one(AccessKey, key.access_key_id).last_used_at
    ring.requester_of(key.access_key_id)
    KeyRing(database).requester_of(key.access_key_id)
    with database.transaction() as db:
        assert db.get_one(AccessKey, key.access_key_id).last_used_at == first is not None


def test_the_installations_own_key_is_marked_and_cannot_be_revoked_here(rita: Office, credentials: Credentials) -> None:
    row = between(rita.get("keys"), f'data-key-id="{credentials.access_key_id}"', "</tr>")
    assert "Label Jury itself" in row
    assert "Revoke" not in row
    rita.post(f"keys/{credentials.access_key_id}/revoke", status=404)


def test_a_stranger_neither_sees_nor_revokes_a_key(rita: Office, mallory: Office, marketplace: str) -> None:
    key = made(rita)
    assert key.access_key_id not in mallory.get("keys")
    mallory.post(f"keys/{key.access_key_id}/revoke", status=404)
    mturk_client(marketplace, key).get_account_balance()


def test_a_key_needs_a_label_and_there_are_not_too_many(rita: Office) -> None:
    assert "what the key is for" in rita.post("keys", status=422, label=" ")
    for number in range(19):
        made(rita, f"script {number}")
    assert "revoke one" in rita.post("keys", status=422, label="one too many")
    assert len(re.findall("data-key-id=", rita.get("keys"))) == 20
