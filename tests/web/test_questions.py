from sqlalchemy.orm import Session

from app.questions import catalogue
from tests.cast import Visitor
from tests.factories import make_batch, make_item, make_media_file


def test_every_template_is_shown_in_a_frame_that_cannot_reach_us(victor: Visitor) -> None:
    page = victor.client.get("/questions").text
    for name in ("audio", "image", "text"):
        assert f'src="/questions/{name}/frame" sandbox="allow-scripts"' in page
        assert victor.client.get(f"/questions/{name}/frame").status_code == 200


def test_an_unknown_template_is_not_found(victor: Visitor) -> None:
    assert victor.client.get("/questions/smell/frame").status_code == 404


def test_a_batchs_preview_shows_its_first_hit_without_telling_which_label_is_given(
    victor: Visitor, db: Session
) -> None:
    source = catalogue.load("image").source
    frames = []
    for given, guessed in (("cat", "dog"), ("dog", "cat")):
        batch = make_batch(db, template_source=source, items_per_hit=2)
        for number in range(3):
            make_item(db, batch, given_label=given, guessed_label=guessed, media_url=f"https://images.example/{number}")
        db.commit()
        frames.append(victor.client.get(f"/batches/{batch.id}/preview/frame").text)
    assert frames[0] == frames[1]
    assert "Picture 2 of 2" in frames[0]


def test_an_imported_file_is_shown_by_its_public_address(victor: Visitor, db: Session) -> None:
    batch = make_batch(db, template_source=catalogue.load("image").source)
    media = make_media_file(db)
    make_item(db, batch, media_url=None, media_token=media.token)
    db.commit()
    frame = victor.client.get(f"/batches/{batch.id}/preview/frame").text
    assert f"http://127.0.0.1:8700/media/{media.token}" in frame
