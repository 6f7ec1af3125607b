"""A wire with latency: a relay that knows just enough HTTP to count calls and to hold each of them back.

A process of its own, so that it shares no interpreter with the client it slows or the marketplace it leads to:
`python -m benchmarks.latency_wire HOST PORT LATENCY_S` prints its own port and serves until it is terminated.
`GET /calls` answers the calls so far as a JSON object by operation, without latency.
"""

import asyncio
import json
import sys
from collections import Counter
from dataclasses import dataclass
from functools import partial

from app.cli.stack import stop_when_orphaned

_LIMIT = 1024 * 1024


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


@dataclass(frozen=True, slots=True)
class _Wire:
    host: str
    port: int
    latency_s: float
    calls: Counter[str]


async def _serve_client(wire: _Wire, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
    """One client's connection, with one of our own behind it that is opened again when the marketplace closes it."""
    up_reader, up_writer = await asyncio.open_connection(wire.host, wire.port, limit=_LIMIT)
    try:
        while (request := await _message(reader)) is not None:
            head, body = request
            if head.startswith(b"GET /calls"):
                await _send(writer, _own_answer(wire.calls))
                continue
            wire.calls[(_header(head, b"x-amz-target") or b"").rpartition(b".")[2].decode()] += 1
            await asyncio.sleep(wire.latency_s)
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


def _own_answer(calls: Counter[str]) -> bytes:
    body = json.dumps(calls).encode()
    return b"HTTP/1.1 200 OK\r\nContent-Type: application/json\r\nContent-Length: %d\r\n\r\n%s" % (len(body), body)


async def _main(host: str, port: int, latency_s: float) -> None:
    client = partial(_serve_client, _Wire(host, port, latency_s, Counter()))
    server = await asyncio.start_server(client, "127.0.0.1", 0, limit=_LIMIT)
    print(server.sockets[0].getsockname()[1], flush=True)
    async with server:
        await server.serve_forever()


if __name__ == "__main__":
    stop_when_orphaned()
    asyncio.run(_main(sys.argv[1], int(sys.argv[2]), float(sys.argv[3])))
