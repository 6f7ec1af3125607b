import pytest
from fastapi.testclient import TestClient
from sqlalchemy import text

from app.db.engine import Database
from tests.cast import RITA, VICTOR


def audited(database: Database) -> list[tuple[str, dict[str, str | None]]]:
    with database.transaction() as db:
        rows = db.execute(text("SELECT actor, details FROM audit WHERE action = 'account.cap_set' ORDER BY id"))
        return [(row.actor, row.details) for row in rows]


def test_an_owner_caps_an_account_and_takes_that_back(rita: TestClient, victor: TestClient, database: Database) -> None:
    answer = rita.put(f"/accounts/{VICTOR.upper()}/cap", json={"cap_usd": "25.00"})
    assert (answer.status_code, answer.json()["cap_usd"], answer.json()["committed_usd"]) == (200, "25.00", "0.00")
    assert {one["email"]: one["cap_usd"] for one in rita.get("/accounts").json()["accounts"]} == {
        RITA: None,
        VICTOR: "25.00",
    }
    assert rita.put(f"/accounts/{VICTOR}/cap", json={"cap_usd": None}).json()["cap_usd"] is None
    assert audited(database) == [
        (RITA, {"email": VICTOR, "cap_usd": "25.00"}),
        (RITA, {"email": VICTOR, "cap_usd": None}),
    ]


def test_nobody_else_sees_or_sets_caps(rita: TestClient, victor: TestClient, database: Database) -> None:
    assert victor.get("/accounts").status_code == 403
    assert victor.put(f"/accounts/{VICTOR}/cap", json={"cap_usd": "25.00"}).status_code == 403
    assert audited(database) == []


@pytest.mark.parametrize("cap", ["-1", "0.001", "NaN", "99999999999999", "much"])
def test_an_amount_that_is_none_is_said(rita: TestClient, cap: str) -> None:
    answer = rita.put(f"/accounts/{RITA}/cap", json={"cap_usd": cap})
    assert answer.status_code == 422
    assert answer.json()["error"]["problems"]


def test_an_account_that_is_not_there_is_said(rita: TestClient) -> None:
    answer = rita.put("/accounts/nobody@example.org/cap", json={"cap_usd": "1.00"})
    assert (answer.status_code, answer.json()["error"]["type"]) == (404, "NotFound")
