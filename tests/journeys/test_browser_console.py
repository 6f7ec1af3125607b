"""Rita's afternoon in the console: from a file of doubtful labels to the consensus, in a real browser."""

import csv
import itertools
import json
import threading
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

import httpx2
import pytest
from playwright.sync_api import Page, expect

from app.marketplace import crowd
from app.marketplace.crowd import CrowdEvent, CrowdEventKind, CrowdPlan, CrowdReport
from tests.journeys.conftest import DESKTOP, PHONE, OpenWindow, Window, write_texts
from tests.stack import RunningStack

pytestmark = [pytest.mark.journey, pytest.mark.browser, pytest.mark.xdist_group("browser-console")]

ITEMS, FEW = 12, 20
SETTLED_WITHIN_MS = 240_000
# Every third label is wrong, and on every fourth example Workers do not agree.
VOTES = [
    {"given": 2, "guessed": 2, "neither": 1}
    if n % 4 == 3
    else {"guessed": 4, "both": 1}
    if n % 3 == 2
    else {"given": 5}
    for n in range(ITEMS)
]
CATEGORIES = ["non-agreement" if n % 4 == 3 else "correctable" if n % 3 == 2 else "non-error" for n in range(ITEMS)]
# Keeps every number of Responses that the page shows; it would be gone after a reload.
WATCH = """() => {
  const shown = () => document.querySelector("#progress .tiles dd").textContent;
  window.seen = [shown()];
  new MutationObserver(() => { if (window.seen.at(-1) !== shown()) window.seen.push(shown()); })
    .observe(document.getElementById("main"), {subtree: true, childList: true, characterData: true});
}"""


def test_rita_has_her_labels_judged(stack: RunningStack, open_window: OpenWindow, tmp_path: Path) -> None:
    window = open_window(DESKTOP)
    sign_in(window, stack)
    window.look("console-nothing-yet")
    refused_file(window, tmp_path)
    draft(window, write_texts(tmp_path / "tea.csv", ITEMS))
    launch(window)
    watch_until_done(window, stack)
    read_the_items(window)
    read_the_question(window)
    check_consensus_file(window, tmp_path / "consensus.csv")
    use_an_api_key(window, stack)
    look_at_the_rest(window, stack)
    window.check_quiet()
    sign_out(window, stack)
    phone = open_window(PHONE)
    sign_in(phone, stack)
    look_at_everything(phone, stack)
    phone.check_quiet()


def sign_in(window: Window, stack: RunningStack) -> None:
    page = window.page
    page.goto(stack.web_url)
    expect(page.get_by_role("heading", name="Sign in")).to_be_visible()
    window.look("console-sign-in")
    page.get_by_label("E-mail").fill(stack.owner.email)
    page.get_by_label("Password").fill(stack.owner.password)
    page.get_by_role("button", name="Sign in").click()
    expect(page.get_by_role("heading", name="Batches", exact=True)).to_be_visible()


def refused_file(window: Window, folder: Path) -> None:
    """A file with faults: all of them are named with their lines, and nothing is left behind."""
    page = window.page
    bad = folder / "bad.csv"
    bad.write_text("id,text,given_label,guessed_label\n1,one,cat,dog\n1,two,cat,\n")
    page.get_by_role("link", name="New Batch").click()
    window.look("console-new-batch")
    fill_in(page, bad)
    expect(page.get_by_role("alert")).to_contain_text("Line 3")
    window.look("console-bad-file")
    with expected_console_error(window, "422"):
        page.get_by_role("link", name="Batches").first.click()
    expect(page.get_by_role("heading", name="No Batch yet")).to_be_visible()


def draft(window: Window, file: Path) -> None:
    """The draft shows the exact cost: 12 Items by 5 Workers, one Item a HIT, 5 cents and a fee of 20 % each."""
    page = window.page
    page.get_by_role("link", name="New Batch").click()
    fill_in(page, file)
    expect(page.get_by_role("heading", name="Tea", exact=True)).to_be_visible()
    expect(page.get_by_text("Nothing is published yet, and nothing is spent.")).to_be_visible()
    expect(page.get_by_role("row", name="if all is answered")).to_contain_text("$3.60")
    window.look("console-draft")


