import csv
import io
import json

import numpy as np
import pyarrow.parquet as pq
import pytest
from fastapi import FastAPI
from fastapi.testclient import TestClient
from sqlalchemy import text
from sqlalchemy.orm import Session

from app.db.engine import Database
from app.db.tables import Batch
from app.domain.vocabulary import BatchId, Option, Role
from app.pipeline import method_consensus
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


def lines_of(text: str, form: str) -> int:
    return len(rows_of(text) if form == "csv" else text.splitlines())


@pytest.mark.parametrize(
    ("what", "rows"), [("consensus", 2), ("responses", 1), ("long", 1), ("cleanlab", 1), ("labels", 2)]
)
@pytest.mark.parametrize("form", ["csv", "jsonl", "parquet"])
def test_every_table_comes_in_every_format_with_its_row_count(
    what: str, rows: int, form: str, victor: TestClient, db: Session
) -> None:
    batch = answered_batch(db)
    answer = victor.get(f"/batches/{batch.id}/{what}.{form}")
    assert (answer.status_code, answer.headers["x-row-count"]) == (200, str(rows))
    assert answer.headers["content-disposition"] == f'attachment; filename="batch-{batch.id}-{what}.{form}"'
    found = pq.read_table(io.BytesIO(answer.content)).num_rows if form == "parquet" else lines_of(answer.text, form)
    assert found == rows
    assert b"A1SECRET" not in answer.content


def test_another_method_is_computed_on_the_way(victor: TestClient, db: Session) -> None:
    path = f"/batches/{answered_batch(db).id}/consensus.csv"
    first, second = rows_of(victor.get(f"{path}?method=plurality").text)
    assert (first["method"], first["consensus"], second["p_given"]) == ("plurality", "guessed", "")
    assert 0.5 < float(first["p_guessed"]) < 1
    refused = victor.get(f"{path}?method=guess")
    assert (refused.status_code, refused.json()["error"]["type"]) == (422, "InvalidInput")


def test_what_a_method_must_say_of_its_numbers_stands_in_a_header(
    victor: TestClient, db: Session, database: Database
) -> None:
    """One Response is not enough for any model of Workers."""
    batch_id = answered_batch(db).id
    with database.transaction() as another:
        computed = method_consensus.compute(another, BatchId(batch_id), "jury").notes
    assert computed
    answer = victor.get(f"/batches/{batch_id}/consensus.jsonl?method=jury")
    assert json.loads(answer.headers["x-remarks"]) == list(computed)
    assert "x-remarks" not in victor.get(f"/batches/{batch_id}/consensus.jsonl").headers


def test_labels_are_corrected_by_the_rules_asked_for(victor: TestClient, db: Session, database: Database) -> None:
    path = f"/batches/{answered_batch(db).id}/labels.csv"
    with database.transaction() as later:
        later.execute(text("UPDATE batches SET quorum = 1"))
        later.execute(text("UPDATE consensus SET given_count = 0, both_count = 5"))
    assert [row["action"] for row in rows_of(victor.get(path).text)] == ["kept", "kept"]
    [dropped, _] = rows_of(victor.get(f"{path}?multi_label=drop").text)
    assert (dropped["action"], dropped["rule"]) == (
        "dropped",
        "majority; categories; quorum 1; multi-label drop; unresolved keep",
    )


@pytest.mark.parametrize(("asked", "actions"), [("", ["kept", "kept"]), ("?quorum=1", ["corrected", "kept"])])
def test_labels_take_the_batchs_quorum_unless_another_is_asked_for(
    asked: str, actions: list[str], victor: TestClient, db: Session
) -> None:
    batch = make_batch(db, item_count=2)
    for number in range(2):
        item = make_item(db, batch, external_id=str(number))
        make_consensus(db, item, given_count=0, guessed_count=1 - number, response_count=1 - number)
    db.commit()
    rows = rows_of(victor.get(f"/batches/{batch.id}/labels.csv{asked}").text)
    assert [row["action"] for row in rows] == actions
    assert f"quorum {asked[-1:] or 3};" in rows[0]["rule"]


def labelled_batch(db: Session, labels: list[tuple[str, str]], ids: list[str] | None = None) -> Batch:
    """A Batch of Items with these given and guessed labels; on the second everybody says guessed, on the third neither."""
    batch = make_batch(db, item_count=len(labels))
    for number, (given, guessed) in enumerate(labels):
        item = make_item(db, batch, external_id=(ids or "0123456789")[number], given_label=given, guessed_label=guessed)
        counts = [{"given_count": 5}, {"guessed_count": 5}, {"neither_count": 5}][number % 3]
        make_consensus(db, item, **({"given_count": 0, "response_count": 5} | counts))
    db.commit()
    return batch


