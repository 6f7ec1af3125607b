"""POST /: one MTurk operation, from signature to reply."""

import asyncio
import json
import time
import uuid
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from datetime import timedelta
from typing import Any

from sqlalchemy.exc import OperationalError
from sqlalchemy.exc import TimeoutError as PoolTimeout
from starlette.concurrency import run_in_threadpool
from starlette.requests import Request
from starlette.responses import Response
from starlette.types import Receive, Scope, Send

from app.logs import get_logger
from app.marketplace import bodies, bookkeeping, paging, signatures, wire
from app.marketplace.context import Marketplace, marketplace_of, utc_now
from app.marketplace.faults import NO_TROUBLE, Mishap, Trouble
from app.marketplace.operations import INDEPENDENT_OF_TIME, OPERATIONS
from app.marketplace.signatures import SignedRequest
from app.marketplace.wire_errors import (
    BodyTooLarge,
    NotAuthenticated,
    ServiceFault,
    Throttled,
    UnknownOperation,
    WireError,
)

log = get_logger(__name__)
_UNABLE = "The marketplace is temporarily unable to process your request."


async def answer(request: Request) -> Response:
    """The endpoint that boto3 and the aws CLI speak to."""
    body = await bodies.read(request)
    response, trouble = await run_in_threadpool(_answer, marketplace_of(request), request, body)
    if trouble.delay_s:
        await asyncio.sleep(trouble.delay_s)
    return _CutOff() if trouble.mishap is Mishap.REPLY_LOST else response


class _CutOff(Response):
    """A reply that is lost on its way: of its chunks the last never comes, since uvicorn closes the connection then.

    (Of a body that is shorter than its Content-Length boto3 says nothing.)
    """

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        await send({"type": "http.response.start", "status": 200, "headers": []})
        await send({"type": "http.response.body", "body": b"{", "more_body": True})


async def refuse(request: Request) -> Response:
    """What a program hears that calls with another method than POST."""
    refused = UnknownOperation("Operations are called with POST.")
    body = json.dumps(refused.body(marketplace_of(request).clock()))
    headers = {"x-amzn-RequestId": str(uuid.uuid4())}
    return Response(body, status_code=refused.http_status, media_type=wire.CONTENT_TYPE, headers=headers)


def _answer(market: Marketplace, request: Request, body: bytes | None) -> tuple[Response, Trouble]:
    started = time.perf_counter()
    target = request.headers.get("x-amz-target")
    request_id = str(uuid.uuid4())
    trouble = NO_TROUBLE
    try:
        if body is None:
            raise BodyTooLarge(f"The body exceeds {bodies.LARGEST_BODY} bytes.")
        operation = wire.operation_of(target)
        with _database_faults(operation):
            key_id, requester_id = _caller(market, request, body)
            trouble = market.trouble.next_call(key_id) if market.trouble is not None else NO_TROUBLE
            content, status, code = _call(market, operation, requester_id, body, trouble), 200, ""
    except WireError as error:
        content = json.dumps(error.body(market.clock())).encode()
        status, code = error.http_status, error.turk_error_code or error.type_name
    took_ms = round((time.perf_counter() - started) * 1000, 1)
    note = log.debug if status == 200 else log.info  # noqa: PLR2004 - an HTTP status
    note("wire.answered", target=(target or "")[:80], status=status, code=code, request_id=request_id, took_ms=took_ms)
    headers = {"x-amzn-RequestId": request_id}
    return Response(content, status_code=status, media_type=wire.CONTENT_TYPE, headers=headers), trouble


@contextmanager
def _database_faults(operation: str) -> Iterator[None]:
    try:
        yield
    except (OperationalError, PoolTimeout) as error:
        log.warning("wire.database_failed", operation=operation, error=type(error).__name__)
        raise ServiceFault(_UNABLE) from error


def _call(market: Marketplace, operation: str, requester_id: str, body: bytes, trouble: Trouble) -> bytes:
    if trouble.mishap is Mishap.THROTTLED:
        raise Throttled("Rate exceeded")
    params = wire.parse(operation, body)
    if trouble.mishap is Mishap.ERROR_BEFORE:
        raise ServiceFault(_UNABLE)
    if trouble.list_lag_s and operation.startswith("List"):
        params[paging.SEEN_UNTIL] = market.clock() - timedelta(seconds=trouble.list_lag_s)
    content = wire.serialise(operation, perform(market, operation, requester_id, params))
    if trouble.mishap is Mishap.ERROR_AFTER:
        raise ServiceFault(_UNABLE)
    return content


def perform(market: Marketplace, operation: str, requester_id: str, params: Mapping[str, Any]) -> Mapping[str, Any]:
    """The operation in one transaction of its own. Raises WireError, and then nothing has happened."""
    now = market.clock()
    if operation not in INDEPENDENT_OF_TIME:
        bookkeeping.settle(market.database, now)
    with market.database.transaction() as db:
        return OPERATIONS[operation](db, requester_id, params, now)


def _caller(market: Marketplace, request: Request, body: bytes) -> tuple[str, str]:
    """The access key that signed, and its Requester. Raises NotAuthenticated."""
    headers: dict[str, str] = {}
    for name, value in request.headers.items():
        headers[name] = f"{headers[name]},{value}" if name in headers else value
    path = request.scope.get("raw_path") or b"/"
    signed = SignedRequest(request.method, path.decode("latin-1"), request.url.query, headers, body)
    # By the real time: a rehearsal may move the marketplace's clock, but not that of the caller who signs.
    key_id = signatures.verify(signed, market.keys.secret_of, utc_now())
    requester_id = market.keys.requester_of(key_id)
    if requester_id is None:
        raise NotAuthenticated("UnrecognizedClientException", "The security token included in the request is invalid.")
    return key_id, requester_id
