from collections.abc import Iterator
from contextlib import contextmanager
from decimal import Decimal
from typing import Any

import pytest
from fastapi import FastAPI
from fastapi.testclient import TestClient
from prometheus_client.parser import text_string_to_metric_families
from pydantic import SecretStr
from sqlalchemy import text
from sqlalchemy.orm import Session

from app.db.engine import Database
from app.db.tables import Worker
from app.main import create_app
from app.settings import Settings
from tests.factories import make_assignment, make_batch, make_hit, make_item, make_worker

TOKEN = "t" * 32


@contextmanager
def scraping(app: FastAPI, host: str = "127.0.0.1") -> Iterator[TestClient]:
    """Somebody who calls from this address."""
    with TestClient(app, client=(host, 40_000)) as client:
        yield client


def figures(text_of_metrics: str) -> dict[tuple[str, tuple[tuple[str, str], ...]], float]:
    """Every sample by name and labels, as Prometheus' own parser reads them."""
    return {
        (sample.name, tuple(sorted(sample.labels.items()))): sample.value
        for family in text_string_to_metric_families(text_of_metrics)
        for sample in family.samples
    }


def of(found: dict[tuple[str, tuple[tuple[str, str], ...]], float], name: str, **labels: str) -> float | None:
    return found.get((f"labeljury_{name}", tuple(sorted(labels.items()))))


def operation(db: Session, batch_id: int, hit_id: int, **columns: Any) -> None:
    values = {"status": "intended", "age_s": 0, **columns}
    db.execute(
        text("""
            INSERT INTO operations (batch_id, kind, hit_id, status, created_at)
            VALUES (:batch, 'publish', :hit, :status, now() - make_interval(secs => :age_s))
        """),
        {"batch": batch_id, "hit": hit_id, **values},
    )


def something_of_everything(db: Session) -> Worker:
    """A row or two behind every figure; the only Worker."""
    batch = make_batch(db, status="paused", pause_reason="funds")
    make_batch(db, status="done", profile="sandbox")
    hits = [make_hit(db, batch, make_item(db, batch)) for _ in range(3)]
    worker = make_worker(db)
    done = make_assignment(db, hits[0], worker, status="approved")
    operation(db, batch.id, hits[0].id, age_s=100)
    operation(db, batch.id, hits[1].id, age_s=50)
    operation(db, batch.id, hits[2].id, status="failed")
    payment = "INSERT INTO payments (batch_id, hit_id, assignment_id, kind, status, amount_usd)"
    db.execute(
        text(f"""
            {payment} VALUES
                (:batch, :hit, NULL, 'reservation', 'booked', 3.00), (:batch, :hit, NULL, 'release', 'booked', -1.00),
                (:batch, :hit, :done, 'reward', 'paid', 0.50), (:batch, :hit, :done, 'fee', 'owed', 0.10)
        """),
        {"batch": batch.id, "hit": hits[0].id, "done": done.id},
    )
    db.execute(
        text("""
            INSERT INTO endpoints (url, calls_per_second, next_call_at, calls, throttles, latency_s, available_usd, balance_at)
            VALUES ('http://there', 40, now(), 123, 4, 0.06, 17.50, now() - interval '30 seconds')
        """)
    )
    db.execute(text("INSERT INTO alerts (kind, subject, message) VALUES ('drift', 'batch 1', 'moves')"))
    db.execute(text("INSERT INTO procrastinate_workers DEFAULT VALUES"))
    db.execute(text("INSERT INTO procrastinate_jobs (queue_name, task_name) VALUES ('default', 'collect')"))
    db.commit()
    return worker


