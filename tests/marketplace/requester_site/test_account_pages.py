"""Signing in to the Requester pages, and staying the only one who does."""

from collections.abc import Callable

import httpx2
import pytest
from pydantic import SecretStr

from app.db.engine import Database
from app.marketplace import requester_accounts
from app.marketplace.requester_site.pages import own_path
from app.marketplace.requesters import FIRST_REQUESTER_ID
from app.settings import Settings
from tests.marketplace.conftest import MovedClock
from tests.marketplace.requester_site.conftest import Office
from tests.marketplace_server import running_marketplace

PAGES = [
    "", "account", "keys", "transactions", "transactions.csv", "hits", "hit-types", "workers", "qualification-types",
    "channels", "layouts",
]  # fmt: skip

NONSENSE = [
    "nothing", "hits/%00", "hits/3ABC", "hits/3ABC/expire", "keys/a/revoke", "hits?before=-1",
    "hits?before=99999999999999999999", "hits?status=Nonsense", "transactions?kind=x", "workers/%F0%9F", "workers/A1",
    "hit-types/3X", "qualification-types/3X", "channels/x", "channels/99999999999999999999", "layouts/3X",
]  # fmt: skip


def test_a_stranger_is_sent_to_the_sign_in_page_and_back(rita: Office, new_window: Callable[[], httpx2.Client]) -> None:
    stranger = new_window()
    for path in PAGES:
        shown = stranger.get(f"/requester/{path}")
        assert shown.url.path == "/requester/sign-in"
        then = dict(shown.url.params)["next"]
        assert then == f"/requester/{path}"
    fields = {"name": rita.sign_in_name.upper(), "password": rita.password, "next": then}
    assert stranger.post("/requester/sign-in", data=fields).url.path == then


def test_the_address_without_a_slash_leads_to_the_first_page(rita: Office) -> None:
    assert "Overview" in rita.http.get("/requester").text


def test_the_cookie_is_out_of_reach_for_scripts_and_other_sites(rita: Office) -> None:
    fields = {"name": rita.sign_in_name, "password": rita.password}
    cookie = rita.http.post("/requester/sign-in", data=fields, follow_redirects=False).headers["set-cookie"]
    assert {"HttpOnly", "Path=/requester", "SameSite=lax"} <= set(cookie.split("; "))
    assert "Secure" not in cookie


def test_by_https_the_cookie_travels_by_https_alone(settings: Settings, database: Database) -> None:
    public = settings.model_copy(update={"marketplace_public_url": "https://work.example.org"})
    with running_marketplace(public, database) as url:
        with database.transaction() as db:
            login = requester_accounts.reset_password(db, FIRST_REQUESTER_ID)
        answer = httpx2.post(f"{url}/requester/sign-in", data={"name": login.sign_in_name, "password": login.password})
    assert "Secure" in answer.headers["set-cookie"]


def test_a_wrong_password_is_refused_as_an_unknown_name_is(rita: Office) -> None:
    wrong = rita.sign_in("not it")
    unknown = rita.http.post("/requester/sign-in", data={"name": "nobody", "password": "not it"})
    assert wrong.status_code == unknown.status_code == 403
    assert "do not fit together" in wrong.text
    assert "do not fit together" in unknown.text


def test_five_wrong_passwords_close_the_door_for_a_quarter_of_an_hour(rita: Office, clock: MovedClock) -> None:
    for _ in range(5):
        assert rita.sign_in("not it").status_code == 403
    refused = rita.sign_in()
    assert refused.status_code == 429
    assert "Try again in 1" in refused.text
    clock.advance(minutes=16)
    assert rita.sign_in().status_code == 200


def test_somebody_who_tries_many_names_is_stopped_by_their_address(rita: Office) -> None:
    for number in range(20):
        answer = rita.http.post("/requester/sign-in", data={"name": f"name-{number}", "password": "x"})
        assert answer.status_code == 403
    assert rita.sign_in().status_code == 429


