"""kill -9 of job runners at random moments, again and again: nothing twice, nothing lost, nothing overspent.

First by hundreds of seeds: Batches of every kind, while calls fail in every way, with runners that are forked. Then the
command itself, `labeljury run-jobs`, as it is started by whoever runs it.
"""

import csv
import os
import queue
import random
import threading
import time
from collections import Counter
from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor
from decimal import Decimal
from pathlib import Path

import pytest

from app.db.item_sources import ItemFile
from app.domain.vocabulary import BatchId
from app.marketplace import crowd
from app.marketplace.crowd import CrowdPlan, CrowdReport
from app.mturk.client import Marketplace, connect
from app.pipeline import batches, item_import
from app.questions import catalogue
from app.settings import MarketplaceProfile
from tests.crashing.fork_server import ForkServer
from tests.crashing.seeds import lane
from tests.database_pool import copied_database
from tests.stack import Part, RunningStack, running_stack

pytestmark = [pytest.mark.journey, pytest.mark.xdist_group("kills")]

# Which seeds of tests/crashing/seeds.py: `17` repeats one alone, `1-200` is what a release should have seen.
SEEDS_ASKED = os.environ.get("LABELJURY_KILL_SEEDS") or "1-24"


def seeds_of(asked: str) -> list[int]:
    """`17`, `1-200` and `3,9,40-50` as numbers."""
    parts = [part.partition("-") for part in asked.split(",")]
    return [seed for first, _, last in parts for seed in range(int(first), int(last or first) + 1)]


SEED_NUMBERS = seeds_of(SEEDS_ASKED)
LANES = 6  # installations side by side; they wait more than they work
ENOUGH_TO_COUNT = 20

ITEMS, WORKERS = 24, 5
REWARD, PRICE = Decimal("0.05"), Decimal("0.06")
# Of the command: each seed kills it once in publish and once in collect. A failure names its seed.
SEEDS = range(2026_11_01, 2026_11_04)


@pytest.mark.timeout(600 + 60 * len(SEED_NUMBERS))
def test_whatever_a_seed_draws_kills_do_no_harm(postgres_url: str, template_database: str, tmp_path: Path) -> None:
    seeds = SEED_NUMBERS
    waiting: queue.SimpleQueue[int] = queue.SimpleQueue()
    for seed in seeds:
        waiting.put(seed)

    def work(number: int) -> Counter[str]:
        with (
            copied_database(postgres_url, template_database) as url,
            lane(server, url, tmp_path / f"lane-{number}") as this,
        ):
            while True:
                try:
                    seed = waiting.get_nowait()
                except queue.Empty:
                    return this.killed
                this.run(seed)

    with ForkServer(tmp_path / "children.log") as server, ThreadPoolExecutor(LANES) as pool:
        killed = sum(pool.map(work, range(min(LANES, len(seeds)))), Counter[str]())
    # A kill when all is done, or before anything is, proves nothing.
    if len(seeds) >= ENOUGH_TO_COUNT:
        assert killed["in publish"] >= len(seeds) // 10, killed
        assert killed["in publish"] + killed["in review"] >= killed["in all"] // 3, killed


@pytest.fixture
def stack(tmp_path: Path, database_url: str) -> Iterator[RunningStack]:
    """Slow enough to be caught in the middle, also by a busy machine; quick to notice the dead."""
    pace = {"calls_per_second": 12, "publish_threads": 4, "lease_s": 5, "stalled_job_s": 2}
    with running_stack(tmp_path, database_url, **pace) as stack:
        yield stack


@pytest.mark.timeout(1500)
def test_a_runner_killed_at_random_points_publishes_once_loses_nothing_and_pays_exactly(
    stack: RunningStack, tmp_path: Path
) -> None:
    marketplace = connect(stack.settings, MarketplaceProfile.LOCAL)
    interrupted = Counter[str]()
    for batch_id, seed in enumerate(SEEDS, 1):
        rng = random.Random(seed)
        create(stack, tmp_path, seed)
        batches.launch(stack.database, lambda _: marketplace, BatchId(batch_id), by="rita", settings=stack.settings)
        interrupted["publish"] += kill_during_publish(stack, batch_id, rng)
        stack.wait_for(f"SELECT count(*) = {ITEMS} FROM hits WHERE batch_id = :id AND status = 'live'", id=batch_id)
        report, was_collecting = kill_during_collect(stack, batch_id, seed, rng)
        interrupted["collect"] += was_collecting
        assert report.failures == 0, (seed, report.errors)
        assert report.submitted == ITEMS * WORKERS, seed
        stack.wait_for("SELECT status = 'done' FROM batches WHERE id = :id", id=batch_id)
        check_batch(stack, batch_id, seed)
    check_accounts(stack, marketplace)
    # A kill when all is done, or before anything is, proves nothing.
    assert min(interrupted["publish"], interrupted["collect"]) >= len(SEEDS) // 2, interrupted


