"""Publish: our publisher beside a plain boto3 loop and beside capo-mturk from PyPI, against an endpoint 60 ms away."""

import json
import subprocess
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path
from statistics import median
from typing import TYPE_CHECKING

from sqlalchemy import text

from app.db.engine import Database
from app.domain.vocabulary import BatchId
from app.jobs import stages
from app.secrets import local_credentials
from benchmarks import text_batches
from benchmarks.ground import Ground, Market
from benchmarks.plain import plain_client
from benchmarks.report import Line, Report, timed
from tests.clients import pipes

if TYPE_CHECKING:
    from mypy_boto3_mturk import MTurkClient

LATENCY_S = 0.060
PACED_CALLS_PER_SECOND = 50.0
_GOAL, _PACED_GOAL = 10.0, 0.90
_ROUNDS = 3
_PEER = Path(__file__).with_name("capo_peer.py")


@dataclass(frozen=True, slots=True)
class _Published:
    hit_type_id: str
    questions: Sequence[str]


def run(ground: Ground, *, quick: bool) -> Report:
    """HITs per second of one publishing process with the default settings, planning included."""
    hits, in_loop = (150, 40) if quick else (400, 100)
    with ground.market(latency_s=LATENCY_S) as market:
        threads = market.settings.publish_threads
        plain = plain_client(market, market.settings.marketplace_url)
        same = _same_questions(market, _publish(market, hits)[0], in_loop)
        rounds = [
            (
                hits / _publish(market, hits)[1],
                in_loop / timed(lambda: _plain(plain, same)),
                in_loop / _peer(ground, market, same, at_once=1),
                in_loop / _peer(ground, market, same, at_once=threads),
            )
            for _ in range(_ROUNDS)
        ]
        ceiling = threads / LATENCY_S
        rate, plain_rate, peer_rate, peers_rate = (median(rates) for rates in zip(*rounds, strict=True))
        paced = hits / _publish(market, hits, calls_per_second=PACED_CALLS_PER_SECOND)[1]
    share = paced / PACED_CALLS_PER_SECOND
    return Report(
        f"publish: {hits} HITs ({in_loop} of them beside it) at {LATENCY_S * 1000:.0f} ms latency,"
        f" one process, {threads} threads",
        [
            _times("publisher beside a boto3 loop, HITs/s", rate, plain_rate),
            _times("publisher beside capo-mturk in a loop, HITs/s", rate, peer_rate),
            Line(
                f"publisher beside capo-mturk with {threads} threads and no bookkeeping, HITs/s",
                f"{rate:.0f}",
                f"{peers_rate:.0f}",
                f"{rate / peers_rate:.1f} x",
            ),
            Line("what the threads and the latency allow, HITs/s", "", f"{ceiling:.0f}", f"{rate / ceiling:.0%}"),
            Line(
                f"paced to {PACED_CALLS_PER_SECOND:.0f} calls/s, HITs/s",
                f"{paced:.1f}",
                f"{PACED_CALLS_PER_SECOND:.0f}",
                f"{share:.0%}",
                f">= {_PACED_GOAL:.0%}",
                share >= _PACED_GOAL,
            ),
        ],
    )


def _times(measure: str, rate: float, beside: float) -> Line:
    times = rate / beside
    return Line(measure, f"{rate:.0f}", f"{beside:.1f}", f"{times:.1f} x", f">= {_GOAL:.0f} x", times >= _GOAL)


def _publish(market: Market, hits: int, *, calls_per_second: float | None = None) -> tuple[BatchId, float]:
    """Publish a new Batch; returns it with the seconds that took."""
    runtime = market.runtime(calls_per_second=calls_per_second) if calls_per_second else market.runtime()
    batch_id = text_batches.launched(runtime, hits)
    seconds = timed(lambda: stages.run_publish(runtime, batch_id))
    live = _count_live(market.database, batch_id)
    if live != hits:
        raise RuntimeError(f"{live} of {hits} HITs went live")
    return batch_id, seconds


def _count_live(database: Database, batch_id: BatchId) -> int:
    with database.transaction() as db:
        statement = text("SELECT count(*) FROM hits WHERE batch_id = :id AND status = 'live'")
        return int(db.execute(statement, {"id": batch_id}).scalar_one())


def _same_questions(market: Market, batch_id: BatchId, most: int) -> _Published:
    """Up to `most` questions of a published Batch as the marketplace holds them, read round the wire."""
    client = plain_client(market, market.direct_url)
    with market.database.transaction() as db:
        ids = db.scalars(
            text("SELECT marketplace_hit_id FROM hits WHERE batch_id = :id ORDER BY id LIMIT :most"),
            {"id": batch_id, "most": most},
        ).all()
    found = [client.get_hit(HITId=hit_id)["HIT"] for hit_id in ids]
    return _Published(found[0]["HITTypeId"], [hit["Question"] for hit in found])


def _plain(client: "MTurkClient", same: _Published) -> None:
    """What a script does: one call after the other."""
    for question in same.questions:
        client.create_hit_with_hit_type(
            HITTypeId=same.hit_type_id, Question=question, MaxAssignments=5, LifetimeInSeconds=604_800
        )


def _peer(ground: Ground, market: Market, same: _Published, *, at_once: int) -> float:
    """Seconds that a published client takes for the same, in a process and a virtual environment of its own."""
    python = pipes.PYTHON_TOOLS / "bin" / "python"
    if not python.exists():
        raise RuntimeError(f"{python} is not there: `make clients` installs it")
    environment = pipes.environment(market.settings.marketplace_url, local_credentials(market.settings), ground.folder)
    asked = {"hit_type_id": same.hit_type_id, "questions": same.questions, "at_once": at_once}
    done = subprocess.run(
        [python, _PEER], env=environment, input=json.dumps(asked), stdout=subprocess.PIPE, text=True, check=True
    )
    return float(done.stdout)
