import csv
import io
import json
from collections.abc import Iterator
from contextlib import closing
from datetime import UTC, datetime, timedelta, timezone
from pathlib import Path

import pyarrow.parquet as pq
import pytest
from sqlalchemy import text
from sqlalchemy.orm import Session

from app.db.copying import CHUNK_BYTES
from app.db.engine import Database
from app.db.table_streams import Form
from app.db.tables import Batch, Item
from app.domain.answer_coding import Coding
from app.domain.vocabulary import AssignmentStatus, BatchId, Category, ConsensusStatus, ItemRole, MediaType, Option
from app.errors import NotFound
from app.files.long_answers import read_answers
from app.pipeline.export import (
    ExportManifest,
    WorkerNames,
    consensus,
    consensus_csv,
    long_answers,
    long_rows,
    manifest,
    responses,
    responses_csv,
    take_snapshot,
)
from tests.factories import (
    make_assignment,
    make_batch,
    make_consensus,
    make_hit,
    make_item,
    make_media_file,
    make_response,
    make_worker,
)
from tests.pipeline.answered import answered_batch

HOSTILE = '=1+1, "quoted"\r\nnew line \'; DROP TABLE items; -- 👩\u200d🚀 \u202eعربى\u202c \\.\t<b>&amp;</b>'

CONSENSUS_HEADER = (
    "id,given_label,guessed_label,category,consensus,consensus_label,given,guessed,both,neither,cannot_tell,responses,"
    "agreement,status,method,role,media_type,media,batch,profile,extra\n"
)
RESPONSES_HEADER = (
    "id,worker,response,cannot_tell,comment,order_shown,position,elapsed_ms,hit_id,assignment_id,accepted_at,"
    "submitted_at,assignment_status,given_label,guessed_label,batch,profile\n"
)


def read(chunks: Iterator[bytes]) -> list[dict[str, str]]:
    """The file as Python's csv module reads it."""
    return list(csv.DictReader(io.StringIO(b"".join(chunks).decode(), newline="")))


def consensus_of(db: Session, batch: Batch) -> list[dict[str, str]]:
    return read(consensus_csv(db, BatchId(batch.id)))


def responses_of(db: Session, batch: Batch, **options: WorkerNames) -> list[dict[str, str]]:
    return read(responses_csv(db, BatchId(batch.id), **options))


def respond(db: Session, batch: Batch, item: Item, *options: Option | None) -> None:
    """One HIT of the Item with one Worker's Response for each option."""
    hit = make_hit(db, batch, item)
    for option in options:
        make_response(db, make_assignment(db, hit, make_worker(db)), item, option)


def test_the_consensus_file_has_its_columns_in_order(db: Session) -> None:
    batch = make_batch(db)
    assert b"".join(consensus_csv(db, BatchId(batch.id))).decode() == CONSENSUS_HEADER


def test_an_items_line_tells_its_consensus_and_what_stands_behind_it(db: Session) -> None:
    batch = make_batch(db, name="Birds")
    item = make_item(db, batch, external_id="007", role=ItemRole.GOLD, extra={"score": 0.5, "name": "é"})
    make_consensus(
        db,
        item,
        response_count=5,
        given_count=1,
        guessed_count=3,
        both_count=1,
        cannot_tell_count=2,
        option=Option.GUESSED,
        category=Category.CORRECTABLE,
        agreement=0.6,
    )
    [line] = consensus_of(db, batch)
    assert json.loads(line.pop("extra")) == {"score": 0.5, "name": "é"}
    assert line == {
        "id": "007",
        "given_label": "cat",
        "guessed_label": "dog",
        "category": "correctable",
        "consensus": "guessed",
        "consensus_label": "dog",
        "given": "1",
        "guessed": "3",
        "both": "1",
        "neither": "0",
        "cannot_tell": "2",
        "responses": "5",
        "agreement": "0.600",
        "status": "settled",
        "method": "quorum",
        "role": "gold",
        "media_type": "image",
        "media": str(item.media_url),
        "batch": "Birds",
        "profile": "local",
    }


