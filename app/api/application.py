"""The REST API as an application of its own, so that its errors and its documentation are its own."""

from functools import cache

from fastapi import APIRouter, Depends, FastAPI
from starlette.routing import BaseRoute

from app import __version__
from app.api import (
    account,
    accounts,
    alerts,
    batches,
    bonuses,
    ending,
    error_handlers,
    exports,
    items,
    reconcile,
    reports,
    results_csv,
    review,
    templates,
    wages,
)
from app.api.bodies import refuse_what_cannot_be_kept
from app.db.engine import Database
from app.mturk.client import Connect
from app.settings import Settings

_DESCRIPTION = """
Publish doubtful labels of a dataset, follow the Workers' answers, download what they agree on.

Send an API key with every request: `Authorization: Bearer lj_…`; the console's account page makes one.
Amounts are strings in USD (`"0.05"`), times are UTC. Every error has the shape of `ErrorOut`.
"""
_TAGS = [
    {"name": "Batches", "description": "Items sent out together under one budget."},
    {"name": "Items", "description": "Examples with their votes and what these say together."},
    {"name": "Review", "description": "Decide submitted work; leave Workers out afterwards."},
    {
        "name": "Payments",
        "description": "Bonuses, top-ups, compensations, the ledger; decisions from MTurk's results CSV.",
    },
    {"name": "Ending", "description": "What a stopped Batch waits for; its archive; deleting its HITs."},
    {"name": "Downloads", "description": "CSV, JSON Lines and Parquet files, at any time and as far as the Batch is."},
    {"name": "Templates", "description": "The questions that Workers see."},
    {"name": "Account", "description": "Whose key this is."},
    {"name": "Accounts", "description": "Who may sign in, and how much their Batches may cost together."},
    {"name": "Differences", "description": "What our tables and the marketplace say differently."},
    {"name": "Alerts", "description": "What a person should know about Batches and endpoints."},
]
_PARTS = (
    batches,
    items,
    exports,
    reports,
    templates,
    account,
    alerts,
    accounts,
    review,
    bonuses,
    results_csv,
    reconcile,
    wages,
    ending,
)


def create(settings: Settings, database: Database, connect: Connect) -> FastAPI:
    """The application to mount at `/api`."""
    app = FastAPI(
        title="Label Jury",
        version=__version__,
        summary="A jury of five for every doubtful label.",
        description=_DESCRIPTION,
        openapi_tags=_TAGS,
        openapi_url="/v1/openapi.json",
        # The usual documentation pages load their scripts from other people's servers.
        docs_url=None,
        redoc_url=None,
    )
    app.state.settings, app.state.database, app.state.connect = settings, database, connect
    error_handlers.register(app)
    app.router.routes.extend(_routes())
    return app


@cache
def _routes() -> list[BaseRoute]:
    """Every part's. FastAPI takes 0.2 s to read what they take and give, for each application that includes them; one process
    does it once.
    """
    router = APIRouter()
    for part in _PARTS:
        router.include_router(part.router, prefix="/v1", dependencies=[Depends(refuse_what_cannot_be_kept)])
    return router.routes
