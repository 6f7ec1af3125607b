from collections.abc import Sequence
from datetime import UTC, datetime, timedelta
from decimal import Decimal
from typing import Any

import pytest
from sqlalchemy import text
from sqlalchemy.orm import Session

from app.db import bonus_intents, funds
from app.db.bonus_intents import WantedBonus
from app.db.tables import Batch
from app.domain.vocabulary import AlertKind, AssignmentId, BatchId, HITId, OperationStatus, Option, PauseReason
from app.pipeline import alert_report, compensation, connection, watch
from app.settings import Settings
from tests.factories import make_assignment, make_batch, make_consensus, make_hit, make_item, make_response, make_worker

URL = "http://127.0.0.1:8701"
LOCAL = {"local": URL}


def now(db: Session) -> datetime:
    moment: datetime = db.execute(text("SELECT now()")).scalar_one()
    return moment


def live(db: Session, **columns: Any) -> Batch:
    return make_batch(db, status="live", launched_at=now(db) - timedelta(hours=5), **{"endpoint_url": URL, **columns})


def look(db: Session, endpoints: dict[str, str] | None = None) -> tuple[list[str], list[str]]:
    seen = watch.look(db, endpoints or {}, announce=True)
    return list(seen.raised), list(seen.cleared)


def later(db: Session, seconds: int) -> None:
    """As if so much time had passed since the alerts were last looked at."""
    db.execute(text("UPDATE alerts SET seen_at = seen_at - make_interval(secs => :s)"), {"s": seconds})


def message(db: Session, kind: AlertKind) -> str:
    (found,) = [alert.message for alert in alert_report.alerts_seen(db) if alert.kind is kind]
    return found


# --- stalled ---


def test_a_batch_that_nobody_answers_for_an_hour_is_told_of_and_a_submission_ends_it(db: Session) -> None:
    batch = live(db)
    item = make_item(db, batch)
    hit = make_hit(db, batch, item, max_assignments=5)
    make_assignment(db, hit, make_worker(db), status="approved", collected_at=now(db) - timedelta(minutes=59))
    assert look(db) == ([], [])
    db.execute(text("UPDATE assignments SET collected_at = collected_at - interval '2 minutes'"))
    assert look(db) == ([f"stalled batch {batch.id}"], [])
    assert look(db) == ([], [])  # told once
    make_assignment(db, hit, make_worker(db), status="approved", collected_at=now(db))
    assert look(db) == ([], [f"stalled batch {batch.id}"])


@pytest.mark.parametrize(
    "columns",
    [
        {"exhausted": True},
        {"expires_at": datetime(2026, 1, 1, tzinfo=UTC)},
        {"status": "done"},
        {"max_assignments": 1, "pending": 1},
    ],
)
def test_a_batch_without_free_places_is_not_stalled(db: Session, columns: dict[str, Any]) -> None:
    batch = live(db)
    make_hit(db, batch, make_item(db, batch), **columns)
    assert look(db) == ([], [])


def test_a_batch_just_launched_or_just_found_again_waits_an_hour_before_it_is_stalled(db: Session) -> None:
    batch = live(db)
    make_hit(db, batch, make_item(db, batch))
    db.execute(
        text("INSERT INTO endpoints (url, calls_per_second, next_call_at, resumed_at) VALUES (:url, 1, now(), now())"),
        {"url": URL},
    )
    assert look(db) == ([], [])
    db.execute(text("UPDATE endpoints SET resumed_at = now() - interval '61 minutes'"))
    assert look(db)[0] == [f"stalled batch {batch.id}"]


# --- clocks that run out ---


def test_hits_near_their_end_with_free_places_are_told_of(db: Session) -> None:
    batch = live(db, lifetime_s=36_000, repost_limit=1)  # the last hour
    soon, later_on = now(db) + timedelta(minutes=50), now(db) + timedelta(minutes=70)
    for ends, reposts, exhausted in ((soon, 0, False), (soon, 1, False), (soon, 1, True), (later_on, 0, False)):
        hit = make_hit(db, batch, make_item(db, batch), expires_at=ends, reposts=reposts, exhausted=exhausted)
        make_assignment(db, hit, make_worker(db), status="approved")
    assert look(db)[0] == [f"near_expiry batch {batch.id}"]
    said = message(db, AlertKind.NEAR_EXPIRY)
    assert "2 HITs with free places" in said
    assert "1 will be offered again" in said
    db.execute(text("UPDATE hits SET expires_at = expires_at + interval '5 hours'"))
    assert look(db)[1] == []
    later(db, 61)
    assert look(db)[1] == [f"near_expiry batch {batch.id}"]


