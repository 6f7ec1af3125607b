"""Poll: the calls that one poll of a Batch costs beside asking for the Assignments of every HIT, counted at the wire."""

from collections.abc import Callable
from dataclasses import dataclass
from math import ceil

from sqlalchemy import text

from app.domain.vocabulary import BatchId
from app.jobs import stages
from app.mturk.requester import PAGE_SIZE
from app.settings import MarketplaceProfile
from benchmarks import text_batches
from benchmarks.ground import Ground, Market
from benchmarks.plain import plain_client
from benchmarks.report import Line, Report, timed
from tests.marketplace.people import Browser


@dataclass(frozen=True, slots=True)
class _Cost:
    calls: int
    seconds: float


def run(ground: Ground, *, quick: bool) -> Report:
    """One Worker hands in an Assignment of each changed HIT between two polls; then nothing changes any more."""
    hits, changed = (200, 8) if quick else (1_000, 25)
    with ground.market() as market:
        runtime = market.runtime()
        batch_id = text_batches.launched(runtime, hits)
        stages.run_publish(runtime, batch_id)
        ids = _marketplace_ids(market, batch_id)
        stages.run_collect(runtime, MarketplaceProfile.LOCAL)
        _hand_in(market, batch_id, ids[:: hits // changed][:changed])
        busy = _cost(market, lambda: stages.run_collect(runtime, MarketplaceProfile.LOCAL))
        quiet = _cost(market, lambda: stages.run_collect(runtime, MarketplaceProfile.LOCAL))
        every = _cost(market, lambda: _ask_for_every_hit(market, ids))
        stored = _assignments(market)
    if stored != changed:
        raise RuntimeError(f"{stored} Assignments came in, not {changed}")
    # The list ends with an empty page, whatever tokens the others carry.
    pages = ceil(hits / PAGE_SIZE) + 1
    return Report(
        f"poll: {hits:,} live HITs, {changed} of them changed; beside it ListAssignmentsForHIT for every HIT",
        [
            _line(f"calls when {changed} HITs changed", busy, every, pages + changed),
            _line("calls when nothing changed", quiet, every, pages),
            Line("time when some changed, ms", f"{busy.seconds * 1000:.0f}", f"{every.seconds * 1000:.0f}"),
        ],
    )


def _line(measure: str, ours: _Cost, every: _Cost, expected: int) -> Line:
    goal = f"<= {expected} (N/{PAGE_SIZE} + 1 + changed)"
    share = f"{ours.calls / every.calls:.1%}"
    return Line(measure, str(ours.calls), str(every.calls), share, goal, ours.calls <= expected)


def _cost(market: Market, act: Callable[[], object]) -> _Cost:
    before = sum(market.calls().values())
    seconds = timed(act)
    return _Cost(sum(market.calls().values()) - before, seconds)


def _marketplace_ids(market: Market, batch_id: BatchId) -> list[str]:
    with market.database.transaction() as db:
        statement = text("SELECT marketplace_hit_id FROM hits WHERE batch_id = :id ORDER BY id")
        return [str(hit_id) for hit_id in db.scalars(statement, {"id": batch_id})]


def _hand_in(market: Market, batch_id: BatchId, hit_ids: list[str]) -> None:
    with market.database.transaction() as db:
        hit_type_id = db.execute(
            text("SELECT hit_type_id FROM hit_groups WHERE batch_id = :id"), {"id": batch_id}
        ).scalar_one()
    browser = Browser(market.direct_url)
    browser.enrol("Ada")
    for hit_id in hit_ids:
        browser.work(hit_type_id, hit_id)
    browser.close()


def _ask_for_every_hit(market: Market, hit_ids: list[str]) -> None:
    client = plain_client(market, market.settings.marketplace_url)
    for hit_id in hit_ids:
        client.list_assignments_for_hit(HITId=hit_id, MaxResults=PAGE_SIZE)


def _assignments(market: Market) -> int:
    with market.database.transaction() as db:
        return int(db.execute(text("SELECT count(*) FROM assignments")).scalar_one())
