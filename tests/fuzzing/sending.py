"""Sends what a fuzzer made up, over raw sockets that are kept open, and learns the ids that the server gives out."""

import json
import socket
from collections import defaultdict
from collections.abc import Iterator
from dataclasses import dataclass, field
from datetime import UTC, datetime, timedelta
from http.client import HTTPException, HTTPResponse
from typing import Any
from urllib.parse import urlsplit

from botocore.auth import SigV4Auth
from botocore.awsrequest import AWSRequest
from botocore.credentials import Credentials as AwsCredentials

from app.marketplace import wire
from app.secrets import Credentials
from tests.fuzzing.calls import Call, Envelope, Known

TIMEOUT_S = 120.0
_MOST_KNOWN = 200
_VERBS = ["GET", "HEAD", "PUT", "DELETE", "OPTIONS", "PATCH", "TRACE", "BREW"]
_PATHS = [
    "//",
    "/x",
    "/%00",
    "/?a=1&a=%ff",
    "/../..",
    "/worker/x",
    "/projects/3X/tasks",
    "/mturk/externalSubmit",
    "/" + "p" * 3000,
]
_WITHOUT_ANSWER = (Envelope.TRUNCATED, Envelope.NOT_HTTP)


@dataclass(frozen=True, slots=True)
class Reply:
    """What came back. Status 0: the server closed the connection without an answer."""

    status: int
    body: bytes


@dataclass(slots=True)
class Memory:
    """Ids by kind, those that the server has given out lately."""

    ids: dict[str, list[str]] = field(default_factory=lambda: defaultdict(list))

    def learn(self, kind: str, id: str) -> None:
        """Remember an id; old ones make room."""
        known = self.ids[kind]
        if id in known:
            return
        if len(known) < _MOST_KNOWN:
            known.append(id)
        else:
            # Never shorter: another thread may be about to read.
            known[sum(id.encode()) % _MOST_KNOWN] = id

    def fill(self, value: Any) -> Any:
        """The value with real ids in the places of `Known`."""
        if isinstance(value, Known):
            known = self.ids[value.kind]
            return known[value.number % len(known)] if known else "3" + "Z" * 29
        if isinstance(value, dict):
            return {name: self.fill(part) for name, part in value.items()}
        return [self.fill(part) for part in value] if isinstance(value, list) else value

    def learn_all(self, output: Any) -> None:
        """Remember every id in an output."""
        for name, value in _strings(output):
            if name.endswith("Id") or name == "NextToken":
                self.learn(name, value)


def _strings(value: Any, name: str = "") -> Iterator[tuple[str, str]]:
    if isinstance(value, dict):
        for key, part in value.items():
            yield from _strings(part, key)
    elif isinstance(value, list):
        for part in value:
            yield from _strings(part, name)
    elif isinstance(value, str):
        yield name, value


