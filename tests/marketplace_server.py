"""Our own marketplace, really running: uvicorn on a free loopback port, on the database that is given."""

import socket
import threading
import time
from collections.abc import Iterator
from contextlib import contextmanager

import uvicorn

from app.db.engine import Database
from app.marketplace.context import Clock, utc_now
from app.marketplace.server import create_app
from app.settings import Settings

_STARTS_WITHIN_S = 20


@contextmanager
def running_marketplace(settings: Settings, database: Database, clock: Clock = utc_now) -> Iterator[str]:
    """Serve the marketplace from a thread; its base URL, without a trailing slash.

    The settings' host and port give way to a free port; settings.marketplace_public_url is kept when it is set.
    """
    with socket.socket() as listener:
        listener.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
        listener.bind(("127.0.0.1", 0))
        port = listener.getsockname()[1]
        url = f"http://127.0.0.1:{port}"
        public = settings.marketplace_public_url or url
        settings = settings.model_copy(update={"marketplace_port": port, "marketplace_public_url": public})
        settings.__dict__.pop("marketplace_url", None)  # a cached property, copied along
        app = create_app(settings, database, clock)
        server = uvicorn.Server(uvicorn.Config(app, log_config=None, ws="none", timeout_graceful_shutdown=2))
        thread = threading.Thread(target=server.run, kwargs={"sockets": [listener]}, daemon=True)
        thread.start()
        try:
            _wait_until_started(server, thread)
            yield url
        finally:
            server.should_exit = True
            thread.join(_STARTS_WITHIN_S)


def _wait_until_started(server: uvicorn.Server, thread: threading.Thread) -> None:
    deadline = time.monotonic() + _STARTS_WITHIN_S
    while not server.started:
        if not thread.is_alive() or time.monotonic() > deadline:
            raise RuntimeError("the marketplace did not start; its log says why")
        time.sleep(0.01)
