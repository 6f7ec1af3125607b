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
