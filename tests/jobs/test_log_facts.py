"""What a job runner logs can be filtered by Batch and by marketplace, and names no Worker."""

import pytest
import structlog
from structlog.contextvars import merge_contextvars

from tests.pipeline.conftest import House, house

__all__ = ["house"]


@pytest.mark.parametrize("refused", [None, "CreateHITWithHITType"])
def test_every_event_of_the_pipeline_carries_its_batch_and_its_marketplace(house: House, refused: str | None) -> None:
    batch_id = house.draft(2, assignments_per_item=1, quorum=1)
    house.launch(batch_id)
    with structlog.testing.capture_logs(processors=[merge_contextvars]) as events:
        if refused:
            house.wire.refuse[refused] = (503, b"<h1>503</h1>")
            house.publish(batch_id)
            house.wire.refuse.clear()
            house.execute("UPDATE operations SET not_before = now()")
        house.publish(batch_id)
    for hit in house.rows("SELECT id FROM hits ORDER BY id"):  # the marketplace's own events are none of ours
        house.answer("Ada", hit.id, lambda _: "given")
    with structlog.testing.capture_logs(processors=[merge_contextvars]) as later:
        house.collect(batch_id)
    ours = [event for event in [*events, *later] if event["event"].partition(".")[0] != "wire"]
    assert {"hit.published", "hit.collected", "assignments.reviewed"} <= {event["event"] for event in ours}
    assert bool(refused) is ("operation.not_done" in {event["event"] for event in ours})
    lacking = [event for event in ours if event.get("batch_id") != batch_id or event.get("profile") != "local"]
    assert lacking == []
    worker = house.one("SELECT marketplace_worker_id, pseudonym FROM workers")
    assert worker.marketplace_worker_id not in str(ours)
    assert worker.pseudonym not in str(ours)