class Connection:
    """A connection to the wire that is opened again when the server has closed it."""

    def __init__(self, url: str, owner: Credentials, stranger: Credentials, memory: Memory) -> None:
        parts = urlsplit(url)
        self._address = (parts.hostname or "", parts.port or 80)
        self._host = parts.netloc
        self._owner, self._stranger = owner, stranger
        self._memory = memory
        self._socket: socket.socket | None = None

    def close(self) -> None:
        """Hang up."""
        if self._socket is not None:
            self._socket.close()
            self._socket = None

    def send(self, call: Call) -> Reply:
        """Send one call. Raises TimeoutError when the server hangs."""
        fresh = self._socket is None
        try:
            reply = self._exchange(call)
        except (ConnectionError, HTTPException):
            self.close()
            # A connection kept open may be closed by the server between two requests; a new one may not.
            if not fresh and call.envelope not in _WITHOUT_ANSWER:
                return self.send(call)
            return Reply(0, b"")
        if reply.status == 200 and call.envelope in (Envelope.SIGNED, Envelope.CHUNKED):
            self._memory.learn_all(json.loads(reply.body))
        return reply

    def _exchange(self, call: Call) -> Reply:
        if self._socket is None:
            self._socket = socket.create_connection(self._address, timeout=TIMEOUT_S)
        verb, request = self._request(call)
        self._socket.sendall(request)
        if call.envelope in _WITHOUT_ANSWER:
            self._socket.shutdown(socket.SHUT_WR)
        response = HTTPResponse(self._socket, method=verb)
        response.begin()
        body = response.read()
        if response.will_close or call.envelope in _WITHOUT_ANSWER:
            self.close()
        return Reply(response.status, body)

    def _request(self, call: Call) -> tuple[str, bytes]:
        if call.envelope is Envelope.NOT_HTTP:
            return "POST", call.noise + b"\r\n\r\n"
        body = call.body if isinstance(call.body, bytes) else json.dumps(self._memory.fill(call.body)).encode()
        picked = sum(call.noise)
        verb = _VERBS[picked % len(_VERBS)] if call.envelope is Envelope.OTHER_VERB else "POST"
        path = _PATHS[picked % len(_PATHS)] if call.envelope is Envelope.OTHER_PATH else "/"
        headers = self._headers(call, verb, path, body)
        if call.envelope is Envelope.STRANGE_HEADERS:
            headers |= {"X-Noise": call.noise.hex(), "Content-Type": "text/plain; charset=utf-7", "Expect": "200-maybe"}
        if call.envelope is Envelope.CHUNKED:
            del headers["Content-Length"]
            headers["Transfer-Encoding"] = "chunked"
            body = b"".join(b"%x\r\n%s\r\n" % (len(part), part) for part in (body[:7], body[7:]) if part) + b"0\r\n\r\n"
        lines = [f"{verb} {path} HTTP/1.1", *(f"{name}: {value}" for name, value in headers.items()), "", ""]
        whole = "\r\n".join(lines).encode("latin-1") + body
        return verb, whole[:-1] if call.envelope is Envelope.TRUNCATED and body else whole

    def _headers(self, call: Call, verb: str, path: str, body: bytes) -> dict[str, str]:
        target = wire.TARGET_PREFIX + call.operation
        if call.envelope is Envelope.OTHER_TARGET:
            target = call.noise.hex() or "DynamoDB_20120810.GetItem"
        given = {"X-Amz-Target": target, "Content-Type": wire.CONTENT_TYPE, "Host": self._host}
        if call.envelope in (Envelope.NO_TARGET, Envelope.TARGET_UNSIGNED):
            del given["X-Amz-Target"]
        signed = given | self._signature(call, verb, path, body, given)
        if call.envelope is Envelope.TARGET_UNSIGNED:
            signed["X-Amz-Target"] = target
        return signed | {"Content-Length": str(len(body))}

    def _signature(self, call: Call, verb: str, path: str, body: bytes, headers: dict[str, str]) -> dict[str, str]:
        match call.envelope:
            case Envelope.UNSIGNED:
                return {}
            case Envelope.GARBAGE_AUTHORIZATION:
                return {
                    "Authorization": f"AWS4-HMAC-SHA256 Credential={call.noise.hex()}/x, Signature=",
                    "X-Amz-Date": "now",
                }
            case Envelope.STRANGER:
                key = self._stranger
            case Envelope.WRONG_SECRET:
                key = Credentials(self._owner.access_key_id, "not the secret")
            case Envelope.UNKNOWN_KEY:
                key = Credentials("AKIAUNHEARD", "secret")
            case _:
                key = self._owner
        payload = b"{}" if call.envelope is Envelope.OTHER_BODY else body
        at = datetime.now(UTC) - timedelta(hours=1 if call.envelope is Envelope.STALE else 0)
        return sign(key, verb, f"http://{self._host}{path}", payload, headers=headers, at=at)


def sign(
    key: Credentials, verb: str, url: str, body: bytes, *, headers: dict[str, str], at: datetime
) -> dict[str, str]:
    """The headers that a signature adds, by botocore."""
    stamp = f"{at:%Y%m%dT%H%M%SZ}"
    request = AWSRequest(method=verb, url=url, data=body, headers={**headers, "X-Amz-Date": stamp})
    request.context["timestamp"] = stamp
    signer = SigV4Auth(AwsCredentials(key.access_key_id, key.secret_access_key), "mturk-requester", "us-east-1")
    signature = signer.signature(signer.string_to_sign(request, signer.canonical_request(request)), request)
    signed = signer.signed_headers(signer.headers_to_sign(request))
    return {
        "X-Amz-Date": stamp,
        "Authorization": f"AWS4-HMAC-SHA256 Credential={signer.scope(request)}, SignedHeaders={signed}, Signature={signature}",
    }
