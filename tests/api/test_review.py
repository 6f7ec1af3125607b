from fastapi.testclient import TestClient
from sqlalchemy import text
from sqlalchemy.orm import Session

from app.db.engine import Database
from app.db.tables import Assignment, Batch
from app.domain.vocabulary import Option
from tests.cast import ITEMS_CSV
from tests.factories import (
    NOW,
    make_assignment,
    make_batch,
    make_consensus,
    make_hit,
    make_item,
    make_response,
    make_worker,
)


def held(db: Session, **columns: object) -> tuple[Batch, list[Assignment]]:
    """Three Workers' answers on a gold Item, held: the first differs from the others."""
    batch = make_batch(db, status="live", item_count=1, review_policy="hold", assignments_per_item=3, **columns)
    item = make_item(db, batch, role="gold", extra={"expected_option": "Guessed"})
    hit = make_hit(db, batch, item, exhausted=True)
    work = []
    for number, option in enumerate((Option.GIVEN, Option.GUESSED, Option.GUESSED)):
        worker = make_worker(db, pseudonym=f"W-{number}", marketplace_worker_id=f"A1SECRET{number}")
        times = {"held_at": NOW, "held_because": "a person decides", "auto_approval_at": NOW}
        work.append(make_assignment(db, hit, worker, **times))
        make_response(db, work[-1], item, option)
    make_consensus(db, item, response_count=3, given_count=1, guessed_count=2, option=None, category="non-agreement")
    db.commit()
    return batch, work


def test_held_work_comes_with_its_evidence_and_without_worker_ids(victor: TestClient, db: Session) -> None:
    batch, work = held(db)
    answer = victor.get(f"/batches/{batch.id}/review", params={"limit": 2})
    assert "A1SECRET" not in answer.text
    shown = answer.json()
    assert shown["deadlines"] == {
        "undecided": 3,
        "held": 3,
        "first_paid_at": "2026-11-23T12:00:00Z",
        "too_late": 0,
    }
    first = shown["work"][0]
    assert (first["id"], first["worker"], first["held_because"]) == (work[0].id, "W-0", "a person decides")
    (evidence,) = first["answers"]
    assert (evidence["option"], evidence["expected"], evidence["others"]) == ("given", "guessed", {"guessed": 2})
    assert shown["next_after"] == work[1].id


def test_work_is_decided_by_name_by_worker_or_all_at_once(rita: TestClient, db: Session, database: Database) -> None:
    batch, work = held(db)
    path = f"/batches/{batch.id}/review"
    named = {"ruling": "reject", "assignments": [work[0].marketplace_assignment_id], "feedback": "Not even close."}
    assert rita.post(path, json=named).json() == {"decided": 1}
    assert rita.post(path, json={"ruling": "soft_reject", "worker": "W-1"}).json() == {"decided": 1}
    assert rita.post(path, json={"ruling": "approve", "all_held": True}).json() == {"decided": 1}
    with database.transaction() as now:
        kinds = now.execute(text("SELECT kind, arguments ->> 'feedback' FROM operations ORDER BY assignment_id")).all()
    thanks = "Thank you for your careful work."
    assert [tuple(row) for row in kinds] == [("reject", "Not even close."), ("approve", thanks), ("approve", thanks)]
    assert rita.get(path, params={"only": "not_counted"}).json()["work"][0]["worker"] == "W-1"
    assert rita.post(path, json={"ruling": "approve", "all_held": True}).status_code == 409


def test_a_rejection_without_a_reason_and_an_unclear_choice_are_refused(
    rita: TestClient, db: Session, database: Database
) -> None:
    batch, work = held(db)
    path = f"/batches/{batch.id}/review"
    silent = rita.post(path, json={"ruling": "reject", "assignments": [str(work[0].id)]})
    assert (silent.status_code, silent.json()["error"]["problems"][0]["field"]) == (422, "feedback")
    assert rita.post(path, json={"ruling": "approve"}).status_code == 422
    assert rita.post(path, json={"ruling": "approve", "all_held": True, "worker": "W-1"}).status_code == 422
    assert rita.post(path, json={"ruling": "approve", "assignments": ["3NOSUCH"]}).status_code == 404
    with database.transaction() as now:
        assert now.scalar(text("SELECT count(*) FROM operations")) == 0


def test_workers_are_measured(victor: TestClient, db: Session) -> None:
    batch, _ = held(db)
    answer = victor.get(f"/batches/{batch.id}/review/workers")
    assert "A1SECRET" not in answer.text
    first, second, _third = answer.json()["workers"]
    assert first["quality"] == {
        "gold": {"judged": 1, "matched": 0},
        "agreement": {"judged": 1, "matched": 0},
    }
    assert second["quality"]["gold"] == {"judged": 1, "matched": 1}
    assert (first["median_ms"], first["first_share"], second["first_share"]) == (4200, 1.0, 0.0)


def test_a_worker_is_dropped_and_restored(rita: TestClient, db: Session) -> None:
    batch, _ = held(db, quorum=2)
    path = f"/batches/{batch.id}/review/workers/W-2"
    foretold = rita.get(f"{path}/drop").json()
    effect = rita.post(f"{path}/drop", json={"reason": "guessing"}).json()
    assert effect == foretold
    (changed,) = effect["changed"]
    assert (changed["category_before"], changed["category_after"]) == ("correctable", "non-agreement")
    assert rita.get(f"/batches/{batch.id}/review/workers").json()["workers"][2]["dropped_because"] == "guessing"
    assert rita.post(f"{path}/drop", json={"reason": "guessing"}).status_code == 409
    assert rita.post(f"{path}/restore").json()["changed"][0]["category_after"] == "correctable"


def test_a_viewer_may_look_and_not_decide(victor: TestClient, db: Session) -> None:
    batch, work = held(db)
    path = f"/batches/{batch.id}/review"
    assert victor.get(path).status_code == 200
    assert victor.post(path, json={"ruling": "approve", "assignments": [str(work[0].id)]}).status_code == 403
    assert victor.post(f"{path}/workers/W-0/drop", json={"reason": "x"}).status_code == 403
    assert victor.post(f"{path}/workers/W-0/restore").status_code == 403


def test_a_batch_is_created_with_its_review_policy(rita: TestClient) -> None:
    form = {"name": "Birds", "template": "image", "reward_usd": "0.05", "review": "gold:0.9,after=3"}
    created = rita.post("/batches", data=form, files={"file": ("items.csv", ITEMS_CSV)}).json()["batch"]
    assert (created["review_policy"], created["review_settings"]) == ("gold", {"at_least": 0.9, "after": 3})
    wrong = rita.post("/batches", data=form | {"review": "gold:90"}, files={"file": ("items.csv", ITEMS_CSV)})
    assert (wrong.status_code, wrong.json()["error"]["problems"][0]["field"]) == (422, "review")
