"""Coming in by a recruitment link, as people sent by Prolific, CloudResearch Connect or an invitation do."""

import hashlib
from urllib.parse import urlsplit

from app.marketplace.crowd import pages
from app.marketplace.crowd.attempt import Person
from app.marketplace.crowd.errors import PageNotUnderstood
from app.marketplace.crowd.pages import Group, Task
from app.marketplace.crowd.report import CrowdEventKind, Request

_START, _GO_ON, _FINISH = "start-form", "go-on-form", "finish-form"
_VISITS = "/visits/"


def address(link: str, *, seed: int, number: int) -> str:
    """The link for one Worker: {worker} and {session} become ids of 24 hexadecimal digits, as Prolific's are.

    Prolific's own placeholders, with which our entry links for Prolific end, are filled in as Prolific does.
    """
    ids = {name: hashlib.sha256(f"{name} {seed} {number}".encode()).hexdigest()[:24] for name in ("worker", "session")}
    filled_in = {
        "{worker}": ids["worker"],
        "{session}": ids["session"],
        "{{%PROLIFIC_PID%}}": ids["worker"],
        "{{%SESSION_ID%}}": ids["session"],
        "{{%STUDY_ID%}}": hashlib.sha256(f"study {seed}".encode()).hexdigest()[:24],
    }
    for placeholder, value in filled_in.items():
        link = link.replace(placeholder, value)
    return link


async def enter(person: Person) -> str:
    """Open the link and press Start; the address of the visit. Raises PageNotUnderstood when the link lets nobody in."""
    link = address(person.crowd.plan.enter, seed=person.crowd.plan.seed, number=person.member.number)
    page = await person.browser.open(link)
    page = await person.browser.send(pages.needed_form(page, _START), name=person.member.name)
    # Who needed a secret phrase first reads it, and goes on by a link.
    visit = next(
        (address for address in (page.url, *pages.links(page)) if urlsplit(address).path.startswith(_VISITS)), ""
    )
    if page.refusal or not visit:
        raise PageNotUnderstood(page.url, page.refusal or "it leads to no visit")
    person.record(CrowdEventKind.ENROLLED)
    return visit


async def next_task(person: Person, visit: str) -> tuple[Group, Task] | None:
    """The HIT that the visit leads on to, accepted; None when there is none now."""
    page = await person.browser.open(visit)
    on = pages.form(page, _GO_ON)
    if on is None:
        return None
    page = await person.browser.send(on)
    task = pages.task(page)
    if task is None:
        return None
    person.crowd.tally.took(Request.ACCEPT, page.took_s)
    return Group(visit, visit, on), task


async def is_over(person: Person, visit: str) -> bool:
    """Whether the visit has ended, which the site says by itself after its last HIT."""
    page = await person.browser.open(visit)
    return page.find("visit-over") is not None


async def finish(person: Person, visit: str) -> str:
    """End the visit, if it is not over yet; the completion code, empty when there is none."""
    page = await person.browser.open(visit)
    if (ending := pages.form(page, _FINISH)) is not None:
        page = await person.browser.send(ending)
    code = page.find("completion-code")
    return code.text() if code else ""
