"""The marketplace's own web application: MTurk's wire at POST /, the worker site beside it."""

import asyncio
import threading
from collections.abc import AsyncIterator, Callable
from contextlib import asynccontextmanager, suppress
from functools import partial

import anyio.to_thread
from fastapi import FastAPI
from sqlalchemy import text
from sqlalchemy.exc import OperationalError
from sqlalchemy.exc import TimeoutError as PoolTimeout
from starlette.concurrency import run_in_threadpool
from starlette.requests import ClientDisconnect, Request
from starlette.responses import JSONResponse, RedirectResponse, Response
from starlette.routing import Route

from app.db.engine import Database
from app.logs import get_logger
from app.marketplace import (
    bodies,
    bookkeeping,
    outbox,
    requester_site,
    requesters,
    tokens,
    wire,
    wire_endpoint,
    worker_site,
)
from app.marketplace.carrier import Carrier
from app.marketplace.clock import RehearsalClock
from app.marketplace.context import Clock, Marketplace, marketplace_of, utc_now
from app.marketplace.faults import TroubleMaker
from app.marketplace.outbox import Deliverer
from app.marketplace.requesters import KeyRing
from app.settings import Settings

log = get_logger(__name__)
# For the timers, and what needs no database.
_SPARE_THREADS = 4
SETTLING_INTERVAL_S = 5.0
DELIVERY_INTERVAL_S = 0.5


def create_app(settings: Settings, database: Database, clock: Clock = utc_now) -> FastAPI:
    """The application on a migrated database. Any number of processes may serve the same one."""
    app = FastAPI(
        title="Label Jury marketplace",
        docs_url=None,
        redoc_url=None,
        openapi_url=None,
        lifespan=_lifespan,
        max_body_size=bodies.MOST_READ,
    )
    app.state.marketplace = _marketplace(settings, database, clock)
    app.add_exception_handler(ClientDisconnect, _nobody_listens)
    for path in ("/", "//"):
        app.router.routes.append(Route(path, wire_endpoint.answer, methods=["POST"], max_body_size=bodies.OURS_ALONE))
        app.add_route(path, wire_endpoint.refuse, methods=["PUT", "PATCH", "DELETE", "OPTIONS"])
    app.add_route("/", _to_worker_site, methods=["GET", "HEAD"])
    app.add_route("/health", _health, methods=["GET"])
    worker_site.install(app)
    requester_site.install(app)
    return app


def _marketplace(settings: Settings, database: Database, clock: Clock) -> Marketplace:
    if not settings.marketplace_rehearsal:
        return Marketplace(settings, database, clock, KeyRing(database))
    return Marketplace(settings, database, RehearsalClock(database, clock), KeyRing(database), TroubleMaker(database))


@asynccontextmanager
async def _lifespan(app: FastAPI) -> AsyncIterator[None]:
    market: Marketplace = app.state.marketplace
    # Read from disk now, not during the first Requester's first call.
    wire.service_model()
    # Threads without a connection only wait, and take the interpreter from those that have one: a sixth of the speed.
    anyio.to_thread.current_default_thread_limiter().total_tokens = market.settings.database_pool_size + _SPARE_THREADS
    await run_in_threadpool(_ensure_first_requester, market)
    stop, stopping = threading.Event(), asyncio.Event()
    timers = [
        asyncio.create_task(_now_and_then(partial(_housekeep, market), SETTLING_INTERVAL_S, stopping)),
        asyncio.create_task(_now_and_then(partial(_deliver, _deliverer(market, stop)), DELIVERY_INTERVAL_S, stopping)),
    ]
    yield
    stop.set()
    stopping.set()
    await asyncio.gather(*timers)


def _ensure_first_requester(market: Marketplace) -> None:
    with market.database.transaction() as db:
        requesters.ensure_first_requester(db, market.settings, market.clock())


async def _now_and_then(work: Callable[[], None], interval_s: float, stopping: asyncio.Event) -> None:
    """Until the end, which waits for the work under way: a connection of its own must not outlive the pool."""
    while not stopping.is_set():
        with suppress(TimeoutError):
            await asyncio.wait_for(stopping.wait(), interval_s)
            return
        await run_in_threadpool(work)


def _housekeep(market: Marketplace) -> None:
    try:
        with market.database.transaction() as db:
            tokens.forget(db, market.clock())
            outbox.forget(db, market.clock())
        settled = bookkeeping.settle(market.database, market.clock(), rounds=None, wait=False)
    except (OperationalError, PoolTimeout) as error:
        log.warning("marketplace.settling_failed", error=type(error).__name__)
    else:
        if settled:
            log.info("marketplace.settled", hits=settled)


def _deliver(deliverer: Deliverer) -> None:
    """Look at the outbox: one index scan when nothing is due."""
    try:
        outbox.deliver(deliverer)
    except (OperationalError, PoolTimeout) as error:
        log.warning("marketplace.delivery_failed", error=type(error).__name__)


def _deliverer(market: Marketplace, stop: threading.Event) -> Deliverer:
    return Deliverer(
        market.database,
        Carrier(market.settings),
        market.clock,
        rehearsal=market.settings.marketplace_rehearsal,
        stop=stop,
    )


async def _to_worker_site(request: Request) -> Response:
    return RedirectResponse("/worker", status_code=303)


def _nobody_listens(request: Request, error: Exception) -> Response:
    """The sender hung up before the body was complete: nothing was done, and nobody hears this answer."""
    return Response(status_code=400)


def _health(request: Request) -> Response:
    try:
        with marketplace_of(request).database.transaction() as db:
            db.execute(text("SELECT 1"))
    except (OperationalError, PoolTimeout):
        return JSONResponse({"status": "database unavailable"}, status_code=503)
    return JSONResponse({"status": "ok"})
