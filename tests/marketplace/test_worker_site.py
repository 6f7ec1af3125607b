"""A Worker's way over the pages, without JavaScript."""

import re
from collections.abc import Callable
from pathlib import Path
from typing import TYPE_CHECKING
from urllib.parse import parse_qs, urlsplit

import httpx2
import pytest
from fastapi.testclient import TestClient
from pydantic import SecretStr
from structlog.testing import capture_logs

from app.db.engine import Database
from app.marketplace.server import create_app
from app.settings import Settings
from tests.marketplace.conftest import MovedClock
from tests.marketplace.people import Browser, assignment_id_of, html_question, publish
from tests.marketplace_server import running_marketplace

if TYPE_CHECKING:
    from mypy_boto3_mturk import MTurkClient

QUESTION = """<!doctype html><p>👍 ]]> &amp; "quotes" שלום</p><script>const a = [1], b = a[a[0]]>1;</script>"""


def frame_src(page: str) -> str:
    found = re.search(r'<iframe id="question-frame"[^>]* src="([^"]+)" sandbox="([^"]+)"', page)
    assert found, page
    assert "allow-same-origin" not in found[2]
    return found[1].replace("&amp;", "&")


def test_the_whole_way_from_the_list_to_the_next_hit(
    mturk: "MTurkClient", marketplace: str, worker: Callable[[str], Browser]
) -> None:
    hit = publish(mturk, Question=html_question(QUESTION), Title='<b>Which "label"?</b>')
    publish(mturk, Question=html_question(QUESTION), Title='<b>Which "label"?</b>')
    ada = worker("Ada")

    listed = ada.http.get("/").text
    assert f'data-hit-type-id="{hit["HITTypeId"]}"' in listed
    assert f'data-group-id="{hit["HITGroupId"]}"' in listed
    assert "<b>Which" not in listed
    assert '<span class="available">2</span>' in listed

    preview = ada.http.get(f"/projects/{hit['HITGroupId']}/tasks").text
    assert 'id="accept-form"' in preview
    parameters = parse_qs(urlsplit(frame_src(preview)).query)
    assert parameters == {
        "assignmentId": ["ASSIGNMENT_ID_NOT_AVAILABLE"],
        "hitId": [hit["HITId"]],
        "turkSubmitTo": [marketplace],
    }

    assignment_id = ada.accept(hit["HITTypeId"])
    page = ada.http.get(f"/assignments/{assignment_id}").text
    assert 'id="return-form"' in page
    parameters = parse_qs(urlsplit(frame_src(page)).query)
    assert parameters["assignmentId"] == [assignment_id]
    assert parameters["workerId"] == [ada.worker_id]

    framed = httpx2.get(marketplace + frame_src(page))
    assert framed.text == QUESTION
    assert framed.headers["content-type"] == "text/html; charset=utf-8"
    assert (
        framed.headers["content-security-policy"]
        == "sandbox allow-scripts allow-forms allow-modals allow-popups allow-popups-to-escape-sandbox"
    )
    assert "x-frame-options" not in framed.headers

    ada.post(f"/assignments/{assignment_id}/accept-next", accept_next="on")
    assert str(ada.post(f"/assignments/{assignment_id}/next").url).endswith(assignment_id)
    assert "parent.postMessage" in ada.submit(assignment_id).text
    following = assignment_id_of(str(ada.post(f"/assignments/{assignment_id}/next").url))
    assert following != assignment_id
    assert "checked" in ada.http.get(f"/assignments/{following}").text

    returned = ada.post(f"/assignments/{following}/return")
    assert "You returned the HIT" in returned.text
    assert "You returned this assignment" in ada.http.get(f"/assignments/{following}").text
    history = ada.http.get("/worker/history").text
    assert "Submitted" in history
    assert "$0.05 (1)" in history
    assert httpx2.get(marketplace + frame_src(page)).status_code == 404


