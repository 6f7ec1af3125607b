"""A whole crowd at work, as one blocking call."""

import asyncio
import time
from collections.abc import Callable

from app.logs import get_logger
from app.marketplace.crowd import arrivals, browser, pages
from app.marketplace.crowd.attempt import Crowd
from app.marketplace.crowd.errors import EnrolmentClosed
from app.marketplace.crowd.plan import CrowdPlan, cast, check
from app.marketplace.crowd.recognition import Recognition
from app.marketplace.crowd.replay import VoteLedger
from app.marketplace.crowd.report import CrowdEvent, CrowdReport, Tally
from app.marketplace.crowd.visit import ENROL, Visit

log = get_logger(__name__)


class CrowdInterrupted(KeyboardInterrupt):
    """Ctrl-C ended the run: everybody gave back what they held. `report`: what they did until then."""

    def __init__(self, report: CrowdReport) -> None:
        self.report = report
        super().__init__()


def run_crowd(url: str, plan: CrowdPlan, *, on_event: Callable[[CrowdEvent], None] | None = None) -> CrowdReport:
    """Send a crowd to the worker site at `url` and wait until the last one has gone home.

    on_event is called from this thread, between requests. What goes wrong for one Worker stands in the report's errors.
    Raises BadPlan; SiteUnreachable and EnrolmentClosed when nobody could even begin; CrowdInterrupted after Ctrl-C.
    """
    check(plan)
    began = time.monotonic()
    ledger = VoteLedger(plan.key, plan.seed) if plan.replay and plan.key is not None else None
    crowd = Crowd(plan, Recognition(plan.key), ledger, Tally(on_event))
    try:
        asyncio.run(_run(url, crowd))
    except KeyboardInterrupt as stop:
        raise CrowdInterrupted(_report(crowd, began)) from stop
    return _report(crowd, began)


async def _run(url: str, crowd: Crowd) -> None:
    plan = crowd.plan
    coming = zip(cast(plan), arrivals.times_s(plan.arrival, plan.workers, plan.seed), strict=True)
    async with browser.transports(plan.concurrency) as shared:
        door = await browser.Browser(url, shared[0]).open("/worker" if plan.enter else ENROL)
        if not plan.enter and pages.form(door, "enrol-form") is None:
            raise EnrolmentClosed(door.url)
        async with asyncio.TaskGroup() as workers:
            for member, after_s in coming:
                own = browser.Browser(url, shared[member.number % len(shared)])
                visit = Visit(member, own, crowd, after_s=after_s)
                workers.create_task(visit.run())


def _report(crowd: Crowd, began: float) -> CrowdReport:
    left = crowd.ledger.left if crowd.ledger else 0
    report = crowd.tally.report(votes_left=left, seconds=time.monotonic() - began)
    log.info(
        "crowd.finished",
        workers=report.workers,
        submitted=report.submitted,
        returned=report.returned,
        abandoned=report.abandoned,
        failures=report.failures,
    )
    return report