def fill_in(page: Page, file: Path) -> None:
    page.get_by_label("File").set_input_files(file)
    page.get_by_label("Name of the Batch").fill("Tea")
    page.get_by_label("Question").select_option("text")
    page.get_by_label("Items per HIT").fill("1")
    page.get_by_role("button", name="Import as a draft").click()


def launch(window: Window) -> None:
    page = window.page
    page.get_by_role("button", name="Launch …").click()
    expect(page.get_by_role("dialog")).to_contain_text("At most")
    expect(page.get_by_role("dialog")).to_contain_text("$3.60")
    window.look("console-launch")
    page.get_by_role("button", name="Launch for $3.60").click()
    expect(page.get_by_text("Publishing and collecting.")).to_be_visible()


def watch_until_done(window: Window, stack: RunningStack) -> None:
    """While a crowd answers, the page moves on by itself."""
    page = window.page
    page.evaluate(WATCH)
    expect(page.get_by_text(f"{ITEMS} of {ITEMS} published")).to_be_visible(timeout=SETTLED_WITHIN_MS)
    with crowd_at_work(stack) as (reports, go_on):
        expect(page.locator("#progress .tiles dd").first).not_to_have_text("0 of 60", timeout=SETTLED_WITHIN_MS)
        window.look("console-live")
        go_on.set()
        expect(page.get_by_text("Finished ")).to_be_visible(timeout=SETTLED_WITHIN_MS)
    assert [(report.submitted, report.failures, report.votes_left) for report in reports] == [(ITEMS * 5, 0, 0)]
    seen = page.evaluate("window.seen")
    assert (seen[0], seen[-1]) == ("0 of 60", "60 of 60")
    assert len(seen) > 2, seen
    expect(page.get_by_role("row", name="Spent rewards and fees")).to_contain_text("$3.60")
    expect(page.get_by_role("row", name="Label errors")).to_contain_text(str(ITEMS - CATEGORIES.count("non-error")))
    window.look("console-done")


@contextmanager
def crowd_at_work(stack: RunningStack) -> Iterator[tuple[list[CrowdReport], threading.Event]]:
    """Five simulated Workers hand in the votes; after the first few they wait for the event. The list gets their report."""
    lines = (
        json.dumps({"text": text, "given_label": "question", "guessed_label": "statement", "votes": votes})
        for text, votes in zip(texts(), VOTES, strict=True)
    )
    plan = CrowdPlan(workers=5, key=crowd.parse("\n".join(lines)), replay=True, seed=7, time_scale=0.02)
    reports: list[CrowdReport] = []
    submitted, go_on = itertools.count(1), threading.Event()

    def pause(event: CrowdEvent) -> None:
        if event.kind is CrowdEventKind.SUBMITTED and next(submitted) == FEW:
            go_on.wait()  # and nobody else of the crowd does anything meanwhile

    def work() -> None:
        reports.append(crowd.run_crowd(stack.marketplace_url, plan, on_event=pause))

    working = threading.Thread(target=work)
    working.start()
    try:
        yield reports, go_on
    finally:
        go_on.set()
        working.join()


def texts() -> list[str]:
    return [f"Would you like a cup of tea, number {n}?" for n in range(ITEMS)]


def read_the_items(window: Window) -> None:
    """All Items, those of one category, and one of them with every Response."""
    page = window.page
    page.get_by_role("link", name="Items", exact=True).click()
    expect(page.locator("tbody tr")).to_have_count(ITEMS)
    window.look("console-items")
    page.get_by_role("link", name="correctable").first.click()
    expect(page.locator("tbody tr")).to_have_count(CATEGORIES.count("correctable"))
    page.locator("tbody th a").first.click()
    expect(page.get_by_role("heading", name="the guessed label is right")).to_be_visible()
    expect(page.locator("tbody tr")).to_have_count(5)
    window.look("console-item")
    page.get_by_role("navigation", name="Breadcrumb").locator("a[href*=batches]").first.click()