def test_work_done_is_not_offered_again(mturk: "MTurkClient", worker: Callable[[str], Browser]) -> None:
    hit = publish(mturk)
    ada = worker("Ada")
    ada.work(hit["HITTypeId"])
    assert hit["HITTypeId"] not in ada.http.get("/worker").text
    assert "nothing left for you" in ada.http.get(f"/projects/{hit['HITTypeId']}/tasks").text
    again = ada.post(f"/projects/{hit['HITTypeId']}/tasks/{hit['HITId']}/accept")
    assert (again.status_code, "already worked" in again.text) == (409, True)
    assert hit["HITTypeId"] in worker("Bob").http.get("/worker").text


def test_going_on_means_the_hit_that_is_accepted_already(
    mturk: "MTurkClient", worker: Callable[[str], Browser]
) -> None:
    hit = publish(mturk)
    publish(mturk)
    ada = worker("Ada")
    assert ada.accept(hit["HITTypeId"]) == ada.accept(hit["HITTypeId"])
    assert 'id="accepted"' in ada.http.get("/worker").text


def test_links_of_both_kinds_lead_to_the_preview_and_accept_nothing(
    mturk: "MTurkClient", worker: Callable[[str], Browser]
) -> None:
    hit = publish(mturk)
    ada = worker("Ada")
    for link in (
        f"/mturk/preview?groupId={hit['HITTypeId']}",
        f"/mturk/preview?groupId={hit['HITGroupId']}",
        f"/projects/{hit['HITTypeId']}/tasks/accept_random",
    ):
        assert 'id="accept-form"' in ada.http.get(link).text
    assert mturk.get_hit(HITId=hit["HITId"])["HIT"]["NumberOfAssignmentsPending"] == 0


def test_a_stranger_may_look_but_is_asked_to_enrol(mturk: "MTurkClient", marketplace: str) -> None:
    hit = publish(mturk)
    with httpx2.Client(base_url=marketplace, follow_redirects=True) as stranger:
        assert hit["HITTypeId"] in stranger.get("/worker").text
        assert "Enrol to accept" in stranger.get(f"/projects/{hit['HITTypeId']}/tasks").text
        asked = stranger.post(f"/projects/{hit['HITTypeId']}/tasks/accept_random")
        assert f'value="/projects/{hit["HITTypeId"]}/tasks"' in asked.text
        assert stranger.get("/worker/history").url.path == "/worker/sign-in"


def test_a_worker_comes_back_with_the_secret_phrase(marketplace: str, worker: Callable[[str], Browser]) -> None:
    ada = worker("Ada Ü. <script>")
    with httpx2.Client(base_url=marketplace, follow_redirects=True) as elsewhere:
        fields = {"worker_id": ada.worker_id.lower(), "phrase": ada.phrase.upper()}
        wrong = elsewhere.post("/worker/sign-in", data={**fields, "phrase": "guess"})
        assert (wrong.status_code, "do not fit together" in wrong.text) == (403, True)
        shown = elsewhere.post("/worker/sign-in", data=fields)
        assert ada.worker_id in shown.text
        assert "<script>" not in shown.text
    out = ada.post("/worker/sign-out")
    assert ada.worker_id not in out.text
    assert ada.http.get("/worker/history").url.path == "/worker/sign-in"


def test_the_cookie_is_kept_from_scripts_and_other_sites(marketplace: str) -> None:
    shown = httpx2.post(marketplace + "/worker/enrol", data={"name": "Ada"})
    cookie = shown.headers["set-cookie"].lower()
    assert "httponly" in cookie
    assert "samesite=lax" in cookie
    for header in ("content-security-policy", "x-content-type-options", "referrer-policy", "x-frame-options"):
        assert header in shown.headers


def test_a_session_ends_after_thirty_days(worker: Callable[[str], Browser], clock: MovedClock) -> None:
    ada = worker("Ada")
    clock.advance(days=31)
    assert ada.worker_id not in ada.http.get("/worker").text


