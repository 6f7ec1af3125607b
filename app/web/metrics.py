"""`/metrics` in Prometheus' text format. Every figure is asked of the database when it is scraped: any process may tell it.

For this machine itself, or with the token of the settings. A reverse proxy on this machine is not this machine: a request
that was passed on needs the token.
"""

import hmac
import threading
import time
from collections.abc import Iterable, Iterator
from ipaddress import ip_address
from typing import Annotated

from fastapi import APIRouter, Header, Request
from fastapi.responses import PlainTextResponse, Response
from prometheus_client import CollectorRegistry, GCCollector, PlatformCollector, ProcessCollector, generate_latest
from prometheus_client.core import CounterMetricFamily, GaugeMetricFamily, Metric
from prometheus_client.exposition import CONTENT_TYPE_LATEST
from prometheus_client.registry import Collector
from starlette import status

from app import __version__
from app.access.dependencies import DatabaseOf, SettingsOf
from app.db.engine import Database
from app.domain.alerts import RUNNER_SEEN_WITHIN_S
from app.pipeline import gauges
from app.pipeline.gauges import Now, Rows, Totals
from app.settings import Settings

router = APIRouter()

# Sums over everything are slow: one scrape in this many seconds asks for them anew.
TOTALS_KEPT_S = 60.0
_PASSED_ON = ("x-forwarded-for", "forwarded", "x-real-ip", "via")


@router.get("/metrics", include_in_schema=False)
def metrics(
    request: Request,
    database: DatabaseOf,
    settings: SettingsOf,
    authorization: Annotated[str, Header()] = "",
) -> Response:
    """All figures."""
    if not (_is_local(request) or _has_token(authorization, settings)):
        said = "Metrics are for this machine itself, or with: Authorization: Bearer <LABELJURY_METRICS_TOKEN>\n"
        headers = {"WWW-Authenticate": "Bearer"}
        return PlainTextResponse(said, status_code=status.HTTP_401_UNAUTHORIZED, headers=headers)
    return Response(exposition(database, _totals_of(request)), media_type=CONTENT_TYPE_LATEST)


def _is_local(request: Request) -> bool:
    if request.client is None or any(name in request.headers for name in _PASSED_ON):
        return False
    try:
        return ip_address(request.client.host).is_loopback
    except ValueError:
        return False


def _has_token(authorization: str, settings: Settings) -> bool:
    if settings.metrics_token is None:
        return False
    expected = f"Bearer {settings.metrics_token.get_secret_value()}"
    return hmac.compare_digest(authorization.encode(), expected.encode())


class KeptTotals:
    """The sums of this process, asked for anew when they are older than TOTALS_KEPT_S; by one thread at a time."""

    def __init__(self) -> None:
        self._lock = threading.Lock()
        self._asked_at = 0.0
        self._totals: Totals | None = None

    def get(self, database: Database) -> Totals:
        """The sums, at most TOTALS_KEPT_S old."""
        with self._lock:
            if self._totals is None or time.monotonic() - self._asked_at > TOTALS_KEPT_S:
                with database.transaction() as db:
                    self._totals = gauges.totals(db)
                self._asked_at = time.monotonic()
            return self._totals


def _totals_of(request: Request) -> KeptTotals:
    kept: KeptTotals = request.app.state.totals
    return kept


def exposition(database: Database, kept: KeptTotals) -> bytes:
    """The figures as Prometheus reads them."""
    with database.transaction() as db:
        now = gauges.now(db, runner_seen_within_s=RUNNER_SEEN_WITHIN_S)
    registry = CollectorRegistry(auto_describe=False)
    registry.register(_Figures([*_of_now(now), *_of_endpoints(now.endpoints), *_of_totals(kept.get(database))]))
    ProcessCollector(registry=registry)
    PlatformCollector(registry=registry)
    GCCollector(registry=registry)
    return generate_latest(registry)


class _Figures(Collector):
    """Metrics that are there already."""

    def __init__(self, found: Iterable[Metric]) -> None:
        self._found = list(found)

    def collect(self) -> Iterable[Metric]:
        """As the registry asks for them."""
        return self._found


def _of_now(now: Now) -> Iterator[Metric]:
    version = GaugeMetricFamily("labeljury_info", "The version that serves this.", labels=["version"])
    version.add_metric([__version__], 1)
    yield version
    yield _gauge(
        "batches", "Batches by status, and why they are paused.", ["status", "pause_reason", "profile"], now.batches
    )
    yield _gauge("operations", "Marketplace calls that are open or refused.", ["kind", "status"], now.operations)
    oldest = GaugeMetricFamily(
        "labeljury_oldest_operation_age_seconds", "Age of the oldest such call.", labels=["kind", "status"]
    )
    for row in now.operations:
        oldest.add_metric([row.kind, row.status], row.oldest_s)
    yield oldest
    yield _gauge("queue_jobs", "Jobs that wait (todo), run (doing) or failed.", ["job", "status"], now.queue)
    yield GaugeMetricFamily("labeljury_job_runners", "Job runners seen in the last half minute.", value=now.runners)
    yield _gauge("alerts_open", "Open alerts.", ["kind"], now.alerts)


def _of_endpoints(rows: Rows) -> Iterator[Metric]:
    for column, name, said in (
        ("calls", "calls", "Calls for which there was room on the endpoint's time line."),
        ("throttles", "throttled_calls", "Calls that the endpoint throttled."),
    ):
        counter = CounterMetricFamily(f"labeljury_marketplace_{name}", said, labels=["endpoint"])
        for row in rows:
            counter.add_metric([row.url], getattr(row, column))
        yield counter
    for column, name, said in (
        ("calls_per_second", "rate_calls_per_second", "Present pace of all job runners together."),
        ("throttled_rate", "throttled_at_calls_per_second", "The rate at which it last throttled."),
        ("latency_s", "latency_seconds", "A call's time, averaged over all job runners."),
        ("available_usd", "balance_available_usd", "What the account may still spend."),
        ("on_hold_usd", "balance_on_hold_usd", "What the account has on hold."),
        ("balance_age_s", "balance_age_seconds", "When that was asked for."),
        ("polled_age_s", "poll_age_seconds", "When the endpoint was last polled."),
    ):
        gauge = GaugeMetricFamily(f"labeljury_marketplace_{name}", said, labels=["endpoint"])
        for row in rows:
            if getattr(row, column) is not None:  # not known: no figure, rather than a zero
                gauge.add_metric([row.url], float(getattr(row, column)))
        yield gauge


def _of_totals(totals: Totals) -> Iterator[Metric]:
    yield _gauge("hits_live", "HITs that Workers can see or work on.", ["profile"], totals.hits, "live")
    assignments = CounterMetricFamily("labeljury_assignments_collected", "Assignments collected.", labels=["profile"])
    for row in totals.assignments:
        assignments.add_metric([row.profile], row.n)
    yield assignments
    for column, said in (
        ("committed", "Reserved for HITs and not released, bonuses included."),
        ("spent", "Rewards, fees and bonuses paid."),
        ("owed", "Decided, the marketplace not told yet."),
    ):
        gauge = GaugeMetricFamily(f"labeljury_{column}_usd", said, labels=["profile"])
        for row in totals.money:
            gauge.add_metric([row.profile], float(getattr(row, column) or 0))
        yield gauge


def _gauge(name: str, said: str, labels: list[str], rows: Rows, column: str = "n") -> GaugeMetricFamily:
    gauge = GaugeMetricFamily(f"labeljury_{name}", said, labels=labels)
    for row in rows:
        gauge.add_metric([getattr(row, label) for label in labels], getattr(row, column))
    return gauge
