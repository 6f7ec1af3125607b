from fastapi.testclient import TestClient

from app.db.engine import Database
from app.domain.alerts import Finding
from app.domain.vocabulary import AlertKind, BatchId
from app.pipeline import watch
from tests.factories import make_batch


def test_a_program_reads_what_is_open_and_what_is_over(victor: TestClient, database: Database) -> None:
    with database.transaction() as db:
        batch_id = BatchId(make_batch(db, name="Birds", status="live").id)
        funds = Finding(AlertKind.LOW_BALANCE, "http://there", "Add $4.80")
        watch.write(db, [funds], set(AlertKind), announce=False)
        drift = Finding(AlertKind.DRIFT, f"batch {batch_id}", "moves", batch_id)
        watch.write(db, [drift], set(AlertKind), announce=False)
    (alert,) = victor.get("/alerts").json()["alerts"]
    assert (alert["kind"], alert["batch_id"], alert["batch_name"], alert["profile"]) == (
        "drift",
        batch_id,
        "Birds",
        "local",
    )
    assert alert["cleared_at"] is None
    (over,) = victor.get("/alerts", params={"cleared": True}).json()["alerts"]
    assert (over["kind"], over["subject"], over["batch_id"]) == ("low_balance", "http://there", None)
    assert over["cleared_at"] is not None
    assert victor.get("/alerts", params={"batch_id": batch_id + 1}).json() == {"alerts": []}


def test_a_number_that_is_none_is_said(victor: TestClient) -> None:
    for asked in ({"batch_id": 0}, {"batch_id": "x"}, {"most": 0}, {"most": 100_000}):
        assert victor.get("/alerts", params=asked).status_code == 422
