"""Our own marketplace as processes of its own: any number of them on one database, each with a log file."""

import subprocess
import sys
import time
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import Any
from urllib.error import URLError
from urllib.request import urlopen

from app.secrets import Credentials, local_credentials
from app.settings import Settings
from tests.ports import free_ports
from tests.stack import environment_for

_READY_WITHIN_S = 240.0
_STOPPED_WITHIN_S = 60.0


@dataclass(frozen=True, slots=True)
class MarketplaceProcess:
    """One running `labeljury serve-marketplace`."""

    url: str
    credentials: Credentials
    log: Path
    process: subprocess.Popen[bytes]

    def said(self) -> str:
        """Everything it has logged."""
        return self.log.read_text(encoding="utf-8", errors="replace")


@contextmanager
def marketplace_processes(
    folder: Path, database_url: str, count: int = 1, **settings: Any
) -> Iterator[list[MarketplaceProcess]]:
    """Start `count` marketplaces of one installation on `database_url`; `settings` are fields of Settings."""
    started: list[MarketplaceProcess] = []
    try:
        for port in free_ports(count):
            started.append(_start(folder, database_url=database_url, marketplace_port=port, **settings))  # noqa: PERF401 - those that start are stopped, also when a later one does not
        for one in started:
            _wait_until_ready(one)
        yield started
    finally:
        for one in started:
            one.process.terminate()
        for one in started:
            try:
                one.process.wait(_STOPPED_WITHIN_S)
            except subprocess.TimeoutExpired:
                one.process.kill()
                one.process.wait()


def _start(folder: Path, **settings: Any) -> MarketplaceProcess:
    environment = environment_for(folder, **settings)
    url = f"http://127.0.0.1:{environment['LABELJURY_MARKETPLACE_PORT']}"
    log = folder / f"marketplace-{settings['marketplace_port']}.log"
    with log.open("ab") as said:
        process = subprocess.Popen(
            [sys.executable, "-m", "app.cli", "serve-marketplace"],
            env=environment,
            stdin=subprocess.DEVNULL,
            stdout=said,
            stderr=subprocess.STDOUT,
        )
    # The same folder, the same secret: an access key works on all of them.
    credentials = local_credentials(Settings(_env_file=None, data_dir=folder / "data"))
    return MarketplaceProcess(url, credentials, log, process)


def _wait_until_ready(one: MarketplaceProcess) -> None:
    deadline = time.monotonic() + _READY_WITHIN_S
    while not _answers(f"{one.url}/health"):
        assert one.process.poll() is None, f"the marketplace ended by itself: {one.said()[-4000:]}"
        assert time.monotonic() < deadline, f"the marketplace was not ready within {_READY_WITHIN_S:.0f} s"
        time.sleep(0.05)


def _answers(url: str) -> bool:
    try:
        with urlopen(url, timeout=2) as answer:
            return bool(answer.status == 200)
    except (URLError, OSError):
        return False