@pytest.mark.parametrize(
    ("option", "category", "label"),
    [
        (Option.GIVEN, Category.NON_ERROR, "cat"),
        (Option.GUESSED, Category.CORRECTABLE, "dog"),
        (Option.BOTH, Category.MULTI_LABEL, ""),
        (Option.NEITHER, Category.NEITHER, ""),
        (None, Category.NON_AGREEMENT, ""),
    ],
)
def test_the_consensus_label_is_given_only_where_one_label_won(
    option: Option | None, category: Category, label: str, db: Session
) -> None:
    batch = make_batch(db)
    make_consensus(db, make_item(db, batch), option=option, category=category)
    [line] = consensus_of(db, batch)
    assert (line["consensus"], line["category"], line["consensus_label"]) == (option or "", category, label)


def test_items_without_responses_are_there_with_zero_counts(db: Session) -> None:
    batch = make_batch(db)
    answered, waiting = make_item(db, batch), make_item(db, batch)
    make_consensus(
        db,
        answered,
        response_count=2,
        given_count=2,
        option=None,
        category=Category.NON_AGREEMENT,
        status=ConsensusStatus.OPEN,
    )
    first, second = consensus_of(db, batch)
    assert (first["id"], first["responses"], first["status"]) == (answered.external_id, "2", "open")
    assert (second["id"], second["responses"], second["status"]) == (waiting.external_id, "0", "open")
    assert [second[name] for name in ("given", "guessed", "both", "neither", "cannot_tell")] == ["0"] * 5
    assert [second[name] for name in ("category", "consensus", "consensus_label", "agreement")] == [""] * 4


def test_other_batches_and_other_methods_stay_out(db: Session) -> None:
    batch, other = make_batch(db), make_batch(db)
    item = make_item(db, batch)
    make_consensus(db, item, method="dawid_skene", option=Option.GUESSED, category=Category.CORRECTABLE)
    make_consensus(db, make_item(db, other))
    [line] = consensus_of(db, batch)
    assert (line["id"], line["consensus"], line["method"]) == (item.external_id, "", "quorum")
    [line] = read(consensus_csv(db, BatchId(batch.id), method="dawid_skene"))
    assert (line["consensus"], line["method"]) == ("guessed", "dawid_skene")


def test_media_are_named_by_url_text_or_the_path_they_are_served_at(db: Session) -> None:
    batch = make_batch(db)
    media = make_media_file(db)
    make_item(db, batch, media_url="https://x.example/1.png")
    make_item(db, batch, media_url=None, text=HOSTILE, media_type=MediaType.TEXT)
    make_item(db, batch, media_url=None, media_token=media.token)
    assert [line["media"] for line in consensus_of(db, batch)] == [
        "https://x.example/1.png",
        HOSTILE,
        f"/media/{media.token}",
    ]


def test_hostile_text_comes_out_exactly_as_it_came_in(db: Session) -> None:
    batch = make_batch(db, name=HOSTILE)
    item = make_item(
        db, batch, external_id=HOSTILE, given_label=HOSTILE, guessed_label="@" + HOSTILE, extra={HOSTILE: HOSTILE}
    )
    make_consensus(db, item)
    hit = make_hit(db, batch, item)
    make_response(db, make_assignment(db, hit, make_worker(db)), item, comment=HOSTILE)
    [line] = consensus_of(db, batch)
    assert (line["id"], line["given_label"], line["guessed_label"]) == (HOSTILE, HOSTILE, "@" + HOSTILE)
    assert (line["consensus_label"], line["batch"], json.loads(line["extra"])) == (HOSTILE, HOSTILE, {HOSTILE: HOSTILE})
    [line] = responses_of(db, batch)
    assert (line["id"], line["comment"], line["guessed_label"]) == (HOSTILE, HOSTILE, "@" + HOSTILE)


def test_the_responses_file_has_its_columns_in_order(db: Session) -> None:
    batch = make_batch(db)
    assert b"".join(responses_csv(db, BatchId(batch.id))).decode() == RESPONSES_HEADER