def test_work_that_will_be_paid_by_itself_is_told_of_before_that(db: Session) -> None:
    batch = live(db, auto_approval_delay_s=36_000)
    hit = make_hit(db, batch, make_item(db, batch), exhausted=True)
    soon = now(db) + timedelta(minutes=30)
    make_assignment(db, hit, make_worker(db), status="submitted", auto_approval_at=soon, held_at=now(db))
    make_assignment(db, hit, make_worker(db), status="submitted", auto_approval_at=soon)
    make_assignment(db, hit, make_worker(db), status="approved", auto_approval_at=soon)
    make_assignment(db, hit, make_worker(db), status="submitted", auto_approval_at=soon + timedelta(hours=1))
    assert look(db)[0] == [f"auto_approval batch {batch.id}"]
    said = message(db, AlertKind.AUTO_APPROVAL)
    assert "2 Assignments" in said
    assert "1 of them wait" in said


# --- answers that change ---


def answered(db: Session, batch: Batch, votes: Sequence[str], agreement: float) -> None:
    """An Item with one Response for each of `votes`, settled with this agreement."""
    item = make_item(db, batch)
    hit = make_hit(db, batch, item, exhausted=True, status="done")
    for option in votes:
        worker = make_worker(db)
        assignment = make_assignment(db, hit, worker, status="approved", collected_at=now(db))
        make_response(db, assignment, item, option=Option(option))
    make_consensus(db, item, status="settled", agreement=agreement)


def test_workers_who_agree_less_than_before_are_told_of(db: Session) -> None:
    batch = live(db)
    for n in range(200):
        answered(db, batch, ["given", "given"], 1.0 if n % 3 else 0.8)
    assert look(db) == ([], [])
    for n in range(100):
        answered(db, batch, ["given", "given"], 0.6 if n % 3 else 0.8)
    assert look(db)[0] == [f"disagreement batch {batch.id}"]


def test_answers_that_move_to_another_option_are_told_of(db: Session) -> None:
    batch = live(db)
    for n in range(250):
        answered(db, batch, ["given", "given"] if n % 2 else ["guessed", "guessed"], 1.0)
    assert look(db) == ([], [])
    for _ in range(150):
        answered(db, batch, ["neither", "neither"], 1.0)
    assert look(db)[0] == [f"drift batch {batch.id}"]
    assert "“neither”" in message(db, AlertKind.DRIFT)


# --- what others found ---


def test_a_batch_that_says_why_it_cannot_go_on_is_told_of_until_it_can(db: Session) -> None:
    batch = make_batch(
        db, status="paused", pause_reason=PauseReason.REFUSED, attention="CreateHIT: refused", launched_at=now(db)
    )
    assert look(db)[0] == [f"attention batch {batch.id}"]
    batch.attention, batch.status, batch.pause_reason = None, "live", None
    db.flush()
    assert look(db) == ([], [])
    later(db, 60)
    assert look(db) == ([], [f"attention batch {batch.id}"])


def test_a_batch_that_a_person_paused_needs_no_attention(db: Session) -> None:
    make_batch(db, status="paused", pause_reason=PauseReason.PERSON, attention="old words", launched_at=now(db))
    assert look(db) == ([], [])


def test_calls_that_never_succeed_are_told_of(db: Session) -> None:
    batch = live(db)
    hit = make_hit(db, batch, make_item(db, batch), status="publishing", marketplace_hit_id=None)
    db.execute(
        text("""
            INSERT INTO operations (batch_id, kind, hit_id, status, attempts, error)
            VALUES (:batch, 'publish', :hit, :status, 5, 'CreateHIT: UnreadableAnswer: <html>')
        """),
        {"batch": batch.id, "hit": hit.id, "status": OperationStatus.INTENDED},
    )
    assert look(db)[0] == [f"attention batch {batch.id}"]
    assert "UnreadableAnswer" in message(db, AlertKind.ATTENTION)
    db.execute(text("UPDATE operations SET status = 'failed'"))
    look(db)
    assert "1 call refused" in message(db, AlertKind.ATTENTION)


