"""The worker site: browse, preview, accept, answer in a frame, submit, return, history. Works without JavaScript."""

from pathlib import Path

from fastapi import FastAPI
from fastapi.exceptions import RequestValidationError
from sqlalchemy.exc import OperationalError
from sqlalchemy.exc import TimeoutError as PoolTimeout
from starlette.exceptions import HTTPException
from starlette.staticfiles import StaticFiles

from app.marketplace import bodies
from app.marketplace.sites.refusals import Refused
from app.marketplace.sites.routing import routes_of
from app.marketplace.wire_errors import WireError
from app.marketplace.worker_site import (
    account_pages,
    entry_pages,
    frame_pages,
    message_pages,
    profile_pages,
    qualification_pages,
    task_pages,
)
from app.marketplace.worker_site.pages import http_error_page, malformed_page, refusal_page, unavailable_page

STATIC = Path(__file__).parent / "static"
_PAGES = (
    account_pages,
    task_pages,
    message_pages,
    profile_pages,
    entry_pages,
    frame_pages,
    qualification_pages,
)


def install(app: FastAPI) -> None:
    """Add the worker site's pages to the application."""
    app.router.routes.extend(routes_of(_PAGES, max_body_size=bodies.MOST_READ))
    app.mount("/static", StaticFiles(directory=STATIC), name="static")
    app.add_exception_handler(Refused, refusal_page)
    # Whatever the books refuse beneath a page is put right by somebody else than the Worker.
    app.add_exception_handler(WireError, unavailable_page)
    app.add_exception_handler(RequestValidationError, malformed_page)
    app.add_exception_handler(HTTPException, http_error_page)
    app.add_exception_handler(OperationalError, unavailable_page)
    app.add_exception_handler(PoolTimeout, unavailable_page)
