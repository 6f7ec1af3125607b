from sqlalchemy import text
from sqlalchemy.orm import Session

from tests.cast import Visitor
from tests.factories import make_batch


def make_difference(
    db: Session, details: str = "HIT 3ABC offers 5 places there and 3 here.", kind: str = "places_differ"
) -> int:
    made = db.execute(
        text(
            "INSERT INTO differences (endpoint_url, kind, subject, batch_id, details)"
            " VALUES ('http://turk.example', :kind, '3ABC', 1, :details) RETURNING id"
        ),
        {"kind": kind, "details": details},
    )
    number = int(made.scalar_one())
    db.commit()
    return number


def waiting(db: Session) -> list[str]:
    return list(db.scalars(text("SELECT task_name FROM procrastinate_jobs WHERE status = 'todo'")))


def test_differences_are_listed_and_nothing_of_them_runs(victor: Visitor, db: Session) -> None:
    make_difference(db, "<script>alert(1)</script>")
    page = victor.client.get("/differences").text
    assert "places differ" in page
    assert "&lt;script&gt;" in page
    assert "<script>alert" not in page
    assert "Accept" not in page.split("<main")[1]  # Victor may only look


def test_without_differences_the_page_says_so(victor: Visitor) -> None:
    assert "Nothing differs" in victor.client.get("/differences").text


def test_an_accepted_difference_is_kept_with_its_resolution(rita: Visitor, db: Session) -> None:
    number = make_difference(db)
    sent = rita.client.post(f"/differences/{number}/accept", data={"csrf_token": rita.csrf_token, "sure": "true"})
    assert (sent.status_code, sent.headers["location"]) == (303, "/differences")
    page = rita.client.get("/differences").text
    assert "Nothing differs" in page
    assert "accepted" in page
    assert db.scalar(text("SELECT action FROM audit WHERE action LIKE 'difference%'")) == "difference.accepted"


def test_compare_now_asks_the_runners_once(rita: Visitor, victor: Visitor, db: Session) -> None:
    make_batch(db, status="live", launched_at=text("now()"))
    db.commit()
    for _ in range(2):
        assert rita.client.post("/differences/compare", data={"csrf_token": rita.csrf_token}).status_code == 303
    assert waiting(db) == ["reconcile"]
    assert victor.client.post("/differences/compare", data={"csrf_token": victor.csrf_token}).status_code == 403


def test_a_restored_backup_that_waits_is_said_in_a_sentence(victor: Visitor, db: Session) -> None:
    db.execute(
        text(
            "INSERT INTO endpoints (url, calls_per_second, next_call_at, heartbeat_at, resumed_at)"
            " VALUES ('http://turk.example', 1, now(), now(), now())"
        )
    )
    db.commit()
    assert "nothing is published or paid on http://turk.example" in victor.client.get("/differences").text
