import csv
import io
import json
from collections.abc import Callable
from dataclasses import dataclass
from datetime import datetime
from decimal import Decimal
from io import BytesIO
from pathlib import Path
from typing import Any

import pyarrow as pa
import pyarrow.parquet as pq
import pytest
from PIL import Image
from sqlalchemy import func, select
from sqlalchemy.orm import Session

from app.db.engine import Database
from app.db.item_sources import ItemFile
from app.db.media_files import path_of
from app.db.tables import Batch, Item, MediaFile
from app.domain.vocabulary import BatchId, BatchStatus, ItemRole, MediaType
from app.errors import Conflict, InvalidInput, NotFound, Problem
from app.pipeline.item_import import ImportReport, import_items
from app.questions.budget import PageBudget
from tests.factories import make_batch, make_item

HEADER = "id,url,given_label,guessed_label"
BUDGET = PageBudget(capacity_bytes=60_000, per_item=500, per_label_byte=2, per_medium_byte=1)


@dataclass(frozen=True, slots=True)
class Desk:
    """Where Rita imports: a database, a folder for her files and one for the service's media."""

    db: Session
    folder: Path
    media_dir: Path

    def file(self, name: str, content: str | bytes) -> Path:
        path = self.folder / name
        path.write_bytes(content.encode() if isinstance(content, str) else content)
        return path

    def bring_in(self, path: Path, batch: Batch | None = None, **options: Any) -> list[Item]:
        """The Items that the file became."""
        batch = batch or make_batch(self.db)
        self.run(path, batch, **options)
        return list(self.db.scalars(select(Item).where(Item.batch_id == batch.id).order_by(Item.id)))

    def run(self, path: Path, batch: Batch, **options: Any) -> ImportReport:
        defaults: dict[str, Any] = {"media_root": self.folder, "media_dir": self.media_dir, "budget": BUDGET}
        return import_items(self.db, BatchId(batch.id), ItemFile.of(path), **defaults | options)

    def problems(self, path: Path, batch: Batch | None = None, **options: Any) -> list[Problem]:
        """The faults of the file, after making sure that nothing of it is left."""
        with pytest.raises(InvalidInput) as refused:
            self.run(path, batch or make_batch(self.db), **options)
        assert self.db.scalar(select(func.count()).select_from(Item)) == 0
        assert self.db.scalar(select(func.count()).select_from(MediaFile)) == 0
        assert not list(self.media_dir.rglob("*"))
        return refused.value.problems

    def problem(self, path: Path, batch: Batch | None = None, **options: Any) -> Problem:
        [problem] = self.problems(path, batch, **options)
        return problem


@pytest.fixture
def desk(db: Session, tmp_path: Path) -> Desk:
    (tmp_path / "files").mkdir()
    return Desk(db, tmp_path / "files", tmp_path / "media")


def rows(*lines: str, header: str = HEADER) -> str:
    return "\n".join([header, *lines]) + "\n"


def row(id: str = "1", given: str = "cat", guessed: str = "dog") -> str:
    return f"{id},https://images.example/{id}.png,{given},{guessed}"


def picture(color: str = "red") -> bytes:
    file = BytesIO()
    Image.new("RGB", (8, 8), color).save(file, "PNG")
    return file.getvalue()


# What comes in


def test_a_csv_file_becomes_items(desk: Desk) -> None:
    path = desk.file("items.csv", rows("007,https://x.example/7.png,cat,dog,0.9", header=f"{HEADER},score"))
    [item] = desk.bring_in(path)
    assert (item.external_id, item.line, item.media_url) == ("007", 2, "https://x.example/7.png")
    assert (item.given_label, item.guessed_label, item.extra) == ("cat", "dog", {"score": "0.9"})
    assert (item.role, item.media_type) == (ItemRole.SUSPECT, MediaType.IMAGE)


def test_the_batch_knows_how_many_items_it_has_and_each_item_its_size_on_the_page(desk: Desk) -> None:
    batch = make_batch(desk.db)
    first, _ = desk.bring_in(desk.file("items.csv", rows(row("1"), row("2"))), batch)
    desk.db.refresh(batch)
    assert batch.item_count == 2
    assert first.page_bytes == BUDGET.item_bytes(
        text=None, url="https://images.example/1.png", label_a="cat", label_b="dog"
    )


def test_a_tsv_file_becomes_items(desk: Desk) -> None:
    [item] = desk.bring_in(desk.file("items.tsv", rows(row()).replace(",", "\t")))
    assert item.given_label == "cat"


