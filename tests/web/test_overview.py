from datetime import UTC, datetime

from sqlalchemy.orm import Session

from tests.cast import Visitor
from tests.factories import make_batch


def test_the_first_visit_teaches_what_to_do(rita: Visitor, victor: Visitor) -> None:
    page = rita.client.get("/").text
    assert "No Batch yet" in page
    assert "labeljury batch create" in page
    assert 'href="/batches/new"' in page
    assert 'href="/batches/new"' not in victor.client.get("/").text


def test_batches_are_listed_with_status_money_and_marketplace(rita: Visitor, db: Session) -> None:
    make_batch(db, name="<b>Birds</b>", status="live", item_count=7)
    make_batch(db, name="Costly", profile="production", attention="The account is empty.")
    db.commit()
    page = rita.client.get("/").text
    assert "&lt;b&gt;Birds&lt;/b&gt;" in page
    assert "cap $100.00" in page
    assert "profile-production" in page
    assert "The account is empty." in page


def test_the_list_refreshes_itself_while_a_batch_is_at_work(rita: Visitor, db: Session) -> None:
    batch = make_batch(db, status="live")
    db.commit()
    assert "hx-trigger" in rita.client.get("/batches").text
    batch.status = "done"
    db.commit()
    assert "hx-trigger" not in rita.client.get("/batches").text


def test_the_bar_of_a_stopped_batch_shows_what_came_and_that_of_a_done_one_is_full(rita: Visitor, db: Session) -> None:
    over = datetime(2026, 11, 23, tzinfo=UTC)
    batch = make_batch(db, status="stopped", finished_at=over)
    db.commit()
    for path in ("/", f"/batches/{batch.id}"):
        assert 'class="fill"' not in rita.client.get(path).text
    batch.status = "done"
    db.commit()
    for path in ("/", f"/batches/{batch.id}"):
        assert 'class="fill" width="100.000%"' in rita.client.get(path).text


def test_every_page_tells_the_state_of_mturk_and_the_profile(rita: Visitor) -> None:
    for path in ("/", "/questions", "/account", "/batches/new", "/api/docs"):
        page = rita.client.get(path).text
        assert "AWS announced the end of MTurk for 2026-09-30" in page
        assert 'class="profile profile-local"' in page
