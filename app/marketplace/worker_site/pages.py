"""What the worker site's pages share: templates, who is asking, what goes wrong."""

import secrets
from collections.abc import Sequence
from datetime import UTC
from pathlib import Path
from typing import Annotated, Any
from urllib.parse import quote

from fastapi import Depends, Form
from sqlalchemy.exc import OperationalError
from sqlalchemy.exc import TimeoutError as PoolTimeout
from starlette.requests import Request
from starlette.responses import Response
from starlette.templating import Jinja2Templates

from app.marketplace.context import marketplace_of
from app.marketplace.qualifying import Unmet
from app.marketplace.sites.pages import (
    MALFORMED,
    OUT_OF_ORDER,
    PAGE_HEADERS,
    Market,
    asked_for,
    check_csrf,
    clock_time,
    duration,
    http_error,
    same_origin,
    see_other,
)
from app.marketplace.sites.refusals import Refused, SignInNeeded
from app.marketplace.worker_site import sessions
from app.marketplace.worker_site.refusals import NotQualified
from app.marketplace.worker_site.sessions import Visitor

COOKIE = "labeljury_worker"
_TEMPLATES = Jinja2Templates(Path(__file__).parent / "templates")


def page(request: Request, name: str, visitor: Visitor | None, *, status: int = 200, **values: Any) -> Response:
    """Render templates/<name>.html with the worker site's headers."""
    context = {"visitor": visitor, **values}
    return _TEMPLATES.TemplateResponse(request, f"{name}.html", context, status_code=status, headers=dict(PAGE_HEADERS))


def frame_page(request: Request, name: str, *, status: int = 200, policy: str = "", **values: Any) -> Response:
    """Render a page that stands inside the question's frame: sandboxed, so its one script is named by a nonce.

    policy: what this page may do beyond that, as directives of a Content-Security-Policy.
    """
    nonce = secrets.token_urlsafe(16)
    headers = {
        "Content-Security-Policy": "; ".join(
            filter(None, ("default-src 'none'", f"style-src 'nonce-{nonce}'", f"script-src 'nonce-{nonce}'", policy))
        ),
        "X-Content-Type-Options": "nosniff",
        # The frame's address holds the AssignmentId.
        "Referrer-Policy": "no-referrer",
        "Cache-Control": "no-store",
    }
    context = {"nonce": nonce, **values}
    return _TEMPLATES.TemplateResponse(request, f"{name}.html", context, status_code=status, headers=headers)


def refusal_page(request: Request, refused: Exception) -> Response:
    """What a Worker reads when something cannot be done."""
    if isinstance(refused, SignInNeeded):
        return see_other(f"/worker/sign-in?next={quote(refused.then, safe='')}")
    if not isinstance(refused, Refused):
        raise refused
    unmet = refused.unmet if isinstance(refused, NotQualified) else ()
    return _refused(request, refused.http_status, refused.message, unmet)


def malformed_page(request: Request, error: Exception) -> Response:
    """What a Worker reads when a form or a link does not fit the page it was sent to."""
    return _refused(request, 422, MALFORMED)


def unavailable_page(request: Request, error: Exception) -> Response:
    """What a Worker reads while the database is out of reach."""
    message = f"{OUT_OF_ORDER}; an open assignment stays yours."
    if _stands_in_frame(request):
        return frame_page(request, "not_taken", status=503, message=message)
    return page(request, "refused", None, status=503, message=message)


def http_error_page(request: Request, error: Exception) -> Response:
    """What a Worker reads where there is no page, or none for this method."""
    return _refused(request, *http_error(error))


def _refused(request: Request, status: int, message: str, unmet: Sequence[Unmet] = ()) -> Response:
    if _stands_in_frame(request):
        return frame_page(request, "not_taken", status=status, message=message)
    try:
        visitor = visitor_of(request, marketplace_of(request))
    except (OperationalError, PoolTimeout):
        visitor = None  # the message is worth more than the name above it
    return page(request, "refused", visitor, status=status, message=message, unmet=unmet)


def _stands_in_frame(request: Request) -> bool:
    """Whether the answer is shown in the question's frame, where browsers show none of the site's own pages."""
    return request.url.path.startswith("/frame/") or request.url.path.endswith("/mturk/externalSubmit")


def visitor_of(request: Request, market: Market) -> Visitor | None:
    """The signed-in Worker, if there is one."""
    token = request.cookies.get(COOKIE)
    if not token:
        return None
    with market.database.reading() as db:
        return sessions.visitor(db, token, market.clock())


async def required_visitor(request: Request, visitor: Annotated[Visitor | None, Depends(visitor_of)]) -> Visitor:
    """The signed-in Worker. Raises SignInNeeded, which leads back to this page, or to the list after a form."""
    if visitor is None:
        raise SignInNeeded(asked_for(request) if request.method == "GET" else request.url.path.partition("/accept")[0])
    return visitor


async def sender(
    visitor: Annotated[Visitor, Depends(required_visitor)],
    _: Annotated[None, Depends(same_origin)],
    csrf: Annotated[str, Form(max_length=100)] = "",
) -> Visitor:
    """The signed-in Worker whose own page this form came from."""
    check_csrf(csrf, visitor.csrf)
    return visitor


MaybeVisitor = Annotated[Visitor | None, Depends(visitor_of)]
SignedIn = Annotated[Visitor, Depends(required_visitor)]
Sender = Annotated[Visitor, Depends(sender)]


def local_path(path: str) -> str:
    """`path` when it leads to a page of this site, else the list."""
    safe = path.startswith("/") and not path.startswith("//") and "\\" not in path and path.isprintable()
    return path if safe else "/worker"


_TEMPLATES.env.filters.update(
    duration=duration,
    clock_time=clock_time,
    day=lambda at: f"{at.astimezone(UTC):%Y-%m-%d}",
    usd=lambda amount: f"${amount:.2f}",
)