@pytest.mark.parametrize("name", ["items.jsonl", "items.ndjson"])
def test_a_json_lines_file_becomes_items_with_ids_as_they_were_written(name: str, desk: Desk) -> None:
    lines = [
        '{"ID": 7, "media": "https://x.example/7.png", "given_label": 3, "guessed_label": "5", "score": 0.5, "tags": ["a"]}',
        "",
        '{"id": 1e3, "url": "https://x.example/8.png", "given_label": "cat", "guessed_label": "dog", "role": "gold"}',
    ]
    first, second = desk.bring_in(desk.file(name, "\n".join(lines)))
    assert (first.external_id, first.line, first.given_label, first.extra) == (
        "7",
        1,
        "3",
        {"score": 0.5, "tags": ["a"]},
    )
    assert (second.external_id, second.line, second.role) == ("1e3", 3, ItemRole.GOLD)


def test_a_parquet_file_becomes_items_with_its_types_kept(desk: Desk) -> None:
    path = desk.folder / "items.parquet"
    table = pa.table(
        {
            "id": [7, 8],
            "url": ["https://x.example/7.png", "https://x.example/8.png"],
            "given_label": pa.array([b"cat", b"dog"]),
            "guessed_label": pa.array(["dog", "cat"]).dictionary_encode(),
            "probs": [[0.5, 0.25], None],
            "when": pa.array([datetime(2026, 11, 23, 12, 0)] * 2, pa.timestamp("ns")),  # noqa: DTZ001 - as files have it
            "price": [Decimal("1.10"), None],
            "nan": [float("nan"), 1.0],
        }
    )
    pq.write_table(table, path)
    first, second = desk.bring_in(path)
    assert (first.external_id, first.line, first.given_label, first.guessed_label) == ("7", 1, "cat", "dog")
    assert first.extra == {
        "probs": [0.5, 0.25],
        "when": "2026-11-23 12:00:00.000000000",
        "price": "1.10",
        "nan": "NaN",
    }
    assert (second.line, second.extra["probs"], second.extra["nan"]) == (2, None, 1.0)


def test_texts_come_in_exactly_as_they_are(desk: Desk) -> None:
    text = ' <b>"quotes", commas & lines\r\n]]> 👩\u200d🚀 \u202eعربى\u202c\t '
    file = io.StringIO()
    writer = csv.writer(file)
    writer.writerows([["id", "text", "given_label", "guessed_label"], ["é,1", text, "good, really", 'so "so"']])
    batch = make_batch(desk.db, media_type=MediaType.TEXT)
    [item] = desk.bring_in(desk.file("items.csv", file.getvalue()), batch)
    assert (item.external_id, item.text, item.media_url) == ("é,1", text, None)
    assert (item.given_label, item.guessed_label) == ("good, really", 'so "so"')


def test_a_byte_order_mark_crlf_and_a_header_in_capitals_are_welcome(desk: Desk) -> None:
    content = b"\xef\xbb\xbf ID ,URL,Given_Label,GUESSED_LABEL\r\n1,https://x.example/1.png,cat,dog\r\n\r\n"
    [item] = desk.bring_in(desk.file("items.csv", content))
    assert (item.external_id, item.line) == ("1", 2)


def test_local_files_are_copied_and_known_by_a_random_token_only(desk: Desk) -> None:
    (desk.folder / "cats").mkdir()
    desk.file("cats/1.png", picture("red"))
    desk.file("cats/same.png", picture("red"))
    desk.file("cats/2.png", picture("blue"))
    content = rows(
        "1,cats/1.png,cat,dog",
        "2,cats/same.png,cat,dog",
        "3,cats/2.png,cat,dog",
        header="id,path,given_label,guessed_label",
    )
    batch = make_batch(desk.db)
    report = desk.run(desk.file("items.csv", content), batch)
    assert (report.items, report.media_files) == (3, 2)
    first, same, other = desk.db.scalars(select(Item).order_by(Item.id))
    assert first.media_token == same.media_token != other.media_token
    for item, color in ((first, "red"), (other, "blue")):
        media = desk.db.get_one(MediaFile, item.media_token)
        assert path_of(desk.media_dir, media.sha256).read_bytes() == picture(color)
        assert media.content_type == "image/png"
        assert item.page_bytes == BUDGET.item_bytes(text=None, url="x" * 120, label_a="cat", label_b="dog")
    assert not list(desk.media_dir.glob(".incoming-*"))


