import re

from fastapi.testclient import TestClient

from app.access import accounts
from app.db.engine import Database
from app.domain.vocabulary import Role
from tests.cast import RITA, Visitor


def test_a_key_is_made_shown_once_and_works(rita: Visitor) -> None:
    made = rita.client.post("/account/api-keys", data={"csrf_token": rita.csrf_token, "name": "laptop"}).text
    (key,) = re.findall(r"lj_[A-Za-z0-9_-]{40}", made)
    me = rita.client.get("/api/v1/me", headers={"Authorization": f"Bearer {key}"})
    assert me.json()["email"] == RITA
    later = rita.client.get("/account").text
    assert key not in later
    assert key[:9] in later


def test_a_revoked_key_is_gone(rita: Visitor) -> None:
    made = rita.client.post("/account/api-keys", data={"csrf_token": rita.csrf_token, "name": "laptop"}).text
    (key,) = re.findall(r"lj_[A-Za-z0-9_-]{40}", made)
    (path,) = re.findall(r"/account/api-keys/\d+/revoke", made)
    assert rita.client.post(path, data={"csrf_token": rita.csrf_token}).status_code == 303
    assert rita.client.get("/api/v1/me", headers={"Authorization": f"Bearer {key}"}).status_code == 401


def test_a_key_without_a_name_is_refused(rita: Visitor) -> None:
    answer = rita.client.post("/account/api-keys", data={"csrf_token": rita.csrf_token, "name": " "})
    assert (answer.status_code, "give the key a name" in answer.text) == (422, True)


def test_a_key_with_a_nul_in_its_name_is_refused(rita: Visitor) -> None:
    answer = rita.client.post("/account/api-keys", data={"csrf_token": rita.csrf_token, "name": "a\x00b"})
    assert (answer.status_code, "NUL" in answer.text) == (422, True)


def test_a_key_number_that_nobody_has_is_a_page_and_not_a_crash(rita: Visitor) -> None:
    for number in ("99999999999999999999", "0", "4711"):
        answer = rita.client.post(f"/account/api-keys/{number}/revoke", data={"csrf_token": rita.csrf_token})
        assert (answer.status_code, "Not found" in answer.text) == (404, True)


def test_the_password_is_changed_by_who_knows_the_old_one(stranger: TestClient, database: Database) -> None:
    with database.transaction() as db:
        accounts.create(db, email=RITA, role=Role.OWNER, password="correct horse battery", by="cli")
    stranger.post("/sign-in", data={"email": RITA, "password": "correct horse battery"})
    (token,) = set(re.findall(r'name="csrf_token" value="([^"]+)"', stranger.get("/account").text))
    assert "API keys stay valid" in stranger.get("/account").text
    form = {"csrf_token": token, "new": "a much better one"}
    wrong = stranger.post("/account/password", data=form | {"old": "guessed wrongly"})
    assert (wrong.status_code, "not your present password" in wrong.text) == (422, True)
    right = stranger.post("/account/password", data=form | {"old": "correct horse battery"})
    assert (right.status_code, right.headers["location"]) == (303, "/account?changed=true")
    assert stranger.get("/account?changed=true").status_code == 200
