"""What the benchmarks stand on: a real PostgreSQL, the real marketplace and a wire with latency, each a process."""

import json
import os
import secrets
import socket
import subprocess
import sys
import time
from collections.abc import Iterator, Mapping, Sequence
from contextlib import ExitStack, contextmanager
from dataclasses import dataclass
from decimal import Decimal
from pathlib import Path
from tempfile import TemporaryDirectory
from typing import IO, Any
from urllib.error import URLError
from urllib.request import urlopen

import psycopg
from pydantic import SecretStr
from sqlalchemy import make_url

from app import logs
from app.db import embedded, migrations
from app.db.engine import Database
from app.jobs.runtime import Runtime
from app.settings import Settings

_SERVER = "LABELJURY_TEST_POSTGRES_URL"
_READY_WITHIN_S = 90.0
_UNPACED = 10_000.0


@dataclass(frozen=True, slots=True)
class Limit:
    """What an endpoint allows: calls per second, and how many at once after a rest."""

    calls_per_second: float
    burst: int


@dataclass(frozen=True, slots=True)
class Market:
    """A running marketplace. `settings` lead to it over the wire; `direct_url` goes round the wire."""

    settings: Settings
    database: Database
    direct_url: str

    def calls(self) -> Mapping[str, int]:
        """How often each operation went over the wire so far."""
        return self._counted("calls")

    def throttled(self) -> Mapping[str, int]:
        """How often each operation was throttled by the wire so far."""
        return self._counted("throttled")

    def _counted(self, what: str) -> Mapping[str, int]:
        with urlopen(f"{self.settings.marketplace_url}/{what}", timeout=5) as answer:
            return {str(name): int(times) for name, times in json.load(answer).items()}

    def runtime(self, *, calls_per_second: float = _UNPACED) -> Runtime:
        """What a job runner has, with its own client and pacer."""
        settings = self.settings.model_copy(update={"calls_per_second": calls_per_second})
        return Runtime(settings, self.database)

    @contextmanager
    def runners(self, count: int) -> Iterator[Sequence[Path]]:
        """Job runners, each a process of its own; the files with what they log, which is warnings and worse."""
        logs_of = [self.settings.data_dir / f"runner-{number}.log" for number in range(count)]
        with ExitStack() as running:
            for log in logs_of:
                output = running.enter_context(log.open("wb"))
                running.enter_context(
                    _process("app.cli", "run-jobs", environment=_environment(self.settings), output=output)
                )
            yield logs_of


@dataclass(frozen=True, slots=True)
class Ground:
    """A PostgreSQL server with an empty, migrated database to copy, and a folder to leave files in."""

    server_url: str
    template: str
    folder: Path

    @contextmanager
    def database(self) -> Iterator[Database]:
        """An empty database of this benchmark's own."""
        name = f"bench_{secrets.token_hex(6)}"
        with psycopg.connect(self.server_url, autocommit=True) as admin:
            admin.execute(f"CREATE DATABASE {name} TEMPLATE {self.template}")
            database = Database(_url_of(self.server_url, name))
            try:
                yield database
            finally:
                database.close()
                admin.execute(f"DROP DATABASE {name} WITH (FORCE)")

    @contextmanager
    def market(self, *, latency_s: float = 0.0, limit: Limit | None = None) -> Iterator[Market]:
        """The marketplace and a wire to it that holds each call back for `latency_s` and throttles beyond `limit`."""
        with self.database() as database:
            base = _settings(self.folder / secrets.token_hex(4), database.url)
            with _marketplace(base) as direct_url, _wire(base.marketplace_port, latency_s, limit) as url:
                yield Market(_with_url(base, url), database, direct_url)


