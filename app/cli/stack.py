"""Everything on one machine: console, marketplace and job runner as processes of their own, stopped together."""

from __future__ import annotations

import os
import shlex
import signal
import socket
import subprocess
import sys
import threading
import time
from collections.abc import Mapping
from contextlib import ExitStack, suppress
from pathlib import Path
from typing import IO, TYPE_CHECKING, Self
from urllib.error import URLError
from urllib.request import urlopen

from rich.panel import Panel

from app.cli import talking
from app.cli.opening import load_settings
from app.errors import Conflict, ServiceError

if TYPE_CHECKING:
    from app.access.accounts import NewAccount
    from app.cli.opening import Opened

PARTS = ("serve", "serve-marketplace", "run-jobs")
READY_WITHIN_S = 180.0  # a machine that is busy with much else; a part that dies is noticed at once
STOP_WITHIN_S = 15.0
_PARENT = "LABELJURY_PARENT_PID"


class Stack:
    """The parts as child processes. Leaving the block stops them, the job runner first."""

    def __init__(self, service: Opened, *, log: Path | None = None) -> None:
        self.service = service
        self.console = talking.console()
        self.first_account: NewAccount | None = None
        self._log_path = log
        self._log: IO[bytes] | None = None
        self._parts: dict[str, subprocess.Popen[bytes]] = {}
        self._holds = ExitStack()

    def __enter__(self) -> Self:
        settings = self.service.settings
        for port, setting in (
            (settings.web_port, "LABELJURY_WEB_PORT"),
            (settings.marketplace_port, "LABELJURY_MARKETPLACE_PORT"),
        ):
            if not port_is_free(port):
                raise Conflict(
                    f"port {port} is taken (is `labeljury up` running already?); choose another by {setting}"
                )
        self.first_account = self._first_account()
        if self._log_path is not None:
            self._log = self._log_path.open("ab")
        with ExitStack() as undone:
            undone.callback(self._stop)
            for part in PARTS:
                self._parts[part] = self._start(part)
            self._wait_until_ready()
            undone.pop_all()  # they stay, until we leave
        return self

    def __exit__(self, *_: object) -> None:
        self._stop()
        self._holds.close()

    def announce(self) -> None:
        """Say where everything is, and how to sign in; the first account's password is shown this once."""
        from app.access.accounts import FIRST_EMAIL

        settings = self.service.settings
        lines = [
            f"Console and API   {settings.web_url}   (API documentation: {settings.web_url}/api/docs)",
            f"Marketplace       {settings.marketplace_url}   (Workers: {settings.marketplace_url}/worker)",
            f"Profile           {settings.marketplace_profile}",
        ]
        if self.first_account is not None:
            lines += ["", *sign_in_lines(self.first_account)]
        self.console.print(Panel("\n".join(lines), title="Label Jury", expand=False))
        if self.first_account is None:
            reset = f"{self._at_this_place()}labeljury account reset-password {FIRST_EMAIL}"
            self.console.print(f"To sign in with a new password: {reset}", soft_wrap=True, markup=False)
        self.console.print("Ctrl-C stops everything.")

    def _at_this_place(self) -> str:
        """What a command needs in front of it to work on this very installation."""
        settings, default = self.service.settings, load_settings()
        if (settings.data_dir.absolute(), settings.database_url) == (default.data_dir.absolute(), default.database_url):
            return ""
        database = "" if default.database_url is None else "DATABASE_URL= "
        return f"{database}LABELJURY_DATA_DIR={shlex.quote(str(settings.data_dir.absolute()))} "

    def wait(self) -> None:
        """Until Ctrl-C or SIGTERM, or until a part ends by itself: then everything stops, with an error."""
        stopping = threading.Event()
        signal.signal(signal.SIGTERM, lambda *_: stopping.set())
        with suppress(KeyboardInterrupt):
            while not stopping.wait(1.0):
                self._check_alive()
                self._keep_database()

    def _keep_database(self) -> None:
        """Have the embedded PostgreSQL started again if its supervisor was killed; the parts reconnect by themselves."""
        if self.service.settings.database_url is None:
            from app.db import embedded

            directory = self.service.settings.data_dir / "postgres"
            if embedded.is_running(directory) is None:
                self._holds.enter_context(embedded.hold(directory))

    def _first_account(self) -> NewAccount | None:
        from app.access.accounts import ensure_first_account

        with self.service.database.transaction() as db:
            return ensure_first_account(db)

    def _start(self, part: str) -> subprocess.Popen[bytes]:
        # A session of its own: Ctrl-C reaches us alone, and we stop the parts in the right order.
        return subprocess.Popen(  # noqa: S603 - our own program
            [sys.executable, "-m", "app.cli", part],
            env={**os.environ, **self._environment(), _PARENT: str(os.getpid())},
            stdin=subprocess.DEVNULL,
            stdout=self._log,
            stderr=self._log,
            start_new_session=True,
        )

    def _environment(self) -> Mapping[str, str]:
        settings = self.service.settings
        return {
            # Each part holds the embedded database itself, so that none is left alone when another goes.
            "DATABASE_URL": settings.database_url or "",
            "LABELJURY_DATA_DIR": str(settings.data_dir.absolute()),
            "LABELJURY_WEB_PORT": str(settings.web_port),
            "LABELJURY_MARKETPLACE_PORT": str(settings.marketplace_port),
            "LABELJURY_POLL_INTERVAL_S": str(settings.poll_interval_s),
        }

    def _wait_until_ready(self) -> None:
        settings = self.service.settings
        deadline = time.monotonic() + READY_WITHIN_S
        for url in (f"{_loopback(settings.web_port)}/health/ready", f"{_loopback(settings.marketplace_port)}/health"):
            while not _answers(url):
                self._check_alive()
                if time.monotonic() > deadline:
                    raise ServiceError(f"{url} did not answer within {READY_WITHIN_S:.0f} s")
                time.sleep(0.1)

    def _check_alive(self) -> None:
        for part, process in self._parts.items():
            if process.poll() is not None:
                where = f"; see {self._log_path}" if self._log_path else ""
                raise ServiceError(f"`labeljury {part}` ended with exit code {process.returncode}{where}")

    def _stop(self) -> None:
        for process in reversed(self._parts.values()):
            if process.poll() is None:
                process.terminate()
        deadline = time.monotonic() + STOP_WITHIN_S
        for process in self._parts.values():
            try:
                process.wait(max(0.1, deadline - time.monotonic()))
            except subprocess.TimeoutExpired:
                process.kill()
                process.wait()
        if self._log is not None:
            self._log.close()


def sign_in_lines(account: NewAccount) -> list[str]:
    """How to sign in with an Account just made."""
    return [f"Sign in as        {account.email}", f"Password          {account.password}   (shown only now)"]


def port_is_free(port: int) -> bool:
    """Whether nothing on this machine listens on the port."""
    with socket.socket() as probe:
        probe.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
        try:
            probe.bind(("127.0.0.1", port))
        except OSError:
            return False
    return True


def stop_when_orphaned() -> None:
    """Have this process end when the `labeljury up` that started it is gone, even by kill -9."""
    parent = int(os.environ.get(_PARENT, "0"))
    if not parent:
        return

    def watch() -> None:
        while os.getppid() == parent:
            time.sleep(1.0)
        os.kill(os.getpid(), signal.SIGTERM)

    threading.Thread(target=watch, daemon=True, name="parent-watch").start()


def _loopback(port: int) -> str:
    return f"http://127.0.0.1:{port}"


def _answers(url: str) -> bool:
    try:
        with urlopen(url, timeout=2) as answer:  # noqa: S310 - our own loopback address
            return bool(answer.status == 200)  # noqa: PLR2004 - an HTTP status
    except (URLError, OSError):
        return False