def test_forms_of_other_sites_are_refused(mturk: "MTurkClient", worker: Callable[[str], Browser]) -> None:
    hit, ada = publish(mturk), worker("Ada")
    path = f"/projects/{hit['HITTypeId']}/tasks/accept_random"
    assert ada.http.post(path).status_code == 403
    assert ada.http.post(path, data={"csrf": "0" * 64}).status_code == 403
    foreign = ("https://evil.example", "null", "http://[", f"{ada.url}.evil.example", f"{ada.url}@evil.example")
    for headers in (*({"Origin": origin} for origin in foreign), {"Sec-Fetch-Site": "cross-site"}):
        assert ada.http.post(path, data={"csrf": ada.csrf}, headers=headers).status_code == 403
        assert ada.http.post("/worker/enrol", data={"name": "Eve"}, headers=headers).status_code == 403
    same = {"Origin": ada.url, "Sec-Fetch-Site": "same-origin"}
    assert ada.http.post(path, data={"csrf": ada.csrf}, headers=same).status_code == 200


def test_a_link_to_the_next_hit_accepts_nothing(mturk: "MTurkClient", worker: Callable[[str], Browser]) -> None:
    first, second = publish(mturk), publish(mturk)
    ada = worker("Ada")
    assignment_id = ada.accept(first["HITTypeId"], first["HITId"])
    ada.post(f"/assignments/{assignment_id}/accept-next", accept_next="on")
    ada.submit(assignment_id)
    path = f"/assignments/{assignment_id}/next"
    assert str(ada.http.get(path).url).endswith(f"/assignments/{assignment_id}")
    assert ada.http.post(path).status_code == 403
    assert mturk.get_hit(HITId=second["HITId"])["HIT"]["NumberOfAssignmentsPending"] == 0
    assert assignment_id_of(str(ada.post(path).url)) != assignment_id
    assert mturk.get_hit(HITId=second["HITId"])["HIT"]["NumberOfAssignmentsPending"] == 1


def test_a_workers_id_is_not_logged(mturk: "MTurkClient", worker: Callable[[str], Browser]) -> None:
    with capture_logs() as events:
        ada = worker("Ada")
        ada.work(publish(mturk)["HITTypeId"])
    assert {"worker.enrolled", "assignment.submitted"} <= {event["event"] for event in events}
    assert ada.worker_id not in str(events)


def test_another_workers_assignment_does_not_exist(mturk: "MTurkClient", worker: Callable[[str], Browser]) -> None:
    hit, ada, mallory = publish(mturk), worker("Ada"), worker("Mallory")
    assignment_id = ada.accept(hit["HITTypeId"])
    assert mallory.http.get(f"/assignments/{assignment_id}").status_code == 404
    assert mallory.post(f"/assignments/{assignment_id}/next").status_code == 404
    assert mallory.post(f"/assignments/{assignment_id}/return").status_code == 404
    stolen = mallory.http.post("/mturk/externalSubmit", data={"assignmentId": assignment_id, "q": "1"})
    assert stolen.status_code == 404
    assert ada.submit(assignment_id).status_code == 200


@pytest.mark.parametrize("then", ["https://evil.example/", "//evil.example/", "/\\evil.example", "javascript:alert(1)"])
def test_signing_in_leads_nowhere_else(marketplace: str, worker: Callable[[str], Browser], then: str) -> None:
    ada = worker("Ada")
    fields = {"worker_id": ada.worker_id, "phrase": ada.phrase, "next": then}
    shown = httpx2.post(marketplace + "/worker/sign-in", data=fields)
    assert (shown.status_code, shown.headers["location"]) == (303, "/worker")


def test_enrolment_can_be_closed(database: Database, tmp_path: Path) -> None:
    settings = Settings(data_dir=tmp_path, secret_key=SecretStr("x" * 32), marketplace_open_enrolment=False)
    with running_marketplace(settings, database) as url:
        assert "Enrolment is closed" in httpx2.get(url + "/worker/enrol").text
        assert httpx2.post(url + "/worker/enrol", data={"name": "Ada"}).status_code == 403


