"""Our own marketplace, really running: uvicorn on a free loopback port, on the database that is given."""

import asyncio
import socket
import threading
import time
from collections.abc import Iterator
from contextlib import contextmanager, suppress

import uvicorn

from app.db.engine import Database
from app.marketplace.context import Clock, utc_now
from app.marketplace.server import create_app
from app.settings import Settings

_STARTS_WITHIN_S = 120


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
        server = _Server(uvicorn.Config(app, log_config=None, ws="none", timeout_graceful_shutdown=2))
        thread = threading.Thread(target=server.run, kwargs={"sockets": [listener]}, daemon=True)
        thread.start()
        try:
            _wait_until_started(server, thread)
            yield url
        finally:
            server.stop()
            thread.join(_STARTS_WITHIN_S)


class _Server(uvicorn.Server):
    """uvicorn that ends at once: by itself it looks ten times a second whether it shall, and then sleeps for another tenth."""

    _loop: asyncio.AbstractEventLoop
    _told: asyncio.Event

    def stop(self) -> None:
        """From another thread, once it has started."""
        self.should_exit = True
        with suppress(RuntimeError):  # it has ended by itself, and its loop with it
            self._loop.call_soon_threadsafe(self._told.set)

    async def startup(self, sockets: list[socket.socket] | None = None) -> None:
        self._loop, self._told = asyncio.get_running_loop(), asyncio.Event()
        await super().startup(sockets)

    async def main_loop(self) -> None:
        ways = {asyncio.ensure_future(super().main_loop()), asyncio.ensure_future(self._told.wait())}
        await asyncio.wait(ways, return_when=asyncio.FIRST_COMPLETED)
        for way in ways:
            way.cancel()

    async def shutdown(self, sockets: list[socket.socket] | None = None) -> None:
        """In uvicorn's order: no new connections, an end to the old ones, an end to the application."""
        for server in self.servers:
            server.close()
        for listener in sockets or []:
            listener.close()
        for connection in list(self.server_state.connections):
            connection.shutdown()
        deadline = time.monotonic() + (self.config.timeout_graceful_shutdown or 0)
        while (self.server_state.connections or self.server_state.tasks) and time.monotonic() < deadline:
            await asyncio.sleep(0.002)
        for task in self.server_state.tasks:
            task.cancel()
        await self.lifespan.shutdown()


def _wait_until_started(server: uvicorn.Server, thread: threading.Thread) -> None:
    deadline = time.monotonic() + _STARTS_WITHIN_S
    while not server.started:
        if not thread.is_alive() or time.monotonic() > deadline:
            raise RuntimeError("the marketplace did not start; its log says why")
        time.sleep(0.01)