def test_a_responses_line_tells_who_said_what_and_what_they_saw(db: Session) -> None:
    batch = make_batch(db, name="Birds")
    item, worker = make_item(db, batch, external_id="007"), make_worker(db, pseudonym="W-ada")
    hit = make_hit(db, batch, item)
    paris = timezone(timedelta(hours=1))
    assignment = make_assignment(
        db,
        hit,
        worker,
        status=AssignmentStatus.APPROVED,
        accepted_at=datetime(2026, 11, 23, 0, 30, tzinfo=paris),
        submitted_at=datetime(2026, 11, 22, 23, 31, 5, 250_000, tzinfo=UTC),
    )
    make_response(
        db,
        assignment,
        item,
        Option.BOTH,
        position=2,
        elapsed_ms=4321,
        order_shown=["b", "a", "both", "neither"],
        comment="hm",
    )
    [line] = responses_of(db, batch)
    assert line == {
        "id": "007",
        "worker": "W-ada",
        "response": "both",
        "cannot_tell": "false",
        "comment": "hm",
        "order_shown": "b|a|both|neither",
        "position": "2",
        "elapsed_ms": "4321",
        "hit_id": str(hit.marketplace_hit_id),
        "assignment_id": assignment.marketplace_assignment_id,
        "accepted_at": "2026-11-22T23:30:00.000Z",
        "submitted_at": "2026-11-22T23:31:05.250Z",
        "assignment_status": "approved",
        "given_label": "cat",
        "guessed_label": "dog",
        "batch": "Birds",
        "profile": "local",
    }


def test_a_worker_who_could_not_tell_has_a_line_without_response(db: Session) -> None:
    batch = make_batch(db)
    respond(db, batch, make_item(db, batch), None, Option.NEITHER)
    assert [(line["response"], line["cannot_tell"]) for line in responses_of(db, batch)] == [
        ("", "true"),
        ("neither", "false"),
    ]


def test_workers_go_by_pseudonym_unless_their_ids_are_asked_for(db: Session) -> None:
    batch = make_batch(db)
    item, worker = make_item(db, batch), make_worker(db, marketplace_worker_id="A1MALLORY", pseudonym="W-1234")
    make_response(db, make_assignment(db, make_hit(db, batch, item), worker), item)
    assert b"A1MALLORY" not in b"".join(responses_csv(db, BatchId(batch.id)))
    [line] = responses_of(db, batch, worker_names=WorkerNames.MARKETPLACE_ID)
    assert line["worker"] == "A1MALLORY"


def test_responses_are_ordered_by_item(db: Session) -> None:
    batch = make_batch(db)
    first, second = make_item(db, batch), make_item(db, batch)
    respond(db, batch, second, Option.GIVEN, Option.BOTH)
    respond(db, batch, first, Option.NEITHER)
    assert [(line["id"], line["response"]) for line in responses_of(db, batch)] == [
        (first.external_id, "neither"),
        (second.external_id, "given"),
        (second.external_id, "both"),
    ]


def test_the_manifest_counts_the_lines_of_each_file(db: Session) -> None:
    batch, other = make_batch(db, name="Birds"), make_batch(db)
    items = [make_item(db, batch) for _ in range(3)]
    respond(db, batch, items[0], Option.GIVEN, Option.BOTH)
    respond(db, other, make_item(db, other), Option.GIVEN)
    counted = manifest(db, BatchId(batch.id))
    assert counted == ExportManifest(BatchId(batch.id), "Birds", consensus_rows=3, response_rows=2)
    assert len(consensus_of(db, batch)) == counted.consensus_rows
    assert len(responses_of(db, batch)) == counted.response_rows


def test_a_response_that_arrives_after_the_count_stays_out_of_a_snapshot(database: Database) -> None:
    with database.transaction() as setup:
        batch = make_batch(setup)
        item = make_item(setup, batch)
        respond(setup, batch, item, Option.GIVEN)
    with database.transaction() as db:
        take_snapshot(db)
        counted = manifest(db, BatchId(batch.id))
        with database.transaction() as meanwhile:
            respond(meanwhile, batch, item, Option.BOTH)
        assert len(responses_of(db, batch)) == counted.response_rows == 1


@pytest.mark.parametrize("export", [consensus_csv, responses_csv, manifest])
def test_an_unknown_batch_is_refused_before_the_first_byte(export: object, db: Session) -> None:
    with pytest.raises(NotFound, match="Batch 404 does not exist"):
        export(db, BatchId(404))  # type: ignore[operator]


def long_of(db: Session, batch: Batch, **options: Coding | WorkerNames) -> list[dict[str, str]]:
    return read(long_answers(db, BatchId(batch.id), **options))  # type: ignore[arg-type]


