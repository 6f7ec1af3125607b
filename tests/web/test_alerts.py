import re

from fastapi.testclient import TestClient
from sqlalchemy import text
from sqlalchemy.orm import Session

from app.domain.alerts import Finding
from app.domain.vocabulary import AlertKind, BatchId
from app.pipeline import watch
from tests.cast import Visitor
from tests.factories import make_batch


def raised(db: Session, *findings: Finding) -> None:
    db.execute(text("UPDATE alerts SET seen_at = seen_at - interval '1 hour'"))
    watch.write(db, findings, set(AlertKind), announce=False)
    db.commit()


def test_every_page_says_how_many_alerts_are_open_and_leads_to_them(victor: Visitor, db: Session) -> None:
    batch = make_batch(db, status="live")
    db.commit()
    assert "open alert" not in victor.client.get("/").text
    raised(
        db,
        Finding(AlertKind.DRIFT, "batch 1", "moves", BatchId(batch.id)),
        Finding(AlertKind.LOW_BALANCE, "http://there", "Add $4.80"),
    )
    for path in ("/", f"/batches/{batch.id}", "/questions", "/account", "/alerts", "/batches/999"):
        assert re.search(r'href="/alerts">2 open alerts<', victor.client.get(path).text), path
    bar = victor.client.get("/alerts/bar").text
    assert "2 open alerts" in bar
    assert "<html" not in bar
    assert 'hx-get="/alerts/bar"' in bar


def test_the_list_shows_what_is_open_and_what_is_over_with_others_words_escaped(victor: Visitor, db: Session) -> None:
    batch = make_batch(db, name="<b>Birds</b>", status="live")
    db.commit()
    assert "All is well" in victor.client.get("/alerts").text
    raised(db, Finding(AlertKind.ATTENTION, f"batch {batch.id}", "<script>alert(1)</script>", BatchId(batch.id)))
    raised(db, Finding(AlertKind.LOW_BALANCE, "http://there", "Add $4.80"))
    page = victor.client.get("/alerts").text
    assert "&lt;script&gt;" in page
    assert "<script>alert" not in page
    assert "&lt;b&gt;Birds&lt;/b&gt;" in page
    assert page.index("low balance") < page.index("Over") < page.index("attention")


def test_a_batchs_page_shows_its_own_alerts(victor: Visitor, db: Session) -> None:
    one, other = make_batch(db, status="live"), make_batch(db, status="live")
    db.commit()
    raised(db, Finding(AlertKind.NEAR_EXPIRY, f"batch {one.id}", "5 HITs end soon", BatchId(one.id)))
    assert "5 HITs end soon" in victor.client.get(f"/batches/{one.id}").text
    assert "5 HITs end soon" in victor.client.get(f"/batches/{one.id}/progress").text
    assert "5 HITs end soon" not in victor.client.get(f"/batches/{other.id}").text


def test_strangers_see_no_alerts(stranger: TestClient, db: Session) -> None:
    raised(db, Finding(AlertKind.LOW_BALANCE, "http://there", "Add $4.80"))
    assert stranger.get("/alerts").status_code == 303
    assert "open alert" not in stranger.get("/sign-in").text
