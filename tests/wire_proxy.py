"""A wire that can be counted, slowed and cut: an HTTP proxy in front of an MTurk-compatible endpoint."""

import http.client
import threading
import time
from collections import Counter
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from urllib.parse import urlsplit

HOP_BY_HOP = {"connection", "transfer-encoding", "content-length"}


@dataclass(slots=True)
class Wire:
    """What the proxy saw, and what it is told to do. Operations are named as in X-Amz-Target."""

    url: str = ""
    calls: Counter[str] = field(default_factory=Counter)
    latency_s: float = 0.0
    lose_reply: Counter[str] = field(default_factory=Counter)  # the request is carried out, its answer is not delivered
    refuse: dict[str, tuple[int, bytes]] = field(default_factory=dict)  # answered instead of being carried out
    meanwhile: dict[str, Callable[[], None]] = field(default_factory=dict)  # done once, while a request is on its way
    lock: threading.Lock = field(default_factory=threading.Lock)

    def bear(self, operation: str) -> None:
        """What happens to each request on its way."""
        with self.lock:
            self.calls[operation] += 1
        time.sleep(self.latency_s)
        if happens := self.meanwhile.pop(operation, None):
            happens()

    def takes(self, counter: Counter[str], operation: str) -> bool:
        with self.lock:
            if counter[operation] <= 0:
                return False
            counter[operation] -= 1
            return True


@contextmanager
def wire_to(endpoint: str) -> Iterator[Wire]:
    """A wire to `endpoint` on a free loopback port."""
    wire = Wire()
    target = urlsplit(endpoint)

    class Handler(BaseHTTPRequestHandler):
        protocol_version = "HTTP/1.1"

        def do_POST(self) -> None:
            body = self.rfile.read(int(self.headers["Content-Length"]))
            operation = self.headers.get("X-Amz-Target", "").rpartition(".")[2]
            wire.bear(operation)
            if refused := wire.refuse.get(operation):
                self._send(*refused)
                return
            status, headers, answer = self._forward(body)
            if wire.takes(wire.lose_reply, operation):
                self.close_connection = True
                return
            self._send(status, answer, headers)

        def _forward(self, body: bytes) -> tuple[int, list[tuple[str, str]], bytes]:
            connection = http.client.HTTPConnection(target.hostname or "", target.port, timeout=120)
            try:
                # The Host header is part of the signature: it goes on as it came.
                connection.request("POST", self.path, body, dict(self.headers.items()))
                answer = connection.getresponse()
                return answer.status, answer.getheaders(), answer.read()
            finally:
                connection.close()

        def _send(self, status: int, body: bytes, headers: list[tuple[str, str]] | None = None) -> None:
            self.send_response_only(status)
            for name, value in headers or [("Content-Type", "application/x-amz-json-1.1")]:
                if name.lower() not in HOP_BY_HOP:
                    self.send_header(name, value)
            self.send_header("Content-Length", str(len(body)))
            self.end_headers()
            self.wfile.write(body)

        def log_message(self, format: str, *args: object) -> None:
            """Say nothing."""

    class Server(ThreadingHTTPServer):
        daemon_threads = True

        def handle_error(self, request: object, client_address: object) -> None:
            """A client that went away is what these tests are about."""

    server = Server(("127.0.0.1", 0), Handler)
    wire.url = f"http://127.0.0.1:{server.server_address[1]}"
    thread = threading.Thread(target=server.serve_forever, kwargs={"poll_interval": 0.02}, daemon=True)
    thread.start()
    try:
        yield wire
    finally:
        server.shutdown()
        server.server_close()
        thread.join()
