"""A receiver of webhooks on loopback that can be told to fail, hang, redirect, or answer nothing."""

import json
import threading
import time
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from typing import Any


@dataclass(slots=True)
class Receiver:
    """What came, and what is answered: `answers` one after the other, then 204."""

    url: str = ""
    posts: list[tuple[dict[str, str], bytes]] = field(default_factory=list)
    answers: list[int | str] = field(default_factory=list)
    hang_s: float = 0.0
    gets: int = 0

    @property
    def events(self) -> list[dict[str, Any]]:
        """The bodies that came."""
        return [json.loads(body) for _, body in self.posts]

    @property
    def told(self) -> list[tuple[str, str]]:
        """`event` and `subject` of each."""
        return [(event["event"], event["alert"]["subject"]) for event in self.events]


@contextmanager
def receiving() -> Iterator[Receiver]:
    """A receiver at `url` for as long as the block runs."""
    receiver = Receiver()

    class Handler(BaseHTTPRequestHandler):
        def do_GET(self) -> None:
            receiver.gets += 1
            self._send(200)

        def do_POST(self) -> None:
            body = self.rfile.read(int(self.headers["Content-Length"]))
            receiver.posts.append((dict(self.headers.items()), body))
            time.sleep(receiver.hang_s)
            answer = receiver.answers.pop(0) if receiver.answers else 204
            if isinstance(answer, int):
                self._send(answer)
            elif answer == "hang up":
                self.close_connection = True
            elif answer == "nonsense":
                self.wfile.write(b"\x00\x01 this is not HTTP\r\n\r\n")
            else:
                self._send(302, {"Location": answer})

        def _send(self, status: int, headers: dict[str, str] | None = None) -> None:
            self.send_response_only(status)
            for name, value in (headers or {}).items():
                self.send_header(name, value)
            self.send_header("Content-Length", "0")
            self.end_headers()

        def log_message(self, format: str, *args: object) -> None:
            """Say nothing."""

    class Server(ThreadingHTTPServer):
        daemon_threads = True

        def handle_error(self, request: object, client_address: object) -> None:
            """A sender that gave up is what these tests are about."""

    server = Server(("127.0.0.1", 0), Handler)
    receiver.url = f"http://127.0.0.1:{server.server_address[1]}/alerts"
    thread = threading.Thread(target=server.serve_forever, kwargs={"poll_interval": 0.02}, daemon=True)
    thread.start()
    try:
        yield receiver
    finally:
        server.shutdown()
        server.server_close()
        thread.join()
