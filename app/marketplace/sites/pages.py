"""What every page needs, whoever looks at it: headers, where a form came from, how times are written."""

import hmac
from datetime import UTC, datetime
from typing import Annotated
from urllib.parse import urlsplit

from fastapi import Depends
from starlette.exceptions import HTTPException
from starlette.requests import Request
from starlette.responses import RedirectResponse

from app.marketplace.context import Marketplace, marketplace_of
from app.marketplace.sites.refusals import Refused

PAGE_HEADERS = {
    # Questions, previewed or answered, may come from any https address, or from this machine; nothing else from outside.
    "Content-Security-Policy": "default-src 'self'; img-src 'self' data:; object-src 'none'; base-uri 'none';"
    " form-action 'self'; frame-ancestors 'none'; frame-src 'self' https: http://127.0.0.1:* http://localhost:*",
    "X-Content-Type-Options": "nosniff",
    "X-Frame-Options": "DENY",
    # A question may open windows: those that lead here are not its to hold.
    "Cross-Origin-Opener-Policy": "same-origin",
    "Referrer-Policy": "same-origin",
    "Cache-Control": "no-store",
}
MALFORMED = "This form or link holds a value that does not fit."
OUT_OF_ORDER = "The marketplace is out of order for a moment. Go back and try again"
_NO_PAGE = {404, 405}


# Dependencies that only compute are `async`: FastAPI would send each of the others to the thread pool by itself.
async def _market(request: Request) -> Marketplace:
    return marketplace_of(request)


Market = Annotated[Marketplace, Depends(_market)]


def see_other(path: str) -> RedirectResponse:
    """Go on to another page with GET."""
    return RedirectResponse(path, status_code=303, headers={"Cache-Control": "no-store"})


def asked_for(request: Request) -> str:
    """The page's path, with its query: where to come back to."""
    return f"{request.url.path}?{request.url.query}" if request.url.query else request.url.path


async def same_origin(request: Request, market: Market) -> None:
    """Refuse a form that a page of another site sent. Browsers say where a form came from; other clients need not."""
    origin, site = request.headers.get("origin"), request.headers.get("sec-fetch-site")
    ours = {request.headers.get("host"), urlsplit(market.settings.marketplace_url).netloc}
    # Not urlsplit: of http://[ it makes an error. An origin is a scheme and a host, and nothing behind them.
    if (site is not None and site not in {"same-origin", "none"}) or (
        origin is not None and origin.partition("://")[2] not in ours
    ):
        raise Refused(403, "This form was sent from another site.")


def check_csrf(given: str, wanted: str) -> None:
    """Raise Refused unless the form holds the token of this session."""
    if not hmac.compare_digest(given.encode("utf-8", "replace"), wanted.encode()):
        raise Refused(403, "This form is out of date. Go back, reload the page and try again.")


def http_error(error: Exception) -> tuple[int, str]:
    """The status and the words where there is no page, or none for this method."""
    status = error.status_code if isinstance(error, HTTPException) else 500
    return status, "There is no such page." if status in _NO_PAGE else "The server could not use this request."


def duration(seconds: float) -> str:
    """The two largest units: `1 day 2 hours`, `4 minutes 10 seconds`."""
    whole = round(seconds)
    parts = [
        (whole // 86400, "day"),
        (whole % 86400 // 3600, "hour"),
        (whole % 3600 // 60, "minute"),
        (whole % 60, "second"),
    ]
    shown = [f"{count} {unit}{'s' if count > 1 else ''}" for count, unit in parts if count]
    return " ".join(shown[:2]) or "0 seconds"


def clock_time(at: datetime | None) -> str:
    """A moment in UTC; a dash for none."""
    return "–" if at is None else f"{at.astimezone(UTC):%Y-%m-%d %H:%M} UTC"
