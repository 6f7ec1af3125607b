"""Is this answer the marketplace's own? Some operations answer with nothing, and so an error page looks like success.

A captive portal, a proxy or a half-dead server that says `200 OK` with a page of its own would else have approved, rejected,
expired or paid something in our books that nobody ever heard of.
"""

import json
from typing import TYPE_CHECKING, Any

from botocore.parsers import ResponseParserError

if TYPE_CHECKING:
    from mypy_boto3_mturk import MTurkClient

_REQUEST_ID = "x-amzn-requestid"
_FAILED = 300


def insist(client: "MTurkClient") -> None:
    """From now on an answer that says nothing counts only if the marketplace gave it."""
    client.meta.events.register("after-call.mturk", _check)


def _check(*, http_response: Any, model: Any, **_: Any) -> None:
    """Raise ResponseParserError, which is an unknown outcome, for what neither MTurk nor its like would say.

    Operations with something to say need no check: what is missing from their answer is found where it is read.
    """
    says_nothing = model.output_shape is None or not model.output_shape.members
    if not says_nothing or http_response.status_code >= _FAILED or _is_genuine(http_response):
        return
    raise ResponseParserError(f"{model.name} was answered with something that is not the marketplace's")


def _is_genuine(answer: Any) -> bool:
    """AWS names each request; endpoints that do not still answer an empty object."""
    if _REQUEST_ID in {name.lower() for name in answer.headers}:
        return True
    try:
        return bool(json.loads(answer.content) == {})
    except ValueError:
        return False
