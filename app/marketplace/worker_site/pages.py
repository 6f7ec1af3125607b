"""What the worker site's pages share: templates, headers, who is asking, where a form came from."""

import hmac
import secrets
from collections.abc import Sequence
from datetime import UTC, datetime
from pathlib import Path
from typing import Annotated, Any
from urllib.parse import quote, urlsplit

from fastapi import Depends, Form
from sqlalchemy.exc import OperationalError
from sqlalchemy.exc import TimeoutError as PoolTimeout
from starlette.exceptions import HTTPException
from starlette.requests import Request
from starlette.responses import RedirectResponse, Response
from starlette.templating import Jinja2Templates

from app.marketplace.context import Marketplace, marketplace_of
from app.marketplace.qualifying import Unmet
from app.marketplace.worker_site import sessions
from app.marketplace.worker_site.refusals import NotQualified, Refused, SignInNeeded
from app.marketplace.worker_site.sessions import Visitor

COOKIE = "labeljury_worker"
_NO_PAGE = {404, 405}
_TEMPLATES = Jinja2Templates(Path(__file__).parent / "templates")
_PAGE_HEADERS = {
    # Questions may come from any https address, or from this machine.
    "Content-Security-Policy": "default-src 'self'; img-src 'self' data:; object-src 'none'; base-uri 'none';"
    " form-action 'self'; frame-ancestors 'none'; frame-src 'self' https: http://127.0.0.1:* http://localhost:*",
    "X-Content-Type-Options": "nosniff",
    "X-Frame-Options": "DENY",
    # A question may open windows: those that lead here are not its to hold.
    "Cross-Origin-Opener-Policy": "same-origin",
    "Referrer-Policy": "same-origin",
    "Cache-Control": "no-store",
}


# Dependencies that only compute are `async`: FastAPI would send each of the others to the thread pool by itself.
async def _market(request: Request) -> Marketplace:
    return marketplace_of(request)


Market = Annotated[Marketplace, Depends(_market)]


def page(request: Request, name: str, visitor: Visitor | None, *, status: int = 200, **values: Any) -> Response:
    """Render templates/<name>.html with the worker site's headers."""
    context = {"visitor": visitor, **values}
    return _TEMPLATES.TemplateResponse(
        request, f"{name}.html", context, status_code=status, headers=dict(_PAGE_HEADERS)
    )


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


def see_other(path: str) -> RedirectResponse:
    """Go on to another page with GET."""
    return RedirectResponse(path, status_code=303, headers={"Cache-Control": "no-store"})


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
    return _refused(request, 422, "This form or link holds a value that does not fit.")


def unavailable_page(request: Request, error: Exception) -> Response:
    """What a Worker reads while the database is out of reach."""
    message = "The marketplace is out of order for a moment. Go back and try again; an open assignment stays yours."
    if _stands_in_frame(request):
        return frame_page(request, "not_taken", status=503, message=message)
    return page(request, "refused", None, status=503, message=message)


def http_error_page(request: Request, error: Exception) -> Response:
    """What a Worker reads where there is no page, or none for this method."""
    status = error.status_code if isinstance(error, HTTPException) else 500
    message = "There is no such page." if status in _NO_PAGE else "The server could not use this request."
    return _refused(request, status, message)


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
        then = f"{request.url.path}?{request.url.query}" if request.url.query else request.url.path
        raise SignInNeeded(then if request.method == "GET" else request.url.path.partition("/accept")[0])
    return visitor


async def same_origin(request: Request, market: Market) -> None:
    """Refuse a form that a page of another site sent. Browsers say where a form came from; other clients need not."""
    origin, site = request.headers.get("origin"), request.headers.get("sec-fetch-site")
    ours = {request.headers.get("host"), urlsplit(market.settings.marketplace_url).netloc}
    # Not urlsplit: of http://[ it makes an error. An origin is a scheme and a host, and nothing behind them.
    if (site is not None and site not in {"same-origin", "none"}) or (
        origin is not None and origin.partition("://")[2] not in ours
    ):
        raise Refused(403, "This form was sent from another site.")


async def sender(
    visitor: Annotated[Visitor, Depends(required_visitor)],
    _: Annotated[None, Depends(same_origin)],
    csrf: Annotated[str, Form(max_length=100)] = "",
) -> Visitor:
    """The signed-in Worker whose own page this form came from."""
    if not hmac.compare_digest(csrf.encode("utf-8", "replace"), visitor.csrf.encode()):
        raise Refused(403, "This form is out of date. Go back, reload the page and try again.")
    return visitor


MaybeVisitor = Annotated[Visitor | None, Depends(visitor_of)]
SignedIn = Annotated[Visitor, Depends(required_visitor)]
Sender = Annotated[Visitor, Depends(sender)]


def local_path(path: str) -> str:
    """`path` when it leads to a page of this site, else the list."""
    safe = path.startswith("/") and not path.startswith("//") and "\\" not in path and path.isprintable()
    return path if safe else "/worker"


def duration(seconds: int) -> str:
    """A span as people say it: `2 hours 5 minutes`, `40 seconds`."""
    parts = [(seconds // 86400, "day"), (seconds % 86400 // 3600, "hour"), (seconds % 3600 // 60, "minute")]
    shown = [f"{count} {unit}{'s' if count > 1 else ''}" for count, unit in parts if count]
    return " ".join(shown[:2]) or f"{seconds} second{'s' if seconds != 1 else ''}"


def clock_time(at: datetime) -> str:
    """A moment, in UTC."""
    return f"{at.astimezone(UTC):%Y-%m-%d %H:%M} UTC"


_TEMPLATES.env.filters.update(
    duration=duration,
    clock_time=clock_time,
    day=lambda at: f"{at.astimezone(UTC):%Y-%m-%d}",
    usd=lambda amount: f"${amount:.2f}",
)
