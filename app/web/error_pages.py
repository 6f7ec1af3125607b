"""Errors → pages; who is not signed in goes to the sign-in page."""

from urllib.parse import quote

from fastapi import FastAPI, Request
from fastapi.exceptions import RequestValidationError
from fastapi.responses import RedirectResponse, Response
from sqlalchemy.exc import OperationalError
from sqlalchemy.exc import TimeoutError as PoolTimeout
from starlette import status
from starlette.exceptions import HTTPException

from app.errors import DatabaseUnavailable, InvalidInput, NotSignedIn, Problem, ServiceError
from app.logs import get_logger
from app.web.rendering import page

log = get_logger(__name__)

_HEADINGS = {
    402: "Not enough funds",
    403: "Not allowed",
    404: "Not found",
    405: "Not possible here",
    409: "Not possible now",
    413: "Too large",
    422: "This cannot be used",
    429: "Please wait",
    502: "The marketplace refused",
    503: "Not available at the moment",
}


def register(app: FastAPI) -> None:
    """Make `app` answer every error with a page."""
    app.exception_handler(NotSignedIn)(_to_sign_in)
    app.exception_handler(ServiceError)(_service_error)
    app.exception_handler(RequestValidationError)(_validation_error)
    app.exception_handler(HTTPException)(_http_error)
    app.exception_handler(OperationalError)(_database_error)
    app.exception_handler(PoolTimeout)(_database_error)
    app.exception_handler(Exception)(_unexpected)


def _to_sign_in(request: Request, error: NotSignedIn) -> Response:
    if request.headers.get("hx-request") == "true":
        # A fragment's place is no place for a sign-in page: htmx goes there with the whole window.
        return Response(status_code=204, headers={"HX-Redirect": "/sign-in"})
    back = f"?next={quote(request.url.path)}" if request.method == "GET" and request.url.path != "/" else ""
    return RedirectResponse(f"/sign-in{back}", status_code=status.HTTP_303_SEE_OTHER)


def _service_error(request: Request, error: ServiceError) -> Response:
    problems = error.problems if isinstance(error, InvalidInput) else []
    total = error.total if isinstance(error, InvalidInput) else 0
    message = "" if problems else str(error)
    return _error_page(request, error.http_status, message, problems, total)


def _validation_error(request: Request, error: RequestValidationError) -> Response:
    if any(found["loc"][0] == "path" for found in error.errors()):
        return _error_page(request, 404, "There is no such page.", [])
    problems = [Problem(found["msg"], field=str(found["loc"][-1])) for found in error.errors()]
    return _error_page(request, 422, "", problems)


def _http_error(request: Request, error: HTTPException) -> Response:
    message = {
        404: "There is no such page. The address may be mistyped, or the thing it led to is gone.",
        405: "This address does not take that kind of request.",
    }.get(error.status_code, str(error.detail))
    return _error_page(request, error.status_code, message, [])


def _database_error(request: Request, error: OperationalError | PoolTimeout) -> Response:
    log.error("database.unavailable", path=request.url.path, error=type(error).__name__)
    return _service_error(request, DatabaseUnavailable("The database cannot be reached at the moment; try again."))


def _unexpected(request: Request, error: Exception) -> Response:
    # Starlette raises the error again after this answer, so that the server logs its traceback.
    return _error_page(request, 500, "Something went wrong on our side. The log tells what; nothing was half done.", [])


def _error_page(request: Request, code: int, message: str, problems: list[Problem], total: int = 0) -> Response:
    """total: how many problems there are, where the list is cut."""
    heading = _HEADINGS.get(code, "Something went wrong")
    back = _way_back(request.url.path) if request.method == "POST" else "/"
    return page(
        request,
        "error",
        status=code,
        code=code,
        heading=heading,
        message=message,
        problems=problems,
        total=max(total, len(problems)),
        back=back,
    )


def _way_back(path: str) -> str:
    """The page whose form was refused: `/batches/7` of `/batches/7/launch`."""
    place, *rest = path.strip("/").split("/")
    return f"/{place}/{rest[0]}" if place == "batches" and rest else f"/{place}"
