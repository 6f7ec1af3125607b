import threading
import time
from decimal import Decimal
from typing import Any

import pytest
from fastapi.testclient import TestClient
from sqlalchemy import text
from sqlalchemy.orm import Session

from app.db import ledger
from app.db.engine import Database
from app.db.tables import Batch
from app.domain.vocabulary import BatchId
from tests.factories import make_assignment, make_batch, make_hit, make_item, make_response, make_worker

HEADER = b"AssignmentId,BonusAmount,Reason\n"


@pytest.fixture
def batch(db: Session) -> Batch:
    """A Batch that is done, with two approved Assignments called 3ADA and 3BOB."""
    batch = make_batch(db, status="done", hourly_usd=Decimal(12))
    item = make_item(db, batch)
    hit = make_hit(db, batch, item, status="done")
    for name in ("ADA", "BOB"):
        worker = make_worker(db, marketplace_worker_id=f"A2{name}", pseudonym=f"W-{name}")
        work = make_assignment(db, hit, worker, marketplace_assignment_id=f"3{name}", status="approved")
        make_response(db, work, item, elapsed_ms=60_000)
    db.commit()
    return batch


def sheet(client: TestClient, batch: Batch, content: bytes, **form: str) -> Any:
    return client.post(
        f"/batches/{batch.id}/bonuses/sheet", data=form, files={"file": ("bonuses.csv", HEADER + content)}
    )


def bonuses(client: TestClient, batch: Batch) -> list[dict[str, Any]]:
    found: list[dict[str, Any]] = client.get(f"/batches/{batch.id}/bonuses").json()["bonuses"]
    return found


def test_a_sheet_is_looked_at_before_it_is_paid(rita: TestClient, batch: Batch) -> None:
    body = sheet(rita, batch, b"3ADA,0.50,x\n3NOBODY,1,y\n", dry_run="true").json()
    assert (body["bonuses"], body["total_usd"], body["faults"]["total"]) == (1, "0.60", 1)
    assert body["faults"]["problems"][0]["line"] == 3
    assert bonuses(rita, batch) == []


def test_one_faulty_row_refuses_the_sheet_unless_it_is_skipped(rita: TestClient, batch: Batch) -> None:
    content = b"3ADA,0.50,x\n3NOBODY,1,y\n"
    refused = sheet(rita, batch, content)
    assert (refused.status_code, refused.json()["error"]["problems"][0]["line"]) == (422, 3)
    assert sheet(rita, batch, content, skip_faulty="true").status_code == 202
    (line,) = bonuses(rita, batch)
    assert (line["assignment_id"], line["worker"], line["amount_usd"], line["fee_usd"]) == (
        "3ADA",
        "W-ADA",
        "0.50",
        "0.10",
    )
    assert sheet(rita, batch, b"3ADA,0.50,x\n").json()["known"] == 1


def test_one_bonus_is_paid_cancelled_and_not_retried(rita: TestClient, batch: Batch) -> None:
    body = {"assignment_id": "3BOB", "amount_usd": "0.25", "reason": "Thanks"}
    assert rita.post(f"/batches/{batch.id}/bonuses", json=body | {"confirmed_usd": "0.25"}).status_code == 409
    paid = rita.post(f"/batches/{batch.id}/bonuses", json=body | {"confirmed_usd": "0.30"})
    assert (paid.status_code, paid.json()["total_usd"]) == (202, "0.30")
    (line,) = bonuses(rita, batch)
    where = f"/batches/{batch.id}/bonuses/{line['id']}"
    assert rita.post(f"{where}/retry").status_code == 409
    assert rita.post(f"{where}/cancel").status_code == 204
    assert bonuses(rita, batch)[0]["status"] == "cancelled"
    assert rita.post(f"/batches/{batch.id}/bonuses/4711/cancel").status_code == 404


def test_viewers_look_and_do_not_pay(victor: TestClient, batch: Batch) -> None:
    assert sheet(victor, batch, b"3ADA,0.50,x\n").status_code == 403
    assert victor.get(f"/batches/{batch.id}/payments").status_code == 200
    assert victor.get(f"/batches/{batch.id}/payments.csv").status_code == 200
    assert victor.get(f"/batches/{batch.id}/payments.csv?worker_ids=true").status_code == 403
    assert victor.get(f"/batches/{batch.id}/results.csv?worker_ids=true").status_code == 403


def test_top_ups_say_what_is_missing_and_ask_for_it_once(rita: TestClient, batch: Batch) -> None:
    # A minute is measured and none passed on the marketplace of these tests: nothing is missing.
    assert rita.get(f"/batches/{batch.id}/top-ups").json()["workers"] == 0
    assert rita.post(f"/batches/{batch.id}/top-ups").json()["workers"] == 0


