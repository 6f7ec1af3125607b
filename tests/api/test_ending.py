import io
import zipfile

from fastapi.testclient import TestClient
from sqlalchemy import text

from app.db.engine import Database
from tests.factories import NOW, make_assignment, make_batch, make_hit, make_item, make_worker


def over(database: Database) -> int:
    """The number of a Batch that is over, with one answer."""
    with database.transaction() as db:
        batch = make_batch(db, status="done", item_count=1, finished_at=NOW)
        hit = make_hit(db, batch, make_item(db, batch), status="done", marketplace_hit_id="3HIT")
        make_assignment(db, hit, make_worker(db, marketplace_worker_id="A1WORKER"), status="approved")
        return batch.id


def test_an_archive_is_downloaded_by_who_may_export(rita: TestClient, victor: TestClient, database: Database) -> None:
    number = over(database)
    answer = victor.get(f"/batches/{number}/archive.zip")
    assert answer.headers["content-type"] == "application/zip"
    assert answer.headers["content-disposition"] == f'attachment; filename="batch-{number}.zip"'
    with zipfile.ZipFile(io.BytesIO(answer.content)) as packed:
        assert packed.testzip() is None
        assert b"A1WORKER" not in packed.read("workers.jsonl")
    assert victor.get(f"/batches/{number}/archive.zip?worker_ids=true").status_code == 403
    with_ids = rita.get(f"/batches/{number}/archive.zip?worker_ids=true").headers["content-disposition"]
    assert with_ids == f'attachment; filename="batch-{number}-with-worker-ids.zip"'
    with zipfile.ZipFile(io.BytesIO(rita.get(f"/batches/{number}/archive.zip?worker_ids=true").content)) as packed:
        assert b"A1WORKER" in packed.read("workers.jsonl")


def test_a_batch_that_is_not_over_or_not_there_is_refused_before_the_first_byte(
    rita: TestClient, database: Database
) -> None:
    number = over(database)
    with database.transaction() as db:
        db.execute(text("UPDATE batches SET status = 'live'"))
    refused = rita.get(f"/batches/{number}/archive.zip")
    assert (refused.status_code, refused.json()["error"]["type"]) == (409, "Conflict")
    assert rita.get("/batches/99/archive.zip").status_code == 404


def test_hits_are_deleted_after_an_export(rita: TestClient, victor: TestClient, database: Database) -> None:
    number = over(database)
    assert victor.post(f"/batches/{number}/delete-hits").status_code == 403
    refused = rita.post(f"/batches/{number}/delete-hits")
    assert refused.status_code == 409
    assert "nothing of Batch" in refused.json()["error"]["message"]
    assert rita.get(f"/batches/{number}/consensus.csv").status_code == 200
    asked = rita.post(f"/batches/{number}/delete-hits")
    assert (asked.status_code, asked.json()["waiting"]) == (202, 1)
    assert victor.get(f"/batches/{number}/deletion").json()["remaining"] == 1


def test_an_export_that_nobody_read_to_the_end_is_none(rita: TestClient, database: Database) -> None:
    number = over(database)
    assert rita.post(f"/batches/{number}/delete-hits", json={"anyway": False}).status_code == 409
    assert rita.post(f"/batches/{number}/delete-hits", json={"anyway": True}).status_code == 202


def test_what_a_stopping_batch_waits_for_is_shown_and_can_be_given_up(
    rita: TestClient, victor: TestClient, database: Database
) -> None:
    number = over(database)
    with database.transaction() as db:
        db.execute(text("UPDATE batches SET status = 'stopping'"))
        db.execute(text("UPDATE hits SET status = 'live', pending = 2"))
    shown = victor.get(f"/batches/{number}/ending").json()
    assert shown["working"] == 2
    assert any("2 Workers still at work" in sentence for sentence in shown["sentences"])
    assert victor.post(f"/batches/{number}/give-up").status_code == 403
    assert rita.post(f"/batches/{number}/give-up").json()["live_hits"] == 1
    assert rita.get("/batches/99/ending").status_code == 404
