"""Pages by keyset. Every page with rows carries a NextToken, the last one too, as MTurk's do; the end is an empty page."""

import base64
import binascii
import json
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime
from typing import Any

from app.marketplace.wire_errors import not_valid

DEFAULT_PAGE = 10
# No member of a request: the wire drops what MTurk's service model does not know.
SEEN_UNTIL = "the lists' lag"


@dataclass(frozen=True, slots=True)
class Page:
    """How many rows, and after which key (None: from the start).

    seen_until: rows that are younger do not show yet; None, except in rehearsals of MTurk's slow lists (`faults.py`).
    """

    size: int
    after: tuple[Any, ...] | None
    seen_until: datetime | None = None


def requested(params: Mapping[str, Any], *key_types: type) -> Page:
    """The page that the caller asked for; its key has one part for each of `key_types` (int, str, datetime).

    Raises ParameterValidationError for a NextToken that is none of ours.
    """
    after = params.get("NextToken")
    return Page(
        size=params.get("MaxResults") or DEFAULT_PAGE,
        after=None if after is None else _parse(after, key_types),
        seen_until=params.get(SEEN_UNTIL),
    )


def answer(name: str, shown: Sequence[Mapping[str, Any]], last_key: Sequence[Any]) -> dict[str, Any]:
    """A List operation's reply: the rows as `name`, NumResults, and NextToken unless there are no rows."""
    reply: dict[str, Any] = {"NumResults": len(shown), name: list(shown)}
    if shown:
        reply["NextToken"] = token(last_key)
    return reply


def token(key: Sequence[Any]) -> str:
    """A NextToken for what follows this key."""
    parts = [part.isoformat() if isinstance(part, datetime) else part for part in key]
    return base64.urlsafe_b64encode(json.dumps(parts).encode()).decode().rstrip("=")


def _parse(token: str, key_types: tuple[type, ...]) -> tuple[Any, ...]:
    try:
        parts = json.loads(base64.b64decode(token + "=" * (-len(token) % 4), altchars=b"-_", validate=True))
        if not isinstance(parts, list) or len(parts) != len(key_types):
            raise not_valid("NextToken", token)
        return tuple(_part(part, kind) for part, kind in zip(parts, key_types, strict=True))
    except (binascii.Error, UnicodeError, ValueError, TypeError, RecursionError):
        raise not_valid("NextToken", token) from None


def _part(part: object, kind: type) -> Any:
    value = datetime.fromisoformat(part) if kind is datetime and isinstance(part, str) else part
    if type(value) is not kind or (isinstance(value, datetime) and value.tzinfo is None):
        raise TypeError(kind)
    if isinstance(value, int) and abs(value) >= 1 << 63:
        raise ValueError(value)
    # Tokens of ours hold ids; a NUL or half a surrogate pair would only make the database fail.
    if isinstance(value, str) and not (value.isascii() and value.isprintable()):
        raise ValueError(value)
    return value
