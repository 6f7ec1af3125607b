"""`labeljury report`, on a database that is given, in this process."""

from pathlib import Path

import pytest

from app.db.engine import Database
from app.domain.vocabulary import BatchStatus
from tests.cli.test_commands import Typist, rita
from tests.factories import make_batch
from tests.pipeline.answered import answered_batch

__all__ = ["rita"]


@pytest.fixture
def batch(database: Database) -> str:
    """A finished Batch of four Items."""
    answers = ("given given given", "guessed guessed guessed", "both both both", "given neither")
    with database.transaction() as db:
        return str(answered_batch(db, *answers, status=BatchStatus.DONE).id)


def test_a_report_is_html_unless_its_name_says_otherwise(rita: Typist, batch: str) -> None:
    assert rita.types("report", batch) == 0, rita.complained
    assert Path(f"report-{batch}.html").read_text().startswith("<!DOCTYPE html>")
    assert f"Report on Batch {batch} written to report-{batch}.html" in rita.complained
    assert rita.types("report", batch, "--out", "r.md") == 0
    assert Path("r.md").read_text().startswith("# Birds")
    assert rita.types("report", batch, "--format", "md", "--out", "-") == 0
    assert rita.said.startswith("# Birds")


def test_the_dataset_size_gives_its_error_rate(rita: Typist, batch: str) -> None:
    assert rita.types("report", batch, "--out", "r.md", "--suspects", "10", "--dataset-size", "1000") == 0
    assert "Wrong labels in the dataset, at least" in Path("r.md").read_text()


def test_what_cannot_be_is_refused_by_name(rita: Typist, batch: str) -> None:
    assert rita.types("report", batch, "--suspects", "3") == 1
    assert "suspects: the Batch itself has 4 suspects" in rita.complained
    assert rita.types("report", batch, "--dataset-size", "3") == 1
    assert "--dataset-size: a dataset of 3 Items cannot hold 4 suspects" in rita.complained
    assert rita.types("report", batch, "--out", "r.pdf") == 1
    assert "a report is .html or .md" in rita.complained
    assert not list(Path().glob("r*"))
    assert rita.types("report", "404") == 1
    assert "Batch 404 does not exist" in rita.complained


def test_a_draft_has_a_report_that_says_so(rita: Typist, database: Database) -> None:
    with database.transaction() as db:
        number = str(make_batch(db).id)
    assert rita.types("report", number, "--out", "r.md") == 0
    assert "nobody was asked yet" in Path("r.md").read_text()
