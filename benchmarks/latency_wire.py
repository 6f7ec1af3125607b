"""A wire with latency: a relay that knows just enough HTTP to count calls, to hold each of them back and to throttle.

A process of its own, so that it shares no interpreter with the client it slows or the marketplace it leads to:
`python -m benchmarks.latency_wire HOST PORT LATENCY_S [CALLS_PER_S BURST]` prints its own port and serves until it is
terminated. With a limit it lets through what a bucket of BURST calls allows that fills at CALLS_PER_S; all else gets
MTurk's ThrottlingException. `GET /calls` and `GET /throttled` answer the calls so far, let through and not, as a JSON
object by operation, without latency.
"""

import asyncio
import json
import sys
import time
from collections import Counter
from dataclasses import dataclass, field
from functools import partial

from app.cli.stack import stop_when_orphaned

_LIMIT = 1024 * 1024
_THROTTLED = json.dumps({"__type": "ThrottlingException", "message": "Rate exceeded"}).encode()


async def _message(reader: asyncio.StreamReader) -> tuple[bytes, bytes] | None:
    """Head and body of the next HTTP message; None where the other side has closed."""
    try:
        head = await reader.readuntil(b"\r\n\r\n")
        length = int(_header(head, b"content-length") or b"0")
        return head, await reader.readexactly(length)
    except (asyncio.IncompleteReadError, ConnectionError):
        return None


def _header(head: bytes, name: bytes) -> bytes | None:
    for line in head.split(b"\r\n")[1:]:
        key, _, value = line.partition(b":")
        if key.strip().lower() == name:
            return value.strip()
    return None


@dataclass(slots=True)
class _Bucket:
    """Holds `burst` calls at most and fills with `per_s` a second."""

    per_s: float
    burst: float
    filled_at: float = field(default_factory=time.monotonic)
    left: float = 0.0

    def takes(self) -> bool:
        now = time.monotonic()
        self.left = min(self.burst, self.left + (now - self.filled_at) * self.per_s)
        self.filled_at = now
        if self.left < 1:
            return False
        self.left -= 1
        return True


@dataclass(frozen=True, slots=True)
class _Wire:
    host: str
    port: int
    latency_s: float
    bucket: _Bucket | None
    calls: Counter[str] = field(default_factory=Counter)
    throttled: Counter[str] = field(default_factory=Counter)


async def _serve_client(wire: _Wire, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
    """One client's connection, with one of our own behind it that is opened again when the marketplace closes it."""
    up_reader, up_writer = await asyncio.open_connection(wire.host, wire.port, limit=_LIMIT)
    try:
        while (request := await _message(reader)) is not None:
            head, body = request
            if head.startswith(b"GET "):
                counted = wire.throttled if head.startswith(b"GET /throttled") else wire.calls
                await _send(writer, _own_answer(200, json.dumps(counted).encode()))
                continue
            operation = (_header(head, b"x-amz-target") or b"").rpartition(b".")[2].decode()
            lets_through = wire.bucket is None or wire.bucket.takes()
            (wire.calls if lets_through else wire.throttled)[operation] += 1
            await asyncio.sleep(wire.latency_s)
            if not lets_through:
                await _send(writer, _own_answer(400, _THROTTLED))
                continue
            if up_reader.at_eof():
                up_writer.close()
                up_reader, up_writer = await asyncio.open_connection(wire.host, wire.port, limit=_LIMIT)
            await _send(up_writer, head + body)
            if (answer := await _message(up_reader)) is None:
                return
            await _send(writer, answer[0] + answer[1])
    except ConnectionError:
        return
    finally:
        up_writer.close()
        writer.close()


async def _send(writer: asyncio.StreamWriter, message: bytes) -> None:
    writer.write(message)
    await writer.drain()


def _own_answer(status: int, body: bytes) -> bytes:
    kind = b"application/x-amz-json-1.1"
    return b"HTTP/1.1 %d -\r\nContent-Type: %s\r\nContent-Length: %d\r\n\r\n%s" % (status, kind, len(body), body)


async def _main(host: str, port: int, latency_s: float, bucket: _Bucket | None) -> None:
    client = partial(_serve_client, _Wire(host, port, latency_s, bucket))
    server = await asyncio.start_server(client, "127.0.0.1", 0, limit=_LIMIT)
    print(server.sockets[0].getsockname()[1], flush=True)
    async with server:
        await server.serve_forever()


if __name__ == "__main__":
    stop_when_orphaned()
    asyncio.run(
        _main(
            sys.argv[1],
            int(sys.argv[2]),
            float(sys.argv[3]),
            _Bucket(float(sys.argv[4]), float(sys.argv[5])) if len(sys.argv) > 4 else None,
        )
    )
