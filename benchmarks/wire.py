"""Wire: what the marketplace itself answers on this machine, for information: it shares the machine with its clients."""

from concurrent.futures import ThreadPoolExecutor
from functools import partial
from statistics import median
from typing import TYPE_CHECKING

from sqlalchemy import text

from app.db.engine import Database
from benchmarks.ground import Ground
from benchmarks.plain import plain_client
from benchmarks.report import Line, Report, timed
from tests.marketplace.people import html_question

if TYPE_CHECKING:
    from mypy_boto3_mturk import MTurkClient

CLIENTS = 16
LISTED = 5_000
_PAGE = 100

# Copies of one HIT: listing them costs what listing created ones costs.
_MORE_HITS = text("""
    INSERT INTO marketplace.hits
    SELECT copied.*
    FROM (SELECT * FROM marketplace.hits LIMIT 1) AS hit, generate_series(1, :missing) AS n,
         jsonb_populate_record(NULL ::marketplace.hits,
                               to_jsonb(hit) || jsonb_build_object('id', '3' || upper(substr(md5(n::text), 1, 29)))) AS copied
""")


def run(ground: Ground, *, quick: bool) -> Report:
    """Calls per second of concurrent threads in one client process, and one page of a long list."""
    hits = 300 if quick else 1_000
    with ground.market() as market:
        client = plain_client(market, market.direct_url, connections=CLIENTS)
        hit_type_id = client.create_hit_type(
            Title="Which label fits?", Description="Look and choose", Reward="0.05", AssignmentDurationInSeconds=600
        )["HITTypeId"]
        seconds = timed(partial(_create, client, hit_type_id, hits))
        _fill_up(market.database, LISTED - hits)
        page_s = median(timed(partial(client.list_hits, MaxResults=_PAGE)) for _ in range(15))
    return Report(
        "wire: the own marketplace, no latency added",
        [
            Line(f"CreateHITWithHITType with {CLIENTS} clients, calls/s", f"{hits / seconds:.0f}"),
            Line(f"ListHITs, a page of {_PAGE} of {LISTED:,} HITs, ms", f"{page_s * 1000:.0f}"),
        ],
    )


def _create(client: "MTurkClient", hit_type_id: str, hits: int) -> None:
    question = html_question()

    def create(_: int) -> None:
        client.create_hit_with_hit_type(
            HITTypeId=hit_type_id, Question=question, MaxAssignments=5, LifetimeInSeconds=3600
        )

    with ThreadPoolExecutor(CLIENTS) as pool:
        list(pool.map(create, range(hits)))


def _fill_up(database: Database, missing: int) -> None:
    with database.transaction() as db:
        db.execute(_MORE_HITS, {"missing": missing})
        db.execute(text("ANALYZE marketplace.hits"))
