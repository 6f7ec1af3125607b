"""Pages that were written for MTurk by name."""

from collections.abc import Callable
from typing import TYPE_CHECKING

import httpx2
import pytest
from playwright.sync_api import Browser as Chromium
from playwright.sync_api import expect

from app.marketplace.worker_site import stand_ins
from tests.marketplace.people import Browser, html_question, publish

if TYPE_CHECKING:
    from mypy_boto3_mturk import MTurkClient

HOME = "https://labels.example.org"
# As the HTMLQuestion of MTurk's Developer Guide does it.
PAGE = """<!DOCTYPE html>
<html><head><meta http-equiv='Content-Type' content='text/html; charset=UTF-8'/>
<script type='text/javascript' src='https://s3.amazonaws.com/mturk-public/externalHIT_v1.js'></script></head>
<body><form name='mturk_form' method='post' id='mturk_form' action='https://www.mturk.com/mturk/externalSubmit'>
<input type='hidden' value='' name='assignmentId' id='assignmentId'/>
<p><textarea name='comment' cols='80' rows='3'></textarea></p>
<p><input type='submit' id='submitButton' value='Submit' /></p></form>
<script language='Javascript'>turkSetAssignmentID();</script></body></html>"""


@pytest.mark.parametrize(
    "address",
    [
        "https://www.mturk.com/mturk/externalSubmit",
        "http://www.mturk.com/mturk/externalSubmit",
        "//www.mturk.com/mturk/externalSubmit",
        "https://workersandbox.mturk.com/mturk/externalSubmit",
        "https://worker.mturk.com//mturk/externalSubmit",
    ],
)
def test_a_form_that_goes_to_mturk_by_name_goes_here(address: str) -> None:
    assert stand_ins.at_home(f'<form action="{address}">', HOME) == f'<form action="{HOME}/mturk/externalSubmit">'


def test_other_addresses_stay_as_they_are() -> None:
    page = (
        "<a href='https://www.mturk.com/mturk/externalSubmitter'>x</a> https://www.mturk.com/ \\1"
        " <form action='https://example.org/www.mturk.com/mturk/externalSubmit'>"
    )
    assert stand_ins.at_home(page, HOME) == page


def test_the_documented_page_submits_to_this_marketplace(mturk: "MTurkClient", marketplace: str) -> None:
    question = html_question(PAGE)
    hit = publish(mturk, Question=question)
    assert mturk.get_hit(HITId=hit["HITId"])["HIT"]["Question"] == question
    shown = httpx2.get(f"{marketplace}/frame/{hit['HITId']}").text
    assert "mturk.com" not in shown
    assert f"action='{marketplace}/mturk/externalSubmit'" in shown
    script = f"{marketplace}/static/externalHIT_v1.js"
    assert f"src='{script}'" in shown
    found = httpx2.get(script)
    assert (found.status_code, "javascript" in found.headers["content-type"]) == (200, True)


@pytest.mark.browser
def test_the_documented_page_works_and_cannot_be_submitted_in_a_preview(
    mturk: "MTurkClient", worker: Callable[[str], Browser], chromium: Chromium
) -> None:
    asks = PAGE.replace("id='mturk_form'", """id='mturk_form' onsubmit="return confirm('Sure?')" """)
    hit = publish(mturk, Question=html_question(asks))
    ada = worker("Ada")
    cookies = [{"name": cookie.name, "value": cookie.value or "", "url": ada.url} for cookie in ada.http.cookies.jar]
    with chromium.new_context() as context:
        context.add_cookies(cookies)  # type: ignore[arg-type] # playwright's TypedDict names all keys as optional
        page = context.new_page()
        page.on("dialog", lambda dialog: dialog.accept())
        page.goto(f"{ada.url}/projects/{hit['HITTypeId']}/tasks")
        button = page.frame_locator("#question-frame").locator("#submitButton")
        expect(button).to_be_disabled()
        expect(button).to_have_value("You must ACCEPT the HIT before you can submit the results.")
        assignment_id = ada.accept(hit["HITTypeId"])
        page.goto(f"{ada.url}/assignments/{assignment_id}")
        frame = page.frame_locator("#question-frame")
        frame.locator("textarea").fill("It is a wren.")
        frame.locator("#submitButton").click()
        page.wait_for_url("**/worker?notice=submitted")
    (done,) = mturk.list_assignments_for_hit(HITId=hit["HITId"])["Assignments"]
    assert (done["AssignmentId"], "It is a wren." in done["Answer"]) == (assignment_id, True)


@pytest.mark.parametrize(
    "address",
    [
        "https://assets.crowd.aws/crowd-html-elements.js",
        "//assets.crowd.aws/crowd-html-elements.js",
        "https://assets.crowd.aws/crowd-html-elements-v2.js",
    ],
)
def test_a_page_that_loads_crowd_html_elements_loads_ours(address: str) -> None:
    shown = stand_ins.at_home(f'<script src="{address}"></script>', HOME)
    assert f'<script src="{HOME}/static/crowd-html-elements.js"></script>' in shown


@pytest.mark.parametrize(
    ("page", "before"),
    [
        ("<!doctype html><html><head lang='en'><script>localStorage.a</script></head></html>", "<head lang='en'>"),
        ("<!-- old -->\n<!DOCTYPE html><script>document.cookie</script><crowd-form></crowd-form>", "<!DOCTYPE html>"),
        ("<script>sessionStorage</script><head>", ""),
        ("<!doctype html><body><script src='//x.example/lib.js'></script><head></body>", "<!doctype html>"),
    ],
)
def test_a_page_that_may_keep_things_gets_a_memory_before_its_first_script(page: str, before: str) -> None:
    shown = stand_ins.at_home(page, HOME)
    at = shown.index("<script>// MTurk's questions")
    assert shown[:at].endswith(before)
    assert shown[:at] + shown[shown.index("</script>", at) + len("</script>") :] == page


def test_a_page_without_scripts_of_its_own_is_served_as_it_is() -> None:
    page = "<!doctype html><p>Which?</p><script>document.forms[0].focus()</script>"
    assert stand_ins.at_home(page, HOME) == page


KEEPER = """<!doctype html><html><head><title>Keeper</title></head><body><form method='post'><p id='said'></p>
<input type='hidden' name='assignmentId' id='assignmentId'><input name='kept' id='kept'><button>Send</button></form>
<script>
  localStorage.setItem('a', 1); localStorage.b = 2; delete localStorage.b; sessionStorage['c'] = 'three';
  document.cookie = 'seen=yes; path=/'; document.cookie = 'gone=1'; document.cookie = 'gone=; max-age=0';
  document.getElementById('said').textContent = [localStorage.getItem('a'), localStorage.b, 'b' in localStorage,
    localStorage.length, Object.keys(sessionStorage), sessionStorage.c, localStorage.getItem('x'), document.cookie,
    document.compatMode].join('|');
</script></body></html>"""


@pytest.mark.browser
def test_a_page_that_uses_the_storage_works_and_still_reaches_nothing(
    mturk: "MTurkClient", marketplace: str, chromium: Chromium
) -> None:
    hit = publish(mturk, Question=html_question(KEEPER))
    with chromium.new_context() as context:
        page = context.new_page()
        page.goto(f"{marketplace}/projects/{hit['HITTypeId']}/tasks")
        said = page.frame_locator("#question-frame").locator("#said")
        expect(said).to_have_text("1||false|1|c|three||seen=yes|CSS1Compat")
        assert page.evaluate("localStorage.length + document.cookie.length") == 0