def read_the_question(window: Window) -> None:
    page = window.page
    page.get_by_role("link", name="Question", exact=True).click()
    frame = page.frame_locator("iframe.question")
    expect(frame.locator("#banner")).to_have_text("Preview: accept the HIT to answer")
    expect(frame.get_by_text(texts()[0])).to_be_visible()
    window.look("console-question")
    page.get_by_role("navigation", name="Breadcrumb").locator("a[href*=batches]").first.click()


def check_consensus_file(window: Window, path: Path) -> None:
    with window.page.expect_download() as download:
        window.page.get_by_role("link", name="Consensus as CSV").click()
    download.value.save_as(path)
    with path.open(newline="", encoding="utf-8") as file:
        rows = list(csv.DictReader(file))
    assert [row["id"] for row in rows] == [f"text-{n}" for n in range(ITEMS)]
    assert [row["category"] for row in rows] == CATEGORIES
    assert [row["media"] for row in rows] == texts()
    counted = [
        {name: int(row[name]) for name in ("given", "guessed", "both", "neither") if row[name] != "0"} for row in rows
    ]
    assert counted == VOTES
    assert {row["responses"] for row in rows} == {"5"}


def use_an_api_key(window: Window, stack: RunningStack) -> None:
    """Made and shown once, it opens the API; revoked, it does not."""
    page = window.page
    page.get_by_role("link", name="Account").click()
    page.get_by_label("Name of a new key").fill("laptop")
    page.get_by_role("button", name="Make a key").click()
    key = page.locator("pre.secret").inner_text()
    window.look("console-account")
    asked = httpx2.get(f"{stack.web_url}/api/v1/batches", headers={"Authorization": f"Bearer {key}"}, timeout=120)
    assert asked.status_code == 200
    assert [(batch["name"], batch["status"]) for batch in asked.json()["batches"]] == [("Tea", "done")]
    page.get_by_role("button", name="Revoke laptop").click()
    expect(page.get_by_role("button", name="Revoke laptop")).to_be_hidden()
    asked = httpx2.get(f"{stack.web_url}/api/v1/batches", headers={"Authorization": f"Bearer {key}"}, timeout=120)
    assert asked.status_code == 401


def look_at_the_rest(window: Window, stack: RunningStack) -> None:
    """The pages that the way did not lead over."""
    page = window.page
    for path, name in (("/", "overview"), ("/questions", "questions"), ("/api/docs", "api")):
        page.goto(f"{stack.web_url}{path}")
        page.wait_for_load_state("networkidle")
        window.look(f"console-{name}")
    with expected_console_error(window, "404"):
        page.goto(f"{stack.web_url}/batches/999")
        expect(page.get_by_role("heading", name="Not found")).to_be_visible()
        window.look("console-not-found")


def look_at_everything(window: Window, stack: RunningStack) -> None:
    page = window.page
    batch_id, item_id = stack.one("SELECT batch_id, min(id) FROM items GROUP BY batch_id")
    batch = f"/batches/{batch_id}"
    paths = {
        "/batches/new": "new-batch",
        batch: "done",
        f"{batch}/items": "items",
        f"{batch}/items/{item_id}": "item",
        f"{batch}/preview": "question",
        "/account": "account",
    }
    for path, name in paths.items():
        page.goto(f"{stack.web_url}{path}")
        page.wait_for_load_state("networkidle")
        window.look(f"console-{name}")
    look_at_the_rest(window, stack)


def sign_out(window: Window, stack: RunningStack) -> None:
    page = window.page
    page.goto(f"{stack.web_url}/account")
    page.get_by_role("button", name="Sign out").click()
    expect(page.get_by_role("heading", name="Sign in")).to_be_visible()
    page.goto(f"{stack.web_url}/batches/1")
    expect(page.get_by_role("heading", name="Sign in")).to_be_visible()


@contextmanager
def expected_console_error(window: Window, status: str) -> Iterator[None]:
    """A page that is refused is an error on the browser's console: this one, and no other."""
    yield
    window.faults[:] = [
        fault for fault in window.faults if f"the server responded with a status of {status}" not in fault
    ]
