from fastapi.testclient import TestClient
from sqlalchemy import text

from app.db.engine import Database
from tests.factories import make_batch


def make_difference(database: Database, batch_id: int = 1) -> int:
    with database.transaction() as db:
        made = db.execute(
            text(
                "INSERT INTO differences (endpoint_url, kind, subject, batch_id, details)"
                " VALUES ('http://turk.example', 'places_differ', :subject, :batch, 'It offers 5 places there.') RETURNING id"
            ),
            {"batch": batch_id, "subject": f"3ABC{batch_id}"},
        )
        return int(made.scalar_one())


def test_differences_are_listed_of_all_batches_or_of_one(victor: TestClient, database: Database) -> None:
    make_difference(database, 1)
    number = make_difference(database, 2)
    assert len(victor.get("/differences").json()["differences"]) == 2
    (found,) = victor.get("/differences", params={"batch_id": 2}).json()["differences"]
    assert (found["id"], found["kind"], found["resolution"]) == (number, "places_differ", None)


def test_a_requester_accepts_one_and_a_viewer_may_not(rita: TestClient, victor: TestClient, database: Database) -> None:
    number = make_difference(database)
    assert victor.post(f"/differences/{number}/accept").status_code == 403
    assert rita.post(f"/differences/{number}/accept").json()["resolution"] == "accepted"
    assert rita.get("/differences").json()["differences"] == []
    assert rita.post("/differences/999/accept").status_code == 404


def test_a_comparison_is_asked_for(rita: TestClient, victor: TestClient, database: Database) -> None:
    with database.transaction() as db:
        make_batch(db, status="live", launched_at=text("now()"))
    assert victor.post("/differences/compare").status_code == 403
    asked = rita.post("/differences/compare")
    assert (asked.status_code, asked.json()) == (202, {"profiles": ["local"]})
    with database.transaction() as db:
        waiting = db.scalars(text("SELECT task_name FROM procrastinate_jobs WHERE status = 'todo'"))
        assert list(waiting) == ["reconcile"]
