import pytest
from fastapi.testclient import TestClient
from sqlalchemy.orm import Session

from tests.api.test_review import held

JSON = {"Content-Type": "application/json"}


@pytest.mark.parametrize(
    "body",
    [
        rb'{"reason": "\ud83d"}',
        rb'{"reason": "x\udc00y"}',
        b'{"reason": "\xed\xa0\x80"}',
        rb'{"reason": "a\u0000b"}',
        rb'{"reason": "why", "\ud800": [{"deep": 1}]}',
        rb'{"reason": "why", "more": [["\uDFFF"]]}',
    ],
)
def test_half_characters_and_nul_are_refused_before_anything_is_done(
    rita: TestClient, db: Session, body: bytes
) -> None:
    batch, _ = held(db)
    path = f"/batches/{batch.id}/review/workers"
    answer = rita.post(f"{path}/W-0/drop", content=body, headers=JSON)
    assert (answer.status_code, answer.json()["error"]["type"]) == (422, "InvalidInput")
    assert "half a character" in answer.json()["error"]["message"]
    assert {worker["dropped_because"] for worker in rita.get(path).json()["workers"]} == {None}


@pytest.mark.parametrize(
    ("body", "kept"),
    [(rb'{"reason": "\ud83d\ude00"}', "😀"), (rb'{"reason": "a \\u0000, \\ud800"}', r"a \u0000, \ud800")],
)
def test_whole_characters_and_escaped_backslashes_are_kept(
    rita: TestClient, db: Session, body: bytes, kept: str
) -> None:
    batch, _ = held(db)
    path = f"/batches/{batch.id}/review/workers"
    assert rita.post(f"{path}/W-0/drop", content=body, headers=JSON).status_code == 200
    assert kept in {worker["dropped_because"] for worker in rita.get(path).json()["workers"]}


def test_what_is_no_json_at_all_is_said(rita: TestClient, db: Session) -> None:
    batch, _ = held(db)
    answer = rita.post(f"/batches/{batch.id}/review/workers/W-0/drop", content=rb'{"reason": "\ud83d', headers=JSON)
    assert (answer.status_code, answer.json()["error"]["type"]) == (422, "InvalidInput")