def test_every_figure_is_told_as_prometheus_reads_it(app: FastAPI, db: Session) -> None:
    worker = something_of_everything(db)
    with scraping(app) as prometheus:
        answer = prometheus.get("/metrics")
    assert answer.status_code == 200
    assert answer.headers["content-type"].startswith("text/plain; version=")
    found = figures(answer.text)
    assert of(found, "batches", status="paused", pause_reason="funds", profile="local") == 1
    assert of(found, "batches", status="done", pause_reason="", profile="sandbox") == 1
    assert of(found, "operations", kind="publish", status="intended") == 2
    assert of(found, "operations", kind="publish", status="failed") == 1
    assert 100 <= (of(found, "oldest_operation_age_seconds", kind="publish", status="intended") or 0) < 160
    assert of(found, "hits_live", profile="local") == 3
    assert of(found, "assignments_collected_total", profile="local") == 1
    assert [of(found, f"{what}_usd", profile="local") for what in ("committed", "spent", "owed")] == [2.0, 0.5, 0.1]
    there = {"endpoint": "http://there"}
    assert of(found, "marketplace_calls_total", **there) == 123
    assert of(found, "marketplace_throttled_calls_total", **there) == 4
    assert of(found, "marketplace_rate_calls_per_second", **there) == 40
    assert of(found, "marketplace_latency_seconds", **there) == 0.06
    assert of(found, "marketplace_balance_available_usd", **there) == 17.5
    assert of(found, "marketplace_balance_on_hold_usd", **there) is None  # not known is not zero
    assert 30 <= (of(found, "marketplace_balance_age_seconds", **there) or 0) < 90
    assert of(found, "alerts_open", kind="drift") == 1
    assert of(found, "job_runners") == 1
    assert of(found, "queue_jobs", job="collect", status="todo") == 1
    assert ("process_cpu_seconds_total", ()) in found
    assert worker.marketplace_worker_id not in answer.text
    assert worker.pseudonym not in answer.text


def test_an_installation_with_nothing_in_it_has_metrics_too(app: FastAPI) -> None:
    with scraping(app) as prometheus:
        assert of(figures(prometheus.get("/metrics").text), "job_runners") == 0


def test_sums_are_asked_for_once_a_minute_and_what_moves_by_the_second_every_time(app: FastAPI, db: Session) -> None:
    with scraping(app) as prometheus:
        prometheus.get("/metrics")
        batch = make_batch(db, status="live", cap_usd=Decimal("9.00"))
        make_hit(db, batch, make_item(db, batch))
        db.commit()
        found = figures(prometheus.get("/metrics").text)
    assert of(found, "batches", status="live", pause_reason="", profile="local") == 1
    assert of(found, "hits_live", profile="local") is None


@pytest.mark.parametrize("host", ["127.0.0.1", "127.9.9.9", "::1"])
def test_this_machine_itself_needs_no_token(app: FastAPI, host: str) -> None:
    with scraping(app, host) as prometheus:
        assert prometheus.get("/metrics").status_code == 200


@pytest.mark.parametrize("host", ["192.0.2.7", "2001:db8::7", "a-name-that-no-peer-has"])
def test_nobody_else_may_read_them_where_no_token_is_set(app: FastAPI, host: str) -> None:
    with scraping(app, host) as stranger:
        for headers in ({}, {"Authorization": "Bearer "}, {"Authorization": "Bearer None"}):
            answer = stranger.get("/metrics", headers=headers)
            assert (answer.status_code, answer.headers["www-authenticate"]) == (401, "Bearer")
            assert "labeljury_" not in answer.text


@pytest.mark.parametrize("header", ["X-Forwarded-For", "Forwarded", "X-Real-IP", "Via"])
def test_what_a_proxy_on_this_machine_passes_on_is_not_this_machine(app: FastAPI, header: str) -> None:
    with scraping(app) as proxy:
        assert proxy.get("/metrics", headers={header: "127.0.0.1"}).status_code == 401


def test_the_token_opens_them_from_anywhere(settings: Settings, database: Database) -> None:
    app = create_app(settings.model_copy(update={"metrics_token": SecretStr(TOKEN)}), database)
    with scraping(app, "192.0.2.7") as prometheus:
        assert prometheus.get("/metrics", headers={"Authorization": f"Bearer {TOKEN}"}).status_code == 200
        for wrong in (TOKEN, f"Bearer {TOKEN[:-1]}", f"Bearer {TOKEN}é", f"Basic {TOKEN}"):
            assert prometheus.get("/metrics", headers={b"Authorization": wrong.encode()}).status_code == 401
