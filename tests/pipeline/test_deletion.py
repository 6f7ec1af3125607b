"""Deleting the HITs of a Batch that is over: only decided work, only after an export, and never ours."""

import json
from collections.abc import Callable
from decimal import Decimal

import pytest

from app.db import audit
from app.domain.vocabulary import BatchId
from app.errors import Conflict, NotFound
from app.jobs import deleting, housekeeping, stages
from app.pipeline import archive, batches, deletion
from app.settings import MarketplaceProfile
from tests.pipeline.conftest import House, in_threads
from tests.pipeline.test_stop import on_the_marketplace

BOTH = {"Ada": "given", "Bob": "given"}


@pytest.fixture
def over(house: House) -> BatchId:
    """A Batch of three Items that two Workers answered; nothing was exported yet."""
    batch_id = house.live(rows=3, assignments_per_item=2, quorum=2)
    house.answer_all(batch_id, BOTH)
    for _ in range(3):
        house.collect(batch_id)
    assert house.one("SELECT status FROM batches").status == "done"
    return batch_id


def export(house: House, batch_id: BatchId) -> None:
    with house.database.transaction() as db:
        for _ in archive.archive(db, batch_id, by="rita"):
            pass


def ask(house: House, batch_id: BatchId, *, anyway: bool = False) -> int:
    with house.database.transaction() as db:
        return deletion.delete_hits(db, batch_id, by="rita", anyway=anyway)


def state(house: House, batch_id: BatchId) -> deletion.Deletion:
    with house.database.transaction() as db:
        return deletion.state(db, batch_id)


def test_the_hits_go_and_everything_of_ours_stays(house: House, over: BatchId) -> None:
    before = house.rows("SELECT * FROM responses ORDER BY 1, 2")
    export(house, over)
    assert ask(house, over) == 3
    assert state(house, over).waiting == 3
    deleting.run_delete(house.runtime, over)
    assert on_the_marketplace(house) == []
    assert all(hit.deleted_at and hit.status == "done" for hit in house.rows("SELECT * FROM hits"))
    assert house.rows("SELECT * FROM responses ORDER BY 1, 2") == before
    found = state(house, over)
    assert (found.deleted, found.remaining, found.waiting, found.failed) == (3, 0, 0, 0)
    assert house.one("SELECT status FROM batches").status == "done"
    assert ask(house, over) == 0  # nothing is left
    actions = [row.action for row in house.rows("SELECT action FROM audit ORDER BY id")]
    assert actions[-2:] == ["hits.deletion_asked", "hits.deleted"]


def test_nothing_is_deleted_before_something_was_exported_unless_it_is_wanted_anyway(
    house: House, over: BatchId
) -> None:
    assert state(house, over).not_exported
    with pytest.raises(Conflict, match="nothing of Batch 1 was exported since it ended"):
        ask(house, over)
    assert house.rows("SELECT 1 FROM operations WHERE kind = 'delete'") == []
    assert ask(house, over, anyway=True) == 3


def test_an_export_of_before_the_end_is_not_enough(house: House, over: BatchId) -> None:
    export(house, over)
    house.execute("UPDATE batches SET finished_at = now() + interval '1 s'")
    with pytest.raises(Conflict, match="exported"):
        ask(house, over)


def test_a_csv_is_an_export_too(house: House, over: BatchId) -> None:
    with house.database.transaction() as db:
        audit.record(db, actor="rita", action="batch.exported", batch_id=over, what="consensus")
    assert ask(house, over) == 3


def spoil_status(house: House) -> None:
    house.execute("UPDATE batches SET status = 'stopping'")


def spoil_decision(house: House) -> None:
    house.execute("UPDATE assignments SET status = 'submitted' WHERE id = (SELECT min(id) FROM assignments)")


def spoil_calls(house: House) -> None:
    house.execute(
        "INSERT INTO operations (batch_id, kind, hit_id) SELECT batch_id, 'expire', id FROM hits ORDER BY id LIMIT 1"
    )


@pytest.mark.parametrize(
    ("spoil", "why"),
    [(spoil_status, "is stopping"), (spoil_decision, "1 undecided Assignment;"), (spoil_calls, "1 call is")],
)
def test_it_is_refused_while_something_is_open(
    house: House, over: BatchId, spoil: Callable[[House], None], why: str
) -> None:
    export(house, over)
    spoil(house)
    with pytest.raises(Conflict, match=why):
        ask(house, over, anyway=True)
    assert house.rows("SELECT 1 FROM operations WHERE kind = 'delete'") == []


def test_a_batch_that_is_not_there_is_not_found(house: House) -> None:
    with pytest.raises(NotFound):
        ask(house, BatchId(9))


