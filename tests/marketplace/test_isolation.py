"""Mallory wants Ada's work, as another Worker and as a Requester whose question Ada opens."""

import json
from collections.abc import Callable
from typing import TYPE_CHECKING, Any

import httpx2
import pytest
from defusedxml.ElementTree import fromstring
from playwright.sync_api import Browser as Chromium
from playwright.sync_api import Page

from tests.marketplace.people import Browser, html_question, publish

if TYPE_CHECKING:
    from mypy_boto3_mturk import MTurkClient

Enrol = Callable[[str], Browser]


def test_a_worker_neither_sees_nor_touches_anothers_assignment(mturk: "MTurkClient", worker: Enrol) -> None:
    hit = publish(mturk)
    ada, mallory = worker("Ada"), worker("Mallory")
    assignment_id = ada.accept(hit["HITTypeId"])
    for path in (f"/assignments/{assignment_id}", f"/frame/{hit['HITId']}?assignmentId={assignment_id}"):
        assert (ada.http.get(path).status_code, mallory.http.get(path).status_code) == (200, 404)
    for verb in ("return", "next"):
        assert mallory.post(f"/assignments/{assignment_id}/{verb}").status_code == 404
    fields = {"assignmentId": assignment_id, "choice": "Mallory's"}
    assert mallory.http.post("/mturk/externalSubmit", data=fields).status_code == 404
    assert mallory.http.get("/mturk/externalSubmit", params=fields).status_code == 404
    assert ada.submit(assignment_id, choice="Ada's").status_code == 200
    for page in ("/worker", "/worker/history", "/worker/messages", f"/assignments/{assignment_id}"):
        assert assignment_id not in mallory.http.get(page).text.replace(f"/assignments/{assignment_id}", "")
    (done,) = mturk.list_assignments_for_hit(HITId=hit["HITId"])["Assignments"]
    assert ("Ada's" in done["Answer"].replace("&apos;", "'"), done["WorkerId"]) == (True, ada.worker_id)


def test_whose_form_it_is_the_csrf_token_says_and_a_strangers_page_has_none(
    mturk: "MTurkClient", worker: Enrol
) -> None:
    hit = publish(mturk)
    ada, mallory = worker("Ada"), worker("Mallory")
    path = f"/projects/{hit['HITTypeId']}/tasks/accept_random"
    for csrf in ("", mallory.csrf):
        assert ada.http.post(path, data={"csrf": csrf}).status_code == 403
    for headers in ({"Origin": "null"}, {"Origin": "https://evil.example"}, {"Sec-Fetch-Site": "cross-site"}):
        assert ada.http.post(path, data={"csrf": ada.csrf}, headers=headers).status_code == 403
    assert mturk.get_hit(HITId=hit["HITId"])["HIT"]["NumberOfAssignmentsPending"] == 0


# Each attempt is a promise of what it got; `kept` means that the browser or the server said no.
ATTACK = """<!doctype html><html><body><form method="post" id="f"><input name="got" id="got"></form><script>
const attempts = {
  parent: () => parent.document.body.innerHTML,
  top: () => top.document.cookie,
  frames: () => parent.frames[0] === window ? parent.document.title : "",
  navigate: () => { top.location.href = "about:blank#gone"; },
  leave: () => {
    const a = Object.assign(document.createElement("a"), { href: "/worker/profile", target: "_top" });
    document.body.append(a);
    a.click();
  },
  page: async () => (await fetch(`${HOME}/worker/profile`, { credentials: "include" })).text(),
  requester: async () => (await fetch(`${HOME}/requester/`, { credentials: "include" })).text(),
  wire: async () => (await fetch(`${HOME}/`, { method: "POST", body: "{}", credentials: "include" })).text(),
  blind: async () => { await fetch(`${HOME}/worker/sign-out`, { method: "POST", mode: "no-cors", credentials: "include" }); },
  window: () => { const w = open(`${HOME}/worker/profile`); return w.document.body.innerHTML; },
  worker: async () => String(await navigator.serviceWorker.register("/static/assignment.js")),
  database: () => indexedDB.open("x").constructor.name && "open",
};
const HOME = new URLSearchParams(location.search).get("turkSubmitTo");
(async () => {
  const got = {};
  for (const [name, attempt] of Object.entries(attempts)) {
    try { got[name] = String((await attempt()) ?? "done"); } catch { got[name] = "kept"; }
  }
  const form = document.getElementById("f");
  form.action = `${HOME}/mturk/externalSubmit` + location.search;
  document.getElementById("got").value = JSON.stringify(got);
  setTimeout(() => form.submit(), 300);
})();
</script></body></html>"""


@pytest.mark.browser
def test_a_question_reaches_neither_the_workers_session_nor_the_requesters(
    mturk: "MTurkClient", marketplace: str, worker: Enrol, chromium: Chromium
) -> None:
    hit = publish(mturk, Question=html_question(ATTACK))
    ada = worker("Ada Lovelace")
    with chromium.new_context() as context:
        context.add_cookies(_cookies(ada))
        page = context.new_page()
        page.goto(f"{marketplace}/assignments/{ada.accept(hit['HITTypeId'])}")
        page.wait_for_url("**/worker?notice=submitted")
        assert "Ada Lovelace" in page.content()  # still signed in, and still on her own page
        got = _answer(mturk, hit["HITId"])
        # What goes out without being read is let go by browsers; it brings no cookie, so nobody was signed out.
        harmless = {"navigate", "leave", "blind"}
        assert {name for name, what in got.items() if what != "kept"} <= harmless, got
        assert _profile(page, marketplace) == "Ada Lovelace"


def _cookies(ada: Browser) -> list[Any]:
    return [{"name": cookie.name, "value": cookie.value or "", "url": ada.url} for cookie in ada.http.cookies.jar]


def _profile(page: Page, marketplace: str) -> str:
    page.goto(f"{marketplace}/worker/profile")
    return page.input_value("input[name=name]")


def _answer(mturk: "MTurkClient", hit_id: str) -> dict[str, str]:
    (done,) = mturk.list_assignments_for_hit(HITId=hit_id)["Assignments"]
    texts = [element.text or "" for element in fromstring(done["Answer"].encode()).iter() if not len(element)]
    answers = dict(zip(texts[::2], texts[1::2], strict=True))
    found: dict[str, str] = json.loads(answers["got"])
    return found


@pytest.mark.parametrize("path", ["/worker", "/worker/profile", "/requester/sign-in", "/worker/enrol"])
def test_no_page_of_ours_may_stand_in_a_frame_or_be_read_from_elsewhere(marketplace: str, path: str) -> None:
    headers = httpx2.get(marketplace + path, headers={"Origin": "null"}, follow_redirects=True).headers
    assert headers["x-frame-options"] == "DENY"
    assert "frame-ancestors 'none'" in headers["content-security-policy"]
    assert "access-control-allow-origin" not in headers
