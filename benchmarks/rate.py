"""Rate: several job runners and two Batches against an endpoint that enforces a rate which nobody told them."""

import time
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path

from sqlalchemy import text

from app.domain.vocabulary import BatchId
from benchmarks import text_batches
from benchmarks.ground import Ground, Limit, Market
from benchmarks.report import Line, Report

LATENCY_S = 0.060
RUNNERS, BATCHES = 4, 2
ENFORCED = Limit(calls_per_second=50, burst=50)
_GOAL = 0.90
_FAIR = 0.10
_SLOWEST_CALLS_PER_SECOND = 5


@dataclass(frozen=True, slots=True)
class Published:
    """What came of it. seconds: from the first HIT that went live to the last. live: HITs by Batch when half were live."""

    seconds: float
    live_at_half: Sequence[int]
    calls: int
    throttled: int
    doubled: int
    shown: int
    warnings: Sequence[str]


def run(ground: Ground, *, quick: bool) -> Report:
    """HITs per second of all runners together, polls included; what each Batch had when half of all HITs were live."""
    hits = 1_000 if quick else 10_000
    with ground.market(latency_s=LATENCY_S, limit=ENFORCED) as market:
        found = publish(market, hits)
    return Report(
        f"rate: {hits:,} HITs of {BATCHES} Batches, {RUNNERS} job runners; the endpoint enforces"
        f" {ENFORCED.calls_per_second:.0f} calls/s at {LATENCY_S * 1000:.0f} ms latency",
        _lines(found, hits),
    )


def _lines(found: Published, hits: int) -> list[Line]:
    limit = ENFORCED.calls_per_second
    rate, calls = hits / found.seconds, found.calls / found.seconds
    fewest, half = min(found.live_at_half), sum(found.live_at_half) / BATCHES
    return [
        Line("HITs/s", f"{rate:.1f}", f"{limit:.0f}", f"{rate / limit:.0%}", f">= {_GOAL:.0%}", rate >= _GOAL * limit),
        Line("calls let through/s, polls included", f"{calls:.1f}", f"{limit:.0f}", f"{calls / limit:.0%}"),
        Line(
            "HITs of the slower Batch when half of all were live",
            str(fewest),
            f"{half:.0f}",
            f"{fewest / half:.0%}",
            f">= {1 - _FAIR:.0%}",
            fewest >= (1 - _FAIR) * half,
        ),
        Line("calls throttled, each repeated", str(found.throttled), "", f"{found.throttled / found.calls:.1%}"),
        Line("throttling that a user sees: Batches, operations", str(found.shown), "", "", "0", found.shown == 0),
        Line("warnings logged", str(len(found.warnings)), "", "", "0", not found.warnings),
        *(Line(f"  … {warning[-150:]}", "") for warning in found.warnings[:3]),
        Line("HITs published twice", str(found.doubled), "", "", "0", found.doubled == 0),
    ]


def publish(market: Market, hits: int) -> Published:
    """Launch Batches of `hits` HITs together and let the runners publish them."""
    runtime = market.runtime()
    batch_ids = [text_batches.launched(runtime, hits // BATCHES) for _ in range(BATCHES)]
    before = sum(market.calls().values())
    with market.runners(RUNNERS) as logs:
        _wait_for(market, hits)
        calls = sum(market.calls().values()) - before
        return Published(
            seconds=_one(market, "SELECT extract(epoch FROM max(published_at) - min(published_at)) FROM hits"),
            live_at_half=[_live_at_half(market, batch_id, hits // 2) for batch_id in batch_ids],
            calls=calls,
            throttled=sum(market.throttled().values()),
            doubled=int(_one(market, "SELECT count(*) - count(DISTINCT requester_annotation) FROM marketplace.hits")),
            shown=int(_one(market, _SHOWN)),
            warnings=_said(logs),
        )


_SHOWN = """
    SELECT (SELECT count(*) FROM batches WHERE attention IS NOT NULL)
         + (SELECT count(*) FROM operations WHERE status = 'failed' OR error IS NOT NULL)
"""


def _wait_for(market: Market, hits: int) -> None:
    deadline = time.monotonic() + 60 + hits / _SLOWEST_CALLS_PER_SECOND
    while (live := int(_one(market, "SELECT count(*) FROM hits WHERE status = 'live'"))) < hits:
        if time.monotonic() > deadline:
            raise RuntimeError(f"only {live} of {hits} HITs went live")
        time.sleep(1)


def _live_at_half(market: Market, batch_id: BatchId, half: int) -> int:
    statement = """
        SELECT count(*) FROM hits WHERE batch_id = :id AND published_at <=
            (SELECT published_at FROM hits ORDER BY published_at, id OFFSET :half - 1 LIMIT 1)
    """
    return int(_one(market, statement, id=batch_id, half=half))


def _one(market: Market, statement: str, **values: object) -> float:
    with market.database.transaction() as db:
        return float(db.execute(text(statement), values).scalar_one())


def _said(logs: Sequence[Path]) -> list[str]:
    return [line for log in logs for line in log.read_text().splitlines() if line.strip()]