def test_the_same_file_in_two_batches_is_kept_once_under_two_tokens(desk: Desk) -> None:
    desk.file("1.png", picture())
    path = desk.file("items.csv", rows("1,1.png,cat,dog", header="id,media,given_label,guessed_label"))
    [first], [second] = desk.bring_in(path), desk.bring_in(path)
    assert first.media_token != second.media_token
    assert len([file for file in desk.media_dir.rglob("*") if file.is_file()]) == 1


def test_a_hundred_thousand_rows_come_in_with_progress(desk: Desk) -> None:
    lines = [row(str(number), guessed=f"dog {number % 10}") for number in range(100_000)]
    steps: list[tuple[int, int | None]] = []
    batch = make_batch(desk.db)
    report = desk.run(desk.file("items.csv", rows(*lines)), batch, progress=lambda done, all: steps.append((done, all)))
    assert report.items == 100_000
    assert desk.db.scalar(select(func.count()).select_from(Item)) == 100_000
    assert len(steps) == 101
    assert steps[0] == (1_000, 100_001)
    assert steps[-1] == (100_000, 100_000)


def test_files_that_turn_up_late_among_urls_come_in_with_their_rows(desk: Desk) -> None:
    desk.file("late.png", picture("red"))
    desk.file("latest.png", picture("blue"))
    lines = [f"{n},https://images.example/{n}.png,cat,dog" for n in range(3_500)]
    lines[1_700] = "late,late.png,cat,dog"
    lines[2_300] = "again,late.png,cat,dog"
    lines[3_400] = "latest,latest.png,cat,dog"
    items = desk.bring_in(desk.file("items.csv", rows(*lines, header="id,media,given_label,guessed_label")))
    assert [item.line for item in items] == list(range(2, 3_502))
    tokens = {item.external_id: item.media_token for item in items if item.media_token}
    assert list(tokens) == ["late", "again", "latest"]
    assert tokens["late"] == tokens["again"] != tokens["latest"]


# What is refused


def test_all_faults_of_a_file_are_in_one_report_with_their_lines(desk: Desk) -> None:
    content = rows(
        row("1"),
        ',https://x.example/2.png,"two\nlines",dog',
        "3,https://x.example/3.png,cat,",
        row("1"),
        row("5", "cat", " cat "),
        "6,https://x.example/6.png,cat",
        ",,,",
        "8,not a url,cat,dog",
    )
    assert [(p.line, p.field) for p in desk.problems(desk.file("items.csv", content))] == [
        (3, "id"),
        (5, "guessed_label"),
        (6, "id"),
        (7, "guessed_label"),
        (8, None),
        (9, None),
        (10, "url"),
    ]


def test_a_duplicate_id_names_its_first_line_even_where_that_line_has_other_faults(desk: Desk) -> None:
    problems = desk.problems(desk.file("items.csv", rows(row("1", ""), row("1"))))
    assert problems[1] == Problem("'1' is the id of line 2 already; ids must differ", line=3, field="id")


def test_a_report_lists_a_thousand_faults_and_counts_all(desk: Desk) -> None:
    with pytest.raises(InvalidInput) as refused:
        desk.run(desk.file("items.csv", rows(*[row(str(n), "") for n in range(1_234)])), make_batch(desk.db))
    assert (len(refused.value.problems), refused.value.total) == (1_000, 1_234)
    assert str(refused.value).endswith("… and 234 more")


def test_a_file_that_cannot_be_read_to_its_end_leaves_nothing(desk: Desk) -> None:
    good = [row(str(number)) for number in range(1_500)]
    problem = desk.problem(desk.file("items.csv", rows(*good).encode() + b"x,u,K\xe4se,b\n"))
    assert (problem.line, problem.message[:12]) == (1_502, "is not UTF-8")


def test_nul_characters_in_a_csv_file_are_refused(desk: Desk) -> None:
    problem = desk.problem(desk.file("items.csv", rows("1,https://x.example/2.png,cat,do\x00g")))
    assert (problem.line, problem.field) == (2, "guessed_label")
    assert "U+0000 at position 3" in problem.message


def test_lone_surrogates_and_nul_in_json_are_refused_and_not_left_to_the_database(desk: Desk) -> None:
    line = r'{"id": "a\u0000", "url": "https://x.example/1", "given_label": "\ud800", "guessed_label": "b", "x\ud800": "\u0000"}'
    problems = desk.problems(desk.file("items.jsonl", line))
    assert [problem.field for problem in problems] == ["id", "given_label", "x\\ud800"]
    str(problems).encode()


