"""The wire without a client's own checks: any JSON, properly signed, and the bare reply."""

import http.client
import json
from dataclasses import dataclass
from datetime import UTC, datetime
from typing import Any
from urllib.parse import urlsplit

from app.marketplace import wire
from app.secrets import Credentials
from tests.fuzzing.sending import sign


@dataclass(frozen=True, slots=True)
class Answer:
    """A reply. `type` and `code` are empty in a success."""

    status: int
    headers: dict[str, str]
    document: dict[str, Any]

    @property
    def type(self) -> str:
        return str(self.document.get("__type", ""))

    @property
    def code(self) -> str:
        """The TurkErrorCode without its prefix."""
        return str(self.document.get("TurkErrorCode", "")).removeprefix("AWS.MechanicalTurk.")

    @property
    def message(self) -> str:
        return str(self.document.get("Message", ""))


class RawWire:
    """One kept-open connection to the endpoint."""

    def __init__(self, url: str, credentials: Credentials) -> None:
        self._url = url
        self._credentials = credentials
        parts = urlsplit(url)
        kind = http.client.HTTPSConnection if parts.scheme == "https" else http.client.HTTPConnection
        self._connection = kind(parts.netloc, timeout=60)

    def close(self) -> None:
        """Hang up."""
        self._connection.close()

    def post(self, operation: str, document: object) -> Answer:
        """Send a document, or bytes as they are."""
        body = document if isinstance(document, bytes) else json.dumps(document).encode()
        headers = {
            "X-Amz-Target": wire.TARGET_PREFIX + operation,
            "Content-Type": wire.CONTENT_TYPE,
            "Host": urlsplit(self._url).netloc,
        }
        headers |= sign(self._credentials, "POST", f"{self._url}/", body, headers=headers, at=datetime.now(UTC))
        try:
            self._connection.request("POST", "/", body, headers)
            response = self._connection.getresponse()
        except (http.client.HTTPException, ConnectionError):
            # The server closes a connection on which nothing was said for some seconds.
            self._connection.close()
            self._connection.request("POST", "/", body, headers)
            response = self._connection.getresponse()
        found = {name.lower(): value for name, value in response.getheaders()}
        return Answer(response.status, found, json.loads(response.read() or b"{}"))