def create(stack: RunningStack, folder: Path, seed: int) -> None:
    path = folder / f"items-{seed}.csv"
    with path.open("w", newline="") as file:
        writer = csv.writer(file)
        writer.writerow(["id", "text", "given_label", "guessed_label"])
        writer.writerows([f"{seed}-{n}", f"example {n} of {seed}", "cat", "dog"] for n in range(ITEMS))
    new = batches.NewBatch(
        name=f"seed {seed}",
        template=catalogue.load("text"),
        profile=MarketplaceProfile.LOCAL,
        reward_usd=REWARD,
        seed=seed,
    )
    with stack.database.transaction() as db:
        batch = batches.create(db, new, by="rita")
        budget, media_dir = batches.page_budget(new), stack.settings.media_path
        item_import.import_items(
            db, BatchId(batch.id), ItemFile.of(path), media_root=None, media_dir=media_dir, budget=budget
        )


def kill_during_publish(stack: RunningStack, batch_id: int, rng: random.Random) -> bool:
    """Once a random number of HITs is live, and a random moment later; whether that was in the middle."""
    wanted = rng.randrange(ITEMS // 2)
    stack.wait_for(
        "SELECT EXISTS (SELECT 1 FROM hits WHERE batch_id = :id)"
        " AND (SELECT count(*) >= :n FROM hits WHERE batch_id = :id AND status = 'live')",
        id=batch_id,
        n=wanted,
    )
    time.sleep(rng.uniform(0, 0.3))
    live = stack.one("SELECT count(*) AS n FROM hits WHERE batch_id = :id AND status = 'live'", id=batch_id).n
    stack.restart(Part.JOBS)
    return bool(live < ITEMS)


def kill_during_collect(stack: RunningStack, batch_id: int, seed: int, rng: random.Random) -> tuple[CrowdReport, bool]:
    """While a crowd hands in its work and the runner collects, reads, approves and pays: once a random part is collected,
    and a random moment later; whether that was in the middle."""
    reports: list[CrowdReport] = []
    plan = CrowdPlan(workers=WORKERS, seed=seed, patience_s=3)

    def work() -> None:
        reports.append(crowd.run_crowd(stack.marketplace_url, plan))

    working = threading.Thread(target=work)
    working.start()
    stack.wait_for(
        "SELECT count(*) >= :n FROM assignments a JOIN hits h ON h.id = a.hit_id WHERE h.batch_id = :id",
        id=batch_id,
        n=rng.randrange(1, ITEMS * WORKERS // 2),
    )
    time.sleep(rng.uniform(0, 0.5))
    collected = stack.one(
        "SELECT count(*) AS n, count(*) FILTER (WHERE a.status <> 'approved') AS open FROM assignments a"
        " JOIN hits h ON h.id = a.hit_id WHERE h.batch_id = :id",
        id=batch_id,
    )
    stack.restart(Part.JOBS)
    working.join()
    (report,) = reports
    return report, 0 < collected.n < ITEMS * WORKERS or collected.open > 0


def check_batch(stack: RunningStack, batch_id: int, seed: int) -> None:
    """Each Item published once, five Assignments each, every answer stored, the ledger exact."""
    ours = stack.one(
        """
        SELECT (SELECT count(*) FROM hits WHERE batch_id = :id) AS hits,
               (SELECT count(DISTINCT marketplace_hit_id) FROM hits WHERE batch_id = :id) AS distinct_hits,
               (SELECT count(*) FROM marketplace.hits m WHERE m.requester_annotation LIKE :annotation) AS published,
               (SELECT count(*) FROM responses r JOIN items i ON i.id = r.item_id WHERE i.batch_id = :id) AS responses,
               (SELECT min(n) || '-' || max(n) FROM (SELECT count(r.*) AS n FROM items i LEFT JOIN responses r
                    ON r.item_id = i.id WHERE i.batch_id = :id GROUP BY i.id) AS per_item) AS per_item,
               (SELECT count(*) FROM assignments a JOIN hits h ON h.id = a.hit_id
                    WHERE h.batch_id = :id AND a.status = 'approved' AND a.answer_state = 'parsed') AS approved,
               (SELECT sum(amount_usd) FROM payments WHERE batch_id = :id AND status = 'paid') AS paid,
               (SELECT count(*) FROM payments WHERE batch_id = :id AND status = 'owed') AS owed,
               (SELECT sum(amount_usd) FROM payments WHERE batch_id = :id AND kind IN ('reservation', 'release')) AS kept
        """,
        id=batch_id,
        annotation=f"label-jury batch={batch_id} %",
    )
    cost = ITEMS * WORKERS * PRICE
    expected = (ITEMS, ITEMS, ITEMS, ITEMS * WORKERS, f"{WORKERS}-{WORKERS}", ITEMS * WORKERS, cost, 0, cost)
    assert tuple(ours) == expected, f"seed {seed}"


def check_accounts(stack: RunningStack, marketplace: Marketplace) -> None:
    """What the marketplace took is what our ledger paid, to the cent; nothing is on hold."""
    balance = marketplace.client.get_account_balance()
    paid = stack.one("SELECT sum(amount_usd) AS usd FROM payments WHERE status = 'paid'").usd
    assert stack.settings.marketplace_opening_balance_usd - Decimal(balance["AvailableBalance"]) == paid
    assert Decimal(balance["OnHoldBalance"]) == 0
