from decimal import Decimal
from io import BytesIO
from typing import Any
from zipfile import ZipFile

import pytest
from fastapi import FastAPI
from fastapi.testclient import TestClient
from PIL import Image
from sqlalchemy import func, select
from sqlalchemy.orm import Session

from app.db.engine import Database
from app.db.tables import Batch, Item, MediaFile
from app.domain.vocabulary import BatchStatus, Role
from app.main import create_app
from app.settings import Settings
from tests.api.conftest import client_of
from tests.cast import ITEMS_CSV, MULTIPART, RITA, dripping
from tests.factories import make_batch, make_item

ITEMS = ("items.csv", ITEMS_CSV)
FORM = {"name": "Birds", "template": "image", "reward_usd": "0.05"}


def create(client: TestClient, file: tuple[str, bytes] = ITEMS, **form: str) -> Any:
    return client.post("/batches", data=FORM | form, files={"file": file})


def created(client: TestClient, **form: str) -> int:
    answer = create(client, ITEMS, **form)
    assert answer.status_code == 201, answer.text
    return int(answer.json()["batch"]["id"])


def test_a_file_becomes_a_draft_with_its_forecast(rita: TestClient) -> None:
    body = create(rita).json()
    assert (body["batch"]["name"], body["batch"]["status"], body["batch"]["item_count"]) == ("Birds", "draft", 2)
    assert body["batch"]["profile"] == "local"
    forecast = body["forecast"]
    assert (forecast["hits"], forecast["assignments"], forecast["total_usd"]) == (2, 10, "0.60")
    assert body["progress"]["responses_expected"] == 10


def test_amounts_are_exact_strings(rita: TestClient) -> None:
    body = create(rita, ITEMS, cap_usd="10.10").json()
    assert (body["batch"]["reward_usd"], body["batch"]["cap_usd"]) == ("0.05", "10.10")


def test_every_setting_of_the_form_is_kept(rita: TestClient) -> None:
    wishes = {
        "assignments_per_item": "3",
        "items_per_hit": "2",
        "quorum": "2",
        "title": "Pictures",
        "assignment_duration_s": "600",
        "seed": "7",
    }
    body = create(rita, ITEMS, **wishes).json()
    kept = body["batch"]
    assert (kept["assignments_per_item"], kept["items_per_hit"], kept["quorum"]) == (3, 2, 2)
    assert (kept["title"], kept["seed"], body["forecast"]["hits"]) == ("Pictures", 7, 1)


def test_an_archive_brings_its_media(rita: TestClient, db: Session, settings: Settings) -> None:
    picture = BytesIO()
    Image.new("RGB", (4, 4), "red").save(picture, "PNG")
    archive = BytesIO()
    with ZipFile(archive, "w") as file:
        file.writestr("set/items.csv", "id,path,given_label,guessed_label\n1,pictures/a.png,cat,dog\n")
        file.writestr("set/pictures/a.png", picture.getvalue())
        file.writestr("__MACOSX/set/._items.csv", "rubbish")
    assert create(rita, ("set.zip", archive.getvalue())).status_code == 201
    stored = db.scalars(select(MediaFile)).one()
    assert stored.content_type == "image/png"
    assert (settings.media_path / stored.sha256[:2] / stored.sha256).read_bytes() == picture.getvalue()


@pytest.mark.parametrize(
    ("members", "complaint"),
    [
        ({"readme.txt": "nothing"}, "exactly one item file"),
        ({"a.csv": "x", "b.csv": "x"}, "found: a.csv, b.csv"),
        ({"items.csv": "0" * 30_000_000}, "would unpack"),
    ],
)
def test_an_archive_that_cannot_be_used_is_refused(rita: TestClient, members: dict[str, str], complaint: str) -> None:
    archive = BytesIO()
    with ZipFile(archive, "w", compression=8) as file:
        for name, content in members.items():
            file.writestr(name, content)
    answer = create(rita, ("set.zip", archive.getvalue()))
    assert answer.status_code == 422
    assert complaint in answer.json()["error"]["message"]


def test_a_broken_archive_is_refused(rita: TestClient) -> None:
    answer = create(rita, ("set.zip", b"PK\x03\x04 not really"))
    assert answer.status_code == 422
    assert "no archive" in answer.json()["error"]["message"]


