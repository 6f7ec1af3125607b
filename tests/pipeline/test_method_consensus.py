import csv
import io
import json

import pyarrow.parquet as pq
import pytest
from sqlalchemy.orm import Session

from app.db.table_streams import Form
from app.db.tables import Batch
from app.domain.vocabulary import BatchId, ItemRole, Option
from app.errors import InvalidInput, NotFound
from app.pipeline import export, method_consensus
from tests.factories import make_batch, make_item
from tests.pipeline.answered import answered_batch, items_of, settle

ANSWERS = ("given given given guessed both", "guessed guessed guessed guessed given", "given guessed cannot", "")
PROBABILITIES = ("p_given", "p_guessed", "p_both", "p_neither")


def computed(db: Session, batch: Batch, method: str = "plurality") -> list[dict[str, str]]:
    batch_id = BatchId(batch.id)
    method_consensus.compute(db, batch_id, method)
    text = b"".join(method_consensus.rows(db, batch_id, method)).decode()
    return list(csv.DictReader(io.StringIO(text, newline="")))


def test_the_columns_are_the_stored_consensus_and_the_probabilities(db: Session) -> None:
    batch = answered_batch(db, *ANSWERS)
    stored = b"".join(export.consensus(db, BatchId(batch.id))).decode().splitlines()[0].split(",")
    assert list(computed(db, batch)[0]) == [*stored, *PROBABILITIES, "certainty"]


def test_each_item_has_its_label_category_and_probabilities(db: Session) -> None:
    first, second, tied, unanswered = computed(db, answered_batch(db, *ANSWERS))
    assert (first["consensus"], first["category"], first["responses"], first["method"]) == (
        "given",
        "non-error",
        "5",
        "plurality",
    )
    assert (second["consensus_label"], second["agreement"]) == ("dog", "0.800")
    assert sum(float(first[name]) for name in PROBABILITIES) == pytest.approx(1)
    assert float(first["certainty"]) == max(float(first[name]) for name in PROBABILITIES)
    assert (tied["consensus"], tied["category"], tied["cannot_tell"]) == ("", "non-agreement", "1")
    assert [unanswered[name] for name in ("consensus", "category", "agreement", "p_given", "certainty")] == [""] * 5


def test_the_quorum_is_the_batchs_own(db: Session) -> None:
    rows = computed(db, answered_batch(db, "given given guessed", quorum=2), "quorum")
    assert (rows[0]["consensus"], rows[0]["method"]) == ("given", "quorum")


def test_responses_that_do_not_count_are_left_out(db: Session) -> None:
    batch = answered_batch(db, "given guessed guessed")
    db.connection().exec_driver_sql("UPDATE responses SET counted = false WHERE option = 'guessed'")
    settle(db, batch)
    [row] = computed(db, batch)
    assert (row["consensus"], row["responses"]) == ("given", "1")


def test_gold_items_calibrate_a_method_that_can_be_and_are_rows_as_others(db: Session) -> None:
    batch = answered_batch(db, *ANSWERS)
    gold = items_of(db, batch)[0]
    gold.role, gold.extra = ItemRole.GOLD, {"expected_option": " Guessed "}
    db.flush()
    assert [row["role"] for row in computed(db, batch)] == ["gold", "suspect", "suspect", "suspect"]


@pytest.mark.parametrize("form", [Form.JSONL, Form.PARQUET])
def test_other_formats_have_numbers(form: Form, db: Session) -> None:
    batch = answered_batch(db, *ANSWERS)
    method_consensus.compute(db, BatchId(batch.id), "plurality")
    content = b"".join(method_consensus.rows(db, BatchId(batch.id), "plurality", form=form))
    rows = (
        pq.read_table(io.BytesIO(content)).to_pylist()
        if form is Form.PARQUET
        else [json.loads(line) for line in content.splitlines()]
    )
    assert (rows[1]["guessed"], rows[1]["agreement"]) == (4, 0.8)
    assert rows[1]["p_guessed"] > 0.5
    assert rows[3]["p_guessed"] is None


def test_a_batch_without_items_has_no_rows(db: Session) -> None:
    assert computed(db, make_batch(db)) == []


def test_a_batch_without_answers_has_rows_without_findings(db: Session) -> None:
    batch = make_batch(db)
    make_item(db, batch)
    assert [row["category"] for row in computed(db, batch)] == [""]


def test_what_is_unknown_is_refused_at_once(db: Session) -> None:
    with pytest.raises(NotFound, match="Batch 404"):
        method_consensus.compute(db, BatchId(404), "plurality")
    with pytest.raises(InvalidInput, match="no consensus method 'guess'"):
        method_consensus.compute(db, BatchId(make_batch(db).id), "guess")


def test_options_keep_their_order() -> None:
    assert [f"p_{option}" for option in Option] == list(PROBABILITIES)