@pytest.mark.parametrize(
    ("kind", "status", "told"),
    [
        ("publish", "intended", "5 attempts or more, tried again: no funds"),
        ("publish", "failed", "1 call refused"),
        ("delete", "failed", ""),  # asked again by whoever wants it
        ("publish", "done", ""),
    ],
)
def test_what_a_batch_that_is_over_still_owes_is_told_of_where_it_cannot_be_paid(
    db: Session, kind: str, status: str, told: str
) -> None:
    batch = make_batch(db, status="done", attention="2 Items end with fewer answers", launched_at=now(db))
    hit = make_hit(db, batch, make_item(db, batch), status="done")
    db.execute(
        text("""
            INSERT INTO operations (batch_id, kind, hit_id, status, attempts, error)
            VALUES (:batch, :kind, :hit, :status, 5, 'no funds')
        """),
        {"batch": batch.id, "kind": kind, "hit": hit.id, "status": status},
    )
    assert look(db)[0] == ([f"attention batch {batch.id}"] if told else [])
    assert not told or told in message(db, AlertKind.ATTENTION)


def test_open_differences_are_told_by_batch_and_those_of_no_batch_by_endpoint(db: Session) -> None:
    batch = make_batch(db, status="done")
    db.execute(
        text("""
            INSERT INTO differences (endpoint_url, kind, subject, batch_id, details)
            VALUES (:url, 'hit_missing', 'a', :batch, ''), (:url, 'hit_of_no_batch', 'b', 99999, '')
        """),
        {"url": URL, "batch": batch.id},
    )
    assert sorted(look(db)[0]) == [f"difference batch {batch.id}", f"difference {URL}"]
    db.execute(text("UPDATE differences SET resolved_at = now(), resolution = 'gone'"))
    later(db, 60)
    assert len(look(db)[1]) == 2


# --- funds ---


def planned(db: Session, batch: Batch, hits: int) -> None:
    for _ in range(hits):
        make_hit(db, batch, make_item(db, batch), status="planned", marketplace_hit_id=None, published_at=None)


def test_what_waits_to_be_paid_for_is_what_is_planned_fees_included(db: Session) -> None:
    batch = live(db, reward_usd=Decimal("0.12"), assignments_per_item=3, quorum=2, item_count=4, planned_items=2)
    planned(db, batch, 2)
    make_hit(db, batch, make_item(db, batch))  # is there already
    # 0.12 and a fee of 0.02: two planned HITs of three places, and two Items that are not planned yet
    assert funds.waiting_usd(db, "local") == {BatchId(batch.id): Decimal("1.68")}
    assert funds.waiting_usd(db, "sandbox") == {}
    batch.pilot_items = 2
    db.flush()
    assert funds.waiting_usd(db, "local") == {BatchId(batch.id): Decimal("0.84")}


@pytest.mark.parametrize("status", ["live", "stopping", "done", "stopped"])
def test_bonuses_of_batches_that_are_over_wait_to_be_paid_for_too(db: Session, status: str) -> None:
    batch = make_batch(db, status=status, launched_at=now(db), endpoint_url=URL)
    hit = make_hit(db, batch, make_item(db, batch), status="done")
    work = make_assignment(db, hit, make_worker(db), status="approved")
    bonus = WantedBonus(
        AssignmentId(work.id), HITId(hit.id), work.marketplace_assignment_id, Decimal("0.50"), "Careful"
    )
    bonus_intents.intend_bonuses(db, batch, [bonus])
    assert funds.waiting_usd(db, "local") == {BatchId(batch.id): Decimal("0.60")}
    assert funds.waiting_usd(db, "sandbox") == {}
    assert funds.ask_now(db, URL, every_s=60, ceiling=10)
    funds.write(db, URL, available_usd=Decimal("0.59"), on_hold_usd=None)
    assert look(db, LOCAL)[0] == [f"low_balance {URL}"]
    assert connection.active_profiles(db) == ["local"]  # so its balance is asked for
    db.execute(text("UPDATE operations SET status = 'done'"))  # it was paid
    assert funds.waiting_usd(db, "local") == {}
    assert connection.active_profiles(db) == (["local"] if status in {"live", "stopping"} else [])


