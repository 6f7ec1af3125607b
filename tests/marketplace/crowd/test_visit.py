"""A Worker's way when the network or the clock is against them. The faults are at the wire; all else is real."""

import asyncio
from collections.abc import Callable
from typing import TYPE_CHECKING

import httpx2
import pytest

from app.marketplace.crowd import browser
from app.marketplace.crowd.answer_key import parse
from app.marketplace.crowd.attempt import Crowd
from app.marketplace.crowd.behaviours import Behaviour
from app.marketplace.crowd.deciding import Member
from app.marketplace.crowd.plan import CrowdPlan
from app.marketplace.crowd.recognition import Recognition
from app.marketplace.crowd.replay import VoteLedger
from app.marketplace.crowd.report import CrowdReport, Tally
from app.marketplace.crowd.traits import PRESETS
from app.marketplace.crowd.visit import Visit
from tests.marketplace.conftest import MovedClock
from tests.marketplace.crowd.published import assignments, key_line, pictures, publish

if TYPE_CHECKING:
    from mypy_boto3_mturk import MTurkClient

SUBMIT = "/mturk/externalSubmit"


class FaultyNetwork(httpx2.AsyncBaseTransport):
    """Real connections with something done before and after the first requests whose path has this beginning."""

    def __init__(self, path: str, *, times: int = 1, before: Callable[[], None] = lambda: None, lose: bool = False):
        self._path, self._left, self._before, self._lose = path, times, before, lose
        self._real = browser.transport(4)

    async def handle_async_request(self, request: httpx2.Request) -> httpx2.Response:
        faulty = self._left > 0 and request.url.path.startswith(self._path)
        if faulty:
            self._left -= 1
            self._before()
        response = await self._real.handle_async_request(request)
        if faulty and self._lose:
            await response.aread()
            await response.aclose()
            raise httpx2.ReadError("the reply was lost")
        return response

    async def aclose(self) -> None:
        await self._real.aclose()


def replayed(url: str, network: FaultyNetwork, *, workers: int = 1) -> CrowdReport:
    """The report of Workers who replay two votes over this network, one after the other."""
    key = parse(key_line(url="https://pictures.test/1.png", votes={"given": 2}))
    plan = CrowdPlan(workers=workers, key=key, replay=True, patience_s=0)
    ledger, tally = VoteLedger(key, 0), Tally(None)
    crowd = Crowd(plan, Recognition(key), ledger, tally)

    async def visits() -> None:
        async with network:
            for number in range(workers):
                ada = Member(number, f"Ada {number}", "careful", Behaviour.CAREFUL, PRESETS[Behaviour.CAREFUL])
                await Visit(ada, browser.Browser(url, network), crowd).run()

    asyncio.run(visits())
    return tally.report(votes_left=ledger.left, seconds=0)


def test_a_submission_whose_reply_was_lost_counts_once(marketplace: str, mturk: "MTurkClient") -> None:
    hit_id = publish(mturk, pictures(1), MaxAssignments=2)
    report = replayed(marketplace, FaultyNetwork(SUBMIT, lose=True), workers=2)
    assert (report.submitted, report.votes_left, report.failures) == (2, 0, 0)
    assert len(list(assignments(mturk, hit_id))) == 2


@pytest.mark.parametrize("path", ["/worker/enrol", "/worker", "/projects/", "/assignments/", "/frame/"])
def test_a_lost_page_is_asked_for_again(marketplace: str, mturk: "MTurkClient", path: str) -> None:
    publish(mturk, pictures(1), MaxAssignments=1)
    report = replayed(marketplace, FaultyNetwork(path, lose=True))
    assert (report.submitted, report.failures) == (1, 0)


def test_a_refused_submission_is_an_error_and_its_vote_goes_to_somebody_else(
    marketplace: str, mturk: "MTurkClient", clock: MovedClock
) -> None:
    hit_id = publish(mturk, pictures(1), MaxAssignments=2)
    late = FaultyNetwork(SUBMIT, before=lambda: clock.advance(seconds=601))
    report = replayed(marketplace, late, workers=2)
    assert (report.submitted, report.votes_left, report.failures) == (2, 0, 1)
    assert "The time for this assignment is over" in report.errors[0]
    assert len(list(assignments(mturk, hit_id))) == 2


def test_a_worker_whose_network_breaks_down_goes_home_with_an_error(marketplace: str, mturk: "MTurkClient") -> None:
    publish(mturk, pictures(1), MaxAssignments=1)
    report = replayed(marketplace, FaultyNetwork("/frame/", times=99, lose=True))
    assert (report.submitted, report.votes_left, report.failures) == (0, 2, 1)
    assert "does not answer" in report.errors[0]
