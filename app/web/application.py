"""The console as an application: pages, static files, media, health."""

from functools import cache
from pathlib import Path

from fastapi import APIRouter, FastAPI
from starlette.routing import BaseRoute
from starlette.staticfiles import StaticFiles

from app.db.engine import Database
from app.mturk.client import Connect
from app.settings import Settings
from app.web import error_pages, health, media, metrics, runner_watch
from app.web.pages import (
    account,
    alerts,
    batch,
    differences,
    ending,
    items,
    new_batch,
    overview,
    payments,
    questions,
    reference,
    report,
    review,
    sign_in,
)
from app.web.security_headers import SecurityHeaders
from app.web.upload_limit import UploadLimit

STATIC = Path(__file__).parent / "static"
# new_batch before batch: /batches/new is not the Batch called "new".
PARTS = (
    health,
    media,
    sign_in,
    overview,
    new_batch,
    batch,
    items,
    questions,
    report,
    account,
    reference,
    metrics,
    alerts,
    review,
    payments,
    differences,
    ending,
)
# Where item files arrive, here and in the API.
_UPLOADS = frozenset({"/batches/new", "/api/v1/batches"})


def create(settings: Settings, database: Database, connect: Connect) -> FastAPI:
    """The console. `main.py` mounts the API into it."""
    app = FastAPI(
        title="Label Jury console",
        openapi_url=None,
        docs_url=None,
        redoc_url=None,
        lifespan=runner_watch.lifespan(settings, database),
    )
    app.state.totals = metrics.KeptTotals()
    app.state.settings, app.state.database, app.state.connect = settings, database, connect
    app.add_middleware(SecurityHeaders, https=settings.web_url.startswith("https:"))
    app.add_middleware(UploadLimit, uploads=_UPLOADS, largest_upload_mb=settings.max_upload_mb)
    error_pages.register(app)
    app.router.routes.extend(_routes())
    app.mount("/static", StaticFiles(directory=STATIC), name="static")
    return app


@cache
def _routes() -> list[BaseRoute]:
    """Every part's. FastAPI reads what they take anew for each application that includes them; one process does it once."""
    router = APIRouter()
    for part in PARTS:
        router.include_router(part.router)
    return router.routes
