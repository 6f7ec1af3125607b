"""Sign in and out."""

from datetime import UTC, datetime
from typing import Annotated

from fastapi import APIRouter, Form, Request
from fastapi.responses import RedirectResponse, Response
from starlette import status

from app.access import logins
from app.access.dependencies import Db, SettingsOf
from app.errors import TooManyAttempts
from app.web import csrf
from app.web.dependencies import OUR_FORM
from app.web.rendering import page

router = APIRouter()


@router.get("/sign-in")
def show_sign_in(request: Request, next: str = "/") -> Response:
    """The form."""
    return page(request, "sign_in", next=_own_path(next), email="", refused=None)


@router.post("/sign-in")
def sign_in(
    request: Request,
    db: Db,
    settings: SettingsOf,
    *,
    email: Annotated[str, Form()] = "",
    password: Annotated[str, Form()] = "",
    next: Annotated[str, Form()] = "/",
) -> Response:
    """Set the cookie and go where the visitor wanted to."""
    csrf.refuse_other_sites(request)
    address = request.client.host if request.client else "unknown"
    back = _own_path(next)
    try:
        token = logins.sign_in(db, email, password, address=address, now=datetime.now(UTC))
    except TooManyAttempts as refused:
        return _refused(request, refused.http_status, str(refused), email, back)
    if token is None:
        return _refused(request, status.HTTP_401_UNAUTHORIZED, "E-mail and password do not match.", email, back)
    answer = RedirectResponse(back, status_code=status.HTTP_303_SEE_OTHER)
    answer.set_cookie(
        logins.COOKIE,
        token,
        max_age=int(logins.LOGIN_LASTS.total_seconds()),
        httponly=True,
        samesite="lax",
        secure=settings.web_url.startswith("https:"),
    )
    return answer


@router.post("/sign-out", dependencies=[OUR_FORM])
def sign_out(request: Request, db: Db) -> Response:
    """End this browser's login."""
    logins.sign_out(db, request.cookies.get(logins.COOKIE, ""))
    answer = RedirectResponse("/sign-in", status_code=status.HTTP_303_SEE_OTHER)
    answer.delete_cookie(logins.COOKIE)
    return answer


def _refused(request: Request, code: int, message: str, email: str, back: str) -> Response:
    return page(request, "sign_in", status=code, next=back, email=email, refused=message)


def _own_path(path: str) -> str:
    """`path` if it stays on this site, else the overview: a link to the sign-in page must not lead elsewhere."""
    inside = path.startswith("/") and not path.startswith(("//", "/\\")) and path.isprintable()
    return path if inside else "/"
