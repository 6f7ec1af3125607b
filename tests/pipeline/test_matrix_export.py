import csv
import io
from pathlib import Path

import pyarrow.parquet as pq
import pytest
from sqlalchemy.orm import Session

from app.db.table_streams import Form
from app.db.tables import Batch
from app.domain.answer_coding import Coding
from app.domain.vocabulary import BatchId
from app.errors import InvalidInput, NotFound
from app.pipeline.matrix_export import matrix, matrix_rows
from tests.factories import make_batch
from tests.pipeline.answered import answered_batch, items_of

ANSWERS = ("given guessed both", "neither given cannot", "", "both")


def rows_of(db: Session, batch: Batch, **options: object) -> list[dict[str, str]]:
    text = b"".join(matrix(db, BatchId(batch.id), **options)).decode()  # type: ignore[arg-type]
    return list(csv.DictReader(io.StringIO(text, newline="")))


def test_answers_are_numbered_by_role_one_column_a_worker(db: Session) -> None:
    batch = answered_batch(db, *ANSWERS)
    first, second, last = rows_of(db, batch)
    assert first == {
        "id": "0",
        "given_label": "cat",
        "guessed_label": "dog",
        "responses": "3",
        "profile": "local",
        "W-a": "0",
        "W-b": "1",
        "W-c": "2",
    }
    assert [second[worker] for worker in ("W-a", "W-b", "W-c")] == ["3", "0", ""]
    assert (last["id"], last["W-a"], matrix_rows(db, BatchId(batch.id), Coding.ROLE)) == ("3", "2", 3)


def test_by_class_both_and_neither_are_left_out_with_the_rows_and_workers_that_said_nothing_else(db: Session) -> None:
    batch = answered_batch(db, *ANSWERS)
    items_of(db, batch)[1].given_label = "eel"
    db.flush()
    first, second = rows_of(db, batch, coding=Coding.CLASS)
    assert (first["given_code"], first["guessed_code"], first["W-a"], first["W-b"]) == ("0", "1", "0", "1")
    assert (second["given_code"], second["W-a"], second["W-b"], second["responses"]) == ("2", "", "2", "1")
    assert "W-c" not in first
    assert matrix_rows(db, BatchId(batch.id), Coding.CLASS) == 2


def test_workers_go_by_pseudonym_unless_their_ids_are_asked_for(db: Session) -> None:
    batch = answered_batch(db, *ANSWERS)
    assert "A-a" not in rows_of(db, batch)[0]
    assert "A-a" in rows_of(db, batch, worker_ids=True)[0]


def test_cleanlab_reads_it(db: Session, tmp_path: Path) -> None:
    cleanlab = pytest.importorskip("cleanlab.multiannotator")
    import pandas as pd

    (tmp_path / "m.csv").write_bytes(
        b"".join(matrix(db, BatchId(answered_batch(db, *ANSWERS, "given given given").id)))
    )
    answers = pd.read_csv(tmp_path / "m.csv").filter(like="W-")
    assert len(cleanlab.get_majority_vote_label(answers)) == 4


def test_parquet_has_numbers_and_nothing_for_no_answer(db: Session) -> None:
    content = b"".join(matrix(db, BatchId(answered_batch(db, *ANSWERS).id), form=Form.PARQUET))
    assert pq.read_table(io.BytesIO(content)).to_pydict()["W-c"] == [2, None, None]


def test_groups_of_rows_make_one_file(db: Session) -> None:
    batch = answered_batch(db, *ANSWERS)
    assert rows_of(db, batch, cells_at_once=3) == rows_of(db, batch)


def test_a_matrix_that_no_file_can_hold_is_refused(db: Session) -> None:
    batch = answered_batch(db, *ANSWERS)
    with pytest.raises(InvalidInput, match="3 Items × 3 Workers are too many for a matrix; export `long` instead"):
        matrix(db, BatchId(batch.id), most_cells=8)


def test_nothing_answered_is_a_header(db: Session) -> None:
    assert b"".join(matrix(db, BatchId(make_batch(db).id))) == b"id,given_label,guessed_label,responses,profile\n"
    with pytest.raises(NotFound, match="Batch 404"):
        matrix(db, BatchId(404))
