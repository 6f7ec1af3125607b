import csv
import io
import json

import numpy as np
import pyarrow.parquet as pq
import pytest
from sqlalchemy.orm import Session

from app.db.table_streams import Form
from app.db.tables import Batch
from app.domain.correction_rules import CorrectionRules, Fate
from app.domain.corrections import changes_of
from app.domain.label_arrays import corrected, of_items
from app.domain.vocabulary import BatchId, ItemRole
from app.errors import NotFound
from app.pipeline.label_export import items_of, label_rows, labels, quorum_of, why_no_array
from tests.pipeline import answered
from tests.pipeline.answered import answered_batch

ANSWERS = ("given given given", "guessed guessed guessed given", "both both both", "")
DROPPING = CorrectionRules(multi_label=Fate.DROP)


def rows_of(db: Session, batch: Batch, rules: CorrectionRules = DROPPING) -> list[dict[str, str]]:
    text = b"".join(labels(db, BatchId(batch.id), rules)).decode()
    return list(csv.DictReader(io.StringIO(text, newline="")))


def test_a_line_tells_the_label_now_and_why(db: Session) -> None:
    kept, changed, dropped, unanswered = rows_of(db, answered_batch(db, *ANSWERS))
    assert changed == {
        "id": "1",
        "given_label": "cat",
        "label": "dog",
        "action": "corrected",
        "category": "correctable",
        "rule": "majority; categories; quorum 3; multi-label drop; unresolved keep",
        "reason": "3 of 4 answers say the guessed label is right",
        "votes": "given 1, guessed 3",
        "responses": "4",
        "profile": "local",
    }
    assert (kept["label"], kept["action"], kept["reason"]) == ("cat", "kept", "")
    assert (dropped["label"], dropped["action"]) == ("", "dropped")
    assert (unanswered["label"], unanswered["action"], unanswered["responses"]) == ("cat", "kept", "0")


def test_gold_items_are_left_out_since_their_labels_may_be_made_up(db: Session) -> None:
    batch = answered_batch(db, *ANSWERS)
    answered.items_of(db, batch)[1].role = ItemRole.GOLD
    db.flush()
    assert [row["id"] for row in rows_of(db, batch)] == ["0", "2", "3"]
    assert label_rows(db, BatchId(batch.id)) == 3


@pytest.mark.parametrize("form", [Form.JSONL, Form.PARQUET])
def test_other_formats_say_the_same(form: Form, db: Session) -> None:
    content = b"".join(labels(db, BatchId(answered_batch(db, *ANSWERS).id), DROPPING, form=form))
    rows = (
        pq.read_table(io.BytesIO(content)).to_pylist()
        if form is Form.PARQUET
        else [json.loads(line) for line in content.splitlines()]
    )
    assert [row["label"] for row in rows] == ["cat", "dog", None, "cat"]
    assert [row["responses"] for row in rows] == [3, 4, 3, 0]


def test_a_batch_of_a_whole_dataset_makes_an_array(db: Session) -> None:
    items = items_of(db, BatchId(answered_batch(db, *ANSWERS).id))
    found = corrected(of_items(items, otherwise=""), items, changes_of(items, DROPPING))
    assert np.array_equal(found.labels, ["cat", "dog", "cat"])
    assert found.kept.tolist() == [0, 1, 3]


def test_the_quorum_is_the_batchs_unless_told(db: Session) -> None:
    assert quorum_of(db, BatchId(answered_batch(db, "given", quorum=2).id)) == 2
    with pytest.raises(NotFound, match="Batch 404"):
        labels(db, BatchId(404), DROPPING)


def test_of_a_large_batch_some_items_tell_whether_an_array_is_offered(db: Session) -> None:
    """The Batch's page asks, and must stay quick however many Items there are."""
    batch = answered_batch(db, *ANSWERS)
    answered.items_of(db, batch)[3].external_id = "7"
    db.flush()
    number = BatchId(batch.id)
    assert why_no_array(db, number, looked_at=4) is None
    assert why_no_array(db, number, looked_at=5) == "ids are not all numbers from 0 on"
    for item in answered.items_of(db, batch):
        item.external_id = f"bird-{item.external_id}"
    db.flush()
    assert why_no_array(db, number, looked_at=1) == "ids are not all numbers from 0 on"
