from base64 import b64encode
from datetime import UTC, datetime, timedelta
from decimal import Decimal
from pathlib import Path
from xml.etree import ElementTree

import numpy as np
import pytest
from PIL import Image
from sqlalchemy.orm import Session

from app.db.media_files import path_of
from app.db.tables import Batch, Payment
from app.domain.vocabulary import BatchId, BatchStatus, ItemRole, MediaType, Option
from app.errors import NotFound
from app.pipeline.batch_report import read
from app.questions import catalogue
from app.reporting.batch_document import batch_document
from app.reporting.pages import html, markdown
from app.reporting.record import NONE, BatchRecord, ShownPage
from tests.factories import (
    NOW,
    make_assignment,
    make_batch,
    make_hit,
    make_item,
    make_media_file,
    make_response,
    make_worker,
)
from tests.pipeline.answered import answered_batch, items_of, settle

NO_MEDIA = Path("/nowhere")


def record_of(db: Session, batch: Batch, media_dir: Path = NO_MEDIA) -> BatchRecord:
    db.flush()
    return read(db, BatchId(batch.id), now=NOW, media_dir=media_dir)


def shown_of(db: Session, batch: Batch, media_dir: Path = NO_MEDIA) -> ShownPage:
    shown = record_of(db, batch, media_dir).terms.shown
    assert shown is not None
    return shown


def words_of(shown: ShownPage) -> str:
    return " ".join("".join(ElementTree.fromstring(shown.svg).itertext()).split())


def test_items_and_responses_are_read_in_the_files_order(db: Session) -> None:
    record = record_of(db, answered_batch(db, "given given given", "guessed both", "cannot given"))
    assert list(record.items.ids) == ["0", "1", "2"]
    assert record.votes.counts().tolist() == [[3, 0, 0, 0], [0, 1, 1, 0], [1, 0, 0, 0]]
    assert (record.work.cannot_tell, list(record.workers)) == (1, ["W-a", "W-b", "W-c"])


def test_an_item_is_settled_as_its_consensus_says_and_at_the_end_in_any_case(db: Session) -> None:
    batch = answered_batch(db, "given given given", "given guessed", status=BatchStatus.LIVE)
    assert record_of(db, batch).items.settled.tolist() == [True, False]
    batch.status = BatchStatus.STOPPED
    assert record_of(db, batch).items.settled.tolist() == [True, True]


def test_what_does_not_count_is_left_out_and_counted(db: Session) -> None:
    batch = make_batch(db)
    item = make_item(db, batch)
    for counted in (True, False):
        make_response(db, make_assignment(db, make_hit(db, batch, item), make_worker(db)), item, counted=counted)
    record = record_of(db, batch)
    assert (len(record.responses), record.work.not_counted, len(record.workers)) == (1, 1, 1)


def test_gold_items_bring_their_right_answer(db: Session) -> None:
    batch = make_batch(db)
    make_item(db, batch, role=ItemRole.GOLD)
    make_item(db, batch, role=ItemRole.GOLD, extra={"expected_option": " Guessed "})
    make_item(db, batch, extra={"expected_option": "guessed"})
    assert record_of(db, batch).items.gold.tolist() == [0, 1, NONE]


def test_columns_of_numbers_are_read_as_numbers_and_no_others(db: Session) -> None:
    batch = make_batch(db)
    make_item(db, batch, extra={"score": 0.5, "confidence": "1e-3", "word": "a", "mixed": "1", "some": 2, "list": [1]})
    make_item(db, batch, extra={"score": -2, "confidence": "", "word": "b", "mixed": "one", "nothing": None})
    extra = record_of(db, batch).items.extra
    assert list(extra) == ["confidence", "score", "some"]
    np.testing.assert_array_equal(extra["score"], [0.5, -2.0])
    np.testing.assert_array_equal(extra["confidence"], [0.001, np.nan])


def test_the_order_of_choices_and_of_answers_is_kept(db: Session) -> None:
    batch = make_batch(db)
    items = [make_item(db, batch) for _ in range(3)]
    worker = make_worker(db)
    orders = (["given", "guessed"], ["guessed", "given"], ["both"])
    for number, (item, order) in enumerate(zip(items, orders, strict=True)):
        assignment = make_assignment(
            db, make_hit(db, batch, item), worker, submitted_at=NOW - timedelta(minutes=number)
        )
        make_response(db, assignment, item, Option.GUESSED, order_shown=order, elapsed_ms=None if number else 900)
    said = record_of(db, batch).responses
    assert (said.shown_first.tolist(), said.shown_second.tolist()) == ([0, 1, NONE], [1, 0, NONE])
    assert said.sequence.tolist() == [3, 2, 1]
    np.testing.assert_array_equal(said.elapsed_ms, [900.0, np.nan, np.nan])


def test_money_and_hourly_pay(db: Session) -> None:
    batch = make_batch(db)
    item = make_item(db, batch)
    hit = make_hit(db, batch, item)
    assignment = make_assignment(db, hit, make_worker(db), status="approved", accepted_at=NOW - timedelta(seconds=60))
    make_response(db, assignment, item, elapsed_ms=36_000)
    for kind, amount, status in (("reward", "0.10", "paid"), ("fee", "0.02", "owed")):
        columns = {"batch_id": batch.id, "hit_id": hit.id, "assignment_id": assignment.id}
        db.add(Payment(**columns, kind=kind, amount_usd=Decimal(amount), status=status))
    money = record_of(db, batch).money
    assert (money.rewards_usd, money.fees_usd, money.owed_usd) == (Decimal("0.10"), Decimal("0.02"), Decimal("0.02"))
    assert money.hourly_usd.tolist() == [pytest.approx(10.0)]


