"""Bodies of requests: text that can neither be stored nor sent back is refused at the door."""

import json
import re
from collections.abc import Iterator, Mapping

from fastapi import Request

from app.domain.item_values import NOT_KEPT
from app.errors import InvalidInput, Problem

# NUL and half a surrogate pair, escaped or as bytes. An escaped backslash may stand before them: that is looked at closely.
_SUSPECT = re.compile(rb"\\u(?:0000|[dD][89a-fA-F])|\xed[\xa0-\xbf]|\x00")


async def refuse_what_cannot_be_kept(request: Request) -> None:
    """Raises InvalidInput for JSON with a NUL or half a character in it: PostgreSQL has no place for them."""
    if "json" not in request.headers.get("content-type", ""):
        return
    body = await request.body()
    if _SUSPECT.search(body) and any(map(NOT_KEPT.search, _texts(json.loads(body)))):
        raise InvalidInput([Problem("the body holds a NUL or half a character (a lone surrogate); send it as UTF-8")])


def _texts(value: object) -> Iterator[str]:
    """Every text in a JSON value, names of fields too."""
    waiting = [value]
    while waiting:
        match waiting.pop():
            case str(text):
                yield text
            case Mapping() as fields:
                waiting += [*fields.keys(), *fields.values()]
            case list(elements):
                waiting += elements
