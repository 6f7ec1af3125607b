"""What the Requester pages share: templates, who is asking, what goes wrong."""

from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Annotated, Any
from urllib.parse import quote

from fastapi import Depends, Form, Query
from fastapi import Path as InPath
from sqlalchemy.exc import OperationalError
from sqlalchemy.exc import TimeoutError as PoolTimeout
from starlette.requests import Request
from starlette.responses import Response
from starlette.templating import Jinja2Templates

from app.errors import ServiceError
from app.marketplace.context import Marketplace, marketplace_of
from app.marketplace.requester_site import calls, sessions
from app.marketplace.requester_site.notices import NOTICES
from app.marketplace.requester_site.sessions import Person
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
from app.marketplace.wire_errors import WireError

COOKIE = "labeljury_requester"
HOME = "/requester/"
ROWS_A_PAGE = 25
_TEMPLATES = Jinja2Templates(Path(__file__).parent / "templates")
# Ids as the marketplace and AWS draw them; anything else is no page.
Id = Annotated[str, InPath(pattern="^[A-Za-z0-9]{1,64}$")]
Notice = Annotated[str, Query(pattern="^[a-z_]{0,30}$")]
Number = Annotated[int | None, Query(ge=0, le=2**62)]
Token = Annotated[str, Query(alias="after", max_length=400)]
Text = Annotated[str, Form(max_length=20_000)]


def page(request: Request, name: str, person: Person | None, /, *, status: int = 200, **values: Any) -> Response:
    """Render templates/<name>.html with the Requester pages' headers."""
    context = {"person": person, "problem": "", "notice": "", **values}
    return _TEMPLATES.TemplateResponse(request, f"{name}.html", context, status_code=status, headers=dict(PAGE_HEADERS))


def person_of(request: Request, market: Market) -> Person | None:
    """The signed-in Requester, if there is one."""
    token = request.cookies.get(COOKIE)
    if not token:
        return None
    with market.database.transaction() as db:
        return sessions.person(db, token, market.clock())


@dataclass(frozen=True, slots=True)
class Desk:
    """The signed-in Requester at work: who asks, and for what."""

    request: Request
    market: Marketplace
    person: Person

    @property
    def requester_id(self) -> str:
        """Whose things may be seen and changed."""
        return self.person.requester_id

    def page(self, name: str, /, *, status: int = 200, **values: Any) -> Response:
        """Render templates/<name>.html for this Requester."""
        return page(self.request, name, self.person, status=status, **values)

    def call(self, operation: str, /, **params: Any) -> Mapping[str, Any]:
        """One of MTurk's operations in this Requester's name. Raises WireError."""
        return calls.call(self.market, self.requester_id, operation, **params)


async def signed_in(request: Request, market: Market, person: Annotated[Person | None, Depends(person_of)]) -> Desk:
    """The signed-in Requester. Raises SignInNeeded, which leads back to this page, or to the first one after a form."""
    if person is None:
        raise SignInNeeded(asked_for(request) if request.method == "GET" else HOME)
    return Desk(request, market, person)


async def sender(
    desk: Annotated[Desk, Depends(signed_in)],
    _: Annotated[None, Depends(same_origin)],
    csrf: Annotated[str, Form(max_length=100)] = "",
) -> Desk:
    """The signed-in Requester whose own page this form came from."""
    check_csrf(csrf, desk.person.csrf)
    return desk


MaybePerson = Annotated[Person | None, Depends(person_of)]
SignedIn = Annotated[Desk, Depends(signed_in)]
Sender = Annotated[Desk, Depends(sender)]


def own_path(path: str) -> str:
    """`path` when it leads to a Requester page, else the first one."""
    safe = path.startswith("/requester/") and "\\" not in path and "//" not in path and path.isprintable()
    return path if safe else HOME


def refusal_page(request: Request, error: Exception) -> Response:
    """What a Requester reads when something cannot be done."""
    if isinstance(error, SignInNeeded):
        return see_other(f"/requester/sign-in?next={quote(error.then, safe='')}")
    if isinstance(error, WireError):
        unknown = (error.turk_error_code or "").endswith("DoesNotExist")
        return _refused(request, 404 if unknown else error.http_status, error.message)
    if isinstance(error, Refused | ServiceError):
        return _refused(request, error.http_status, str(error))
    raise error


def malformed_page(request: Request, error: Exception) -> Response:
    """What a Requester reads when a form or a link does not fit the page it was sent to."""
    return _refused(request, 422, MALFORMED)


def unavailable_page(request: Request, error: Exception) -> Response:
    """What a Requester reads while the database is out of reach."""
    return page(request, "refused", None, status=503, message=f"{OUT_OF_ORDER}.")


def http_error_page(request: Request, error: Exception) -> Response:
    """What a Requester reads where there is no page, or none for this method."""
    return _refused(request, *http_error(error))


def _refused(request: Request, status: int, message: str) -> Response:
    try:
        person = person_of(request, marketplace_of(request))
    except (OperationalError, PoolTimeout):
        person = None  # the message is worth more than the name above it
    return page(request, "refused", person, status=status, message=message)


_TEMPLATES.env.globals["notices"] = NOTICES
_TEMPLATES.env.filters.update(duration=duration, clock_time=clock_time, usd=lambda amount: f"${amount:,.2f}")
