from httpx2 import Response
from sqlalchemy.orm import Session

from app.db.tables import Batch
from app.domain.vocabulary import BatchStatus
from tests.cast import Visitor
from tests.factories import NOW, make_assignment, make_batch, make_hit, make_item, make_worker


def post(visitor: Visitor, path: str, **form: str) -> Response:
    answer: Response = visitor.client.post(path, data={"csrf_token": visitor.csrf_token} | form)
    return answer


def over(db: Session) -> Batch:
    batch = make_batch(db, status="done", item_count=1, finished_at=NOW)
    hit = make_hit(db, batch, make_item(db, batch), status="done", marketplace_hit_id="3HIT")
    make_assignment(db, hit, make_worker(db), status="approved")
    db.commit()
    return batch


def test_a_batch_that_is_over_offers_its_archive_and_deleting_its_hits(rita: Visitor, db: Session) -> None:
    batch = over(db)
    page = rita.client.get(f"/batches/{batch.id}/ending").text
    assert f'href="/api/v1/batches/{batch.id}/archive.zip"' in page
    assert "Archive with Worker ids" in page
    assert "1 there, 0 deleted" in page
    assert "Nothing was exported since the Batch ended" in page
    assert "Give up waiting" not in page


def test_who_may_only_look_sees_no_button_and_no_worker_ids(victor: Visitor, db: Session) -> None:
    batch = over(db)
    page = victor.client.get(f"/batches/{batch.id}/ending").text
    assert "Archive with media" in page
    assert "Worker ids" not in page
    assert "Delete the HITs" not in page
    assert post(victor, f"/batches/{batch.id}/delete-hits").status_code == 403


def test_the_button_deletes_when_the_box_is_ticked(rita: Visitor, db: Session) -> None:
    batch = over(db)
    assert post(rita, f"/batches/{batch.id}/delete-hits").status_code == 409
    done = post(rita, f"/batches/{batch.id}/delete-hits", anyway="true")
    assert (done.status_code, done.headers["location"]) == (303, f"/batches/{batch.id}/ending")
    assert "1 being deleted" in rita.client.get(f"/batches/{batch.id}/ending").text


def test_a_stopping_batch_says_what_it_waits_for_and_can_be_given_up(rita: Visitor, db: Session) -> None:
    batch = over(db)
    batch.status = BatchStatus.STOPPING
    make_hit(db, batch, make_item(db, batch), status="live", pending=1, marketplace_hit_id="3LIVE")
    db.commit()
    page = rita.client.get(f"/batches/{batch.id}/ending").text
    assert "1 Worker still at work" in page
    assert "A Batch can be archived once it is done or stopped" in page
    assert "is stopping: its HITs can be deleted once it is done or stopped" in page
    assert post(rita, f"/batches/{batch.id}/give-up").status_code == 303
    assert "Give up waiting" in rita.client.get(f"/batches/{batch.id}/ending").text


def test_a_draft_waits_for_its_launch(rita: Visitor, db: Session) -> None:
    batch = make_batch(db)
    db.commit()
    assert "It was not launched yet" in rita.client.get(f"/batches/{batch.id}/ending").text
