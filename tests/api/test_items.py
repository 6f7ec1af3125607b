from fastapi.testclient import TestClient
from sqlalchemy.orm import Session

from app.domain.vocabulary import Option
from tests.factories import (
    make_assignment,
    make_batch,
    make_consensus,
    make_hit,
    make_item,
    make_response,
    make_worker,
)


def test_items_come_page_by_page(rita: TestClient, db: Session) -> None:
    batch = make_batch(db, item_count=3)
    items = [make_item(db, batch) for _ in range(3)]
    db.commit()
    first = rita.get(f"/batches/{batch.id}/items", params={"limit": 2}).json()
    assert [item["id"] for item in first["items"]] == [items[0].id, items[1].id]
    rest = rita.get(f"/batches/{batch.id}/items", params={"limit": 2, "after": first["next_after"]}).json()
    assert [item["id"] for item in rest["items"]] == [items[2].id]
    assert rest["next_after"] is None


def test_items_can_be_narrowed_to_a_category(rita: TestClient, db: Session) -> None:
    batch = make_batch(db, item_count=2)
    make_item(db, batch)
    item = make_item(db, batch)
    make_consensus(
        db, item, given_count=1, guessed_count=4, option=Option.GUESSED, category="correctable", agreement=0.8
    )
    db.commit()
    (found,) = rita.get(f"/batches/{batch.id}/items", params={"only": "correctable"}).json()["items"]
    assert (found["votes"], found["option"]) == ({"given": 1, "guessed": 4, "both": 0, "neither": 0}, "guessed")
    unknown = rita.get(f"/batches/{batch.id}/items", params={"only": "wrong"})
    assert (unknown.status_code, unknown.json()["error"]["problems"][0]["field"]) == (422, "only")


def test_an_item_shows_its_responses_without_naming_workers(victor: TestClient, db: Session) -> None:
    batch = make_batch(db)
    item = make_item(db, batch, external_id="007", extra={"pred_prob": 0.25})
    worker = make_worker(db, pseudonym="W-ada", marketplace_worker_id="A1SECRET")
    make_response(db, make_assignment(db, make_hit(db, batch, item), worker), item, Option.BOTH)
    db.commit()
    answer = victor.get(f"/batches/{batch.id}/items/{item.id}")
    assert answer.json()["item"]["external_id"] == "007"
    assert answer.json()["extra"] == {"pred_prob": 0.25}
    assert [response["worker"] for response in answer.json()["responses"]] == ["W-ada"]
    assert "A1SECRET" not in answer.text


def test_unknown_batches_and_items_are_not_found(rita: TestClient, db: Session) -> None:
    batch = make_batch(db)
    db.commit()
    assert rita.get("/batches/4711/items").json()["error"]["message"] == "Batch 4711 does not exist"
    assert rita.get(f"/batches/{batch.id}/items/4711").json()["error"]["message"] == "Item 4711 does not exist"
