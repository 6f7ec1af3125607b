"""200 Workers at once, at two marketplaces on one database: nothing lost, nothing twice, every counter exact.

How fast: `make bench`.
"""

from concurrent.futures import ThreadPoolExecutor
from pathlib import Path

import psycopg
import pytest

from app.marketplace.crowd import CrowdPlan, run_crowd
from benchmarks.workers import ASSIGNMENTS_A_HIT, WORKERS, publish
from tests.marketplace.conftest import mturk_client
from tests.marketplace_invariants import broken_rules
from tests.marketplace_processes import marketplace_processes

pytestmark = [pytest.mark.journey, pytest.mark.xdist_group("many_workers")]

HITS = 120
EXPECTED = HITS * ASSIGNMENTS_A_HIT
ASSIGNMENTS = """
    SELECT count(*), count(DISTINCT (hit_id, worker_id)), count(*) FILTER (WHERE status = 'Submitted' AND answer IS NOT NULL)
    FROM marketplace.assignments
"""
DONE = """
    SELECT count(*) FROM marketplace.hits
    WHERE status = 'Reviewable' AND (pending, submitted, approved, rejected) = (0, max_assignments, 0, 0)
"""


def test_200_simultaneous_workers_submit_1200_assignments_and_every_counter_is_exact(
    tmp_path: Path, database_url: str
) -> None:
    plans = [CrowdPlan(workers=WORKERS // 2, concurrency=WORKERS // 2, patience_s=0, seed=seed) for seed in (1, 2)]
    with marketplace_processes(tmp_path, database_url, 2) as running:
        publish(mturk_client(running[0].url, running[0].credentials), HITS)
        with ThreadPoolExecutor(2) as crowds:
            reports = list(crowds.map(run_crowd, [one.url for one in running], plans))
        assert [error for report in reports for error in report.errors] == []
        assert sum(report.submitted for report in reports) == EXPECTED
        assert [line for one in running for line in one.said().splitlines() if "Traceback" in line] == []
    with psycopg.connect(database_url) as db:
        assert db.execute(ASSIGNMENTS).fetchone() == (EXPECTED, EXPECTED, EXPECTED)
        assert db.execute(DONE).fetchone() == (HITS,)
    assert broken_rules(database_url) == {}