def test_a_text_of_ten_megabytes_is_too_large_for_a_page_and_says_what_would_fit(desk: Desk) -> None:
    content = rows(f"1,{'long ' * 2_000_000},good,bad", header="id,text,given_label,guessed_label")
    problem = desk.problem(desk.file("items.csv", content), make_batch(desk.db, media_type=MediaType.TEXT))
    assert (problem.line, problem.field) == (2, "text")
    assert problem.message == (
        "the text and its labels take 10,000,514 bytes of the page and a HIT has room for 60,000; shorten them"
    )


def test_http_media_are_refused_where_pages_come_by_https(desk: Desk) -> None:
    path = desk.file("items.csv", rows("1,http://x.example/1.png,cat,dog"))
    assert "use https:" in desk.problem(path, https_only=True).message
    assert desk.bring_in(path)


def test_unreadable_media_are_named_and_the_sound_ones_are_not_kept(desk: Desk) -> None:
    desk.file("good.png", picture())
    desk.file("broken.png", picture()[:40])
    desk.folder.with_name("outside.png").write_bytes(picture())
    names = ["good.png", "broken.png", "missing.png", "../outside.png", ".", "https://x.example/1.png"]
    lines = [f"{number},{name},cat,dog" for number, name in enumerate(names)]
    problems = desk.problems(desk.file("items.csv", rows(*lines, header="id,path,given_label,guessed_label")))
    assert [problem.line for problem in problems] == [3, 4, 5, 6, 7]
    assert [problem.field for problem in problems] == ["path"] * 5
    assert problems[0].message == "'broken.png' is no undamaged PNG, JPEG, GIF, WebP or BMP image"
    assert problems[1].message == "'missing.png' does not exist in the folder of the media"


def test_an_upload_may_not_name_files(desk: Desk) -> None:
    content = rows("1,/etc/hostname,cat,dog", header="id,media,given_label,guessed_label")
    assert "use a URL" in desk.problem(desk.file("items.csv", content), media_root=None).message


def test_a_fault_far_down_leaves_nothing_of_the_rows_before_it(desk: Desk) -> None:
    desk.file("1.png", picture())
    lines = [f"{number},1.png,cat,dog" for number in range(2_500)]
    content = rows(*lines, "x,1.png,cat,", header="id,path,given_label,guessed_label")
    batch = make_batch(desk.db)
    assert desk.problem(desk.file("items.csv", content), batch).line == 2_502
    desk.db.refresh(batch)
    assert batch.item_count == 0


def test_after_a_refused_file_the_mended_one_comes_in(desk: Desk) -> None:
    batch = make_batch(desk.db)
    desk.problems(desk.file("items.csv", rows(row("1", ""))), batch)
    assert len(desk.bring_in(desk.file("items.csv", rows(row("1"))), batch)) == 1


def test_when_the_callers_transaction_fails_no_row_stays(database: Database, tmp_path: Path) -> None:
    path = tmp_path / "items.csv"
    path.write_text(rows(row()))

    def create_and_fail() -> None:
        with database.transaction() as db:
            Desk(db, tmp_path, tmp_path / "media").bring_in(path)
            raise Conflict("something later went wrong")

    with pytest.raises(Conflict):
        create_and_fail()
    with database.transaction() as db:
        assert db.scalar(select(func.count()).select_from(Batch)) == 0


def test_items_come_into_an_empty_draft_only(desk: Desk) -> None:
    path = desk.file("items.csv", rows(row()))
    live = make_batch(desk.db, status=BatchStatus.LIVE)
    with pytest.raises(Conflict, match="is live"):
        desk.run(path, live)
    filled = make_batch(desk.db)
    make_item(desk.db, filled)
    with pytest.raises(Conflict, match="already has its Items"):
        desk.run(path, filled)


def test_an_unknown_batch_is_named(desk: Desk) -> None:
    path = desk.file("items.csv", rows(row()))
    with pytest.raises(NotFound, match="Batch 404 does not exist"):
        import_items(desk.db, BatchId(404), ItemFile.of(path), media_root=None, media_dir=desk.media_dir, budget=BUDGET)


@pytest.mark.parametrize("write", [json.dumps, lambda v: json.dumps(v, ensure_ascii=False)])
def test_json_comes_in_the_same_however_it_is_escaped(write: Callable[[object], str], desk: Desk) -> None:
    label = "👩\u200d🚀 é \u202e"
    line = write({"id": "1", "url": "https://x.example/1", "given_label": label, "guessed_label": "b", label: [label]})
    [item] = desk.bring_in(desk.file("items.jsonl", line))
    assert (item.given_label, item.extra) == (label, {label.strip(): [label]})
