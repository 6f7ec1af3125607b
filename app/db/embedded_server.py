"""Makes a data directory, starts and stops a server on it. Only for the supervisor, under the supervisor's lock."""

import ctypes
import fcntl
import os
import secrets
import shutil
import signal
import socket
import subprocess
import sys
import tempfile
import time
from collections.abc import Callable, Sequence
from pathlib import Path
from typing import IO

from app.db.embedded_binaries import ENVIRONMENT, MAJOR_VERSION, Installation
from app.db.embedded_home import SUPERUSER, Home, open_lock, try_lock
from app.errors import DatabaseUnavailable

# Below the range that outgoing connections take their ports from: a stopped server's port stays free for it.
_PORTS = range(15_433, 32_768)
_ATTEMPTS = 5
_POLL_S = 0.02
_ORPHANS_S = 300.0
_PR_SET_PDEATHSIG = 1
_STATUS_LINE = 7
# The one way into a data directory below folders that the server's user may not enter: PostgreSQL is started in it,
# and this link leads there without walking the path. It also lifts the limit of 1,023 bytes on PGDATA.
_WORKING_DIRECTORY = Path("/proc/self/cwd")
_SETTINGS = {
    "listen_addresses": "127.0.0.1",
    "unix_socket_directories": "",  # a socket's path may have 107 bytes only, and TCP with a password does all we need
    "max_connections": "200",
    "shared_buffers": "128MB",
    "jit": "off",
    "cluster_name": "labeljury",
    "log_line_prefix": "%m [%p] ",
    # Statements and DETAIL lines carry what Workers wrote; that stays out of every log.
    "log_min_error_statement": "panic",
    "log_error_verbosity": "terse",
}
_LIBC = ctypes.CDLL(None)


def create_data(home: Home, installation: Installation) -> None:
    """Make the data directory unless it exists. A crash in between leaves only `data.new`, swept away here."""
    if home.data.exists():
        _check_data(home)
        return
    with open_lock(home.server_lock) as lock:
        _await_orphans(home, lock)
        shutil.rmtree(home.new_data, ignore_errors=True)
        home.new_data.mkdir(mode=0o700)
        if installation.user is not None and installation.group is not None:
            os.chown(home.new_data, installation.user, installation.group)
        try:
            _initdb(home, installation, lock)
            home.new_data.rename(home.data)
        finally:
            shutil.rmtree(home.new_data, ignore_errors=True)  # what was not finished; else it has its name by now
        _sync(home.directory)


def _check_data(home: Home) -> None:
    if not home.has_password():
        raise DatabaseUnavailable(
            f"{home.directory} has data, but its file `password` is lost. Put it back from a backup"
        )
    made_by = (home.data / "PG_VERSION").read_text().strip()
    if made_by != MAJOR_VERSION:
        raise DatabaseUnavailable(
            f"{home.data} was made by PostgreSQL {made_by}, and this installation has {MAJOR_VERSION}: dump it with"
            " the version of Label Jury that made it and restore the dump into a new folder, or set DATABASE_URL"
        )


def start_server(home: Home, installation: Installation) -> subprocess.Popen[bytes]:
    """A server that has finished recovery, our child; on the port of the last time if that is free.

    Raises DatabaseUnavailable with the end of the log when it does not start.
    """
    for attempt in range(_ATTEMPTS):
        # Between our look and PostgreSQL's bind somebody may take the port; then another one is tried.
        home.save_port(_free_port(home.last_port() if attempt == 0 else None))
        log_bytes = home.log.stat().st_size
        server = _spawn_server(home, installation)
        while server.poll() is None:
            if _is_ready(home, server.pid):
                return server
            time.sleep(_POLL_S)
        reason = _end_of(home.log.read_bytes()[log_bytes:])
        if "could not bind" not in reason:
            break
    raise DatabaseUnavailable(
        f"PostgreSQL did not start: {reason or server.returncode}. Mend it (more in {home.log}), or set DATABASE_URL"
    )


def stop_server(server: subprocess.Popen[bytes]) -> None:
    """Stop cleanly (fast shutdown) and wait for the end, however long the last checkpoint takes."""
    if server.poll() is None:
        server.send_signal(signal.SIGINT)
        server.wait()


def _spawn_server(home: Home, installation: Installation) -> subprocess.Popen[bytes]:
    with open_lock(home.server_lock) as lock:
        _await_orphans(home, lock)
        # Every process of a server holds this lock by inheritance. We have it, so the last server is dead to the last
        # process, and the PID in its file, if any, belongs to a stranger (after a restart of the container, say).
        # PostgreSQL cannot know that and would refuse to start.
        (home.data / "postmaster.pid").unlink(missing_ok=True)
        options = [f"--{name}={value}" for name, value in _SETTINGS.items()]
        command = ["postgres", "-D", _data_argument(home.data), f"--port={home.last_port()}", *options]
        return _popen(installation, command, cwd=home.data, lock=lock, stdin=subprocess.DEVNULL)