@contextmanager
def prepared() -> Iterator[Ground]:
    """The ground for a whole run: the server that LABELJURY_TEST_POSTGRES_URL names, or the embedded one, new."""
    with TemporaryDirectory(prefix="labeljury-bench-") as folder, _server(Path(folder)) as server_url:
        logs.configure(_settings(Path(folder), server_url))
        template = f"bench_template_{secrets.token_hex(4)}"
        with psycopg.connect(server_url, autocommit=True) as admin:
            admin.execute(f"CREATE DATABASE {template}")
            migrations.upgrade(_url_of(server_url, template))
            try:
                yield Ground(server_url, template, Path(folder))
            finally:
                admin.execute(f"DROP DATABASE {template} WITH (FORCE)")


@contextmanager
def _server(folder: Path) -> Iterator[str]:
    given = os.environ.get(_SERVER)
    if given:
        yield given
        return
    with embedded.hold(folder / "postgres") as url:
        yield url


def _settings(folder: Path, database_url: str) -> Settings:
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        port = probe.getsockname()[1]
    return Settings(
        data_dir=folder,
        database_url=database_url,
        secret_key=SecretStr(secrets.token_hex(32)),
        marketplace_port=port,
        marketplace_opening_balance_usd=Decimal(1_000_000),
        log_level="WARNING",
    )


def _with_url(settings: Settings, url: str) -> Settings:
    # By its constructor, since a copy would keep the cached marketplace_url.
    return Settings(**{**settings.model_dump(), "marketplace_public_url": url})


@contextmanager
def _marketplace(settings: Settings) -> Iterator[str]:
    environment = _environment(settings)
    with _process("app.cli", "serve-marketplace", environment=environment) as process:
        _wait_until_healthy(process, f"{settings.marketplace_url}/health")
        yield settings.marketplace_url


def _environment(settings: Settings) -> Mapping[str, str]:
    """For a process of the same installation."""
    key = settings.secret_key.get_secret_value() if settings.secret_key else ""
    return {
        "DATABASE_URL": settings.database_url or "",
        "LABELJURY_DATA_DIR": str(settings.data_dir),
        "LABELJURY_SECRET_KEY": key,
        "LABELJURY_MARKETPLACE_PORT": str(settings.marketplace_port),
        "LABELJURY_MARKETPLACE_OPENING_BALANCE_USD": str(settings.marketplace_opening_balance_usd),
        "LABELJURY_LOG_LEVEL": settings.log_level,
        **(
            {"LABELJURY_MARKETPLACE_PUBLIC_URL": settings.marketplace_public_url}
            if settings.marketplace_public_url
            else {}
        ),
    }


@contextmanager
def _wire(port: int, latency_s: float, limit: Limit | None) -> Iterator[str]:
    bucket = [str(limit.calls_per_second), str(limit.burst)] if limit else []
    with _process("benchmarks.latency_wire", "127.0.0.1", str(port), str(latency_s), *bucket) as process:
        assert process.stdout is not None
        yield f"http://127.0.0.1:{int(process.stdout.readline())}"


@contextmanager
def _process(
    module: str, *arguments: str, environment: Mapping[str, str] | None = None, output: IO[bytes] | None = None
) -> Iterator[subprocess.Popen[bytes]]:
    # It ends by itself when we do, even by kill -9.
    env = {**os.environ, **(environment or {}), "LABELJURY_PARENT_PID": str(os.getpid())}
    command = [sys.executable, "-m", module, *arguments]
    said: dict[str, Any] = {"stdout": output, "stderr": output} if output else {"stdout": subprocess.PIPE}
    with subprocess.Popen(command, env=env, stdin=subprocess.DEVNULL, **said) as process:
        try:
            yield process
        finally:
            process.terminate()


def _wait_until_healthy(process: subprocess.Popen[bytes], url: str) -> None:
    deadline = time.monotonic() + _READY_WITHIN_S
    while process.poll() is None and time.monotonic() < deadline:
        try:
            with urlopen(url, timeout=2):
                return
        except (URLError, OSError):
            time.sleep(0.05)
    raise RuntimeError("the marketplace did not start; its messages stand above")


def _url_of(server_url: str, name: str) -> str:
    return make_url(server_url).set(database=name).render_as_string(hide_password=False)
