"""The marketplace's own web application: MTurk's wire at POST /, the worker site beside it."""

import asyncio
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager, suppress

from fastapi import FastAPI
from sqlalchemy import text
from sqlalchemy.exc import OperationalError
from sqlalchemy.exc import TimeoutError as PoolTimeout
from starlette.concurrency import run_in_threadpool
from starlette.requests import Request
from starlette.responses import JSONResponse, RedirectResponse, Response

from app.db.engine import Database
from app.logs import get_logger
from app.marketplace import bodies, bookkeeping, requesters, tokens, wire, wire_endpoint, worker_site
from app.marketplace.context import Clock, Marketplace, marketplace_of, utc_now
from app.marketplace.requesters import KeyRing
from app.settings import Settings

log = get_logger(__name__)
SETTLING_INTERVAL_S = 5.0


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
    app.state.marketplace = Marketplace(settings, database, clock, KeyRing(database))
    app.add_route("/", wire_endpoint.answer, methods=["POST"])
    app.add_route("/", _to_worker_site, methods=["GET", "HEAD"])
    app.add_route("/health", _health, methods=["GET"])
    worker_site.install(app)
    return app


@asynccontextmanager
async def _lifespan(app: FastAPI) -> AsyncIterator[None]:
    market: Marketplace = app.state.marketplace
    # Read from disk now, not during the first Requester's first call.
    wire.service_model()
    await run_in_threadpool(_ensure_first_requester, market)
    timer = asyncio.create_task(_settle_now_and_then(market))
    yield
    timer.cancel()
    with suppress(asyncio.CancelledError):
        await timer


def _ensure_first_requester(market: Marketplace) -> None:
    with market.database.transaction() as db:
        requesters.ensure_first_requester(db, market.settings, market.clock())


async def _settle_now_and_then(market: Marketplace) -> None:
    while True:
        await asyncio.sleep(SETTLING_INTERVAL_S)
        try:
            settled = await run_in_threadpool(_housekeep, market)
        except (OperationalError, PoolTimeout) as error:
            log.warning("marketplace.settling_failed", error=type(error).__name__)
        else:
            if settled:
                log.info("marketplace.settled", hits=settled)


def _housekeep(market: Marketplace) -> int:
    with market.database.transaction() as db:
        tokens.forget(db, market.clock())
    return bookkeeping.settle(market.database, market.clock(), wait=False)


async def _to_worker_site(request: Request) -> Response:
    return RedirectResponse("/worker", status_code=303)


def _health(request: Request) -> Response:
    try:
        with marketplace_of(request).database.transaction() as db:
            db.execute(text("SELECT 1"))
    except (OperationalError, PoolTimeout):
        return JSONResponse({"status": "database unavailable"}, status_code=503)
    return JSONResponse({"status": "ok"})
