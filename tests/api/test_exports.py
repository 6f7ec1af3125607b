import csv
import io

from fastapi import FastAPI
from fastapi.testclient import TestClient
from sqlalchemy.orm import Session

from app.db.engine import Database
from app.db.tables import Batch
from app.domain.vocabulary import Option, Role
from tests.cast import VICTOR, browsing, sign_up
from tests.factories import make_assignment, make_batch, make_consensus, make_hit, make_item, make_response, make_worker


def answered_batch(db: Session) -> Batch:
    batch = make_batch(db, item_count=2)
    item = make_item(db, batch, external_id="007", given_label='c"a,t')
    make_item(db, batch, external_id="008")
    worker = make_worker(db, pseudonym="W-ada", marketplace_worker_id="A1SECRET")
    make_response(db, make_assignment(db, make_hit(db, batch, item), worker), item, Option.GUESSED)
    make_consensus(db, item)
    db.commit()
    return batch


def rows_of(text: str) -> list[dict[str, str]]:
    return list(csv.DictReader(io.StringIO(text)))


def test_the_consensus_comes_as_a_csv_file_with_its_row_count(victor: TestClient, db: Session) -> None:
    batch = answered_batch(db)
    answer = victor.get(f"/batches/{batch.id}/consensus.csv")
    assert answer.headers["content-type"] == "text/csv; charset=utf-8"
    assert answer.headers["content-disposition"] == f'attachment; filename="batch-{batch.id}-consensus.csv"'
    rows = rows_of(answer.text)
    assert [row["id"] for row in rows] == ["007", "008"]
    assert rows[0]["given_label"] == 'c"a,t'
    assert answer.headers["x-row-count"] == "2"


def test_responses_name_workers_by_pseudonym(rita: TestClient, db: Session) -> None:
    answer = rita.get(f"/batches/{answered_batch(db).id}/responses.csv")
    assert [row["worker"] for row in rows_of(answer.text)] == ["W-ada"]
    assert (answer.headers["x-row-count"], "A1SECRET" in answer.text) == ("1", False)


def test_only_an_owner_gets_the_workers_own_ids(rita: TestClient, victor: TestClient, db: Session) -> None:
    path = f"/batches/{answered_batch(db).id}/responses.csv?worker_ids=true"
    assert [row["worker"] for row in rows_of(rita.get(path).text)] == ["A1SECRET"]
    refused = victor.get(path)
    assert (refused.status_code, refused.json()["error"]["type"]) == (403, "Forbidden")


def test_an_unknown_batch_is_told_before_anything_streams(rita: TestClient) -> None:
    answer = rita.get("/batches/4711/consensus.csv")
    assert (answer.status_code, answer.json()["error"]["type"]) == (404, "NotFound")


def test_a_download_that_is_not_finished_gives_its_connection_back(
    rita: TestClient, db: Session, database: Database
) -> None:
    path = f"/batches/{answered_batch(db).id}/consensus.csv"
    for _ in range(20):
        with rita.stream("GET", path) as answer:
            assert answer.status_code == 200
    db.close()
    assert database.engine.pool.checkedout() == 0  # type: ignore[attr-defined]  # of QueuePool, which ours is


def test_the_consoles_cookie_may_download_but_not_change(app: FastAPI, database: Database, db: Session) -> None:
    batch = answered_batch(db)
    with browsing(app, database, sign_up(database, VICTOR, Role.OWNER)) as visitor:
        assert visitor.client.get(f"/api/v1/batches/{batch.id}/consensus.csv").status_code == 200
        assert visitor.client.post(f"/api/v1/batches/{batch.id}/pause").status_code == 401
