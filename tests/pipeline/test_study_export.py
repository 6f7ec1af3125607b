import json
from pathlib import Path

import pytest
from sqlalchemy.orm import Session

from app.domain.study_sets import StudySet, row_of
from app.domain.vocabulary import BatchId, ItemRole
from app.errors import NotFound
from app.files.study_json import read_study
from app.pipeline.study_export import study_json, study_rows
from tests.factories import make_batch
from tests.pipeline.answered import answered_batch, items_of

ANSWERS = (
    "given given given",
    "guessed guessed guessed both",
    "both both both",
    "neither neither neither given",
    "given",
    "",
)


def test_what_is_exported_is_read_again_with_the_same_table(db: Session, tmp_path: Path) -> None:
    batch = answered_batch(db, *ANSWERS)
    path = tmp_path / "birds_mturk.json"
    path.write_bytes(b"".join(study_json(db, BatchId(batch.id))))
    found = read_study(path)
    assert isinstance(found, StudySet)
    row = row_of(found)
    assert (row.checked, row.non_errors, row.correctable, row.multi_label, row.neither, row.non_agreement) == (
        5,
        1,
        1,
        1,
        1,
        1,
    )
    assert [(item.id, item.given, item.guessed) for item in found.items][:2] == [
        ("0", "cat", "dog"),
        ("1", "cat", "dog"),
    ]
    assert len(found.items) == study_rows(db, BatchId(batch.id)) == 5


def test_an_object_has_the_studys_names_and_what_stands_behind_it(db: Session) -> None:
    batch = answered_batch(db, "guessed guessed guessed cannot")
    [item] = json.loads(b"".join(study_json(db, BatchId(batch.id))))
    assert item.pop("url").startswith("https://images.example/")
    assert item == {
        "id": "0",
        "given_original_label": "cat",
        "our_guessed_label": "dog",
        "mturk": {"given": 0, "guessed": 3, "both": 0, "neither": 0},
        "cannot_tell": 1,
        "responses": 3,
        "status": "settled",
        "profile": "local",
    }


def test_gold_and_control_items_are_no_part_of_the_table(db: Session) -> None:
    batch = answered_batch(db, "given", "given", "given")
    first, second, _ = items_of(db, batch)
    first.role, second.role = ItemRole.GOLD, ItemRole.CONTROL
    db.flush()
    assert [item["id"] for item in json.loads(b"".join(study_json(db, BatchId(batch.id))))] == ["2"]
    assert study_rows(db, BatchId(batch.id)) == 1


def test_nothing_checked_is_an_empty_list(db: Session) -> None:
    assert b"".join(study_json(db, BatchId(make_batch(db).id))) == b"[]\n"
    with pytest.raises(NotFound, match="Batch 404"):
        study_json(db, BatchId(404))
