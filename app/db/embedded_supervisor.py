"""The process between the clients and the embedded PostgreSQL: `python -m app.db.embedded_supervisor DIRECTORY`.

Parent of the server for as long as anybody uses it: reaps it, starts it again on the same port when it dies, bounds
its log and stops it after the last user. Killed itself, it takes the server along (cleanly, on Linux); the next user
starts both again.
"""

import fcntl
import os
import shutil
import signal
import subprocess
import sys
import time
from pathlib import Path
from types import FrameType
from typing import NoReturn

from app.db.embedded_binaries import Installation, find_installation
from app.db.embedded_home import Home, open_lock, try_lock
from app.db.embedded_server import create_data, start_server, stop_server
from app.errors import DatabaseUnavailable

_TICK_S = 0.1
# Clients test the supervisor's lock by taking it for a moment; that must not turn a starting supervisor away.
_LOCK_S = 2.0
_LOG_BYTES = 5_000_000


def supervise(home: Home) -> None:
    """Run the server until nobody uses it, in the process that calls. Reports on standard output, once."""
    with open_lock(home.supervisor_lock) as supervisor, open_lock(home.users_lock) as users:
        if not _lock_within(supervisor, _LOCK_S):
            _report("busy")
            return
        _redirect_errors(home.log)
        try:
            _serve_users(home, users)
        except DatabaseUnavailable as error:
            _give_up(str(error))
        except OSError as error:
            _give_up(f"the embedded PostgreSQL cannot run in {home.directory}: {error}. Or set DATABASE_URL")


def _give_up(reason: str) -> None:
    sys.stderr.write(f"{reason}\n")
    _report(reason)


def _serve_users(home: Home, users: int) -> None:
    installation = find_installation(home)
    create_data(home, installation)
    server = start_server(home, installation)
    try:
        _report("ready")
        while not try_lock(users, fcntl.LOCK_EX):
            server = _kept_alive(server, home, installation)
            _bound_log(home.log)
            time.sleep(_TICK_S)
    finally:
        # Still under the users' lock: who comes now waits for the end and then starts a new server.
        stop_server(server)


def _kept_alive(server: subprocess.Popen[bytes], home: Home, installation: Installation) -> subprocess.Popen[bytes]:
    if server.poll() is None:
        return server
    sys.stderr.write(f"the server ended with status {server.returncode}; starting it again\n")
    return start_server(home, installation)


def _lock_within(descriptor: int, seconds: float) -> bool:
    deadline = time.monotonic() + seconds
    while not try_lock(descriptor, fcntl.LOCK_EX):
        if time.monotonic() > deadline:
            return False
        time.sleep(_TICK_S)
    return True


def _report(text: str) -> None:
    """Tell the client that started us, and close its pipe. Later calls speak into the void."""
    try:
        sys.stdout.write(text)
        sys.stdout.flush()
    except BrokenPipeError:
        pass  # the client has died; others may be waiting for the server all the same
    _replace_descriptor(sys.stdout.fileno(), os.open(os.devnull, os.O_WRONLY))


def _redirect_errors(log: Path) -> None:
    flags = os.O_WRONLY | os.O_APPEND | os.O_CREAT | os.O_NOFOLLOW
    _replace_descriptor(sys.stderr.fileno(), os.open(log, flags, 0o600))


def _replace_descriptor(old: int, new: int) -> None:
    os.dup2(new, old)
    os.close(new)


def _bound_log(log: Path) -> None:
    """Keep at most two files of `_LOG_BYTES`. Emptied in place, because the server appends to the open file."""
    if not log.exists() or log.stat().st_size <= _LOG_BYTES:
        return
    older = log.with_suffix(".log.1")
    older.unlink(missing_ok=True)
    shutil.copyfile(log, older)
    os.truncate(log, 0)


def _leave_on_sigterm(_signal: int, _frame: FrameType | None) -> NoReturn:
    sys.exit(0)


def main() -> None:
    """Leave the client that called us (its terminal, session and parenthood) and supervise."""
    home = Home(Path(sys.argv[1]))
    if os.fork():
        os._exit(0)
    # Not in the client's folder, which somebody may want to unmount.
    os.chdir("/")
    signal.signal(signal.SIGTERM, _leave_on_sigterm)
    supervise(home)


if __name__ == "__main__":
    main()
