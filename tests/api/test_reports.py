import pytest
from fastapi.testclient import TestClient
from sqlalchemy.orm import Session

from app.db.tables import Batch
from app.domain.vocabulary import BatchStatus
from tests.pipeline.answered import answered_batch


@pytest.fixture
def batch(db: Session) -> Batch:
    """A finished Batch of three Items."""
    made = answered_batch(db, "given given given", "guessed guessed guessed", "given both", status=BatchStatus.DONE)
    db.commit()
    return made


@pytest.mark.parametrize(
    ("suffix", "media_type", "start"), [("html", "text/html", "<!DOCTYPE html>"), ("md", "text/markdown", "# Birds")]
)
def test_the_report_comes_as_a_file(suffix: str, media_type: str, start: str, victor: TestClient, batch: Batch) -> None:
    answer = victor.get(f"/batches/{batch.id}/report.{suffix}")
    assert answer.headers["content-type"] == f"{media_type}; charset=utf-8"
    assert answer.headers["content-disposition"] == f'attachment; filename="batch-{batch.id}-report.{suffix}"'
    assert answer.headers["content-security-policy"].startswith("sandbox;")
    assert answer.text.startswith(start)
    assert "A-a" not in answer.text


def test_the_size_of_the_dataset_gives_its_error_rate(victor: TestClient, batch: Batch) -> None:
    answer = victor.get(f"/batches/{batch.id}/report.md?dataset_size=1000&suspects=10")
    assert "Wrong labels in the dataset, at least" in answer.text


def test_sizes_that_cannot_be_are_refused_by_name(victor: TestClient, batch: Batch) -> None:
    answer = victor.get(f"/batches/{batch.id}/report.html?suspects=2")
    assert (answer.status_code, answer.json()["error"]["problems"][0]["field"]) == (422, "suspects")
    assert victor.get(f"/batches/{batch.id}/report.html?suspects=0").status_code == 422
    assert victor.get("/batches/404/report.html").status_code == 404