def test_a_top_up_never_costs_more_than_what_was_confirmed_for(
    rita: TestClient, batch: Batch, database: Database
) -> None:
    with database.transaction() as db:
        db.execute(text("UPDATE assignments SET submitted_at = accepted_at + interval '1 minute'"))
        db.execute(
            text(
                "INSERT INTO payments (batch_id, hit_id, assignment_id, kind, status, amount_usd)"
                " SELECT :id, hit_id, id, 'reward', 'owed', 0.20 FROM assignments"
            ),
            {"id": batch.id},
        )
    answers: list[Any] = []
    ask = threading.Thread(target=lambda: answers.append(rita.post(f"/batches/{batch.id}/top-ups")))
    with database.transaction() as db:
        ledger.locked_batch(db, BatchId(batch.id))
        ask.start()  # it reads what is missing, and waits for us to let go of the Batch
        while not db.scalar(text("SELECT count(*) FROM pg_locks WHERE NOT granted")):
            time.sleep(0.01)
        db.execute(text("UPDATE payments SET amount_usd = 0.01"))  # more is missing by now
    ask.join()
    assert answers[0].status_code == 409
    assert "are missing by now" in answers[0].text
    assert bonuses(rita, batch) == []
    assert rita.post(f"/batches/{batch.id}/top-ups").json()["workers"] == 2


def test_a_compensation_is_offered_and_listed(rita: TestClient, batch: Batch) -> None:
    body = {"worker": "A2DORA12", "amount_usd": "0.80", "reason": "Lost page"}
    offered = rita.post(f"/batches/{batch.id}/compensations", json=body)
    assert (offered.status_code, offered.json()["compensations"][0]["state"]) == (202, "planned")
    assert "A2DORA12" not in offered.text
    assert rita.post(f"/batches/{batch.id}/compensations", json=body).status_code == 409
    ledger = rita.get(f"/batches/{batch.id}/payments").json()
    assert ledger["totals"]["reserved_usd"] == "0.96"
    assert [entry["kind"] for entry in ledger["entries"]] == ["reservation"]


def test_the_ledger_and_the_results_are_downloaded_with_their_row_counts(rita: TestClient, batch: Batch) -> None:
    sheet(rita, batch, b"3ADA,0.50,x\n")
    ledger = rita.get(f"/batches/{batch.id}/payments.csv")
    assert (ledger.headers["X-Row-Count"], len(ledger.text.splitlines())) == ("2", 3)
    results = rita.get(f"/batches/{batch.id}/results.csv")
    assert results.headers["content-disposition"].endswith(f'"Batch_{batch.id}_batch_results.csv"')
    for name, file in (
        ("results", f"Batch_{batch.id}_batch_results-with-worker-ids.csv"),
        ("payments", f"batch-{batch.id}-payments-with-worker-ids.csv"),
    ):
        with_ids = rita.get(f"/batches/{batch.id}/{name}.csv?worker_ids=true")
        assert with_ids.headers["content-disposition"] == f'attachment; filename="{file}"'
    assert (results.headers["X-Row-Count"], len(results.text.splitlines())) == ("2", 3)
    assert rita.get("/batches/4711/results.csv").status_code == 404
    assert rita.get("/batches/4711/payments.csv").status_code == 404


def test_a_reviewed_sheet_is_looked_at_and_refused_by_line(rita: TestClient, batch: Batch) -> None:
    content = b"AssignmentId,Approve,Reject\n3ADA,x,\n3BOB,,no\n"
    where, file = f"/batches/{batch.id}/results/sheet", {"file": ("r.csv", content)}
    body = rita.post(where, data={"dry_run": "true"}, files=file).json()
    assert ([one["line"] for one in body["known"]], body["faults"]["problems"][0]["line"]) == ([2], 3)
    assert rita.post(where, files=file).status_code == 422


def test_a_reward_is_proposed_with_its_arithmetic(rita: TestClient) -> None:
    body = rita.get("/reward-proposal?template=image&hourly_usd=15&items_per_hit=2").json()
    assert "the template's own estimate" in body["arithmetic"]
    assert Decimal(body["reward_usd"]) >= Decimal("0.01")
    assert rita.get("/reward-proposal?template=image&hourly_usd=0").status_code == 422
    assert rita.get("/reward-proposal?template=none&hourly_usd=15").status_code == 404


def test_a_batch_may_be_created_by_its_hourly_wage_alone(rita: TestClient) -> None:
    file = {"file": ("items.csv", b"id,url,given_label,guessed_label\n1,https://images.example/1.png,cat,dog\n")}
    form = {"name": "Fair", "template": "image"}
    made = rita.post("/batches", data=form | {"hourly_usd": "15", "top_up": "true"}, files=file)
    proposed = rita.get("/reward-proposal?template=image&hourly_usd=15").json()["reward_usd"]
    batch = made.json()["batch"]
    assert (batch["reward_usd"], batch["hourly_usd"], batch["top_up"]) == (proposed, "15.00", True)
    refused = rita.post("/batches", data=form, files=file)
    assert "give a reward, or an hourly wage" in refused.text