def _initdb(home: Home, installation: Installation, lock: int) -> None:
    with tempfile.TemporaryFile("w+", dir=home.directory) as password, tempfile.TemporaryFile() as said:
        password.write(home.superuser_password())
        password.seek(0)
        if installation.user is not None:
            os.fchown(password.fileno(), installation.user, -1)
        command = ["initdb", "-D", _data_argument(home.new_data), "--username", SUPERUSER, "--pwfile=/dev/stdin"]
        # The built-in provider sorts by code point, the same on every platform.
        command += ["--auth=scram-sha-256", "--encoding=UTF8", "--locale=C", "--locale-provider=builtin"]
        command += ["--builtin-locale=C.UTF-8", "--no-instructions"]
        process = _popen(installation, command, cwd=home.new_data, lock=lock, stdin=password, output=said)
        if process.wait() != 0:
            said.seek(0)
            raise DatabaseUnavailable(
                f"PostgreSQL could not make its data directory {home.data}: {_end_of(said.read())}."
                " Is the disk full? Mend it, or set DATABASE_URL"
            )


def _popen(
    installation: Installation,
    command: Sequence[str],
    *,
    cwd: Path,
    lock: int,
    stdin: int | IO[str],
    output: IO[bytes] | None = None,
) -> subprocess.Popen[bytes]:
    """Start a binary in `cwd` that inherits `lock`, and that is told to stop if we die. Output goes to our stderr."""
    try:
        return subprocess.Popen(  # noqa: S603 - the wheel's binaries, our own arguments
            [installation.binaries / command[0], *command[1:]],
            cwd=cwd,
            env=ENVIRONMENT,
            stdin=stdin,
            stdout=output or sys.stderr,
            stderr=subprocess.STDOUT,
            umask=0o077,
            pass_fds=(lock,),
            user=installation.user,
            group=installation.group,
            extra_groups=None if installation.user is None else [],
            preexec_fn=_interrupt_when_orphaned(os.getpid()),  # noqa: PLW1509 - safe: we have one thread
        )
    except OSError as error:
        raise DatabaseUnavailable(
            f"PostgreSQL could not be run: {error}. Set DATABASE_URL to use another server"
        ) from error


def _interrupt_when_orphaned(parent: int) -> Callable[[], None]:
    """For the new child: SIGINT, PostgreSQL's fast shutdown, when `parent` dies. Linux only; elsewhere it lives on."""

    def ask_kernel() -> None:
        if sys.platform == "linux":
            _LIBC.prctl(_PR_SET_PDEATHSIG, signal.SIGINT)
            if os.getppid() != parent:
                os._exit(1)

    return ask_kernel


def _await_orphans(home: Home, lock: int) -> None:
    """Take the server's lock: wait until the last process of the last server (whose supervisor was killed) is gone."""
    deadline = time.monotonic() + _ORPHANS_S
    while not try_lock(lock, fcntl.LOCK_EX):
        if time.monotonic() > deadline:
            raise DatabaseUnavailable(f"an old PostgreSQL server of {home.directory} does not end; see {home.log}")
        time.sleep(_POLL_S)


def _is_ready(home: Home, pid: int) -> bool:
    try:
        lines = (home.data / "postmaster.pid").read_text().splitlines()
    except FileNotFoundError:
        return False
    return len(lines) > _STATUS_LINE and lines[0] == str(pid) and lines[_STATUS_LINE].strip() == "ready"


def _free_port(wanted: int | None) -> int:
    candidates = [wanted] if wanted is not None else []
    candidates += [secrets.choice(_PORTS) for _ in range(100)]
    for port in candidates:
        with socket.socket() as listener:
            # As PostgreSQL does: connections of the last server that are still closing do not count.
            listener.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
            try:
                listener.bind(("127.0.0.1", port))
            except OSError:
                continue
            return port
    raise DatabaseUnavailable("no free port on 127.0.0.1 for PostgreSQL. Set DATABASE_URL to use another server")


def _data_argument(data: Path) -> str:
    return str(_WORKING_DIRECTORY if _WORKING_DIRECTORY.exists() else data)


def _sync(directory: Path) -> None:
    descriptor = os.open(directory, os.O_RDONLY)
    try:
        os.fsync(descriptor)
    finally:
        os.close(descriptor)


def _end_of(output: bytes) -> str:
    lines = [line.strip() for line in output.decode(errors="replace").splitlines() if line.strip()]
    return " | ".join(lines[-5:])
