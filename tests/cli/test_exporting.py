"""`labeljury export`, on a database that is given, in this process."""

import csv
import json
from pathlib import Path

import numpy as np
import pyarrow.parquet as pq
import pytest
from sqlalchemy import text

from app.cli.exporting import AnswerCoding
from app.db.engine import Database
from app.domain.answer_coding import Coding
from tests.cli.test_commands import Typist, rita
from tests.pipeline.answered import answered_batch

__all__ = ["rita"]

ANSWERS = ("given given given", "guessed guessed guessed", "both both both", "given neither")


@pytest.fixture
def batch(database: Database) -> str:
    """A Batch of Items 0 to 3, each given `cat` and guessed `dog`."""
    with database.transaction() as db:
        return str(answered_batch(db, *ANSWERS).id)


def rows_of(path: str) -> list[dict[str, str]]:
    with Path(path).open(newline="") as file:
        return list(csv.DictReader(file))


def test_the_consensus_is_written_as_csv_unless_something_else_is_asked_for(rita: Typist, batch: str) -> None:
    assert rita.types("export", batch) == 0
    assert [row["consensus"] for row in rows_of(f"consensus-{batch}.csv")] == ["given", "guessed", "both", ""]
    assert f"4 rows written to consensus-{batch}.csv" in rita.complained


def test_the_format_goes_by_the_name_or_by_the_option(rita: Typist, batch: str) -> None:
    assert rita.types("export", batch, "--out", "c.parquet") == 0
    assert pq.read_table("c.parquet").num_rows == 4
    assert rita.types("export", batch, "long", "--format", "jsonl") == 0
    assert len(Path(f"long-{batch}.jsonl").read_text().splitlines()) == 11
    assert rita.types("export", batch, "responses", "--format", "jsonl", "--out", "-") == 0
    assert len(rita.said.splitlines()) == 11


def test_another_method_brings_probabilities(rita: Typist, batch: str) -> None:
    assert rita.types("export", batch, "--method", "plurality", "--out", "-") == 0
    rows = list(csv.DictReader(rita.said.splitlines()))
    assert (rows[0]["method"], float(rows[0]["p_given"]) > 0.5) == ("plurality", True)


def test_the_studys_file_goes_round(rita: Typist, batch: str) -> None:
    assert rita.types("export", batch, "study", "--out", "birds_mturk.json") == 0
    assert rita.types("study", "import", "birds_mturk.json", "--json") == 0
    assert json.loads(rita.said) == [
        {
            "dataset": "birds",
            "checked": 4,
            "non_errors": 1,
            "errors": 3,
            "non_agreement": 1,
            "correctable": 1,
            "multi_label": 1,
            "neither": 0,
        }
    ]


def test_long_answers_are_aggregated(rita: Typist, batch: str) -> None:
    assert rita.types("export", batch, "long", "--out", "long.csv") == 0
    assert rita.types("aggregate", "long.csv", "--method", "plurality") == 0
    assert [row["label"] for row in csv.DictReader(rita.said.splitlines())][:3] == ["given", "guessed", "both"]


def test_a_matrix_is_coded_as_asked(rita: Typist, batch: str) -> None:
    assert rita.types("export", batch, "cleanlab", "--code", "class", "--out", "m.csv") == 0
    assert [(row["id"], row["W-a"]) for row in rows_of("m.csv")] == [("0", "0"), ("1", "1"), ("3", "0")]
    assert list(AnswerCoding) == [coding.value for coding in Coding]


@pytest.mark.parametrize("form", ["csv", "jsonl", "parquet"])
@pytest.mark.parametrize("what", ["responses", "long", "cleanlab"])
def test_a_file_with_worker_ids_says_so_in_its_name(rita: Typist, batch: str, what: str, form: str) -> None:
    assert rita.types("export", batch, what, "--format", form, "--worker-ids") == 0
    assert rita.types("export", batch, what, "--format", form) == 0
    assert Path(f"{what}-{batch}-with-worker-ids.{form}").read_bytes() != Path(f"{what}-{batch}.{form}").read_bytes()


def test_a_file_without_workers_has_no_ids_in_its_name(rita: Typist, batch: str) -> None:
    assert rita.types("export", batch, "labels", "--worker-ids") == 0
    assert Path(f"labels-{batch}.csv").exists()


def test_labels_are_written_with_reasons(rita: Typist, batch: str) -> None:
    assert rita.types("export", batch, "labels", "--multi-label", "drop", "--out", "l.csv") == 0
    assert [(row["label"], row["action"]) for row in rows_of("l.csv")] == [
        ("cat", "kept"),
        ("dog", "corrected"),
        ("", "dropped"),
        ("cat", "kept"),
    ]


def test_labels_are_written_into_the_datasets_array(rita: Typist, batch: str) -> None:
    np.save("labels.npy", np.array([3, 3, 3, 3, 5], dtype=np.uint8))
    options = ("--labels", "labels.npy", "--classes", "ant,bee,dog,cat", "--rule", "unanimous")
    assert rita.types("export", batch, "labels", "--out", "l.npy", *options) == 0, rita.complained
    assert np.load("l.npy").tolist() == [3, 2, 3, 3, 5]
    assert rita.types("export", batch, "labels", "--out", "labels.npy", *options) == 1
    assert "labels.npy: is read or written already" in rita.complained
    assert np.load("labels.npy").tolist() == [3, 3, 3, 3, 5]
    assert [row["corrected"] for row in rows_of("l.changes.csv")] == ["dog"]
    assert rita.types("export", batch, "labels", "--out", "whole.npy", "--multi-label", "drop") == 0
    assert np.load("whole.npy").tolist() == ["cat", "dog", "cat"]
    assert np.load("whole.kept.npy").tolist() == [0, 1, 3]


def test_ids_that_are_no_positions_make_no_array(rita: Typist, batch: str, database: Database) -> None:
    with database.transaction() as db:
        db.execute(text("UPDATE items SET external_id = 'x' || external_id"))
    assert rita.types("export", batch, "labels", "--out", "l.npy") == 1
    assert "are not the positions 0 to n-1 of a dataset; name the dataset's own labels with --labels" in rita.complained
    assert not Path("l.npy").exists()


@pytest.mark.parametrize(
    ("options", "reason"),
    [
        (("study", "--format", "csv"), "study is written as json, not as csv"),
        (("consensus", "--out", "x.npy"), "consensus is written as csv, jsonl, parquet, not as npy"),
        (("consensus", "--method", "guess"), "no consensus method 'guess'"),
        (("labels", "--method", "jury"), "--method: is for consensus alone"),
        (("labels", "--labels", "labels.npy"), "--labels: is for labels as .npy alone"),
        (("labels", "--classes", "cat,dog"), "--classes: is for labels as .npy alone"),
        (
            ("labels", "--format", "npy", "--out", "l.csv"),
            "l.csv: an array has two files beside it and a name that ends",
        ),
        (
            ("labels", "--format", "npy", "--out", "-"),
            "-: an array has two files beside it and a name that ends in .npy",
        ),
    ],
)
def test_what_cannot_be_written_is_refused(rita: Typist, batch: str, options: tuple[str, ...], reason: str) -> None:
    assert rita.types("export", batch, *options) == 1
    assert reason in rita.complained


def test_an_export_is_noted_since_hits_are_deleted_only_after_one(rita: Typist, batch: str, database: Database) -> None:
    assert rita.types("export", batch, "study", "--out", "-") == 0
    with database.transaction() as db:
        assert db.scalar(text("SELECT count(*) FROM audit WHERE action = 'batch.exported'")) == 1