def test_the_items_digest_follows_what_was_imported(db: Session) -> None:
    first, second, third = (make_batch(db) for _ in range(3))
    for batch, label in ((first, "cat"), (second, "cat"), (third, "lynx")):
        make_item(db, batch, external_id="1", given_label=label, media_url="https://images.example/1.png")
    digests = [record_of(db, batch).items.sha256 for batch in (first, second, third)]
    assert digests[0] == digests[1] != digests[2]
    assert len(digests[0]) == 64


def test_the_question_is_quoted_from_the_batchs_own_template(db: Session) -> None:
    source = "<h1>{{ title }}</h1>{% for item in items %}<p>{{ item.label_a }} or {{ item.label_b }}?</p>{% endfor %}"
    batch = make_batch(db, template_source=source)
    assert record_of(db, batch).terms.page == ("Which label fits?", "[one of the two labels] or [the other label]?")
    batch.template_source = "{{ nothing }}"
    terms = record_of(db, batch).terms
    assert (terms.page, terms.shown) == ((), None)


def test_the_page_is_drawn_for_the_first_item_that_is_no_gold_item(db: Session) -> None:
    batch = make_batch(db, template_source=catalogue.load("image").source)
    make_item(db, batch, role=ItemRole.GOLD, given_label="sure")
    make_item(db, batch, external_id="007", given_label="dog <b>", guessed_label="cat")
    make_item(db, batch, external_id="008")
    shown = shown_of(db, batch)
    assert shown.item == "007"
    assert "cat1 dog <b>2 Both are right3" in words_of(shown)
    page = html(batch_document(record_of(db, batch)))
    assert "Drawn for the Batch’s first Item, “007”, gold Items aside" in page
    assert 'alt="The page that a Worker saw, with Item “007”. Its words follow."' in page


def test_a_batch_without_items_shows_names_in_their_place(db: Session) -> None:
    batch = make_batch(db, template_source=catalogue.load("text").source, media_type=MediaType.TEXT)
    shown = shown_of(db, batch)
    assert shown.item is None
    assert "[the text]" in words_of(shown)
    assert "The Batch has no Items yet" in markdown(batch_document(record_of(db, batch)))


def test_an_imported_picture_stands_on_the_page(db: Session, tmp_path: Path) -> None:
    batch = make_batch(db, template_source=catalogue.load("image").source)
    medium = make_media_file(db)
    make_item(db, batch, media_url=None, media_token=medium.token)
    path = path_of(tmp_path, medium.sha256)
    assert "A box stands for the picture" in " ".join(shown_of(db, batch, tmp_path).changed)  # its file is not there
    path.parent.mkdir()
    Image.new("RGB", (28, 28), "navy").save(path, "PNG")
    shown = shown_of(db, batch, tmp_path)
    assert f'src="data:image/png;base64,{b64encode(path.read_bytes()).decode()}"' in shown.svg
    assert shown.changed == ()


def test_a_picture_from_elsewhere_is_a_box_and_is_not_fetched(db: Session) -> None:
    batch = make_batch(db, template_source=catalogue.load("image").source)
    make_item(db, batch, media_url="https://images.example/1.png?key=secret")
    shown = shown_of(db, batch)
    assert "https://images.example/1.png" in words_of(shown)
    assert "secret" not in shown.svg
    assert shown.changed == ("A box stands for the picture, which is kept elsewhere.",)


def test_wherever_a_template_writes_the_address_it_has_no_key(db: Session) -> None:
    source = """{% for item in items %}<p data-src="{{ item.media_url }}">{{ item.media_url }}</p>{% endfor %}"""
    batch = make_batch(db, template_source=source)
    make_item(db, batch, media_url="https://images.example/1.png?key=secret")
    shown = shown_of(db, batch)
    assert 'data-src="https://images.example/1.png"' in shown.svg
    assert "secret" not in shown.svg


def test_a_long_text_is_cut_and_that_is_said(db: Session) -> None:
    batch = make_batch(db, template_source=catalogue.load("text").source, media_type=MediaType.TEXT)
    make_item(db, batch, media_url=None, text="word " * 300)
    shown = shown_of(db, batch)
    assert words_of(shown).count("word") < 60
    assert shown.changed == ("Its text of 1,500 characters is cut.",)


@pytest.mark.parametrize("media", list(MediaType))
def test_every_kind_of_medium_has_a_report(media: MediaType, db: Session) -> None:
    batch = make_batch(db, media_type=media)
    text = {"media_url": None, "text": "Words"} if media is MediaType.TEXT else {}
    make_item(db, batch, **text)
    assert html(batch_document(record_of(db, batch))).startswith("<!DOCTYPE html>")


def test_a_report_names_workers_by_pseudonym_alone(db: Session) -> None:
    batch = answered_batch(db, *["given given given"] * 3, "guessed guessed guessed", status=BatchStatus.DONE)
    for item in items_of(db, batch):
        assert item.batch_id == batch.id
    settle(db, batch)
    document = batch_document(record_of(db, batch))
    for written in (html(document), markdown(document)):
        assert "W-a" in written
        assert "A-a" not in written.replace("UTF-A", "")


def test_a_batch_that_is_not_there_is_named(db: Session) -> None:
    with pytest.raises(NotFound):
        read(db, BatchId(404), now=datetime.now(UTC), media_dir=NO_MEDIA)
