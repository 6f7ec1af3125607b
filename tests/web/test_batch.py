from decimal import Decimal
from html.parser import HTMLParser

import pytest
from sqlalchemy import insert
from sqlalchemy.orm import Session

from app.db.engine import Database
from app.db.tables import Batch, Operation
from app.domain.vocabulary import BatchStatus, ItemRole, Role
from app.main import create_app
from app.questions import catalogue
from app.settings import Settings
from tests.cast import RITA, Visitor, browsing, sign_up
from tests.factories import NOW, make_assignment, make_batch, make_consensus, make_hit, make_item, make_worker
from tests.marketplace_server import running_marketplace
from tests.pipeline.answered import answered_batch

LOUD = "What you launch here spends real money"


def draft(db: Session, **columns: object) -> Batch:
    """A draft of two Items with the real image template."""
    batch = make_batch(db, item_count=2, template_source=catalogue.load("image").source, cap_usd=None, **columns)
    make_item(db, batch)
    make_item(db, batch)
    db.commit()
    return batch


def test_a_draft_shows_what_it_will_cost_before_anything_is_spent(rita: Visitor, db: Session) -> None:
    batch = draft(db)
    page = rita.client.get(f"/batches/{batch.id}").text
    assert "Nothing is published yet" in page
    assert "Launch for $0.60" in page
    assert f'hx-get="/batches/{batch.id}/progress"' not in page  # nothing of it moves yet


def test_a_live_batch_follows_itself_until_it_is_finished(rita: Visitor, db: Session) -> None:
    batch = make_batch(db, status="live", item_count=1, launched_at=NOW)
    item = make_item(db, batch)
    make_hit(db, batch, item)
    make_consensus(db, item)
    db.commit()
    progress = rita.client.get(f"/batches/{batch.id}/progress").text
    assert 'hx-trigger="every 2s"' in progress
    assert "<html" not in progress
    assert "Of 1 Items: 1 non-error" in progress
    batch.status, batch.finished_at = BatchStatus.DONE, NOW
    db.commit()
    progress = rita.client.get(f"/batches/{batch.id}/progress").text
    assert "hx-trigger" not in progress
    assert "Finished 23 Nov 2026, 12:00 UTC" in progress


def test_a_large_batch_is_asked_less_often(rita: Visitor, db: Session) -> None:
    batch = make_batch(db, status="live", item_count=100_000)
    db.commit()
    assert 'hx-trigger="every 15s"' in rita.client.get(f"/batches/{batch.id}/progress").text


def test_what_needs_a_person_is_shown(rita: Visitor, db: Session) -> None:
    batch = make_batch(db, status="paused", attention="The account is empty.")
    hit = make_hit(db, batch, make_item(db, batch))
    make_assignment(db, hit, make_worker(db), answer_state="quarantined", problem="no choice", raw_answer=b"<x>&</x>")
    failed = {"batch_id": batch.id, "hit_id": hit.id, "kind": "publish", "status": "failed"}
    db.execute(insert(Operation).values(**failed, error="CreateHIT: <refused>"))
    db.commit()
    page = rita.client.get(f"/batches/{batch.id}").text
    assert "The account is empty." in page
    assert "CreateHIT: &lt;refused&gt;" in page
    assert "1 unreadable" in page
    kept = rita.client.get(f"/batches/{batch.id}/quarantine").text
    assert "&lt;x&gt;&amp;&lt;/x&gt;" in kept
    assert "no choice" in kept


def test_launch_publishes_on_the_running_marketplace(settings: Settings, database: Database, db: Session) -> None:
    batch = draft(db)
    with running_marketplace(settings, database) as url:
        app = create_app(settings.model_copy(update={"marketplace_public_url": url}), database)
        with browsing(app, database, sign_up(database, RITA, Role.OWNER)) as rita:
            answer = rita.client.post(f"/batches/{batch.id}/launch", data={"csrf_token": rita.csrf_token})
            assert (answer.status_code, answer.headers["location"]) == (303, f"/batches/{batch.id}")
    db.refresh(batch)
    assert (batch.status, batch.cap_usd) == ("live", Decimal("0.60"))


def test_a_refused_launch_says_why_and_leaves_the_draft(rita: Visitor, db: Session) -> None:
    batch = draft(db)
    answer = rita.client.post(f"/batches/{batch.id}/launch", data={"csrf_token": rita.csrf_token})
    assert answer.status_code == 503
    assert f'href="/batches/{batch.id}"' in answer.text
    db.refresh(batch)
    assert batch.status == "draft"


def test_production_is_loud_and_asks_for_the_amount(rita: Visitor, db: Session) -> None:
    page = rita.client.get(f"/batches/{draft(db, profile='production').id}").text
    assert "What you launch here spends real money" in page
    assert 'name="confirmed_usd"' in page
    assert 'name="confirmed_usd"' not in rita.client.get(f"/batches/{draft(db).id}").text


