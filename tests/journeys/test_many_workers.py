"""200 Workers at once: nothing lost, nothing twice, every counter exact. How fast: `make bench`."""

from pathlib import Path

import psycopg
import pytest

from app.marketplace.crowd import CrowdPlan, run_crowd
from benchmarks.workers import ASSIGNMENTS_A_HIT, WORKERS, publish
from tests.marketplace.conftest import mturk_client
from tests.marketplace_invariants import broken_rules
from tests.marketplace_processes import marketplace_processes

pytestmark = [pytest.mark.journey, pytest.mark.xdist_group("many_workers")]

HITS = 200
TWICE = "SELECT count(*), count(DISTINCT (hit_id, worker_id)), count(DISTINCT worker_id) FROM marketplace.assignments"
DONE = """
    SELECT count(*) FROM marketplace.hits
    WHERE status = 'Reviewable' AND (pending, submitted, approved, rejected) = (0, max_assignments, 0, 0)
"""


def test_200_simultaneous_workers_submit_2000_assignments_and_every_counter_is_exact(
    tmp_path: Path, database_url: str
) -> None:
    with marketplace_processes(tmp_path, database_url, 2) as (one, other):
        publish(mturk_client(one.url, one.credentials), HITS)
        # Half of what a Worker does is redirected within the process that they came to; both see the same HITs.
        report = run_crowd(one.url, CrowdPlan(workers=WORKERS, concurrency=WORKERS, patience_s=0, seed=1))
        assert (report.submitted, report.failures, list(report.errors)) == (HITS * ASSIGNMENTS_A_HIT, 0, [])
        assert not [line for marketplace in (one, other) for line in marketplace.said().splitlines() if "Traceback" in line]
    with psycopg.connect(database_url) as db:
        counted, different, _ = db.execute(TWICE).fetchone() or ()
        assert counted == different == HITS * ASSIGNMENTS_A_HIT
        assert db.execute(DONE).fetchone() == (HITS,)
    assert broken_rules(database_url) == {}
