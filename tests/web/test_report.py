import re

import pytest
from fastapi.testclient import TestClient
from sqlalchemy.orm import Session

from app.db.tables import Batch
from app.domain.vocabulary import BatchStatus
from tests.cast import Visitor
from tests.factories import make_batch
from tests.pipeline.answered import answered_batch


@pytest.fixture
def batch(db: Session) -> Batch:
    """A finished Batch of three Items whose name is hostile."""
    answers = ("given given given", "guessed guessed guessed", "given both")
    made = answered_batch(db, *answers, status=BatchStatus.DONE, name="<script>alert(1)</script>")
    db.commit()
    return made


def test_the_page_comes_at_once_and_says_where_the_report_comes_from(victor: Visitor, batch: Batch) -> None:
    page = victor.client.get(f"/batches/{batch.id}/report?dataset_size=1000&suspects=").text
    assert f'hx-get="/batches/{batch.id}/report/body?dataset_size=1000"' in page
    assert f'href="/api/v1/batches/{batch.id}/report.html?dataset_size=1000" download' in page
    assert f'href="/api/v1/batches/{batch.id}/report.md?dataset_size=1000" download' in page
    assert 'name="dataset_size" type="number" inputmode="numeric" min="1" value="1000"' in page
    assert 'aria-current="page">Report' in page


def test_the_report_has_nothing_that_the_pages_policy_forbids(victor: Visitor, batch: Batch) -> None:
    body = victor.client.get(f"/batches/{batch.id}/report/body?dataset_size=1000").text
    assert "Wrong labels in the dataset, at least" in body
    assert not re.search(r"<style|\sstyle=|<script|\son\w+=", body)
    assert 'role="img"' in body
    assert '<img class="screen" src="data:image/svg+xml;base64,' in body
    assert victor.client.get("/static/report.css").headers["content-type"].startswith("text/css")


def test_sizes_that_cannot_be_are_named_in_place(victor: Visitor, batch: Batch) -> None:
    answer = victor.client.get(f"/batches/{batch.id}/report/body?suspects=1")
    assert answer.status_code == 200
    assert "the Batch itself has 3 suspects" in answer.text


def test_a_draft_has_a_report_that_says_so(victor: Visitor, db: Session) -> None:
    batch = make_batch(db)
    db.commit()
    assert "nobody was asked yet" in victor.client.get(f"/batches/{batch.id}/report/body").text


def test_strangers_are_sent_to_sign_in(stranger: TestClient, batch: Batch) -> None:
    assert stranger.get(f"/batches/{batch.id}/report").status_code == 303
    assert stranger.get(f"/batches/{batch.id}/report/body").status_code == 303


def test_a_batch_that_is_not_there_is_not_found(victor: Visitor) -> None:
    assert victor.client.get("/batches/404/report").status_code == 404
