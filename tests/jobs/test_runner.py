"""Job runners as processes of their own: they take a Batch to its end, stop when asked to, and survive being killed."""

import csv
import time
from collections.abc import Iterator
from decimal import Decimal
from functools import partial
from pathlib import Path

import pytest
from sqlalchemy import text

from app.db.item_sources import ItemFile
from app.db.queue import Job, enqueue
from app.domain.vocabulary import BatchId
from app.marketplace import crowd
from app.marketplace.crowd import CrowdPlan
from app.mturk.client import connect
from app.pipeline import batches, item_import
from app.questions import catalogue
from app.settings import MarketplaceProfile
from tests.stack import Part, RunningStack, running_stack

pytestmark = pytest.mark.journey

STOPS_WITHIN_S = 18.0


@pytest.fixture
def stack(tmp_path: Path, database_url: str) -> Iterator[RunningStack]:
    """Slow enough to be caught in the middle of its work."""
    pace = {"calls_per_second": 20, "publish_threads": 4, "lease_s": 5, "stalled_job_s": 2}
    with running_stack(tmp_path, database_url, **pace) as stack:
        yield stack


def launched(stack: RunningStack, folder: Path, rows: int) -> BatchId:
    """A Batch of texts that Rita has just launched."""
    path = folder / "items.csv"
    with path.open("w", newline="") as file:
        writer = csv.writer(file)
        writer.writerow(["id", "text", "given_label", "guessed_label"])
        writer.writerows([f"item-{n}", f"example {n}", "cat", "dog"] for n in range(rows))
    new = batches.NewBatch(
        name="Cats",
        template=catalogue.load("text"),
        profile=MarketplaceProfile.LOCAL,
        reward_usd=Decimal("0.05"),
        seed=7,
    )
    with stack.database.transaction() as db:
        batch_id = BatchId(batches.create(db, new, by="rita").id)
        budget, media_dir = batches.page_budget(new), stack.settings.media_path
        item_import.import_items(db, batch_id, ItemFile.of(path), media_root=None, media_dir=media_dir, budget=budget)
    batches.launch(stack.database, partial(connect, stack.settings), batch_id, by="rita", settings=stack.settings)
    return batch_id


def wait_for_hits(stack: RunningStack, count: int) -> None:
    stack.wait_for("SELECT count(*) >= :n FROM hits WHERE status = 'live'", n=count)


def work(stack: RunningStack) -> None:
    """Five people answer everything there is."""
    report = crowd.run_crowd(stack.marketplace_url, CrowdPlan(workers=5, seed=7, patience_s=3))
    assert report.failures == 0, report.errors


def published(stack: RunningStack) -> int:
    """HITs on the marketplace, whatever we know of them."""
    return int(stack.one("SELECT count(*) AS n FROM marketplace.hits").n)


def test_a_runner_takes_a_batch_from_launch_to_done(stack: RunningStack, tmp_path: Path) -> None:
    launched(stack, tmp_path, rows=6)
    wait_for_hits(stack, 6)
    work(stack)
    stack.wait_for("SELECT status = 'done' FROM batches")
    assert stack.one("SELECT count(*) AS n FROM responses").n == 30
    assert {row.status for row in stack.rows("SELECT status FROM consensus")} == {"settled"}
    assert stack.stop(Part.JOBS) == 0


def test_an_idle_runner_stops_at_once_when_asked(stack: RunningStack) -> None:
    stack.wait_for("SELECT count(*) > 0 FROM procrastinate_workers")  # before that a signal just ends the process
    began = time.monotonic()
    assert stack.stop(Part.JOBS) == 0
    assert time.monotonic() - began < STOPS_WITHIN_S
    assert b"runner.stopped" in stack.log(Part.JOBS).read_bytes()


def test_a_busy_runner_stops_within_seconds_and_the_next_one_goes_on(stack: RunningStack, tmp_path: Path) -> None:
    launched(stack, tmp_path, rows=900)  # 45 s of publishing at this pace
    wait_for_hits(stack, 5)
    began = time.monotonic()
    assert stack.stop(Part.JOBS) == 0
    assert time.monotonic() - began < STOPS_WITHIN_S
    before = published(stack)
    assert before < 900
    stack.start(Part.JOBS)
    wait_for_hits(stack, before + 20)
    live = stack.one("SELECT count(*) AS n, count(DISTINCT marketplace_hit_id) AS ids FROM hits WHERE status = 'live'")
    assert live.n == live.ids


def test_a_runner_killed_in_the_middle_is_followed_by_one_that_finishes(stack: RunningStack, tmp_path: Path) -> None:
    launched(stack, tmp_path, rows=30)
    wait_for_hits(stack, 8)
    stack.restart(Part.JOBS)
    wait_for_hits(stack, 30)
    assert published(stack) == 30
    work(stack)
    stack.wait_for("SELECT status = 'done' FROM batches", within_s=90)
    ledger = stack.one(
        "SELECT sum(amount_usd) FILTER (WHERE status = 'paid') AS paid,"
        " sum(amount_usd) FILTER (WHERE kind IN ('reservation', 'release')) AS kept FROM payments"
    )
    assert ledger.paid == ledger.kept


def test_a_job_that_fails_is_logged_and_leaves_the_runner_at_work(stack: RunningStack, tmp_path: Path) -> None:
    with stack.database.transaction() as db:
        enqueue(db, Job.REVIEW, batch_id=404)
    deadline = time.monotonic() + 120
    while b"Batch 404 does not exist" not in stack.log(Part.JOBS).read_bytes():
        assert time.monotonic() < deadline
        time.sleep(0.1)
    launched(stack, tmp_path, rows=1)
    wait_for_hits(stack, 1)


def test_jobs_that_succeeded_leave_no_rows_behind(stack: RunningStack, tmp_path: Path) -> None:
    launched(stack, tmp_path, rows=1)
    wait_for_hits(stack, 1)
    with stack.database.transaction() as db:
        kept = db.execute(text("SELECT count(*) FROM procrastinate_jobs WHERE status = 'succeeded'")).scalar_one()
    assert kept == 0
