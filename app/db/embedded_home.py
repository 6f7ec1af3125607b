"""The folder of an embedded PostgreSQL: which file is where, and the locks that say who is alive.

All locks are flock()s: the kernel gives them back when their holder dies, even by kill -9, so nothing here is ever
concluded from a PID.

users.lock       shared by everybody who uses the server; exclusive by the supervisor once nobody does
start.lock       exclusive while a client starts a supervisor, so that of many clients one does
supervisor.lock  exclusive by the supervisor for all its life
server.lock      taken for each server and inherited by all its processes: free means that none of them is alive
"""

import fcntl
import os
import secrets
from collections.abc import Iterator
from contextlib import contextmanager, suppress
from dataclasses import dataclass
from pathlib import Path

SUPERUSER = "postgres"


@dataclass(frozen=True, slots=True)
class Home:
    """The files under `directory`, an absolute path."""

    directory: Path

    @property
    def data(self) -> Path:
        """PostgreSQL's own data directory; it exists only complete."""
        return self.directory / "data"

    @property
    def new_data(self) -> Path:
        """Where initdb works; renamed to `data` when it has succeeded."""
        return self.directory / "data.new"

    @property
    def log(self) -> Path:
        """What supervisor and server say."""
        return self.directory / "postgres.log"

    @property
    def users_lock(self) -> Path:
        """See the module."""
        return self.directory / "users.lock"

    @property
    def start_lock(self) -> Path:
        """See the module."""
        return self.directory / "start.lock"

    @property
    def supervisor_lock(self) -> Path:
        """See the module."""
        return self.directory / "supervisor.lock"

    @property
    def server_lock(self) -> Path:
        """See the module."""
        return self.directory / "server.lock"

    def url(self) -> str | None:
        """Where the server listens, or listened last; None before its first start."""
        try:
            password, port = self._password.read_text(), self._port.read_text()
        except FileNotFoundError:
            return None
        return f"postgresql://{SUPERUSER}:{password}@127.0.0.1:{port}/postgres"

    def last_port(self) -> int | None:
        """The port of the last start; None before the first."""
        with suppress(FileNotFoundError):
            return int(self._port.read_text())
        return None

    def save_port(self, port: int) -> None:
        """Remember `port` for clients and for the next start."""
        self._replace(self._port, str(port))

    def has_password(self) -> bool:
        """Whether the superuser's password has been drawn."""
        return self._password.exists()

    def superuser_password(self) -> str:
        """The superuser's password, drawn on first use into a file of mode 0600."""
        if not self.has_password():
            self._replace(self._password, secrets.token_hex(24))
        return self._password.read_text()

    @property
    def _password(self) -> Path:
        return self.directory / "password"

    @property
    def _port(self) -> Path:
        return self.directory / "port"

    def _replace(self, path: Path, text: str) -> None:
        draft = path.with_name(f"{path.name}.{secrets.token_hex(8)}")
        draft.touch(mode=0o600)
        with draft.open("w") as file:
            file.write(text)
            file.flush()
            # Without it a power cut may leave the name and lose the content, and with the password all access.
            os.fsync(file.fileno())
        draft.replace(path)


@contextmanager
def open_lock(path: Path) -> Iterator[int]:
    """A descriptor of the lock file `path`, not yet locked; closing it at the end unlocks it.

    Children do not inherit it unless told to.
    """
    descriptor = os.open(path, os.O_RDWR | os.O_CREAT | os.O_NOFOLLOW, 0o600)
    try:
        yield descriptor
    finally:
        os.close(descriptor)


def try_lock(descriptor: int, mode: int) -> bool:
    """Take the lock (`fcntl.LOCK_SH` or `LOCK_EX`) if nobody stands in the way; whether it was taken."""
    try:
        fcntl.flock(descriptor, mode | fcntl.LOCK_NB)
    except BlockingIOError:
        return False
    return True


def is_free(path: Path) -> bool:
    """Whether nobody holds the lock file `path` exclusively, or it does not exist."""
    try:
        with open_lock(path) as descriptor:
            return try_lock(descriptor, fcntl.LOCK_SH)
    except FileNotFoundError:
        return True