def test_a_session_ends_with_signing_out_and_after_two_weeks(rita: Office, clock: MovedClock) -> None:
    rita.post("sign-out")
    assert rita.http.get("/requester/").url.path == "/requester/sign-in"
    rita.sign_in()
    clock.advance(days=15)
    assert rita.http.get("/requester/").url.path == "/requester/sign-in"


def test_a_new_password_signs_out_all_other_browsers(rita: Office, new_window: Callable[[], httpx2.Client]) -> None:
    other = Office(new_window(), rita.requester_id, rita.sign_in_name, rita.password)
    other.sign_in()
    wanted = "correct horse battery"
    shown = rita.post("account/password", current=rita.password, wanted=wanted, again=wanted)
    assert "Your password is changed" in shown
    assert other.http.get("/requester/").url.path == "/requester/sign-in"
    assert other.sign_in().status_code == 403
    other.password = wanted
    assert other.sign_in().status_code == 200


def test_a_password_is_not_changed_by_mistake(rita: Office) -> None:
    long, other = "a long enough password", "another long password"
    for current, wanted, again in (("", long, long), (rita.password, "short", "short"), (rita.password, long, other)):
        rita.post("account/password", status=422, current=current, wanted=wanted, again=again)
    assert rita.sign_in().status_code == 200


def test_a_form_without_the_pages_token_is_refused(rita: Office) -> None:
    rita.csrf = "guessed"
    for path in ("sign-out", "keys", "account/password"):
        assert "out of date" in rita.post(path, status=403)


def test_a_form_from_another_site_is_refused(rita: Office) -> None:
    for headers in ({"Origin": "https://evil.example"}, {"Sec-Fetch-Site": "cross-site"}):
        answer = rita.http.post("/requester/keys", data={"csrf": rita.csrf, "label": "x"}, headers=headers)
        assert answer.status_code == 403


@pytest.mark.parametrize(
    "path", ["//evil.example", "https://evil.example", "/requester//evil", "/requester/\\evil", "/worker"]
)
def test_signing_in_leads_nowhere_else(path: str) -> None:
    assert own_path(path) == "/requester/"


def test_every_page_forbids_frames_scripts_of_others_and_caches(rita: Office) -> None:
    headers = rita.http.get("/requester/keys").headers
    assert "frame-ancestors 'none'" in headers["content-security-policy"]
    assert headers["cache-control"] == "no-store"
    assert headers["x-content-type-options"] == "nosniff"


def test_nonsense_in_the_address_is_answered_with_a_page(rita: Office) -> None:
    for path in NONSENSE:
        answer = rita.http.get(f"/requester/{path}")
        assert answer.status_code in {404, 405, 422}, path
        assert "That did not work" in answer.text


def test_a_secret_that_is_not_text_is_only_wrong(rita: Office) -> None:
    answer = rita.http.post(
        "/requester/sign-in",
        content=b"name=%00%FF%ED%A0%80&password=%FF%00",
        headers={"Content-Type": "application/x-www-form-urlencoded"},
    )
    assert answer.status_code == 403


def test_a_body_that_is_no_form_or_too_large_is_refused(rita: Office) -> None:
    large = rita.http.post("/requester/keys", data={"csrf": rita.csrf, "label": "x" * 2_000_000})
    assert large.status_code == 413
    odd = rita.http.post("/requester/keys", json={"csrf": rita.csrf, "label": "x"})
    assert odd.status_code in {403, 422}


def test_the_first_requester_cannot_sign_in_before_the_operator_makes_a_password(
    marketplace: str, new_window: Callable[[], httpx2.Client]
) -> None:
    for name in ("labeljury", ""):
        assert new_window().post("/requester/sign-in", data={"name": name, "password": ""}).status_code == 403


def test_settings_never_reach_the_page(rita: Office, settings: Settings) -> None:
    assert isinstance(settings.secret_key, SecretStr)
    assert settings.secret_key.get_secret_value() not in rita.get("keys")