@pytest.mark.parametrize(
    "path",
    [
        "/nowhere",
        "/assignments/x",
        "/assignments/%00",
        "/projects/3NONE/tasks",
        "/projects/%ff%00/tasks",
        "/mturk/preview?groupId=%00",
        "/mturk/preview",
        "/frame/3NONE",
        "/frame/%00?assignmentId=%00",
        "/worker?page=0",
        "/worker?page=99999999999999999999",
        "/static/../base.html",
        "/static/%2e%2e/templates/base.html",
    ],
)
def test_odd_addresses_are_answered_with_a_4xx(worker: Callable[[str], Browser], path: str) -> None:
    shown = worker("Mallory").http.get(path)
    assert 400 <= shown.status_code < 500


@pytest.mark.parametrize("path", ["/assignments/NOPE", "/nowhere", "/worker?page=0"])
def test_a_refusal_keeps_the_name_of_who_is_signed_in(
    marketplace: str, worker: Callable[[str], Browser], path: str
) -> None:
    ada = worker("Ada")
    shown = ada.http.get(path).text
    assert 'id="refusal"' in shown
    assert ada.worker_id in shown
    assert "Enrol</a>" not in shown
    assert "Enrol</a>" in httpx2.get(marketplace + "/nowhere").text


@pytest.mark.parametrize("name", ["", "  ", "x" * 81, "a\x00b", "\u202e"])
def test_a_name_must_be_a_name(marketplace: str, name: str) -> None:
    assert httpx2.post(marketplace + "/worker/enrol", data={"name": name}).status_code == 422


def test_opening_a_task_page_twice_changes_nothing(mturk: "MTurkClient", worker: Callable[[str], Browser]) -> None:
    hit, ada = publish(mturk), worker("Ada")
    assignment_id = ada.accept(hit["HITTypeId"])
    for _ in range(3):
        assert ada.http.get(f"/assignments/{assignment_id}").status_code == 200
        ada.http.get(f"/projects/{hit['HITTypeId']}/tasks")
    assert mturk.get_hit(HITId=hit["HITId"])["HIT"]["NumberOfAssignmentsPending"] == 1


def test_an_external_question_keeps_its_own_query(mturk: "MTurkClient", worker: Callable[[str], Browser]) -> None:
    xml = (
        '<ExternalQuestion xmlns="http://mechanicalturk.amazonaws.com/AWSMechanicalTurkDataSchemas/2006-07-14/'
        'ExternalQuestion.xsd"><ExternalURL>https://example.org/q?a=1&amp;b=2</ExternalURL>'
        "<FrameHeight>0</FrameHeight></ExternalQuestion>"
    )
    hit = publish(mturk, Question=xml)
    page = worker("Ada").http.get(f"/projects/{hit['HITTypeId']}/tasks").text
    assert 'src="https://example.org/q?a=1&amp;b=2&amp;assignmentId=ASSIGNMENT_ID_NOT_AVAILABLE&amp;hitId=' in page
    assert "allow-same-origin" in page


def test_what_goes_wrong_in_the_frame_is_said_in_the_frame(settings: Settings) -> None:
    nowhere = Database("postgresql://postgres@127.0.0.1:1/nowhere", pool_size=1)
    site = TestClient(create_app(settings, nowhere))
    answered = [
        site.post("/mturk/externalSubmit", data={"assignmentId": "3A"}),
        site.get("/frame/3H"),
        site.get(f"/frame/3H?assignmentId={'3' * 65}"),
    ]
    nowhere.close()
    assert [one.status_code for one in answered] == [503, 503, 422]
    assert "stays yours" in answered[0].text
    for one in answered:
        assert "x-frame-options" not in one.headers
        assert "frame-ancestors" not in one.headers["content-security-policy"]


def test_a_form_of_many_megabytes_is_refused(marketplace: str) -> None:
    body = b"name=" + b"x" * 17_000_000
    try:
        shown = httpx2.post(
            marketplace + "/worker/enrol", content=body, headers={"Content-Type": "application/x-www-form-urlencoded"}
        )
    except httpx2.TransportError:
        return  # cut off by the server
    assert shown.status_code == 413


def test_health_says_ok(marketplace: str) -> None:
    assert httpx2.get(marketplace + "/health").json() == {"status": "ok"}