def test_a_lost_reply_and_a_second_runner_delete_each_hit_once_and_know_it(house: House, over: BatchId) -> None:
    export(house, over)
    ask(house, over)
    house.wire.lose_reply["DeleteHIT"] = 1
    in_threads(2, lambda: deleting.run_delete(house.runtime, over))
    house.execute("UPDATE operations SET not_before = now() WHERE status = 'intended'")
    deleting.run_delete(house.runtime, over)
    assert state(house, over).deleted == 3
    assert on_the_marketplace(house) == []


def test_a_refusal_is_shown_and_tried_again_when_somebody_asks_again(house: House, over: BatchId) -> None:
    export(house, over)
    refusal = {"__type": "RequestError", "TurkErrorCode": "AWS.MechanicalTurk.InvalidHITState", "Message": "Not now."}
    house.wire.refuse["DeleteHIT"] = (400, json.dumps(refusal).encode())
    ask(house, over)
    deleting.run_delete(house.runtime, over)
    assert (state(house, over).failed, state(house, over).deleted) == (3, 0)
    house.wire.refuse.clear()
    deleting.run_delete(house.runtime, over)
    assert state(house, over).deleted == 0
    assert ask(house, over) == 3
    deleting.run_delete(house.runtime, over)
    assert (state(house, over).failed, state(house, over).deleted) == (0, 3)


def test_rejections_that_become_final_are_counted(house: House, over: BatchId) -> None:
    house.execute(
        "UPDATE assignments SET status = 'rejected' WHERE id IN (SELECT id FROM assignments ORDER BY id LIMIT 2)"
    )
    assert state(house, over).final_rejections == 2
    house.execute("UPDATE assignments SET submitted_at = now() - interval '31 days'")
    assert state(house, over).final_rejections == 0


def test_a_batch_that_goes_on_keeps_the_hits_that_it_has(house: House, over: BatchId) -> None:
    export(house, over)
    ask(house, over)
    house.execute("UPDATE batches SET status = 'live'")
    deleting.run_delete(house.runtime, over)
    assert len(on_the_marketplace(house)) == 3


def test_deletions_that_wait_do_not_keep_a_batch_from_ending_again(house: House, over: BatchId) -> None:
    export(house, over)
    ask(house, over)
    house.execute("UPDATE batches SET status = 'live'")
    stages.run_consensus(house.runtime, over)
    assert house.one("SELECT status FROM batches").status == "done"


def test_the_timetable_goes_on_deleting(house: House, over: BatchId) -> None:
    export(house, over)
    ask(house, over)
    house.execute("DELETE FROM procrastinate_jobs")
    housekeeping.tick(house.runtime)
    assert "delete_hits" in {row.task_name for row in house.rows("SELECT task_name FROM procrastinate_jobs")}


# --- what the marketplace forgets by itself ---------------------------------------------------------------------------


def test_a_hit_that_the_marketplace_purged_is_over_and_its_answers_stay(house: House) -> None:
    batch_id = house.live(rows=1)
    house.answer_all(batch_id, BOTH)
    stages.run_collect(house.runtime, MarketplaceProfile.LOCAL)
    purge(house)
    house.execute("UPDATE hits SET published_at = now() - interval '121 days'")
    house.execute("UPDATE assignments SET auto_approval_at = now() - interval '90 days'")
    with house.database.transaction() as db:
        batches.stop(db, batch_id, by="rita")
    for _ in range(3):
        house.execute("UPDATE operations SET not_before = now() WHERE status = 'intended'")
        house.publish(batch_id)
        house.collect(batch_id)
    assert house.one("SELECT status FROM batches").status == "stopped"
    assert house.one("SELECT count(*) AS n FROM responses").n == 2
    assert {row.status for row in house.rows("SELECT status FROM assignments")} == {"approved"}
    assert house.one("SELECT sum(amount_usd) FILTER (WHERE status = 'paid') AS usd FROM payments").usd == Decimal(
        "0.12"
    )


def purge(house: House) -> None:
    """As MTurk does after 120 days: no trace is left there."""
    nothing = json.dumps({"HITs": [], "NumResults": 0}).encode()
    gone = {"__type": "RequestError", "TurkErrorCode": "AWS.MechanicalTurk.HITDoesNotExist", "Message": "Gone."}
    no_work = {
        "__type": "RequestError",
        "TurkErrorCode": "AWS.MechanicalTurk.AssignmentDoesNotExist",
        "Message": "Gone.",
    }
    house.wire.refuse["ListHITs"] = (200, nothing)
    for operation in ("GetHIT", "UpdateExpirationForHIT", "ListAssignmentsForHIT"):
        house.wire.refuse[operation] = (400, json.dumps(gone).encode())
    for operation in ("ApproveAssignment", "GetAssignment"):
        house.wire.refuse[operation] = (400, json.dumps(no_work).encode())
