from decimal import Decimal

import pytest
from playwright.sync_api import Browser, expect

from app.questions.compensation import compensation_page
from tests.browsing import PATIENCE_MS
from tests.questions.frame_host import FrameHost
from tests.questions.test_valid_html import HOSTILE, parsed


def page(reason: str = "Your browser lost the page.") -> str:
    return compensation_page(title="Which label fits?", reason=reason, amount_usd=Decimal("0.8"))


def test_the_page_is_valid_whatever_the_reason_says() -> None:
    parser = parsed(page(HOSTILE))
    assert parser.faults == []
    assert parser.doctypes == ["DOCTYPE html"]
    assert "</script><body>" not in page(HOSTILE)


@pytest.mark.browser
def test_one_press_of_the_button_submits_it(chromium: Browser, frame_host: FrameHost) -> None:
    frame_host.page = page()
    window = chromium.new_page(viewport={"width": 390, "height": 700})
    window.set_default_timeout(PATIENCE_MS)
    window.goto(frame_host.work_url("3ABC"))
    frame = window.frame_locator("iframe")
    expect(frame.get_by_text("$0.80")).to_be_visible()
    frame.get_by_role("button").click()
    posted = frame_host.posted.get(timeout=PATIENCE_MS / 1000)
    assert posted == [("assignmentId", "3ABC"), ("compensation", "accepted")]
    assert frame_host.submit_path == "/mturk/externalSubmit"
    window.close()


@pytest.mark.browser
def test_the_preview_says_to_accept_first(chromium: Browser, frame_host: FrameHost) -> None:
    frame_host.page = page()
    window = chromium.new_page()
    window.set_default_timeout(PATIENCE_MS)
    window.goto(frame_host.preview_url())
    frame = window.frame_locator("iframe")
    expect(frame.get_by_text("Accept this HIT first")).to_be_visible()
    expect(frame.get_by_role("button")).to_be_disabled()
    window.close()