def test_a_compensation_that_is_offered_after_the_end_waits_to_be_paid_for(db: Session) -> None:
    batch = make_batch(db, status="done", launched_at=now(db), endpoint_url=URL)
    compensation.offer(
        db,
        BatchId(batch.id),
        worker="A2DORA12",
        amount="0.80",
        reason="Lost page",
        by="rita",
        secret=b"x" * 32,
        settings=Settings(),
    )
    assert funds.waiting_usd(db, "local") == {BatchId(batch.id): Decimal("0.96")}


def test_a_balance_that_does_not_cover_what_waits_is_told_of(db: Session) -> None:
    batch = live(db, assignments_per_item=5, item_count=10, planned_items=10)
    planned(db, batch, 10)  # $0.30 each
    assert funds.ask_now(db, URL, every_s=60, ceiling=10)
    funds.write(db, URL, available_usd=Decimal("3.00"), on_hold_usd=None)
    assert look(db, LOCAL) == ([], [])
    funds.write(db, URL, available_usd=Decimal("2.99"), on_hold_usd=None)
    assert look(db, LOCAL)[0] == [f"low_balance {URL}"]
    funds.write(db, URL, available_usd=None, on_hold_usd=None)
    assert look(db, LOCAL) == ([], [])  # what cannot be known is not over
    funds.write(db, URL, available_usd=Decimal("3.30"), on_hold_usd=None)
    assert look(db, LOCAL)[1] == [f"low_balance {URL}"]


def test_a_balance_is_asked_for_by_one_and_not_again_before_its_time(db: Session) -> None:
    assert funds.ask_now(db, URL, every_s=60, ceiling=10)
    assert not funds.ask_now(db, URL, every_s=60, ceiling=10)
    db.execute(text("UPDATE endpoints SET balance_at = now() - interval '61 seconds'"))
    assert funds.ask_now(db, URL, every_s=60, ceiling=10)
    db.execute(text("UPDATE endpoints SET balance_at = now() + interval '3 hours'"))  # the clock was set back since
    assert funds.ask_now(db, URL, every_s=60, ceiling=10)


# --- job runners ---


def test_the_console_says_that_no_runner_is_at_work_and_a_runner_ends_that(db: Session) -> None:
    assert watch.look_for_runners(db, 29, announce=True).raised == []
    assert watch.look_for_runners(db, 31, announce=True).raised == ["no_runner installation"]
    assert look(db) == ([], ["no_runner installation"])


def test_looking_for_runners_ends_no_other_alert(db: Session) -> None:
    make_batch(db, status="paused", pause_reason=PauseReason.CAP, attention="The cap is too small", launched_at=now(db))
    look(db)
    later(db, 3600)
    assert watch.look_for_runners(db, 0, announce=True).cleared == []
    assert alert_report.open_count(db) == 1


def test_alerts_are_listed_open_ones_oldest_first_and_others_latest_first(db: Session) -> None:
    first = make_batch(db, name="Birds", status="paused", pause_reason="cap", attention="one", launched_at=now(db))
    second = make_batch(db, status="paused", pause_reason="cap", attention="two", launched_at=now(db))
    look(db)
    assert [alert.message for alert in alert_report.alerts_seen(db)] == ["one", "two"]
    (of_first,) = alert_report.alerts_seen(db, batch_id=BatchId(first.id))
    assert (of_first.batch_name, of_first.profile, of_first.kind) == ("Birds", "local", AlertKind.ATTENTION)
    first.status, second.status, first.pause_reason, second.pause_reason = "done", "done", None, None
    db.flush()
    later(db, 60)
    look(db)
    assert alert_report.alerts_seen(db) == []
    assert {alert.message for alert in alert_report.alerts_seen(db, cleared=True)} == {"one", "two"}
