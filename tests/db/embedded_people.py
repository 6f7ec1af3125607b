"""People who use an embedded PostgreSQL, each client a process of its own, and what can be seen of its server."""

import os
import shutil
import subprocess
import sys
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path

import psycopg
import pytest

ROOT = Path(__file__).resolve().parents[2]
PACKAGES = str(Path(psycopg.__file__).parents[1])
NORMAL_USER = "nobody"
ABSENT_UID = 54_321
HOLD = """
import sys
from pathlib import Path
from app.db import embedded
from app.errors import ServiceError
try:
    with embedded.hold(Path(sys.argv[1])) as url:
        print(url, flush=True)
        sys.stdin.read()
except ServiceError as error:
    print("refused:", error)
"""

needs_root = pytest.mark.skipif(os.geteuid() != 0, reason="only root has this case")


@dataclass(frozen=True, slots=True)
class Person:
    """Somebody who runs Label Jury; `uid` None: whoever runs the tests."""

    uid: int | None = None

    def hold(self, folder: Path, *, path: str = "") -> subprocess.Popen[str]:
        """A client process that uses the server of `folder` until its standard input ends."""
        return subprocess.Popen(
            [_python_of(self.uid), "-W", "error", "-c", HOLD, folder],
            cwd=ROOT,
            env={"PYTHONPATH": os.pathsep.join(filter(None, [path, str(ROOT), PACKAGES])), "PYTHONWARNINGS": "error"},
            stdin=subprocess.PIPE,
            stdout=subprocess.PIPE,
            text=True,
            user=self.uid,
            group=self.uid,
            extra_groups=None if self.uid is None else [],
        )


@dataclass(frozen=True, slots=True)
class Client:
    """A process that uses the server at `url`, or was `refused` it."""

    process: subprocess.Popen[str]
    url: str

    def kill(self) -> None:
        self.process.kill()
        self.process.wait()


def _python_of(uid: int | None) -> str:
    """An interpreter that the user may run (ours may lie under a folder of root's)."""
    if uid is None:
        return sys.executable
    for python in (sys.executable, shutil.which("python3", path="/usr/local/bin:/usr/bin:/bin")):
        if python and _can_import(python, uid):
            return python
    pytest.skip(f"NOT TESTED as a normal user: user id {uid} can run no Python with our packages")


def _can_import(python: str, uid: int) -> bool:
    environment = {"PYTHONPATH": f"{ROOT}{os.pathsep}{PACKAGES}"}
    command = [python, "-c", "import psycopg, app.db.embedded"]
    try:
        subprocess.run(command, env=environment, user=uid, cwd="/", capture_output=True, check=True)
    except (PermissionError, subprocess.CalledProcessError):
        return False
    return True


@contextmanager
def using(person: Person, folder: Path, *, path: str = "") -> Iterator[Client]:
    with person.hold(folder, path=path) as process:
        assert process.stdout is not None
        try:
            yield Client(process, process.stdout.readline().strip())
        finally:
            process.communicate()


def wait_until(condition: Callable[[], bool], *, seconds: float = 120) -> None:
    deadline = time.monotonic() + seconds
    while not condition():
        assert time.monotonic() < deadline, "waited in vain"
        time.sleep(0.05)


def write(url: str, value: int) -> None:
    with psycopg.connect(url) as db:
        db.execute("CREATE TABLE IF NOT EXISTS kept (value integer)")
        db.execute("INSERT INTO kept VALUES (%s)", [value])


def read(url: str) -> list[int]:
    with psycopg.connect(url) as db:
        return [value for (value,) in db.execute("SELECT value FROM kept ORDER BY value")]


def answers(url: str) -> bool:
    try:
        psycopg.connect(url, connect_timeout=5).close()
    except psycopg.OperationalError:
        return False
    return True


def postmaster_of(folder: Path) -> int:
    return int((folder / "data" / "postmaster.pid").read_text().split()[0])


def parent_of(pid: int) -> int:
    return int(subprocess.check_output(["ps", "-o", "ppid=", "-p", str(pid)]))


def modes_above(path: Path) -> dict[Path, tuple[int, int]]:
    return {parent: (parent.stat().st_mode, parent.stat().st_uid) for parent in path.resolve().parents}


def holder_of(lock: Path) -> int:
    """The PID that holds a lock file exclusively, as the kernel lists it; 0: none."""
    inode = str(lock.stat().st_ino) if lock.exists() else "none"
    for line in Path("/proc/locks").read_text().splitlines():
        fields = line.split()
        if "WRITE" in fields and "->" not in fields and fields[-3].endswith(f":{inode}"):
            return int(fields[-4])
    return 0
