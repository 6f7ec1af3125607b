"""The embedded PostgreSQL, used when no DATABASE_URL is set: shared by all processes of one data folder.

No client owns the server. A small detached supervisor (`embedded_supervisor.py`) starts it for the first user, starts
it again when it dies and stops it after the last. Users are counted by the kernel: each holds a shared lock, which
even kill -9 gives back.

Why not the wheel's own launcher: it believes PIDs (and signals strangers), leaks its server after a kill -9, fails for
a second user of the machine, and as root adds a user and opens up every parent folder.
"""

import fcntl
import os
import pwd
import subprocess
import sys
import time
from collections.abc import Iterator
from contextlib import ExitStack, contextmanager
from enum import Enum, auto
from pathlib import Path

import psycopg

from app.db.embedded_home import Home, is_free, open_lock, try_lock
from app.errors import DatabaseUnavailable

_ROOT = Path(__file__).resolve().parents[2]
_POLL_S = 0.05
# A server listens before it recovers, so a silence this long is no recovery. initdb on a slow disk fits in.
_SILENCE_S = 120.0
_FAREWELL_S = 10.0
# On Linux a server without supervisor is about to stop (elsewhere it runs on, and is used as it is).
_DIES_WITH_SUPERVISOR = sys.platform == "linux"


class _Answer(Enum):
    READY = auto()
    STARTING = auto()
    NONE = auto()


@contextmanager
def hold(directory: Path) -> Iterator[str]:
    """The URL of a running server whose data lie under `directory`; it runs at least until the block ends.

    Starts it if nobody has, and waits as long as it recovers from a crash. The last user to leave waits until it has
    stopped, so that the folder may be deleted afterwards.
    Raises DatabaseUnavailable with what is wrong and the way out.
    """
    home = Home(directory.absolute())
    with ExitStack() as stack:
        with _explained(home):
            home.directory.mkdir(parents=True, exist_ok=True, mode=0o700)
            users = stack.enter_context(open_lock(home.users_lock))
            # Waits while a supervisor without users is stopping its server.
            fcntl.flock(users, fcntl.LOCK_SH)
            url = _running_server(home)
        try:
            yield url
        finally:
            fcntl.flock(users, fcntl.LOCK_UN)
            _await_stop(home, users)


def is_running(directory: Path) -> str | None:
    """The URL of the server of `directory` if it accepts our connection, else None. Changes nothing."""
    home = Home(directory.absolute())
    with _explained(home):
        url = home.url()
    return url if url is not None and _ask(url) is _Answer.READY else None


@contextmanager
def _explained(home: Home) -> Iterator[None]:
    try:
        yield
    except OSError as error:
        raise DatabaseUnavailable(
            f"the embedded PostgreSQL cannot use {home.directory}: {error}."
            " Give LABELJURY_DATA_DIR a folder of your own, or set DATABASE_URL"
        ) from error


def _running_server(home: Home) -> str:
    """Wait for a server that answers, starting its supervisor where there is none."""
    last_sign = time.monotonic()
    while True:
        supervised = not is_free(home.supervisor_lock)
        url = home.url()
        answer = _ask(url) if url and (supervised or not _DIES_WITH_SUPERVISOR) else _Answer.NONE
        if url and answer is _Answer.READY:
            return url
        if answer is _Answer.STARTING:
            last_sign = time.monotonic()
        if time.monotonic() - last_sign > _SILENCE_S:
            raise DatabaseUnavailable(
                f"a process holds {home.supervisor_lock}, yet no server has answered for {_SILENCE_S:.0f} s"
                f" (is {home.directory} used from another container?); see {home.log}, or set DATABASE_URL"
            )
        if not _start(home):
            time.sleep(_POLL_S)


def _start(home: Home) -> bool:
    """Start a supervisor if there is none and wait for its report; whether it said that its server is ready."""
    with open_lock(home.start_lock) as start:
        fcntl.flock(start, fcntl.LOCK_EX)
        if not is_free(home.supervisor_lock):
            return False
        report = _launch(home)
    if report in {"ready", "busy"}:
        return report == "ready"
    raise DatabaseUnavailable(report or f"the embedded PostgreSQL's supervisor died; see {home.log}")


def _launch(home: Home) -> str:
    _check_user()
    # Its own session: neither Ctrl-C nor a closing terminal reaches it. It forks, so the child we wait for is brief
    # and the pipe ends with the supervisor's report.
    with subprocess.Popen(  # noqa: S603 - our own interpreter and module
        [sys.executable, "-m", "app.db.embedded_supervisor", str(home.directory)],
        cwd=_ROOT,
        stdin=subprocess.DEVNULL,
        stdout=subprocess.PIPE,
        start_new_session=True,
        text=True,
    ) as process:
        return process.communicate()[0]


def _check_user() -> None:
    try:
        pwd.getpwuid(os.geteuid())
    except KeyError as error:
        raise DatabaseUnavailable(
            f"PostgreSQL refuses to run as user id {os.geteuid()}, which has no entry in the password file"
            " (docker --user?). Run as a user that exists, or set DATABASE_URL"
        ) from error


def _ask(url: str) -> _Answer:
    try:
        # require_auth: whoever else may listen on the port now must not be able to ask for the bare password.
        psycopg.connect(
            url, connect_timeout=5, require_auth="scram-sha-256", sslmode="disable", gssencmode="disable", options=""
        ).close()
    except psycopg.OperationalError as error:
        # libpq gives no SQLSTATE here. Our servers speak English (LC_ALL=C): "the database system is starting up".
        return _Answer.STARTING if "the database system is" in str(error) else _Answer.NONE
    return _Answer.READY


def _await_stop(home: Home, users: int) -> None:
    """After the last user left: wait for the supervisor's end. Returns at once where others still use the server."""
    deadline = time.monotonic() + _FAREWELL_S
    while not is_free(home.supervisor_lock) and time.monotonic() < deadline:
        if try_lock(users, fcntl.LOCK_SH) and not try_lock(users, fcntl.LOCK_EX):
            return
        fcntl.flock(users, fcntl.LOCK_UN)
        time.sleep(_POLL_S)
