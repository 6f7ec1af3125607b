"""The service as processes of its own: console and API, marketplace and job runners, on a database that is given."""

import os
import signal
import subprocess
import sys
import time
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field
from enum import StrEnum
from pathlib import Path
from typing import Any
from urllib.error import URLError
from urllib.request import urlopen

from sqlalchemy import text

from app.access.accounts import NewAccount, ensure_first_account
from app.db.engine import Database
from app.secrets import Credentials, local_credentials
from app.settings import Settings
from tests.ports import free_ports

# Long enough for a machine that is busy with much else; what is there sooner is not waited for.
READY_WITHIN_S = 240.0
STOPPED_WITHIN_S = 60.0
TRUE_WITHIN_S = 180.0
_LOG_TAIL = 6_000
_NEWS_OF_THE_RUNNER = b"runner.started"


class Part(StrEnum):
    """What runs as a process, under its command's name."""

    WEB = "serve"
    MARKETPLACE = "serve-marketplace"
    JOBS = "run-jobs"


@dataclass(slots=True)
class RunningStack:
    """Processes at work. `owner` is the first Account, with its password; `database` a pool on what they work on."""

    settings: Settings
    database: Database
    environment: dict[str, str]
    folder: Path
    owner: NewAccount
    credentials: Credentials
    _processes: dict[Part, subprocess.Popen[bytes]] = field(default_factory=dict)

    @property
    def web_url(self) -> str:
        return self.settings.web_url

    @property
    def marketplace_url(self) -> str:
        return self.settings.marketplace_url

    def log(self, part: Part) -> Path:
        """The file with everything that the part ever said."""
        return self.folder / f"{part}.log"

    def start(self, *parts: Part) -> None:
        """Start parts that do not run and wait until they work."""
        said = {part: self._begin(part) for part in parts}
        deadline = time.monotonic() + READY_WITHIN_S
        for part in parts:
            while not self._works(part, said[part]):
                assert self._processes[part].poll() is None, f"`labeljury {part}` ended by itself"
                assert time.monotonic() < deadline, f"`labeljury {part}` was not ready within {READY_WITHIN_S:.0f} s"
                time.sleep(0.05)

    def kill(self, part: Part) -> None:
        """Kill -9: the part has no time to do anything about it."""
        self._processes[part].kill()
        self._processes[part].wait()

    def stop(self, part: Part) -> int:
        """SIGTERM, as a service manager does; the exit code."""
        self._processes[part].send_signal(signal.SIGTERM)
        return self._processes[part].wait(STOPPED_WITHIN_S)

    def restart(self, part: Part) -> None:
        """Kill -9 what still runs of it, then start it again."""
        self.kill(part)
        self.start(part)

    def labeljury(self, *arguments: str | Path, stdin: str = "") -> subprocess.CompletedProcess[str]:
        """Run the command `labeljury` beside the stack, with its settings."""
        return subprocess.run(
            [sys.executable, "-m", "app.cli", *map(str, arguments)],
            env=self.environment,
            input=stdin,
            capture_output=True,
            text=True,
            timeout=240,
            check=False,
        )

    def rows(self, sql: str, **values: Any) -> list[Any]:
        """The rows of one statement on the service's database."""
        with self.database.transaction() as db:
            return list(db.execute(text(sql), values))

    def one(self, sql: str, **values: Any) -> Any:
        """The only row of one statement."""
        (row,) = self.rows(sql, **values)
        return row

    def wait_for(self, sql: str, *, within_s: float = TRUE_WITHIN_S, **values: Any) -> None:
        """Until the statement, which gives one boolean, gives true."""
        deadline = time.monotonic() + within_s
        while not self.one(sql, **values)[0]:
            assert time.monotonic() < deadline, f"not true within {within_s:.0f} s: {sql} {values}"
            time.sleep(0.1)

    def close(self) -> None:
        """Stop everything; what does not stop by itself is killed."""
        running = [process for process in self._processes.values() if process.poll() is None]
        for process in running:
            process.terminate()
        for process in running:
            try:
                process.wait(STOPPED_WITHIN_S)
            except subprocess.TimeoutExpired:
                process.kill()
                process.wait()

    def last_words(self) -> str:
        """The ends of the logs, for whoever reads a failure."""
        ends = [(part, self.log(part).read_bytes()[-_LOG_TAIL:]) for part in Part if self.log(part).exists()]
        return "\n".join(f"── {part} ──\n{end.decode(errors='replace')}" for part, end in ends)

    def _begin(self, part: Part) -> int:
        """Start the process; how long its log was before."""
        running = self._processes.get(part)
        assert running is None or running.poll() is not None, f"`labeljury {part}` is running already"
        with self.log(part).open("ab") as log:
            said = log.tell()
            self._processes[part] = subprocess.Popen(
                [sys.executable, "-m", "app.cli", part],
                env=self.environment,
                stdin=subprocess.DEVNULL,
                stdout=log,
                stderr=subprocess.STDOUT,
            )
        return said

    def _works(self, part: Part, said: int) -> bool:
        match part:
            case Part.WEB:
                return _answers(f"{self.web_url}/health/ready")
            case Part.MARKETPLACE:
                return _answers(f"{self.marketplace_url}/health")
            case Part.JOBS:
                return _NEWS_OF_THE_RUNNER in self.log(part).read_bytes()[said:]


@contextmanager
def running_stack(folder: Path, database_url: str, **settings: Any) -> Iterator[RunningStack]:
    """All three parts on `database_url`, which is migrated; `settings` are fields of Settings.

    Logs and data go into `folder`. When the block fails, the ends of the logs are added to its error.
    """
    environment = environment_for(folder, database_url=database_url, **settings)
    chosen = _settings_of(environment)
    database = Database(database_url, pool_size=4)
    try:
        with database.transaction() as db:
            owner = ensure_first_account(db)
        assert owner is not None, "the database has accounts already"
        stack = RunningStack(chosen, database, environment, folder, owner, local_credentials(chosen))
        try:
            stack.start(*Part)
            yield stack
        except BaseException as error:
            error.add_note(stack.last_words())
            raise
        finally:
            stack.close()
    finally:
        database.close()


def environment_for(folder: Path, **settings: Any) -> dict[str, str]:
    """This process's environment with an installation of its own: data under `folder`, free ports, quick polls."""
    web_port, marketplace_port = free_ports(2)
    values = {
        "data_dir": folder / "data",
        "web_port": web_port,
        "marketplace_port": marketplace_port,
        "poll_interval_s": 1,
        "marketplace_profile": "local",
        **settings,
    }
    kept = {name: value for name, value in os.environ.items() if not name.startswith(("LABELJURY_", "AWS_"))}
    for name in ("DATABASE_URL", "COLUMNS"):  # xdist sets COLUMNS, and commands would fold their lines
        kept.pop(name, None)
    chosen = {f"LABELJURY_{name.upper()}": str(value) for name, value in values.items()}
    # Should this process die, the parts notice it and end too.
    return {**kept, **chosen, "LABELJURY_PARENT_PID": str(os.getpid())}


def _settings_of(environment: dict[str, str]) -> Settings:
    """The settings that a process with this environment reads."""
    prefix = "LABELJURY_"
    given = {name.removeprefix(prefix).lower(): value for name, value in environment.items() if name.startswith(prefix)}
    fields: dict[str, Any] = {name: value for name, value in given.items() if name in Settings.model_fields}
    return Settings(_env_file=None, **fields)


def _answers(url: str) -> bool:
    try:
        with urlopen(url, timeout=2) as answer:
            return bool(answer.status == 200)
    except (URLError, OSError):
        return False