@pytest.mark.parametrize("page", ["", "/quarantine", "/items", "/items/4711", "/preview"])
def test_every_page_about_a_production_batch_is_loud(rita: Visitor, db: Session, page: str) -> None:
    assert LOUD in rita.client.get(f"/batches/{draft(db, profile='production').id}{page}").text
    assert LOUD not in rita.client.get(f"/batches/{draft(db).id}{page}").text


def test_what_is_refused_on_a_production_batch_is_loud_too(rita: Visitor, db: Session) -> None:
    batch = draft(db, profile="production")
    for verb, form, status in (
        ("pause", {}, 409),
        ("cap", {"cap_usd": "much"}, 422),
        ("stop", {"csrf_token": ""}, 403),
    ):
        answer = rita.client.post(f"/batches/{batch.id}/{verb}", data={"csrf_token": rita.csrf_token} | form)
        assert (answer.status_code, LOUD in answer.text) == (status, True)


def test_a_refusal_keeps_the_names_of_settings_as_they_are(rita: Visitor, db: Session) -> None:
    batch = draft(db, profile="production")
    form = {"csrf_token": rita.csrf_token, "confirmed_usd": "0.60"}
    assert "LABELJURY_ALLOW_PRODUCTION=true" in rita.client.post(f"/batches/{batch.id}/launch", data=form).text


def test_an_amount_that_is_none_is_refused(rita: Visitor, db: Session) -> None:
    form = {"csrf_token": rita.csrf_token, "confirmed_usd": "a lot"}
    answer = rita.client.post(f"/batches/{draft(db).id}/launch", data=form)
    assert (answer.status_code, "no amount in USD" in answer.text) == (422, True)


def test_pause_resume_and_stop_return_to_the_batch(rita: Visitor, db: Session) -> None:
    batch = make_batch(db, status="live")
    db.commit()
    for verb, status in (("pause", "paused"), ("resume", "live"), ("stop", "stopping")):
        answer = rita.client.post(f"/batches/{batch.id}/{verb}", data={"csrf_token": rita.csrf_token})
        assert (answer.status_code, answer.headers["location"]) == (303, f"/batches/{batch.id}")
        db.refresh(batch)
        assert batch.status == status
    answer = rita.client.post(f"/batches/{batch.id}/pause", data={"csrf_token": rita.csrf_token})
    assert (answer.status_code, "cannot become paused" in answer.text) == (409, True)


def test_raising_the_cap_of_real_money_needs_it_typed_once_more(rita: Visitor, db: Session) -> None:
    batch = make_batch(db, status="live", profile="production", cap_usd=Decimal("1.00"), launched_at=NOW)
    db.commit()
    where, form = f"/batches/{batch.id}", {"csrf_token": rita.csrf_token, "cap_usd": "2.00"}
    assert "To raise the cap, type the amount once more" in rita.client.get(where).text
    assert rita.client.post(f"{where}/cap", data=form).status_code == 409
    assert rita.client.post(f"{where}/cap", data=form | {"confirmed_usd": "2.00"}).status_code == 303
    db.refresh(batch)
    assert batch.cap_usd == Decimal("2.00")


def test_the_cap_is_changed_by_hand(rita: Visitor, db: Session) -> None:
    batch = draft(db)
    rita.client.post(f"/batches/{batch.id}/cap", data={"csrf_token": rita.csrf_token, "cap_usd": "$1,234.50"})
    db.refresh(batch)
    assert batch.cap_usd == Decimal("1234.50")


def test_a_viewer_sees_no_buttons_and_may_not_send_them_either(victor: Visitor, db: Session) -> None:
    batch = draft(db)
    page = victor.client.get(f"/batches/{batch.id}")
    assert page.status_code == 200
    assert "<form" not in page.text
    assert "worker_ids=true" not in page.text
    for verb in ("launch", "pause", "resume", "stop", "cap"):
        answer = victor.client.post(f"/batches/{batch.id}/{verb}", data={"csrf_token": victor.csrf_token})
        assert answer.status_code == 403
    assert victor.client.get("/batches/new").status_code == 403


@pytest.mark.parametrize("number", ["4711", "0", "99999999999999999999", "seven"])
@pytest.mark.parametrize("page", ["", "/items", "/preview", "/progress"])
def test_an_unknown_batch_is_a_page_and_not_a_crash(rita: Visitor, number: str, page: str) -> None:
    answer = rita.client.get(f"/batches/{number}{page}")
    assert answer.status_code == 404
    assert "Not found" in answer.text


def test_a_pilot_that_waits_can_be_released_and_not_resumed(rita: Visitor, db: Session) -> None:
    batch = make_batch(
        db,
        status=BatchStatus.PAUSED,
        pause_reason="pilot",
        pilot_items=1,
        item_count=2,
        planned_items=1,
        attention="The pilot's 1 Items are answered.",
    )
    db.commit()
    page = rita.client.get(f"/batches/{batch.id}").text
    assert "Release the rest" in page
    assert "/resume" not in page
    answer = rita.client.post(f"/batches/{batch.id}/release", data={"csrf_token": rita.csrf_token})
    assert answer.status_code == 303
    db.expire_all()
    assert (batch.status, batch.attention) == ("live", None)
    assert batch.released_at is not None


