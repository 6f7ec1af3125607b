"""The pages' way to MTurk's operations: the same checks, rules and transactions as on the wire, so each exists once."""

import json
from collections.abc import Callable, Mapping
from datetime import datetime
from typing import Any

from starlette.responses import Response

from app.errors import InvalidInput
from app.marketplace import wire, wire_endpoint
from app.marketplace.context import Marketplace
from app.marketplace.sites.pages import see_other
from app.marketplace.wire_errors import WireError

Show = Callable[[str], Response]


def call(market: Marketplace, requester_id: str, operation: str, /, **params: Any) -> Mapping[str, Any]:
    """The operation's output. Members that are None or empty are left out. Raises WireError."""
    given = {name: value for name, value in params.items() if value is not None and value != ""}
    body = json.dumps(given, default=datetime.timestamp).encode()
    return wire_endpoint.perform(market, operation, requester_id, wire.parse(operation, body))


def answer(do: Callable[[], object], *, then: str, show: Show) -> Response:
    """Do what a form asks for and go on to `then`; where a rule forbids it, `show` the page again with the reason."""
    try:
        do()
    except WireError as error:
        return show(error.message)
    except InvalidInput as error:
        return show(str(error))
    return see_other(then)
