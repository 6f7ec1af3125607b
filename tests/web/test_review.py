import re

import pytest
from sqlalchemy import text
from sqlalchemy.orm import Session

from tests.api.test_review import held
from tests.cast import ITEMS_CSV, Visitor
from tests.factories import make_batch

HOSTILE = "<script>alert(1)</script>"


def test_held_work_is_shown_with_evidence_and_decided_with_buttons(rita: Visitor, db: Session) -> None:
    batch, work = held(db)
    page = rita.client.get(f"/batches/{batch.id}/review").text
    assert "You decide all submitted work" in page
    assert "23 Nov 2026, 12:00 UTC" in page
    assert "W-0" in page
    assert "A1SECRET" not in page
    assert page.count("differs") == 1
    form = {
        "csrf_token": rita.csrf_token,
        "assignment": str(work[0].id),
        "ruling": "reject",
        "feedback": f"No.\r\n{HOSTILE}",
    }
    answer = rita.client.post(f"/batches/{batch.id}/review", data=form)
    assert (answer.status_code, answer.headers["location"]) == (303, f"/batches/{batch.id}/review?only=held")
    decided = rita.client.get(f"/batches/{batch.id}/review?only=all").text
    assert "reject under way" in decided
    assert HOSTILE not in decided
    assert "&lt;script&gt;" in decided
    form = {"csrf_token": rita.csrf_token, "all_held": "true", "ruling": "approve"}
    assert rita.client.post(f"/batches/{batch.id}/review", data=form).status_code == 303
    assert db.scalar(text("SELECT count(*) FROM operations")) == 3
    assert "No work is held" in rita.client.get(f"/batches/{batch.id}/review").text


@pytest.mark.parametrize(
    ("form", "status", "said"),
    [
        ({"assignment": "1"}, 422, "ruling"),
        ({"ruling": "reject", "all_held": "true"}, 422, "say why"),
        ({"ruling": "approve"}, 422, "say which Assignment"),
        ({"ruling": "approve", "assignment": "4711"}, 404, "Assignment 4711 does not exist"),
        ({"ruling": "override", "worker": "W-0"}, 409, "rejected work of W-0"),
        ({"ruling": "approve", "all_held": "true", "csrf_token": ""}, 403, "too old or not ours"),
    ],
)
def test_what_cannot_be_decided_says_why(
    rita: Visitor, db: Session, form: dict[str, str], status: int, said: str
) -> None:
    batch, _ = held(db)
    answer = rita.client.post(f"/batches/{batch.id}/review", data={"csrf_token": rita.csrf_token} | form)
    assert (answer.status_code, said in answer.text) == (status, True)
    assert db.scalar(text("SELECT count(*) FROM operations")) == 0


def test_a_worker_is_dropped_after_a_look_at_what_changes_and_taken_back(rita: Visitor, db: Session) -> None:
    batch, _ = held(db, quorum=2)
    workers = rita.client.get(f"/batches/{batch.id}/review/workers").text
    assert f"/batches/{batch.id}/review/workers/W-2/drop" in workers
    path = f"/batches/{batch.id}/review/workers/W-2"
    asked = rita.client.get(f"{path}/drop").text
    assert "1 would change category" in asked
    assert db.scalar(text("SELECT count(*) FROM dropped_workers")) == 0
    form = {"csrf_token": rita.csrf_token, "reason": HOSTILE}
    done = rita.client.post(f"{path}/drop", data=form).text
    assert "is dropped" in done
    assert "non-agreement" in done
    workers = rita.client.get(f"/batches/{batch.id}/review/workers").text
    assert HOSTILE not in workers
    assert "Take back" in workers
    assert rita.client.post(f"{path}/restore", data=form).status_code == 303
    assert "Take back" not in rita.client.get(f"/batches/{batch.id}/review/workers").text


def test_a_viewer_sees_the_review_without_a_form_and_may_send_none(victor: Visitor, db: Session) -> None:
    batch, work = held(db)
    for page in ("review", "review?only=all", "review/workers", "review/workers/W-0/drop"):
        answer = victor.client.get(f"/batches/{batch.id}/{page}")
        assert answer.status_code == 200
        assert "<form" not in answer.text
        assert "<button" not in answer.text
    form = {"csrf_token": victor.csrf_token, "ruling": "approve", "assignment": str(work[0].id), "reason": "x"}
    for path in ("review", "review/workers/W-0/drop", "review/workers/W-0/restore"):
        assert victor.client.post(f"/batches/{batch.id}/{path}", data=form).status_code == 403


def test_every_page_of_a_batch_leads_to_its_review(rita: Visitor, db: Session) -> None:
    batch, _ = held(db)
    for page in ("", "/items", "/preview", "/review"):
        shown = rita.client.get(f"/batches/{batch.id}{page}").text
        assert f'href="/batches/{batch.id}/review"' in shown
        assert len(re.findall(r'<nav class="tabs".*?aria-current="page".*?</nav>', shown, re.DOTALL)) == 1


def test_an_empty_batch_says_so(rita: Visitor, db: Session) -> None:
    batch = make_batch(db)
    db.commit()
    assert "No work is held" in rita.client.get(f"/batches/{batch.id}/review").text
    assert "Nobody has answered yet" in rita.client.get(f"/batches/{batch.id}/review/workers").text
    assert rita.client.get(f"/batches/{batch.id}/review?worker=W-nobody").status_code == 404


def test_a_new_batch_takes_a_review_policy_and_names_what_is_wrong_with_it(rita: Visitor, db: Session) -> None:
    form = {"csrf_token": rita.csrf_token, "name": "Birds", "review": "agreement:0.7"}
    file = {"file": ("items.csv", ITEMS_CSV)}
    assert rita.client.post("/batches/new", data=form, files=file).status_code == 303
    assert db.scalar(text("SELECT review_policy FROM batches")) == "agreement"
    refused = rita.client.post("/batches/new", data=form | {"review": "gold:90"}, files=file)
    assert (refused.status_code, "the share of right answers" in refused.text) == (422, True)