def test_items_that_ended_short_can_be_asked_for_once_more(rita: Visitor, db: Session) -> None:
    batch = make_batch(db, status=BatchStatus.DONE, item_count=1, planned_items=1, launched_at=NOW, finished_at=NOW)
    make_item(db, batch, shortfall="cap")
    db.commit()
    page = rita.client.get(f"/batches/{batch.id}").text
    assert "Ask once more for 1 Item<" in page
    assert "Change the cap" in page
    assert rita.client.post(f"/batches/{batch.id}/repost", data={"csrf_token": rita.csrf_token}).status_code == 303
    db.expire_all()
    assert batch.status == "live"


class Links(HTMLParser):
    """The downloads of a page: address and name of each."""

    def __init__(self, page: str) -> None:
        super().__init__()
        self.found: dict[str, str] = {}
        self._href = ""
        self.feed(page)

    def handle_starttag(self, tag: str, attrs: list[tuple[str, str | None]]) -> None:
        if tag == "a":
            self._href = dict(attrs).get("href") or ""

    def handle_data(self, data: str) -> None:
        if self._href.startswith("/api/v1/batches/"):
            self.found[self._href] = self.found.get(self._href, "") + data

    def handle_endtag(self, tag: str) -> None:
        if tag == "a":
            self._href = ""


MEDIA_TYPES = {
    "csv": "text/csv; charset=utf-8",
    "jsonl": "application/x-ndjson",
    "parquet": "application/vnd.apache.parquet",
    "json": "application/json",
    "npy": "application/octet-stream",
    "html": "text/html; charset=utf-8",
    "md": "text/markdown; charset=utf-8",
}


def test_every_download_of_the_page_is_there_under_its_name(rita: Visitor, db: Session) -> None:
    batch = answered_batch(db, "given given given", "guessed guessed guessed", "given both")
    db.commit()
    links = Links(rita.client.get(f"/batches/{batch.id}").text).found
    tables = [
        f"{name}.{suffix}"
        for name in ("consensus", "responses", "labels", "long", "cleanlab")
        for suffix in ("csv", "jsonl", "parquet")
    ]
    names = {url.rpartition("/")[2] for url in links}
    assert names >= {
        *tables,
        "labels.npy",
        "study.json",
        "report.html",
        "report.md",
        "results.csv",
        "consensus.parquet?method=jury",
    }
    assert len(set(links.values())) == len(links)  # each says what it is, read by itself
    for url in links:
        name, _, asked = url.rpartition("/")[2].partition("?")
        answer = rita.client.get(url)
        assert (url, answer.status_code) == (url, 200)
        assert answer.headers["content-type"] == MEDIA_TYPES[name.rpartition(".")[2]]
        file = f"Batch_{batch.id}_batch_results.csv" if name == "results.csv" else f"batch-{batch.id}-{name}"
        if asked == "worker_ids=true":
            file = file.replace(".", "-with-worker-ids.", 1)
        assert answer.headers["content-disposition"] == f'attachment; filename="{file}"'


def test_worker_ids_are_offered_to_owners_alone(rita: Visitor, victor: Visitor, db: Session) -> None:
    batch = draft(db)
    offered = [
        {url for url in Links(visitor.client.get(f"/batches/{batch.id}").text).found if "worker_ids" in url}
        for visitor in (rita, victor)
    ]
    assert [len(urls) for urls in offered] == [3, 0]


@pytest.mark.parametrize(
    ("items", "reason"),
    [
        ([("0", "cat", "dog"), ("1", "dog", "cat")], None),
        ([("0", "3", "4"), ("1", "5", "3")], None),
        ([("0", "3", "4"), ("2", "5", "3")], "ids are not all numbers from 0 on"),
        ([("00", "3", "4"), ("1", "5", "3")], "ids are not all numbers from 0 on"),
        ([("digit-0", "3", "4"), ("1", "5", "3")], "ids are not all numbers from 0 on"),
        ([("9" * 40, "3", "4")], "ids are not all numbers from 0 on"),
        ([], "ids are not all numbers from 0 on"),
        ([("0", "3", "cat"), ("1", "5", "3")], "given labels are numbers, guessed ones are not"),
    ],
)
def test_an_array_of_labels_is_offered_only_where_it_can_be_made(
    items: list[tuple[str, str, str]], reason: str | None, rita: Visitor, db: Session
) -> None:
    batch = make_batch(db, item_count=len(items))
    for id, given, guessed in items:
        item = make_item(db, batch, external_id=id, given_label=given, guessed_label=guessed)
        make_consensus(db, item, given_count=0, guessed_count=5, response_count=5)
    make_item(db, batch, external_id="gold", role=ItemRole.GOLD)
    db.commit()
    page = rita.client.get(f"/batches/{batch.id}").text
    made = rita.client.get(f"/api/v1/batches/{batch.id}/labels.npy").status_code == 200
    assert ("labels.npy" in page, made) == (reason is None, reason is None)
    assert ("; no .npy, since " in page) == (reason is not None)
    assert reason is None or f"; no .npy, since {reason}" in page