def test_every_fault_of_a_file_is_told_with_its_line_and_nothing_stays(rita: TestClient, db: Session) -> None:
    faulty = b"id,url,given_label,guessed_label\n1,https://x.example/1,cat,\n1,ftp://x.example/2,cat,dog\n"
    answer = create(rita, ("items.csv", faulty))
    error = answer.json()["error"]
    assert (answer.status_code, error["type"], error["total"]) == (422, "InvalidInput", 3)
    assert {(problem["line"], problem["field"]) for problem in error["problems"]} == {
        (2, "guessed_label"),
        (3, "id"),
        (3, "url"),
    }
    assert db.scalar(select(func.count()).select_from(Batch)) == 0
    assert db.scalar(select(func.count()).select_from(Item)) == 0


def test_a_file_of_an_unknown_kind_is_refused(rita: TestClient) -> None:
    answer = create(rita, ("items.docx", ITEMS_CSV))
    assert answer.status_code == 422
    assert ".csv" in answer.json()["error"]["message"]


def test_an_upload_above_the_limit_is_refused(rita: TestClient) -> None:
    answer = create(rita, ("items.csv", b"x" * 1_100_000))
    assert (answer.status_code, answer.json()["error"]["type"]) == (413, "ContentTooLarge")


def test_an_upload_of_who_may_not_is_refused_before_it_is_read(app: FastAPI, victor: TestClient) -> None:
    sent: list[bytes] = []
    assert victor.post("/batches", content=dripping(sent), headers=MULTIPART).status_code == 403
    stranger = TestClient(app, base_url="http://test/api/v1")
    for key in ({}, {"Authorization": "Bearer lj_invented"}):
        answer = stranger.post("/batches", content=dripping(sent), headers=MULTIPART | key)
        assert (answer.status_code, answer.json()["error"]["type"]) == (401, "NotSignedIn")
    assert sent == []


def test_only_item_files_may_be_large(settings: Settings, database: Database) -> None:
    app = create_app(settings.model_copy(update={"max_upload_mb": 2}), database)
    rita = client_of(app, database, RITA, Role.OWNER)
    assert create(rita, ("items.csv", b"x" * 1_500_000)).status_code == 422
    answer = rita.put(f"/batches/{created(rita)}/cap", json={"cap_usd": "1", "more": "x" * 1_500_000})
    assert (answer.status_code, answer.json()["error"]["type"]) == (413, "ContentTooLarge")
    assert "larger than 1 MB" in answer.json()["error"]["message"]


def test_settings_that_cannot_be_are_all_named(rita: TestClient) -> None:
    answer = create(rita, reward_usd="0.005", quorum="6")
    assert {problem["field"] for problem in answer.json()["error"]["problems"]} == {"reward_usd", "quorum"}


@pytest.mark.parametrize(
    "form", [{"reward_usd": "a lot"}, {"quorum": "two"}, {"nonsense": "1"}, {"reward_usd": "1e99"}]
)
def test_a_field_that_cannot_be_read_is_named(rita: TestClient, form: dict[str, str]) -> None:
    answer = create(rita, ITEMS, **form)
    assert answer.status_code == 422
    assert [problem["field"] for problem in answer.json()["error"]["problems"]] == list(form)


def test_an_unknown_template_is_not_found(rita: TestClient) -> None:
    answer = create(rita, template="smell")
    assert (answer.status_code, answer.json()["error"]["message"]) == (404, "HIT template smell does not exist")


def test_batches_are_listed_newest_first(rita: TestClient) -> None:
    first, second = created(rita), created(rita, name="Second")
    listed = rita.get("/batches").json()["batches"]
    assert [batch["id"] for batch in listed] == [second, first]


@pytest.mark.parametrize("number", ["4711", "0", "-1", "99999999999999999999", "seven"])
def test_an_unknown_batch_is_an_error_and_not_a_crash(rita: TestClient, number: str) -> None:
    answer = rita.get(f"/batches/{number}")
    assert answer.status_code in {404, 422}
    assert answer.json()["error"]["message"]


