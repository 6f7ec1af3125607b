from typing import Any

import pytest
from fastapi.testclient import TestClient
from sqlalchemy import func, select
from sqlalchemy.orm import Session

from app.access.logins import COOKIE
from app.db.engine import Database
from app.db.tables import Batch
from app.domain.vocabulary import Role
from app.main import create_app
from app.settings import Settings
from tests.cast import ITEMS_CSV, MULTIPART, RITA, Visitor, browsing, dripping, sign_up

ITEMS = ("items.csv", ITEMS_CSV)
FORM = {
    "name": "Birds",
    "template": "image",
    "reward_usd": "0.05",
    "assignments_per_item": "5",
    "items_per_hit": "2",
    "quorum": "3",
    "minutes_per_hit": "10",
    "days_offered": "1.5",
    "days_until_approval": "3",
}


def upload(visitor: Visitor, file: tuple[str, bytes] | None = ITEMS, **form: str) -> Any:
    data = FORM | {"csrf_token": visitor.csrf_token} | form
    return visitor.client.post("/batches/new", data=data, files={"file": file or ("", b"")})


def test_a_file_becomes_a_draft_and_its_page_shows_the_cost(rita: Visitor, db: Session) -> None:
    answer = upload(rita)
    batch = db.scalars(select(Batch)).one()
    assert (answer.status_code, answer.headers["location"]) == (303, f"/batches/{batch.id}")
    assert (batch.item_count, batch.items_per_hit, batch.lifetime_s) == (2, 2, 129_600)
    assert "Launch for $0.30" in rita.client.get(answer.headers["location"]).text


def test_the_files_faults_come_back_with_their_lines_and_the_form_as_it_was(rita: Visitor, db: Session) -> None:
    faulty = b"id,url,given_label,guessed_label\n1,https://x.example/1,cat,\n1,https://x.example/2,cat,dog\n"
    answer = upload(rita, ("items.csv", faulty), title="Pictures & more")
    assert answer.status_code == 422
    assert "2 things to put right; nothing was imported" in answer.text
    assert "Line 2" in answer.text
    assert "Line 3" in answer.text
    assert 'value="Pictures &amp; more"' in answer.text
    assert db.scalar(select(func.count()).select_from(Batch)) == 0


def test_every_field_that_cannot_be_read_is_named_at_once(rita: Visitor) -> None:
    answer = upload(rita, reward_usd="five", quorum="2.5", days_offered="1e999", seed="-1")
    assert answer.status_code == 422
    for field in ("reward_usd", "quorum", "lifetime_s", "seed"):
        assert f'<span class="where">{field}</span>' in answer.text
    assert "<details open>" in answer.text


@pytest.mark.parametrize(
    ("form", "complaint"),
    [
        ({"name": "  "}, "must not be empty"),
        ({"quorum": "6"}, "quorum"),
        ({"name": "a\x00b"}, "NUL"),
        ({"instructions": "a\x00b"}, "NUL"),
    ],
)
def test_settings_that_cannot_be_are_explained(rita: Visitor, form: dict[str, str], complaint: str) -> None:
    answer = upload(rita, ITEMS, **form)
    assert (answer.status_code, complaint in answer.text) == (422, True)


def test_a_form_without_a_file_asks_for_one(rita: Visitor) -> None:
    answer = upload(rita, None)
    assert (answer.status_code, "choose the file" in answer.text) == (422, True)


def test_too_large_an_upload_is_refused_with_a_page(rita: Visitor) -> None:
    answer = upload(rita, ("items.csv", b"x" * 1_100_000))
    assert (answer.status_code, "LABELJURY_MAX_UPLOAD_MB" in answer.text) == (413, True)


def test_a_viewers_upload_is_refused_before_it_is_read(victor: Visitor) -> None:
    sent: list[bytes] = []
    answer = victor.client.post("/batches/new", content=dripping(sent), headers=MULTIPART)
    assert (answer.status_code, sent) == (403, [])


def test_a_strangers_upload_is_sent_to_the_sign_in_before_it_is_read(stranger: TestClient) -> None:
    sent: list[bytes] = []
    for cookie in ({}, {"Cookie": f"{COOKIE}=invented"}):
        answer = stranger.post("/batches/new", content=dripping(sent), headers=MULTIPART | cookie)
        assert (answer.status_code, answer.headers["location"], sent) == (303, "/sign-in", [])


def test_only_item_files_may_be_large(settings: Settings, database: Database) -> None:
    app = create_app(settings.model_copy(update={"max_upload_mb": 2}), database)
    with browsing(app, database, sign_up(database, RITA, Role.OWNER)) as rita:
        assert upload(rita, ("items.csv", b"x" * 1_500_000)).status_code == 422
        form = {"csrf_token": rita.csrf_token, "name": "x" * 1_500_000}
        answer = rita.client.post("/account/api-keys", data=form)
        assert (answer.status_code, "larger than 1 MB" in answer.text) == (413, True)


def test_the_form_offers_every_template(rita: Visitor) -> None:
    page = rita.client.get("/batches/new").text
    for name in ("audio", "image", "text"):
        assert f'<option value="{name}"' in page


def test_rounds_are_settings_of_the_form(rita: Visitor, db: Session) -> None:
    upload(rita)
    earlier = db.scalars(select(Batch.id)).one()
    wishes = {
        "first_assignments": "3",
        "pilot_items": "1",
        "release_agreement": "80 %",
        "excluded_batches": f"{earlier}",
    }
    answer = upload(rita, ITEMS, repost_limit="2", items_per_hit="1", **wishes)
    batch = db.scalars(select(Batch).order_by(Batch.id.desc()).limit(1)).one()
    assert (batch.first_assignments, batch.pilot_items, batch.release_agreement, batch.repost_limit) == (3, 1, 0.8, 2)
    assert batch.excluded_batches == [earlier]
    page = rita.client.get(answer.headers["location"]).text
    assert "Launch for at most $0.60" in page
    assert "in nine of ten cases" in page
    assert "3 are asked at first" in page


def test_faults_of_the_rounds_are_named_and_their_part_of_the_form_is_open(rita: Visitor, db: Session) -> None:
    answer = upload(
        rita, first_assignments="x", release_agreement="much", excluded_batches="3, four", pilot_items="1.5"
    )
    for field in ("first_assignments", "release_agreement", "excluded_batches", "pilot_items"):
        assert f'<span class="where">{field}</span>' in answer.text
    assert "<details open>" in answer.text
    assert db.scalar(select(func.count()).select_from(Batch)) == 0


def test_masters_are_a_setting_of_the_form_and_counted_in_the_cost(rita: Visitor, db: Session) -> None:
    answer = upload(rita, ITEMS, reward_usd="0.50", items_per_hit="1", masters="true")
    assert db.scalars(select(Batch.masters)).one()
    page = rita.client.get(answer.headers["location"]).text
    assert "Masters only" in page
    assert "Launch for $6.30" in page  # ten Assignments at 50 cents and a fee of 12.5, half a cent rounded up
