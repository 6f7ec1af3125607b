"""One-file backups by PostgreSQL's own pg_dump and pg_restore: those of the wheel, else those on the PATH.

A restored backup needs no further care: it has other tables than the database that it was taken from, which the next heartbeat
notices (`db/heartbeats.py`).
"""

import os
import shutil
import subprocess
from pathlib import Path
from urllib.parse import urlsplit, urlunsplit

import psycopg

from app.db.embedded_binaries import ENVIRONMENT, find_installation
from app.db.embedded_home import Home
from app.errors import Conflict, DatabaseUnavailable

_LONGEST_S = 24 * 3600


def backup(database_url: str, file: Path, *, data_dir: Path) -> int:
    """Write the database to `file` as one consistent state. Returns its size in bytes.

    Raises Conflict where the file exists, DatabaseUnavailable where pg_dump is absent or fails.
    """
    if file.exists():
        raise Conflict(f"{file} exists; choose another name or remove it")
    draft = file.with_name(f".{file.name}.{os.getpid()}.part")
    try:
        _run(
            _program("pg_dump", data_dir),
            ["--format=custom", "--no-owner", "--no-privileges"],
            database_url,
            output=draft,
        )
        draft.replace(file)
    finally:
        draft.unlink(missing_ok=True)
    return file.stat().st_size


def restore(database_url: str, file: Path, *, data_dir: Path) -> None:
    """Read `file` into a database without tables, all of it or nothing.

    Raises Conflict where the database has tables, DatabaseUnavailable where pg_restore is absent or fails.
    """
    _check_empty(database_url)
    options = ["--no-owner", "--no-privileges", "--exit-on-error", "--single-transaction"]
    _run(_program("pg_restore", data_dir), options, database_url, source=file)


def _check_empty(database_url: str) -> None:
    tables = """
        SELECT count(*) FROM pg_class AS c JOIN pg_namespace AS n ON n.oid = c.relnamespace
        WHERE c.relkind IN ('r', 'p') AND n.nspname NOT IN ('pg_catalog', 'information_schema', 'pg_toast')
    """
    with psycopg.connect(_plain(database_url)) as connection:
        ((count,),) = connection.execute(tables).fetchall()
    if count:
        raise Conflict(
            f"this database has {count} tables already: restore into an empty one. Set DATABASE_URL to a new database, or for"
            " the embedded one LABELJURY_DATA_DIR to a new folder, with the old secret.key and media in it"
        )


def _program(name: str, data_dir: Path) -> Path:
    """The wheel's program, which is as new as any server that we support; else the PATH's."""
    try:
        found = find_installation(Home((data_dir / "postgres").absolute())).binaries / name
        if found.is_file():
            return found
    except DatabaseUnavailable:
        pass
    on_path = shutil.which(name)
    if on_path is None:
        raise DatabaseUnavailable(f"{name} is not installed; it comes with PostgreSQL's client programs")
    return Path(on_path)


def _run(
    program: Path, options: list[str], database_url: str, *, output: Path | None = None, source: Path | None = None
) -> None:
    """Run it on the database; the password goes by the environment, which other users of the machine cannot read."""
    url, password = _without_password(database_url)
    environment = {**ENVIRONMENT, **({"PGPASSWORD": password} if password else {})}
    command = [str(program), *options, f"--dbname={url}"]
    if output is not None:
        command.append(f"--file={output}")
    if source is not None:
        command.append(str(source))
    done = subprocess.run(  # noqa: S603 - PostgreSQL's own program
        command, env=environment, capture_output=True, text=True, timeout=_LONGEST_S, check=False
    )
    if done.returncode != 0:
        raise DatabaseUnavailable(f"{program.name}: {done.stderr.strip()[-1000:]}")


def _plain(database_url: str) -> str:
    return database_url.replace("postgresql+psycopg://", "postgresql://")


def _without_password(database_url: str) -> tuple[str, str | None]:
    parts = urlsplit(_plain(database_url))
    if parts.password is None:
        return urlunsplit(parts), None
    from urllib.parse import unquote

    place = f"{parts.username}@{parts.netloc.rpartition('@')[2]}"
    return urlunsplit(parts._replace(netloc=place)), unquote(parts.password)
