import pytest
from fastapi.testclient import TestClient

from app.access import accounts, logins
from app.db.engine import Database
from app.domain.vocabulary import Role
from app.main import create_app
from app.settings import Settings
from tests.cast import RITA, Visitor

PASSWORD = "correct horse battery"


@pytest.fixture
def _rita_has_a_password(database: Database) -> None:
    with database.transaction() as db:
        accounts.create(db, email=RITA, role=Role.OWNER, password=PASSWORD, by="cli")


@pytest.mark.usefixtures("_rita_has_a_password")
def test_the_right_password_opens_the_console(stranger: TestClient) -> None:
    answer = stranger.post("/sign-in", data={"email": RITA, "password": PASSWORD})
    assert (answer.status_code, answer.headers["location"]) == (303, "/")
    cookie = answer.headers["set-cookie"]
    assert "HttpOnly" in cookie
    assert "SameSite=lax" in cookie
    assert "Secure" not in cookie
    assert "No Batch yet" in stranger.get("/").text


@pytest.mark.usefixtures("_rita_has_a_password")
def test_behind_https_the_cookie_is_secure(settings: Settings, database: Database) -> None:
    app = create_app(settings.model_copy(update={"web_public_url": "https://jury.example.org"}), database)
    answer = TestClient(app, follow_redirects=False).post("/sign-in", data={"email": RITA, "password": PASSWORD})
    assert "Secure" in answer.headers["set-cookie"]
    assert answer.headers["strict-transport-security"]


@pytest.mark.usefixtures("_rita_has_a_password")
def test_a_wrong_password_is_refused_and_then_throttled(stranger: TestClient) -> None:
    for _ in range(5):
        answer = stranger.post("/sign-in", data={"email": RITA, "password": "guess"})
        assert (answer.status_code, "do not match" in answer.text) == (401, True)
    answer = stranger.post("/sign-in", data={"email": RITA, "password": PASSWORD})
    assert (answer.status_code, "try again in 15 min" in answer.text) == (429, True)
    assert "set-cookie" not in answer.headers


@pytest.mark.parametrize("email", ["", "\x00", "x" * 5000, "nobody@example.org", "'; DROP TABLE accounts; --"])
def test_strange_e_mails_are_refused_like_any_other(stranger: TestClient, email: str) -> None:
    assert stranger.post("/sign-in", data={"email": email, "password": "\x00"}).status_code == 401


@pytest.mark.usefixtures("_rita_has_a_password")
@pytest.mark.parametrize(
    ("next", "goes_to"),
    [
        ("/batches/7", "/batches/7"),
        ("//evil.example", "/"),
        ("/\\evil.example", "/"),
        ("https://evil.example", "/"),
        ("/a\r\nSet-Cookie: x=1", "/"),
    ],
)
def test_signing_in_leads_to_a_page_of_ours_only(stranger: TestClient, next: str, goes_to: str) -> None:
    answer = stranger.post("/sign-in", data={"email": RITA, "password": PASSWORD, "next": next})
    assert answer.headers["location"] == goes_to


@pytest.mark.usefixtures("_rita_has_a_password")
def test_another_site_cannot_sign_a_visitor_in(stranger: TestClient) -> None:
    answer = stranger.post(
        "/sign-in", data={"email": RITA, "password": PASSWORD}, headers={"Sec-Fetch-Site": "cross-site"}
    )
    assert answer.status_code == 403


@pytest.mark.parametrize("path", ["/", "/batches/1", "/batches/1/items", "/questions", "/account", "/batches/new"])
def test_who_is_not_signed_in_is_sent_to_the_sign_in_page(stranger: TestClient, path: str) -> None:
    answer = stranger.get(path)
    assert answer.status_code == 303
    assert answer.headers["location"].startswith("/sign-in")


def test_a_fragment_of_an_ended_login_moves_the_whole_window(stranger: TestClient) -> None:
    answer = stranger.get("/batches/1/progress", headers={"HX-Request": "true"})
    assert (answer.status_code, answer.headers["hx-redirect"]) == (204, "/sign-in")


def test_signing_out_ends_the_login(rita: Visitor) -> None:
    login = rita.client.cookies[logins.COOKIE]
    answer = rita.client.post("/sign-out", data={"csrf_token": rita.csrf_token})
    assert answer.headers["location"] == "/sign-in"
    rita.client.cookies.set(logins.COOKIE, login)
    assert rita.client.get("/").status_code == 303