def test_launch_makes_a_batch_live(marketplace_settings: Settings, database: Database) -> None:
    app = create_app(marketplace_settings, database)
    with client_of(app, database, RITA, Role.OWNER) as rita:
        batch_id = created(rita)
        answer = rita.post(f"/batches/{batch_id}/launch")
        assert (answer.status_code, answer.json()["status"]) == (202, "live")
        assert answer.json()["cap_usd"] == "0.60"
        again = rita.post(f"/batches/{batch_id}/launch")
        assert (again.status_code, again.json()["error"]["type"]) == (409, "IllegalTransition")


def test_launch_without_funds_is_refused_with_402(marketplace_settings: Settings, database: Database) -> None:
    app = create_app(marketplace_settings, database)
    with client_of(app, database, RITA, Role.OWNER) as rita:
        batch_id = created(rita, reward_usd="1000", assignments_per_item="9")
        answer = rita.post(f"/batches/{batch_id}/launch")
        assert (answer.status_code, answer.json()["error"]["type"]) == (402, "InsufficientFunds")
        assert rita.get(f"/batches/{batch_id}").json()["batch"]["status"] == "draft"


def test_launch_beyond_the_cap_is_refused(marketplace_settings: Settings, database: Database) -> None:
    app = create_app(marketplace_settings, database)
    with client_of(app, database, RITA, Role.OWNER) as rita:
        batch_id = created(rita, cap_usd="0.59")
        answer = rita.post(f"/batches/{batch_id}/launch")
        assert (answer.status_code, answer.json()["error"]["type"]) == (409, "BudgetExceeded")


def test_launch_needs_a_marketplace_that_answers(rita: TestClient) -> None:
    answer = rita.post(f"/batches/{created(rita)}/launch")
    assert (answer.status_code, answer.json()["error"]["type"]) == (503, "MarketplaceUnreachable")


