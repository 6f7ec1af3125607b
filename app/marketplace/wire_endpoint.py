"""POST /: one MTurk operation, from signature to reply."""

import json
import time
import uuid
from collections.abc import Mapping
from typing import Any

from sqlalchemy.exc import OperationalError
from sqlalchemy.exc import TimeoutError as PoolTimeout
from starlette.concurrency import run_in_threadpool
from starlette.requests import Request
from starlette.responses import Response

from app.logs import get_logger
from app.marketplace import bodies, bookkeeping, signatures, wire
from app.marketplace.context import Marketplace, marketplace_of, utc_now
from app.marketplace.operations import INDEPENDENT_OF_TIME, OPERATIONS
from app.marketplace.signatures import SignedRequest
from app.marketplace.wire_errors import BodyTooLarge, NotAuthenticated, ServiceFault, WireError, not_supported

log = get_logger(__name__)


async def answer(request: Request) -> Response:
    """The endpoint that boto3 and the aws CLI speak to."""
    body = await bodies.read(request)
    return await run_in_threadpool(_answer, marketplace_of(request), request, body)


def _answer(market: Marketplace, request: Request, body: bytes | None) -> Response:
    started = time.perf_counter()
    target = request.headers.get("x-amz-target")
    request_id = str(uuid.uuid4())
    try:
        content, status, code = _call(market, request, body), 200, ""
    except WireError as error:
        content = json.dumps(error.body(market.clock())).encode()
        status, code = error.http_status, error.turk_error_code or error.type_name
    took_ms = round((time.perf_counter() - started) * 1000, 1)
    note = log.debug if status == 200 else log.info  # noqa: PLR2004 - an HTTP status
    note("wire.answered", target=(target or "")[:80], status=status, code=code, request_id=request_id, took_ms=took_ms)
    return Response(content, status_code=status, media_type=wire.CONTENT_TYPE, headers={"x-amzn-RequestId": request_id})


def _call(market: Marketplace, request: Request, body: bytes | None) -> bytes:
    if body is None:
        raise BodyTooLarge(f"The body exceeds {bodies.LARGEST_BODY} bytes.")
    operation = wire.operation_of(request.headers.get("x-amz-target"))
    try:
        requester_id = _caller(market, request, body)
        params = wire.parse(operation, body)
        if operation not in OPERATIONS:
            raise not_supported(operation)
        return wire.serialise(operation, perform(market, operation, requester_id, params))
    except (OperationalError, PoolTimeout) as error:
        log.warning("wire.database_failed", operation=operation, error=type(error).__name__)
        raise ServiceFault("The marketplace is temporarily unable to process your request.") from error


def perform(market: Marketplace, operation: str, requester_id: str, params: Mapping[str, Any]) -> Mapping[str, Any]:
    """The operation in one transaction of its own. Raises WireError, and then nothing has happened."""
    now = market.clock()
    if operation not in INDEPENDENT_OF_TIME:
        bookkeeping.settle(market.database, now)
    with market.database.transaction() as db:
        return OPERATIONS[operation](db, requester_id, params, now)


def _caller(market: Marketplace, request: Request, body: bytes) -> str:
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
    return requester_id
