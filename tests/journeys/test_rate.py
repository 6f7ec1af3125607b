"""Four job runners and two Batches against an endpoint that throttles: what the endpoint enforces is all that limits them."""

import subprocess
import sys
from collections.abc import Iterator
from contextlib import contextmanager
from decimal import Decimal
from functools import partial
from pathlib import Path

import pytest

from app.db.item_sources import ItemFile
from app.domain.vocabulary import BatchId
from app.mturk.client import connect
from app.pipeline import batches, item_import
from app.questions import catalogue
from app.settings import MarketplaceProfile
from tests.stack import STOPPED_WITHIN_S, Part, RunningStack, running_stack

pytestmark = pytest.mark.journey

HITS = 100  # of each Batch
ALLOWED_PER_S = 5  # so few that even a machine full of other tests asks for more


@pytest.fixture
def stack(tmp_path: Path, database_url: str) -> Iterator[RunningStack]:
    """No runner is at work yet, and nobody told them what the endpoint allows."""
    pace = {"calls_per_second": 100, "marketplace_rehearsal": True, "log_json": True}
    with running_stack(tmp_path, database_url, **pace) as stack:
        stack.stop(Part.JOBS)
        yield stack


@contextmanager
def four_runners(stack: RunningStack) -> Iterator[list[Path]]:
    """The stack's own and three more; what each of them says."""
    logs = [stack.folder / f"runner-{number}.log" for number in range(3)]
    processes = []
    for path in logs:
        with path.open("wb") as log:
            processes.append(
                subprocess.Popen(
                    [sys.executable, "-m", "app.cli", Part.JOBS],
                    env=stack.environment,
                    stdin=subprocess.DEVNULL,
                    stdout=log,
                    stderr=subprocess.STDOUT,
                )
            )
    try:
        stack.start(Part.JOBS)
        yield [*logs, stack.log(Part.JOBS)]
    finally:
        for process in processes:
            process.terminate()
        for process in processes:
            process.wait(STOPPED_WITHIN_S)


def launched(stack: RunningStack, folder: Path, name: str) -> BatchId:
    path = folder / f"{name}.csv"
    rows = [f"{name}-{number},example {number},cat,dog" for number in range(HITS)]
    path.write_text("\n".join(["id,text,given_label,guessed_label", *rows]))
    new = batches.NewBatch(
        name=name,
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


def test_runners_find_the_endpoints_rate_share_it_fairly_and_show_nobody_a_throttle_answer(
    stack: RunningStack, tmp_path: Path
) -> None:
    ids = [launched(stack, tmp_path, name) for name in ("one", "other")]
    set_up = stack.labeljury("marketplace", "faults", "--throttle", str(ALLOWED_PER_S))
    assert set_up.returncode == 0, set_up.stderr
    with four_runners(stack) as logs:  # who find both Batches there
        stack.wait_for(f"SELECT count(*) = {2 * HITS} FROM hits WHERE status = 'live'", within_s=400)

    on_the_marketplace = "SELECT count(*) AS n, count(DISTINCT requester_annotation) AS different FROM marketplace.hits"
    assert tuple(stack.one(on_the_marketplace)) == (2 * HITS, 2 * HITS)
    endpoint = stack.one("SELECT calls, throttles, throttled_rate FROM endpoints")
    assert endpoint.throttles > 0, "the endpoint throttled nobody: nothing was shown"
    # About a sixth; a fifth on a busy machine, where calls come in bunches; nineteen in twenty if nobody slowed down.
    assert endpoint.throttles <= endpoint.calls * 0.4
    live_at_half = [
        stack.one(
            "SELECT count(*) AS n FROM hits WHERE batch_id = :id AND published_at <="
            " (SELECT published_at FROM hits ORDER BY published_at, id OFFSET :half LIMIT 1)",
            id=batch_id,
            half=HITS - 1,
        ).n
        for batch_id in ids
    ]
    assert min(live_at_half) >= HITS / 4, live_at_half  # results are written a few dozen at a time
    seen = "SELECT (SELECT count(*) FROM batches WHERE attention IS NOT NULL) AS batches, count(*) AS operations"
    assert tuple(stack.one(f"{seen} FROM operations WHERE status = 'failed' OR error IS NOT NULL")) == (0, 0)
    said = "\n".join(log.read_text() for log in logs)
    assert "Throttling" not in said
    assert "Rate exceeded" not in said
