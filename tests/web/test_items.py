from sqlalchemy.orm import Session

from app.domain.vocabulary import Option
from tests.cast import Visitor
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

HOSTILE = '<script>alert("x")</script> & \u202e\U0001f600'


def test_items_show_labels_votes_and_verdict_and_nothing_of_them_runs(victor: Visitor, db: Session) -> None:
    batch = make_batch(db, name=HOSTILE)
    item = make_item(db, batch, external_id=HOSTILE, given_label=HOSTILE, guessed_label="dog")
    make_consensus(
        db, item, given_count=1, guessed_count=4, option=Option.GUESSED, category="correctable", agreement=0.8
    )
    db.commit()
    page = victor.client.get(f"/batches/{batch.id}/items").text
    assert "<script>alert" not in page
    assert "&lt;script&gt;" in page
    assert "Votes: given 1, guessed 4, both 0, neither 0, cannot tell 0" in page
    assert "v-correctable" in page


def test_items_are_narrowed_and_paged(victor: Visitor, db: Session) -> None:
    batch = make_batch(db)
    items = [make_item(db, batch) for _ in range(51)]
    make_consensus(db, items[7], category="neither")
    db.commit()
    first = victor.client.get(f"/batches/{batch.id}/items").text
    assert f"after={items[49].id}" in first
    assert f"/items/{items[50].id}" not in first
    assert f"/items/{items[50].id}" in victor.client.get(f"/batches/{batch.id}/items?after={items[49].id}").text
    narrowed = victor.client.get(f"/batches/{batch.id}/items?only=neither").text
    assert narrowed.count('<th scope="row">') == 1
    assert "No Item is correctable" in victor.client.get(f"/batches/{batch.id}/items?only=correctable").text


def test_a_picture_a_sound_and_a_text_each_show_as_what_they_are(victor: Visitor, db: Session) -> None:
    images, sounds, texts = make_batch(db), make_batch(db, media_type="audio"), make_batch(db, media_type="text")
    media = make_media_file(db)
    make_item(db, images, media_url=None, media_token=media.token)
    make_item(db, sounds, media_url="https://sounds.example/1.mp3")
    make_item(db, texts, media_url=None, text="A short text.")
    db.commit()
    assert f'src="/media/{media.token}"' in victor.client.get(f"/batches/{images.id}/items").text
    assert "<audio controls" in victor.client.get(f"/batches/{sounds.id}/items").text
    assert "A short text." in victor.client.get(f"/batches/{texts.id}/items").text


def test_an_item_shows_each_response_and_no_workers_own_id(rita: Visitor, db: Session) -> None:
    batch = make_batch(db)
    item = make_item(db, batch, extra={"pred_prob": 0.25})
    worker = make_worker(db, pseudonym="W-ada", marketplace_worker_id="A1SECRET")
    assignment = make_assignment(db, make_hit(db, batch, item), worker)
    make_response(db, assignment, item, None, comment=HOSTILE)
    db.commit()
    page = rita.client.get(f"/batches/{batch.id}/items/{item.id}").text
    assert "W-ada" in page
    assert "A1SECRET" not in page
    assert "cannot tell" in page
    assert "&lt;script&gt;" in page
    assert "pred_prob" in page


def test_an_item_of_another_batch_is_not_found(rita: Visitor, db: Session) -> None:
    item, other = make_item(db, make_batch(db)), make_batch(db)
    db.commit()
    assert rita.client.get(f"/batches/{other.id}/items/{item.id}").status_code == 404