def test_long_answers_are_task_worker_label_and_what_stands_behind_them(db: Session) -> None:
    batch = answered_batch(db, "given both cannot", "guessed")
    first, second, third = long_of(db, batch)
    assert list(first) == ["task", "worker", "label", "responses", "role", "profile"]
    assert list(first.values()) == ["0", "W-a", "given", "2", "suspect", "local"]
    assert (second["worker"], second["label"], third["label"], third["responses"]) == ("W-b", "both", "guessed", "1")
    assert long_rows(db, BatchId(batch.id), Coding.ROLE) == 3


def test_long_answers_by_class_leave_out_what_names_no_single_one(db: Session) -> None:
    batch = answered_batch(db, "given both", "guessed neither")
    assert [(row["task"], row["label"], row["responses"]) for row in long_of(db, batch, coding=Coding.CLASS)] == [
        ("0", "cat", "1"),
        ("1", "dog", "1"),
    ]
    assert long_rows(db, BatchId(batch.id), Coding.CLASS) == 2


def test_long_answers_leave_out_what_does_not_count_and_hide_who_answered(db: Session) -> None:
    batch = answered_batch(db, "given guessed")
    db.execute(text("UPDATE responses SET counted = false WHERE option = 'guessed'"))
    assert [row["worker"] for row in long_of(db, batch)] == ["W-a"]
    assert [row["worker"] for row in long_of(db, batch, worker_names=WorkerNames.MARKETPLACE_ID)] == ["A-a"]
    assert long_rows(db, BatchId(batch.id), Coding.ROLE) == 1


def test_long_answers_are_read_by_aggregate(db: Session, tmp_path: Path) -> None:
    batch = answered_batch(db, "given both cannot", "guessed")
    (tmp_path / "long.parquet").write_bytes(b"".join(long_answers(db, BatchId(batch.id), form=Form.PARQUET)))
    found = read_answers(tmp_path / "long.parquet")
    assert (found.tasks, found.workers, found.labels) == (["0", "1"], ["W-a", "W-b"], ["both", "given", "guessed"])


def test_json_lines_and_parquet_say_what_the_csv_says(db: Session) -> None:
    batch_id = BatchId(answered_batch(db, "given guessed cannot", "").id)
    for export, flag in ((consensus, None), (responses, "cannot_tell")):
        lines = read(export(db, batch_id))
        objects = [json.loads(line) for line in b"".join(export(db, batch_id, form=Form.JSONL)).splitlines()]
        rows = pq.read_table(io.BytesIO(b"".join(export(db, batch_id, form=Form.PARQUET)))).to_pylist()
        for line, found, row in zip(lines, objects, rows, strict=True):
            assert list(line) == list(found) == list(row)
            assert flag is None or found[flag] is row[flag] is (line[flag] == "true")
            assert [found[name] for name in line if name != "extra"] == [row[name] for name in line if name != "extra"]
    assert (objects[0]["elapsed_ms"], objects[2]["response"]) == (4200, None)


def make_many_items(db: Session, batch: Batch, number: int) -> None:
    db.execute(
        text("""
            INSERT INTO items (batch_id, line, external_id, media_type, media_url, given_label, guessed_label, page_bytes)
            SELECT :batch_id, n, 'x' || n, 'image', 'https://x.example/' || n, 'cat', 'dog', 400
            FROM generate_series(1, :number) AS n
        """),
        {"batch_id": batch.id, "number": number},
    )


def test_many_rows_travel_in_few_large_chunks_with_lf_line_ends(db: Session) -> None:
    batch = make_batch(db)
    make_many_items(db, batch, 20_000)
    chunks = list(consensus_csv(db, BatchId(batch.id)))
    assert all(len(chunk) >= CHUNK_BYTES for chunk in chunks[:-1])
    assert len(chunks) < 60
    assert b"\r" not in b"".join(chunks)
    assert len(read(iter(chunks))) == manifest(db, BatchId(batch.id)).consensus_rows == 20_000


def test_a_reader_who_stops_early_leaves_the_connection_usable(database: Database) -> None:
    with database.transaction() as setup:
        batch = make_batch(setup)
        make_many_items(setup, batch, 5_000)
    with database.transaction() as db, closing(consensus_csv(db, BatchId(batch.id))) as export:
        assert next(export).startswith(b"id,")
    with database.transaction() as db:
        assert manifest(db, BatchId(batch.id)).consensus_rows == 5_000
    assert database.engine.pool.checkedout() == 0  # type: ignore[attr-defined]
