"""Workers: 200 simulated Workers at once against the marketplace's worker site, and whether every counter is exact."""

from collections.abc import Mapping, Sequence
from statistics import quantiles
from typing import TYPE_CHECKING

from sqlalchemy import text

from app.db.engine import Database
from app.domain.vocabulary import MediaType
from app.marketplace import crowd
from app.marketplace.crowd import CrowdPlan, CrowdReport, Request
from app.questions import catalogue, envelope, rendering
from app.questions.rendering import ShownItem
from benchmarks.ground import Ground
from benchmarks.plain import plain_client
from benchmarks.report import Line, Report

if TYPE_CHECKING:
    from mypy_boto3_mturk import MTurkClient

WORKERS = 200
ASSIGNMENTS_A_HIT = 10

# Each must be 0 when nothing was lost, done twice or miscounted.
FAULTS: Mapping[str, str] = {
    "Assignments missing or too many": "SELECT abs(count(*) - :expected) FROM marketplace.assignments",
    "Assignments not submitted": "SELECT count(*) FROM marketplace.assignments WHERE status <> 'Submitted' OR answer IS NULL",
    "Workers twice on one HIT": "SELECT count(*) - count(DISTINCT (hit_id, worker_id)) FROM marketplace.assignments",
    "HITs whose counters are wrong": """
        SELECT count(*) FROM marketplace.hits h WHERE (h.pending, h.submitted, h.approved, h.rejected) <>
            (SELECT count(*) FILTER (WHERE a.status = 'Pending'), count(*) FILTER (WHERE a.status = 'Submitted'),
                    count(*) FILTER (WHERE a.status = 'Approved'), count(*) FILTER (WHERE a.status = 'Rejected')
             FROM marketplace.assignments a WHERE a.hit_id = h.id)
            OR h.submitted <> h.max_assignments OR h.status <> 'Reviewable'""",
    "Requesters whose money is wrong": """
        SELECT count(*) FROM marketplace.requesters r WHERE (r.available_usd, r.on_hold_usd) <>
            (SELECT coalesce(sum(t.available_delta_usd), 0), coalesce(sum(t.on_hold_delta_usd), 0)
             FROM marketplace.transactions t WHERE t.requester_id = r.id)
            OR r.on_hold_usd <> (SELECT coalesce(sum(h.reserved_slots * (h.reward_usd + h.fee_usd)), 0)
             FROM marketplace.hits h WHERE h.requester_id = r.id)""",
}


def run(ground: Ground, *, quick: bool) -> Report:
    """All of them come at once, nobody waits between two requests."""
    assignments = 2_000 if quick else 20_000
    with ground.market() as market:
        publish(plain_client(market, market.direct_url), assignments // ASSIGNMENTS_A_HIT)
        report = crowd.run_crowd(
            market.direct_url, CrowdPlan(workers=WORKERS, concurrency=WORKERS, patience_s=0, seed=1)
        )
        faults = faults_in(market.database, assignments)
    return Report(
        f"workers: {WORKERS} simulated Workers at once, {assignments:,} Assignments; client and marketplace share the machine",
        [
            Line("Assignments submitted/s", f"{report.submitted / report.seconds:.0f}"),
            *(Line(f"{request}, ms: middle, 95 %", _times(report, request)) for request in Request),
            Line("errors a Worker met", str(report.failures), goal="0", reached=report.failures == 0),
            *(Line(name, str(count), goal="0", reached=count == 0) for name, count in faults.items()),
        ],
    )


def publish(mturk: "MTurkClient", hits: int) -> None:
    """HITs with the service's own question page: one picture of a cat or a dog each."""
    chosen = catalogue.load("image")
    hit_type_id = mturk.create_hit_type(
        Title="Which label fits?", Description="Look and choose", Reward="0.05", AssignmentDurationInSeconds=3600
    )["HITTypeId"]
    for at in range(hits):
        shown = ShownItem(1, MediaType.IMAGE, "cat", "dog", media_url=f"https://pictures.test/{at}.png")
        page = rendering.render(chosen.source, [shown], title=chosen.title, instructions=chosen.instructions)
        mturk.create_hit_with_hit_type(
            HITTypeId=hit_type_id,
            MaxAssignments=ASSIGNMENTS_A_HIT,
            LifetimeInSeconds=86_400,
            Question=envelope.html_question(page),
        )


def faults_in(database: Database, expected: int) -> Mapping[str, int]:
    """How often each kind of fault is in the database."""
    with database.transaction() as db:
        return {
            name: int(db.execute(text(sql), {"expected": expected} if ":expected" in sql else {}).scalar_one())
            for name, sql in FAULTS.items()
        }


def _times(report: CrowdReport, request: Request) -> str:
    seconds: Sequence[float] = report.took_s[request]
    cuts = quantiles(seconds, n=100)
    return f"{cuts[49] * 1000:.0f}, {cuts[94] * 1000:.0f}"