@pytest.mark.parametrize(
    ("asked", "labels", "kept"),
    [("", [7, 4, 2], [0, 1, 2]), ("?unresolved=drop", [7, 4], [0, 1]), ("?quorum=6", [7, 3, 2], [0, 1, 2])],
)
def test_labels_come_as_an_array_with_the_positions_it_keeps(
    asked: str, labels: list[int], kept: list[int], victor: TestClient, db: Session
) -> None:
    batch = labelled_batch(db, [("7", "1"), ("3", "4"), ("2", "5")])
    for name, expected in (("labels", labels), ("labels.kept", kept)):
        answer = victor.get(f"/batches/{batch.id}/{name}.npy{asked}")
        assert answer.headers["content-type"] == "application/octet-stream"
        assert answer.headers["content-disposition"] == f'attachment; filename="batch-{batch.id}-{name}.npy"'
        found = np.load(io.BytesIO(answer.content), allow_pickle=False)
        assert (found.tolist(), answer.headers["x-row-count"]) == (expected, str(len(expected)))


def test_an_array_of_numbers_takes_words_by_the_names_of_the_classes(victor: TestClient, db: Session) -> None:
    batch = labelled_batch(db, [("0", "cat"), ("0", "dog"), ("1", "cat")])
    refused = victor.get(f"/batches/{batch.id}/labels.npy")
    assert refused.status_code == 422
    assert "name the classes in the order of their numbers" in refused.json()["error"]["message"]
    answer = victor.get(f"/batches/{batch.id}/labels.npy?classes=cat, dog")
    assert np.load(io.BytesIO(answer.content)).tolist() == [0, 1, 1]


@pytest.mark.parametrize("name", ["labels", "labels.kept"])
def test_an_array_needs_ids_that_are_positions(name: str, victor: TestClient, db: Session) -> None:
    batch = labelled_batch(db, [("a", "b"), ("c", "d")], ids=["0", "7"])
    refused = victor.get(f"/batches/{batch.id}/{name}.npy")
    assert (refused.status_code, refused.json()["error"]["type"]) == (422, "InvalidInput")
    message = refused.json()["error"]["message"]
    assert "are not the positions 0 to n-1 of a dataset; ask for labels.csv, .jsonl or .parquet" in message
    assert "--" not in message  # options are for the command line


def test_an_array_that_was_read_to_its_end_counts_as_an_export(
    victor: TestClient, db: Session, database: Database
) -> None:
    batch = labelled_batch(db, [("7", "1")])
    assert victor.get(f"/batches/{batch.id}/labels.npy").status_code == 200
    with database.transaction() as later:
        noted = later.scalars(text("SELECT details ->> 'what' FROM audit WHERE action = 'batch.exported'")).all()
    assert noted == ["labels"]


@pytest.mark.parametrize("form", ["csv", "npy"])
def test_a_quorum_of_nobody_is_refused(form: str, victor: TestClient, db: Session) -> None:
    refused = victor.get(f"/batches/{answered_batch(db).id}/labels.{form}?quorum=0")
    assert (refused.status_code, refused.json()["error"]["problems"][0]["field"]) == (422, "quorum")


def test_the_description_tells_of_every_parameter_of_the_labels(app: FastAPI) -> None:
    paths = app.state.openapi()["paths"]
    table, array, kept = (
        {one["name"]: one for one in paths[f"/v1/batches/{{batch_id}}/{name}"]["get"]["parameters"]}
        for name in ("labels.{format}", "labels.npy", "labels.kept.npy")
    )
    assert set(table) - {"format"} == set(array) - {"classes"} == set(kept) - {"classes"}
    assert {"rule", "reading", "multi_label", "unresolved", "quorum"} < set(table)
    assert all(one["description"] for one in array.values() if one["name"] != "batch_id")


def test_the_studys_json_comes_as_a_list(victor: TestClient, db: Session) -> None:
    answer = victor.get(f"/batches/{answered_batch(db).id}/study.json")
    assert (answer.headers["content-type"], answer.headers["x-row-count"]) == ("application/json", "1")
    assert [item["id"] for item in answer.json()] == ["007"]


@pytest.mark.parametrize("what", ["responses", "long", "cleanlab"])
def test_worker_ids_are_for_owners(what: str, rita: TestClient, victor: TestClient, db: Session) -> None:
    path = f"/batches/{answered_batch(db).id}/{what}.csv?worker_ids=true"
    assert "A1SECRET" in rita.get(path).text
    assert victor.get(path).status_code == 403


@pytest.mark.parametrize("form", ["csv", "jsonl", "parquet"])
@pytest.mark.parametrize("what", ["responses", "long", "cleanlab"])
def test_a_file_with_worker_ids_says_so_in_its_name(what: str, form: str, rita: TestClient, db: Session) -> None:
    batch = answered_batch(db)
    names = [
        rita.get(f"/batches/{batch.id}/{what}.{form}{asked}").headers["content-disposition"]
        for asked in ("?worker_ids=true", "?worker_ids=false")
    ]
    assert names == [f'attachment; filename="batch-{batch.id}-{what}{ids}.{form}"' for ids in ("-with-worker-ids", "")]


def test_an_unknown_format_is_refused(victor: TestClient, db: Session) -> None:
    assert victor.get(f"/batches/{answered_batch(db).id}/consensus.xlsx").status_code == 422


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
