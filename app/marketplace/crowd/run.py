"""A whole crowd at work, as one blocking call."""

import asyncio
import time
from collections.abc import Callable

from app.logs import get_logger
from app.marketplace.crowd import browser, pages
from app.marketplace.crowd.attempt import Crowd
from app.marketplace.crowd.errors import EnrolmentClosed
from app.marketplace.crowd.plan import CrowdPlan, cast, check
from app.marketplace.crowd.recognition import Recognition
from app.marketplace.crowd.replay import VoteLedger
from app.marketplace.crowd.report import CrowdEvent, CrowdReport, Tally
from app.marketplace.crowd.visit import ENROL, Visit

log = get_logger(__name__)


def run_crowd(url: str, plan: CrowdPlan, *, on_event: Callable[[CrowdEvent], None] | None = None) -> CrowdReport:
    """Send a crowd to the worker site at `url` and wait until the last one has gone home.

    on_event is called from this thread, between requests. What goes wrong for one Worker stands in the report's errors.
    Raises BadPlan; SiteUnreachable and EnrolmentClosed when nobody could even begin.
    """
    check(plan)
    return asyncio.run(_run(url, plan, Tally(on_event)))


async def _run(url: str, plan: CrowdPlan, tally: Tally) -> CrowdReport:
    began = time.monotonic()
    ledger = VoteLedger(plan.key, plan.seed) if plan.replay and plan.key is not None else None
    crowd = Crowd(plan, Recognition(plan.key), ledger, tally)
    async with browser.transport(plan.concurrency) as shared:
        door = await browser.Browser(url, shared).open(ENROL)
        if pages.form(door, "enrol-form") is None:
            raise EnrolmentClosed(door.url)
        async with asyncio.TaskGroup() as workers:
            for number, behaviour in enumerate(cast(plan), start=1):
                workers.create_task(Visit(number, behaviour, browser.Browser(url, shared), crowd).run())
    report = tally.report(votes_left=ledger.left if ledger else 0, seconds=time.monotonic() - began)
    log.info(
        "crowd.finished",
        workers=report.workers,
        submitted=report.submitted,
        returned=report.returned,
        abandoned=report.abandoned,
        failures=report.failures,
    )
    return report
