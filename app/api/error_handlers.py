"""Errors → JSON, every one in the same shape."""

from collections.abc import Sequence
from http import HTTPStatus
from typing import Any

from fastapi import FastAPI, Request
from fastapi.exceptions import RequestValidationError
from fastapi.responses import JSONResponse
from pydantic import BaseModel, Field
from sqlalchemy.exc import OperationalError
from sqlalchemy.exc import TimeoutError as PoolTimeout
from starlette import status
from starlette.exceptions import HTTPException

from app.errors import DatabaseUnavailable, InvalidInput, NotSignedIn, Problem, ServiceError, TooManyAttempts
from app.logs import get_logger

log = get_logger(__name__)


class ProblemOut(BaseModel):
    """One fault of the input."""

    line: int | None = Field(description="Line of the item file, from 1.", examples=[17])
    field: str | None = Field(description="Column or setting.", examples=["guessed_label"])
    message: str = Field(examples=["is empty"])


class ErrorBody(BaseModel):
    """What went wrong."""

    type: str = Field(description="The error's name: stable, meant for programs.", examples=["InvalidInput"])
    message: str = Field(description="For people: what is wrong and how to mend it.")
    problems: list[ProblemOut] = Field(default=[], description="The faults of the input; long lists are cut.")
    total: int = Field(default=0, description="How many faults there are, cut or not.")


class ErrorOut(BaseModel):
    """The body of every answer from 400 up."""

    error: ErrorBody


def documented(*own: int) -> dict[int | str, dict[str, Any]]:
    """The `responses` of a route: its own error statuses and those that every route has."""
    return {code: {"model": ErrorOut, "description": HTTPStatus(code).phrase} for code in (401, 403, 422, *own)}


def register(app: FastAPI) -> None:
    """Make `app` answer every error in the shape of ErrorOut."""
    app.exception_handler(ServiceError)(_service_error)
    app.exception_handler(RequestValidationError)(_validation_error)
    app.exception_handler(HTTPException)(_http_error)
    app.exception_handler(OperationalError)(_database_error)
    app.exception_handler(PoolTimeout)(_database_error)
    app.exception_handler(Exception)(_unexpected)


def _answer(code: int, body: ErrorBody, headers: dict[str, str] | None = None) -> JSONResponse:
    return JSONResponse(ErrorOut(error=body).model_dump(), status_code=code, headers=headers)


def _service_error(request: Request, error: ServiceError) -> JSONResponse:
    problems = error.problems if isinstance(error, InvalidInput) else []
    total = error.total if isinstance(error, InvalidInput) else 0
    headers = {}
    if isinstance(error, NotSignedIn):
        headers["WWW-Authenticate"] = "Bearer"
    if isinstance(error, TooManyAttempts):
        headers["Retry-After"] = str(error.wait_s)
    return _answer(error.http_status, _body(type(error).__name__, str(error), problems, total), headers)


def _validation_error(request: Request, error: RequestValidationError) -> JSONResponse:
    problems = [Problem(found["msg"], field=_field(found["loc"])) for found in error.errors()]
    invalid = InvalidInput(problems)
    return _service_error(request, invalid)


def _field(location: Sequence[str | int]) -> str | None:
    """The name of the field alone: callers know whether they put it into the body or the query."""
    return ".".join(str(part) for part in location[1:]) or None


def _http_error(request: Request, error: HTTPException) -> JSONResponse:
    name, message = {
        status.HTTP_404_NOT_FOUND: ("NotFound", f"there is nothing at {request.url.path}; see /api/v1/openapi.json"),
        status.HTTP_405_METHOD_NOT_ALLOWED: (
            "MethodNotAllowed",
            f"{request.url.path} does not take {request.method}",
        ),
        status.HTTP_413_CONTENT_TOO_LARGE: ("ContentTooLarge", str(error.detail)),
    }.get(error.status_code, ("HttpError", str(error.detail)))
    return _answer(error.status_code, _body(name, message), dict(error.headers or {}))


def _database_error(request: Request, error: OperationalError | PoolTimeout) -> JSONResponse:
    log.error("database.unavailable", path=request.url.path, error=type(error).__name__)
    return _service_error(request, DatabaseUnavailable("the database cannot be reached at the moment; try again"))


def _unexpected(request: Request, error: Exception) -> JSONResponse:
    # Starlette raises the error again after this answer, so that the server logs its traceback.
    return _answer(500, _body("InternalError", "something went wrong here; the log tells what"))


def _body(name: str, message: str, problems: Sequence[Problem] = (), total: int = 0) -> ErrorBody:
    shown = [ProblemOut(line=problem.line, field=problem.field, message=problem.message) for problem in problems]
    return ErrorBody(type=name, message=message, problems=shown, total=total)
