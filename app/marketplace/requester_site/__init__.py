"""The Requester pages: keys, money, HITs with their answers, Workers, Qualifications, channels. Work without JavaScript.

An application of its own under /requester, so that its errors and headers are its own.
"""

from pathlib import Path

from fastapi import FastAPI
from fastapi.exceptions import RequestValidationError
from sqlalchemy.exc import OperationalError
from sqlalchemy.exc import TimeoutError as PoolTimeout
from starlette.exceptions import HTTPException
from starlette.staticfiles import StaticFiles

from app.errors import ServiceError
from app.marketplace import bodies
from app.marketplace.requester_site import (
    account_pages,
    assignment_pages,
    channel_pages,
    hit_pages,
    key_pages,
    layout_pages,
    money_pages,
    overview_pages,
    qualification_pages,
    type_pages,
    worker_pages,
)
from app.marketplace.requester_site.pages import http_error_page, malformed_page, refusal_page, unavailable_page
from app.marketplace.sites.refusals import Refused
from app.marketplace.sites.routing import routes_of
from app.marketplace.wire_errors import WireError

STATIC = Path(__file__).parent / "static"
_PAGES = (
    account_pages,
    overview_pages,
    hit_pages,
    assignment_pages,
    type_pages,
    layout_pages,
    worker_pages,
    qualification_pages,
    channel_pages,
    money_pages,
    key_pages,
)


def install(app: FastAPI) -> None:
    """Add the Requester pages to the marketplace's application."""
    site = FastAPI(docs_url=None, redoc_url=None, openapi_url=None, max_body_size=bodies.LARGEST_BODY)
    site.state.marketplace = app.state.marketplace
    site.router.routes.extend(routes_of(_PAGES, max_body_size=bodies.LARGEST_BODY))
    site.mount("/static", StaticFiles(directory=STATIC), name="static")
    for refusal in (Refused, WireError, ServiceError):
        site.add_exception_handler(refusal, refusal_page)
    site.add_exception_handler(RequestValidationError, malformed_page)
    site.add_exception_handler(HTTPException, http_error_page)
    site.add_exception_handler(OperationalError, unavailable_page)
    site.add_exception_handler(PoolTimeout, unavailable_page)
    app.mount("/requester", site)
