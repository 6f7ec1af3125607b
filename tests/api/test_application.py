import pytest
from fastapi import FastAPI
from fastapi.testclient import TestClient

from app.db.engine import Database
from app.domain.vocabulary import Role
from app.main import create_app
from app.settings import Settings
from tests.api.conftest import client_of
from tests.cast import RITA


@pytest.mark.parametrize("header", [None, "Bearer lj_" + "x" * 40, "Bearer ", "Basic cml0YTpyaXRh", "lj_nothing"])
def test_without_a_good_key_nothing_is_told(app: FastAPI, header: str | None) -> None:
    client = TestClient(app, headers={"Authorization": header} if header else {})
    answer = client.get("/api/v1/batches")
    assert (answer.status_code, answer.json()["error"]["type"]) == (401, "NotSignedIn")
    assert answer.headers["www-authenticate"] == "Bearer"


def test_me_tells_whose_key_it_is_and_what_it_may_do(rita: TestClient, victor: TestClient) -> None:
    mine = rita.get("/me").json()
    assert (mine["email"], mine["role"], mine["profile"]) == (RITA, "owner", "local")
    assert len(mine["may"]) > len(victor.get("/me").json()["may"])


def test_templates_are_listed(victor: TestClient) -> None:
    names = [template["name"] for template in victor.get("/templates").json()["templates"]]
    assert {"audio", "image", "text"} <= set(names)


def test_an_unknown_address_answers_in_the_same_shape(rita: TestClient) -> None:
    answer = rita.get("/nothing-here")
    assert (answer.status_code, answer.json()["error"]["type"]) == (404, "NotFound")
    assert answer.json()["error"]["problems"] == []


def test_a_wrong_method_answers_in_the_same_shape(rita: TestClient) -> None:
    answer = rita.delete("/batches")
    assert (answer.status_code, answer.json()["error"]["type"]) == (405, "MethodNotAllowed")


def test_a_body_that_is_no_json_answers_in_the_same_shape(rita: TestClient) -> None:
    answer = rita.put("/batches/1/cap", content=b"{", headers={"Content-Type": "application/json"})
    assert (answer.status_code, answer.json()["error"]["type"]) == (422, "InvalidInput")


def test_a_database_that_is_away_answers_503(settings: Settings) -> None:
    away = Database("postgresql://postgres@127.0.0.1:1/nothing")
    client = TestClient(create_app(settings, away))
    answer = client.get("/api/v1/me", headers={"Authorization": "Bearer lj_x"})
    assert (answer.status_code, answer.json()["error"]["type"]) == (503, "DatabaseUnavailable")
    away.close()


def test_an_unforeseen_failure_answers_in_the_same_shape_and_tells_nothing(app: FastAPI, database: Database) -> None:
    with client_of(app, database, RITA, Role.OWNER) as known:
        key = known.headers["Authorization"]
    with database.transaction() as db:
        db.connection().exec_driver_sql("ALTER TABLE batches RENAME TO hidden_batches")
    client = TestClient(app, raise_server_exceptions=False, headers={"Authorization": key})
    answer = client.get("/api/v1/batches")
    assert (answer.status_code, answer.json()["error"]["type"]) == (500, "InternalError")
    assert "hidden" not in answer.text


def test_the_openapi_document_describes_every_route(app: FastAPI) -> None:
    document = TestClient(app).get("/api/v1/openapi.json").json()
    assert set(document["paths"]) == {
        "/v1/differences",
        "/v1/differences/compare",
        "/v1/differences/{difference_id}/accept",
        "/v1/batches",
        "/v1/batches/{batch_id}",
        "/v1/batches/{batch_id}/launch",
        "/v1/batches/{batch_id}/pause",
        "/v1/batches/{batch_id}/resume",
        "/v1/batches/{batch_id}/stop",
        "/v1/batches/{batch_id}/cap",
        "/v1/batches/{batch_id}/release",
        "/v1/batches/{batch_id}/repost",
        "/v1/batches/{batch_id}/review",
        "/v1/batches/{batch_id}/review/workers",
        "/v1/batches/{batch_id}/review/workers/{worker}/drop",
        "/v1/batches/{batch_id}/review/workers/{worker}/restore",
        "/v1/batches/{batch_id}/items",
        "/v1/batches/{batch_id}/items/{item_id}",
        "/v1/batches/{batch_id}/consensus.{format}",
        "/v1/batches/{batch_id}/responses.{format}",
        "/v1/batches/{batch_id}/long.{format}",
        "/v1/batches/{batch_id}/cleanlab.{format}",
        "/v1/batches/{batch_id}/labels.npy",
        "/v1/batches/{batch_id}/labels.kept.npy",
        "/v1/batches/{batch_id}/labels.{format}",
        "/v1/batches/{batch_id}/study.json",
        "/v1/batches/{batch_id}/ending",
        "/v1/batches/{batch_id}/give-up",
        "/v1/batches/{batch_id}/deletion",
        "/v1/batches/{batch_id}/delete-hits",
        "/v1/batches/{batch_id}/archive.zip",
        "/v1/batches/{batch_id}/bonuses",
        "/v1/batches/{batch_id}/bonuses/sheet",
        "/v1/batches/{batch_id}/bonuses/{bonus_id}/cancel",
        "/v1/batches/{batch_id}/bonuses/{bonus_id}/retry",
        "/v1/batches/{batch_id}/top-ups",
        "/v1/batches/{batch_id}/compensations",
        "/v1/batches/{batch_id}/payments",
        "/v1/batches/{batch_id}/payments.csv",
        "/v1/batches/{batch_id}/report.html",
        "/v1/batches/{batch_id}/report.md",
        "/v1/batches/{batch_id}/results.csv",
        "/v1/batches/{batch_id}/results/sheet",
        "/v1/reward-proposal",
        "/v1/templates",
        "/v1/me",
        "/v1/alerts",
        "/v1/accounts",
        "/v1/accounts/{email}/cap",
    }
    tags = {tag["name"] for tag in document["tags"]}
    for methods in document["paths"].values():
        for operation in methods.values():
            assert operation["summary"]
            assert operation["description"]
            assert set(operation["tags"]) <= tags
            assert operation["security"]
            assert operation["responses"]["401"]["content"]["application/json"]["schema"]["$ref"].endswith("ErrorOut")
    assert document["servers"] == [{"url": "/api"}]