def test_production_stays_shut_without_the_setting(rita: TestClient, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("AWS_ACCESS_KEY_ID", "AKIATEST")
    monkeypatch.setenv("AWS_SECRET_ACCESS_KEY", "secret")
    batch_id = created(rita, profile="production")
    answer = rita.post(f"/batches/{batch_id}/launch", json={"confirmed_usd": "0.60"})
    assert answer.status_code == 403, answer.text
    assert "LABELJURY_ALLOW_PRODUCTION" in answer.json()["error"]["message"]


def test_a_batch_is_paused_resumed_and_stopped(rita: TestClient, db: Session) -> None:
    batch_id = make_batch(db, status=BatchStatus.LIVE).id
    db.commit()
    for verb, status in (("pause", "paused"), ("resume", "live"), ("stop", "stopping")):
        answer = rita.post(f"/batches/{batch_id}/{verb}")
        assert (answer.status_code, answer.json()["status"]) == (200, status)
    refused = rita.post(f"/batches/{batch_id}/pause")
    assert (refused.status_code, refused.json()["error"]["type"]) == (409, "IllegalTransition")


def test_the_cap_can_be_raised(rita: TestClient) -> None:
    answer = rita.put(f"/batches/{created(rita)}/cap", json={"cap_usd": "12.50"})
    assert (answer.status_code, answer.json()["cap_usd"]) == (200, "12.50")


def test_a_viewer_may_look_but_not_spend(rita: TestClient, victor: TestClient) -> None:
    batch_id = created(rita)
    assert victor.get("/batches").status_code == 200
    assert victor.get(f"/batches/{batch_id}").status_code == 200
    refused = [
        create(victor),
        victor.put(f"/batches/{batch_id}/cap", json={"cap_usd": "1"}),
        *(victor.post(f"/batches/{batch_id}/{verb}") for verb in ("launch", "pause", "resume", "stop")),
    ]
    assert {answer.status_code for answer in refused} == {403}
    assert refused[0].json()["error"]["type"] == "Forbidden"


def test_the_creator_is_kept(rita: TestClient, db: Session) -> None:
    batch = db.get(Batch, created(rita))
    assert batch is not None
    assert batch.created_by is not None
    assert batch.reward_usd == Decimal("0.05")


def test_rounds_pilot_and_exclusions_are_kept_and_forecast(rita: TestClient) -> None:
    earlier = created(rita)
    wishes = {"first_assignments": "3", "repost_limit": "1", "pilot_items": "1", "release_agreement": "0.8"}
    body = create(rita, ITEMS, excluded_batches=str(earlier), **wishes).json()
    kept = body["batch"]
    assert (kept["first_assignments"], kept["assignments_per_item"], kept["repost_limit"]) == (3, 5, 1)
    assert (kept["pilot_items"], kept["release_agreement"], kept["released_at"]) == (1, 0.8, None)
    assert kept["excluded_batches"] == [earlier]
    assert body["forecast"]["total_usd"] == "0.60"
    expected = body["expected"]
    assert expected["basis"] == "study"
    assert 6 <= expected["assignments_low"] <= expected["assignments_expected"] <= expected["assignments_high"] <= 10
    assert Decimal(expected["low_usd"]) <= Decimal(expected["high_usd"]) <= Decimal("0.60")


def test_raising_the_cap_of_real_money_needs_it_confirmed(rita: TestClient, db: Session) -> None:
    batch = make_batch(db, status=BatchStatus.LIVE, profile="production", cap_usd=Decimal("1.00"))
    db.commit()
    where = f"/batches/{batch.id}/cap"
    for wrong in ({}, {"confirmed_usd": "20.00"}):
        refused = rita.put(where, json={"cap_usd": "2.00", **wrong})
        assert (refused.status_code, "up to $2.00 of real money" in refused.text) == (409, True)
    assert rita.put(where, json={"cap_usd": "2.00", "confirmed_usd": "2"}).json()["cap_usd"] == "2.00"
    assert rita.put(where, json={"cap_usd": "1.50"}).json()["cap_usd"] == "1.50"  # lower needs no word


def test_masters_are_kept_and_their_fee_is_forecast(rita: TestClient) -> None:
    assert create(rita).json()["batch"]["masters"] is False
    body = create(rita, ITEMS, masters="true", reward_usd="0.50").json()
    assert body["batch"]["masters"] is True
    assert (body["forecast"]["fee_usd"], body["expected"]["expected_usd"]) == ("1.30", "6.30")


def test_where_all_answers_are_asked_at_once_the_forecast_is_exact(rita: TestClient) -> None:
    expected = create(rita).json()["expected"]
    assert (expected["basis"], expected["low_usd"], expected["high_usd"]) == ("settings", "0.60", "0.60")


@pytest.mark.parametrize(
    ("field", "value", "complaint"),
    [
        ("first_assignments", "6", "use 1 to 5"),
        ("repost_limit", "99", "use 0 (never) to 20 times"),
        ("pilot_items", "2", "the file has 2 Items"),
        ("release_agreement", "0.8", "has no effect without a pilot"),
        ("excluded_batches", "999", "Batch 999 does not exist"),
        ("assignments_per_item", "10", "MTurk doubles its fee"),
    ],
)
def test_each_fault_of_the_rounds_is_named(
    rita: TestClient, db: Session, field: str, value: str, complaint: str
) -> None:
    answer = create(rita, ITEMS, **{field: value})
    assert answer.status_code == 422
    assert complaint in answer.text
    assert field in answer.text
    assert db.scalar(select(func.count()).select_from(Batch)) == 0


def test_a_pilot_is_released_and_short_items_are_asked_for_again(rita: TestClient, database: Database) -> None:
    with database.transaction() as db:
        pilot = {"pause_reason": "pilot", "pilot_items": 1, "item_count": 2, "planned_items": 1}
        batch = make_batch(db, status=BatchStatus.PAUSED, **pilot)
        make_item(db, batch, shortfall="limit")
        number = batch.id
    assert rita.post(f"/batches/{number}/resume").status_code == 409
    released = rita.post(f"/batches/{number}/release").json()
    assert (released["status"], released["pause_reason"]) == ("live", None)
    assert rita.post(f"/batches/{number}/release").status_code == 409
    assert rita.post(f"/batches/{number}/repost").json()["repost_limit"] == 1
    with database.transaction() as db:
        assert db.scalars(select(Item.shortfall)).all() == ["due"]


def test_asking_once_more_where_nothing_is_short_says_so(rita: TestClient) -> None:
    answer = rita.post(f"/batches/{created(rita)}/repost")
    assert answer.status_code == 409
